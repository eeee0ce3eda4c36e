"""How other libraries are called, as their own documentation has it; it measures nothing and changes nothing about them.

Each function takes a :class:`~speed_subjects.Subject` and returns what is run. Where there is a batch size it may be given; None
leaves it to the library. What is random, or lies elsewhere on purpose, is made like ours for the comparison of the maps alone, by
functions whose names end in ``_map``; what is run for the clock is the library as it is.

- SmoothGrad: captum and PAIR draw their own noise; they are given ours.
- PAIR's Integrated Gradients (also inside XRAI) take both ends of the path; they are given the middles of its pieces.
- PAIR's Blur IG: see tests/oracles/paths.py.
- PAIR's XRAI "fast" is another algorithm than the paper's: "full" is compared, with our segments; "fast" is run, with the same.
- pytorch-grad-cam takes the positive part and rescales: the map is caught before that.
"""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from speed_subjects import Subject
from torch import nn

from saliency_widget import heatmaps
from saliency_widget.methods.regions import regions_of

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "tests")]  # the oracles are the tests' own

__all__ = [
    "MissingPeer",
    "cam_best",
    "cam_defaults",
    "cam_map",
    "captum_eight_targets",
    "captum_grad_cam",
    "captum_gradient",
    "captum_integrated_gradients",
    "captum_smoothgrad",
    "captum_smoothgrad_map",
    "lrp_best",
    "lrp_defaults",
    "pair_blur_ig",
    "pair_blur_ig_map",
    "pair_integrated_gradients",
    "pair_integrated_gradients_map",
    "pair_smoothgrad",
    "pair_smoothgrad_map",
    "pair_xrai",
    "pair_xrai_map",
]

Run = Callable[[], Any]
_NOISE = 0.15
_MAX_SIGMA = 50.0
_PACKAGES = {"captum": "captum", "saliency": "saliency", "pytorch_grad_cam": "grad-cam", "zennit": "zennit"}


class MissingPeer(ImportError):
    """A library that is compared with is not installed."""


def _library(name: str) -> Any:
    """Import a module of another library.

    Raises
    ------
    MissingPeer
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = _PACKAGES[name.partition(".")[0]]
        message = f"{package} is not installed: pip install 'saliency-widget[peers]'"
        raise MissingPeer(message) from error


# -- captum ---------------------------------------------------------------------------------------------------------------


def captum_gradient(s: Subject, target: int | None = None) -> Run:
    """Return the plain gradient."""
    explainer = _library("captum.attr").Saliency(s.module)
    target = s.target if target is None else target
    return lambda: s.array(explainer.attribute(s.x.clone().requires_grad_(), target=target, abs=False))


def captum_integrated_gradients(s: Subject, batch: int | None = None, target: int | None = None) -> Run:
    """Return Integrated Gradients from black."""
    explainer = _library("captum.attr").IntegratedGradients(s.module)
    settings = {"target": s.target if target is None else target, "n_steps": s.steps, "method": "riemann_middle"}
    black = s.baseline()
    return lambda: s.array(explainer.attribute(s.x, black, internal_batch_size=batch, **settings))


def captum_eight_targets(s: Subject, batch: int | None = None) -> Run:
    """Return Integrated Gradients of all classes, one after the other."""
    runs = [captum_integrated_gradients(s, batch, target) for target in s.classes]
    return lambda: np.stack([run() for run in runs])


def captum_smoothgrad(s: Subject, batch: int | None = None) -> Run:
    """Return SmoothGrad."""
    library = _library("captum.attr")
    explainer = library.NoiseTunnel(library.Saliency(s.module))
    deviation = float(_NOISE * (s.x.max() - s.x.min()))
    settings = {"nt_type": "smoothgrad", "nt_samples": s.steps, "stdevs": deviation, "target": s.target}
    return lambda: s.array(explainer.attribute(s.x, nt_samples_batch_size=batch, abs=False, **settings))


def captum_smoothgrad_map(s: Subject) -> NDArray[Any]:
    """Return SmoothGrad with our noise."""
    draws = list(_draws(s)[:, None])
    with mock.patch("torch.normal", side_effect=draws):
        found: NDArray[Any] = captum_smoothgrad(s, 1)()
    return found


def captum_grad_cam(s: Subject) -> Run:
    """Return Grad-CAM of a feature map, enlarged to the input."""
    library = _library("captum.attr")
    explainer = library.LayerGradCam(s.module, s.module.get_submodule(s.layer.name))
    size = tuple(s.x.shape[2:])

    def run() -> NDArray[Any]:
        found = explainer.attribute(s.x, target=s.target)
        return s.array(library.LayerAttribution.interpolate(found, size, interpolate_mode="bilinear"))

    return run


def _draws(s: Subject) -> torch.Tensor:
    """Return the noise that ours adds with seed 0."""
    from saliency_widget.compute import ScoreFunction

    f = ScoreFunction(s.model, s.model.read(s.pictures[0]), [s.model.resolve(s.goals())])
    return torch.stack([_NOISE * (f.x.max() - f.x.min()) * f.noise(i) for i in range(s.steps)])


# -- PAIR's saliency ------------------------------------------------------------------------------------------------------


def pair_integrated_gradients(s: Subject, batch: int | None = None) -> Run:
    """Return Integrated Gradients from black."""
    explainer = _library("saliency.core").IntegratedGradients()
    settings = {"x_baseline": _last(s.baseline()), "x_steps": s.steps} | _batch(batch)
    pixels, ask = _last(s.x), _ask(s)
    return lambda: _first(explainer.GetMask(pixels, ask, **settings))


def pair_integrated_gradients_map(s: Subject) -> NDArray[Any]:
    """Return Integrated Gradients at the middles of the path's pieces."""
    run = pair_integrated_gradients(s, 1)
    with _middles():
        found: NDArray[Any] = run()
    return found


def pair_smoothgrad(s: Subject) -> Run:
    """Return SmoothGrad, which knows no batches."""
    explainer = _library("saliency.core").GradientSaliency()
    settings = {"stdev_spread": _NOISE, "nsamples": s.steps, "magnitude": False}
    pixels, ask = _last(s.x), _ask(s)
    return lambda: _first(explainer.GetSmoothedMask(pixels, ask, **settings))


def pair_smoothgrad_map(s: Subject) -> NDArray[Any]:
    """Return SmoothGrad with our noise."""
    draws = [_last(draw[None]) for draw in _draws(s)]
    with mock.patch("numpy.random.normal", side_effect=draws):
        found: NDArray[Any] = pair_smoothgrad(s)()
    return found


def pair_blur_ig(s: Subject, batch: int | None = None) -> Run:
    """Return Blur IG."""
    explainer = _library("saliency.core").BlurIG()
    settings = {"max_sigma": _MAX_SIGMA, "steps": s.steps} | _batch(batch)
    pixels, ask = _last(s.x), _ask(s)
    return lambda: _first(explainer.GetMask(pixels, ask, **settings))


def pair_blur_ig_map(s: Subject) -> NDArray[Any]:
    """Return Blur IG with our border and with differences over whole steps."""
    _library("saliency.core")
    paths = importlib.import_module("oracles.paths")
    settings = {"steps": s.steps, "max_sigma": _MAX_SIGMA}
    found: NDArray[Any] = paths.ORACLES["blur_ig"](s.module.cpu(), s.x.cpu(), s.target, settings)
    s.module.to(s.x.device)
    return found


def pair_xrai(s: Subject, batch: int | None = None, algorithm: str = "fast") -> Run:
    """Return XRAI with our segments."""
    library = _library("saliency.core")
    explainer, extra = library.XRAI(), library.XRAIParameters(steps=2 * s.steps, algorithm=algorithm)
    regions = regions_of(s.model.to_pixels(s.x)[0])
    masks = list(regions.members[regions.atom].transpose(2, 0, 1))
    baselines = [_last(s.baseline(value)) for value in (0.0, 1.0)]
    settings = {"baselines": baselines, "segments": masks, "extra_parameters": extra} | _batch(batch)
    pixels, ask = _last(s.x), _ask(s)
    return lambda: explainer.GetMask(pixels, ask, **settings)[None]


def pair_xrai_map(s: Subject) -> NDArray[Any]:
    """Return XRAI by the paper's algorithm."""
    run = pair_xrai(s, 1, "full")
    with _middles():
        found: NDArray[Any] = run()
    return found


def _batch(batch: int | None) -> dict[str, int]:
    return {} if batch is None else {"batch_size": batch}


def _ask(s: Subject) -> Callable[..., dict[str, Any]]:
    """Return the function by which PAIR's library asks for gradients, as in its example for PyTorch."""

    def call(points: Any, call_model_args: Any = None, expected_keys: Any = None) -> dict[str, Any]:  # noqa: ARG001
        inputs = torch.tensor(np.asarray(points), dtype=torch.float32, device=s.x.device).permute(0, 3, 1, 2)
        inputs.requires_grad_()
        (gradient,) = torch.autograd.grad(s.module(inputs)[:, s.target].sum(), inputs)
        return {"INPUT_OUTPUT_GRADIENTS": gradient.permute(0, 2, 3, 1).cpu().numpy()}

    return call


def _middles() -> Any:
    """Replace places from one end of a path to the other by the middles of its pieces."""

    def places(start: float, end: float, count: int) -> NDArray[Any]:
        found: NDArray[Any] = start + (end - start) * (np.arange(count) + 0.5) / count
        return found

    return mock.patch("numpy.linspace", places)


def _last(x: torch.Tensor) -> NDArray[Any]:
    values: NDArray[Any] = x[0].permute(1, 2, 0).detach().cpu().numpy()
    return values


def _first(found: NDArray[Any]) -> NDArray[Any]:
    return np.moveaxis(found, 2, 0)


# -- pytorch-grad-cam -----------------------------------------------------------------------------------------------------


def _cam_made(s: Subject, module: nn.Module) -> tuple[Any, list[Any]]:
    library = _library("pytorch_grad_cam")
    targets = _library("pytorch_grad_cam.utils.model_targets")
    reshape = s.layer.grid if s.layer.kind == "tokens" else None
    cam = library.GradCAM(module, [module.get_submodule(s.layer.name)], reshape_transform=reshape)
    return cam, [targets.ClassifierOutputTarget(s.target)]


def cam_defaults(s: Subject) -> Run:
    """Return Grad-CAM as its readme has it."""
    cam, targets = _cam_made(s, copy.deepcopy(s.module))
    return lambda: cam(s.x, targets)


def cam_best(s: Subject) -> Run:
    """Return Grad-CAM without the gradients of weights, which nobody asked for, where the layer has some to start from."""
    module = copy.deepcopy(s.module).requires_grad_(requires_grad=False)
    weights = list(module.get_submodule(s.layer.name).parameters())
    for weight in weights:
        weight.requires_grad_()
    if not weights:  # the layer has nothing to start from: the way back goes to the input
        cam, targets = _cam_made(s, module)
        return lambda: cam(s.x.clone().requires_grad_(), targets)
    cam, targets = _cam_made(s, module)
    return lambda: cam(s.x, targets)


def cam_map(s: Subject) -> NDArray[Any]:
    """Return the map before its positive part is taken, enlarged as ours is."""
    cam, targets = _cam_made(s, copy.deepcopy(s.module))
    caught, plain = [], cam.get_cam_image

    def keep(*given: Any) -> Any:
        caught.append(plain(*given))
        return caught[-1]

    with mock.patch.object(cam, "get_cam_image", keep):
        cam(s.x, targets)
    found: NDArray[Any] = heatmaps.enlarge(caught[0].astype(np.float32), tuple(s.x.shape[2:]))
    return found


# -- zennit ---------------------------------------------------------------------------------------------------------------


def _lrp_made(s: Subject) -> tuple[Any, Callable[[torch.Tensor], torch.Tensor]]:
    composites, attribution = _library("zennit.composites"), _library("zennit.attribution")
    networks = _library("zennit.torchvision")
    canonizer = networks.ResNetCanonizer if type(s.module).__name__ == "ResNet" else networks.VGGCanonizer
    attributor = attribution.Gradient(copy.deepcopy(s.module), composites.EpsilonPlusFlat(canonizers=[canonizer()]))

    def chosen(scores: torch.Tensor) -> torch.Tensor:
        seed = torch.zeros_like(scores)
        seed[:, s.target] = scores[:, s.target]
        return seed

    return attributor, chosen


def lrp_defaults(s: Subject) -> Run:
    """Return LRP as zennit's readme has it: the rules are put on for each map, and taken off again."""
    attributor, chosen = _lrp_made(s)

    def run() -> NDArray[Any]:
        with attributor:
            return s.array(attributor(s.x.clone().requires_grad_(), chosen)[1])

    return run


def lrp_best(s: Subject) -> Run:
    """Return LRP with rules that are put on once."""
    attributor, chosen = _lrp_made(s)
    attributor.__enter__()  # never left: the module is nobody else's
    return lambda: s.array(attributor(s.x.clone().requires_grad_(), chosen)[1])
