"""Compares one method with another library's, on one network, at equal settings, in float64 and in float32; it writes nothing.

The peers are those of tests/oracles, which say what of a peer is not taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peer_networks import Precision, Ready

from oracles import cams, gradients, paths, perturbation, rules
from saliency_widget.compute import ScoreFunction
from saliency_widget.methods import get
from saliency_widget.methods.expected_gradients import places, references
from saliency_widget.methods.regions import regions_of

__all__ = ["METHODS", "REASONS", "Method", "Result", "compare", "obstacle"]

EXACT = 1e-8
"""Largest relative distance in float64."""

TIMES = 3.0
"""Largest multiple of the peer's own error in float32."""

ROUNDING = 1e-6
"""An error in float32 that is no more than rounding, whatever the peer's is."""

STEPS = 4
SAMPLES = 3
_NOISE = 0.15
_MIN_PIXELS = 20

Settings = dict[str, Any]


@dataclass(frozen=True)
class Method:
    """How one method is compared.

    Attributes
    ----------
    peer : str
        Whose it is compared with.
    theirs : callable
        Takes a network in one precision and our parameters, returns the peer's map.
    params : mapping
        Ours.
    at : {"f", "cam", "few"}
        Which of a network's score functions it is compared on.
    several : bool
        Whether on several photographs. Where both do the same arithmetic at the same points, one is enough. Elsewhere the
        errors in float32 scatter by factors of ten from picture to picture, in both: whether a ReLU near its bend or a sum
        near 0 falls to one side or to the other. There they are averaged.
    """

    peer: str
    theirs: Callable[[Precision, Settings], NDArray[Any]]
    params: Mapping[str, Any] = field(default_factory=dict)
    at: str = "f"
    several: bool = False


@dataclass(frozen=True)
class Result:
    """What came of one comparison: relative L2 distances from the peer's map in float64.

    Attributes
    ----------
    double : float
        Of ours in float64, the largest of all pictures.
    ours, theirs : float
        Of both in float32, the geometric mean over the pictures.
    """

    double: float
    ours: float
    theirs: float

    @property
    def broken(self) -> str | None:
        """What of the rule it breaks."""
        if not self.double <= EXACT:
            return f"{self.double:.1e} apart in float64"
        if not self.ours <= max(TIMES * self.theirs, ROUNDING):
            return f"an error of {self.ours:.1e} in float32, the peer's is {self.theirs:.1e}"
        return None


def compare(method: str, network: Ready) -> Result:
    """Compare one method with its peer, on one network in both precisions."""
    count = network.network.pictures if METHODS[method].several else 1
    found = np.array([_distances(method, *network.pair(picture)) for picture in range(count)])
    tiny = np.finfo(np.float64).tiny
    return Result(float(found[:, 0].max()), *(float(np.exp(np.log(found[:, i] + tiny).mean())) for i in (1, 2)))


def _distances(method: str, double: Precision, single: Precision) -> list[float]:
    """Return how far our map in float64, ours in float32 and the peer's in float32 are from the peer's in float64."""
    chosen = METHODS[method]
    truth = chosen.theirs(double, dict(chosen.params))
    if not np.isfinite(truth).all() or not truth.any():
        message = f"the peer's map of {method} is empty or not finite: there is nothing to compare with"
        raise AssertionError(message)
    size = np.linalg.norm(truth)
    found = ours(method, double), ours(method, single), chosen.theirs(single, dict(chosen.params))
    return [float(np.linalg.norm(one.astype(np.float64) - truth) / size) for one in found]


def ours(method: str, precision: Precision) -> NDArray[Any]:
    """Return our map: (C, h, w), or (h, w) where it has no channels."""
    chosen = get(method)
    f: ScoreFunction = getattr(precision, METHODS[method].at)
    with torch.no_grad():
        *_, end = chosen.estimates(f, chosen.validate(dict(METHODS[method].params)))
    found: NDArray[Any] = end.attribution[0].numpy()
    return found[0] if len(found) == 1 else found


# -- the peers ------------------------------------------------------------------------------------------------------------


def _by(oracle: Callable[..., NDArray[Any]], prepare: Callable[[Precision, Settings], Settings]) -> Any:
    """Return a peer that is given our parameters, and what `prepare` makes of them."""

    def theirs(p: Precision, params: Settings) -> NDArray[Any]:
        return oracle(p.module, p.f.x[None].clone(), _target(p.f), params | prepare(p, params))

    return theirs


def _at_layer(oracle: Callable[..., NDArray[Any]], at: str = "cam") -> Any:
    def theirs(p: Precision, params: Settings) -> NDArray[Any]:
        f: ScoreFunction = getattr(p, at)
        return oracle(p.module, f.x[None].clone(), _target(f), f.at().layer, params)

    return theirs


def _target(f: ScoreFunction) -> int:
    return int(f.targets[0].index or 0)


def _nothing(_p: Precision, _params: Settings) -> Settings:
    return {}


def _baseline(p: Precision, params: Settings) -> Settings:
    return {"baseline": p.f.baseline(params["baseline"])[None]}


def _draws(p: Precision, params: Settings) -> Settings:
    sigma = params["noise"] * (p.f.x.max() - p.f.x.min())
    return {"draws": torch.stack([sigma * p.f.noise(i) for i in range(params["samples"])])}


def _references(p: Precision, params: Settings) -> Settings:
    count = params["samples"]
    found = torch.stack(list(references(p.f, params["reference"], count)))
    return {"references": found, "places": places(p.f.seed, count)}


def _regions(p: Precision, params: Settings) -> Settings:
    """Return our segments, and the attribution of the peer's own Integrated Gradients."""
    regions = regions_of(p.f.to_pixels(p.f.x[None])[0])
    settings = {"steps": params["steps"], "rule": "midpoint"}
    integrate = paths.ORACLES["integrated_gradients"]
    found = [
        integrate(p.module, p.f.x[None], _target(p.f), settings | {"baseline": p.f.baseline(name)[None]})
        for name in ("black", "white")
    ]
    masks = regions.members[regions.atom].transpose(2, 0, 1)
    return {"attribution": sum(found) / len(found), "segments": masks}


def _canonizer(p: Precision, _params: Settings) -> Settings:
    from zennit.canonizers import SequentialMergeBatchNorm
    from zennit.torchvision import ResNetCanonizer

    residual = type(p.module).__name__ == "ResNet"
    box = {"low": p.f.baseline("black")[None], "high": p.f.baseline("white")[None]}
    return box | {"canonizer": ResNetCanonizer if residual else SequentialMergeBatchNorm}


_CAPTUM, _PAIR, _CAM, _ZENNIT = "captum", "saliency (PAIR)", "pytorch-grad-cam", "zennit"
_FINER = {"compared": 1, "strength": 0.6}
_PATH = {"steps": STEPS, "baseline": "black"}
_SMOOTH = {"samples": SAMPLES, "noise": _NOISE}
_GUIDED = {"steps": STEPS, "baseline": "black", "fraction": 0.25, "max_dist": 0.1}
_BLUR = {"steps": STEPS, "max_sigma": 10.0, "rule": "sharp_end"}
_XRAI = {"steps": STEPS // 2, "min_pixels": _MIN_PIXELS}
_HIDDEN = {"window": 32, "stride": 16, "baseline": "black"}

METHODS: dict[str, Method] = {
    "gradient": Method(_CAPTUM, _by(gradients.ORACLES["gradient"], _nothing)),
    "input_x_gradient": Method(_CAPTUM, _by(gradients.ORACLES["input_x_gradient"], _nothing)),
    "guided_backprop": Method(_CAPTUM, _by(rules.ORACLES["guided_backprop"], _nothing)),
    "deconvnet": Method(_CAPTUM, _by(rules.ORACLES["deconvnet"], _nothing)),
    **{
        name: Method(_CAPTUM, _by(paths.ORACLES[name], _draws), _SMOOTH)
        for name in ("smoothgrad", "smoothgrad_squared", "vargrad")
    },
    "integrated_gradients": Method(_CAPTUM, _by(paths.ORACLES["integrated_gradients"], _baseline), _PATH),
    "expected_gradients": Method(
        _CAPTUM,
        _by(paths.ORACLES["expected_gradients"], _references),
        {"samples": SAMPLES, "reference": "noise"},
        several=True,
    ),
    "guided_ig": Method(_PAIR, _by(paths.ORACLES["guided_ig"], _baseline), _GUIDED),
    "blur_ig": Method(_PAIR, _by(paths.ORACLES["blur_ig"], _nothing), _BLUR, several=True),
    "xrai": Method(_PAIR, _by(paths.ORACLES["xrai"], _regions), _XRAI),
    **{
        name: Method(_CAM, _at_layer(cams.ORACLES[name]), at="cam")
        for name in ("grad_cam", "grad_cam_pp", "hires_cam", "layer_cam", "xgrad_cam")
    },
    "finer_cam": Method(_CAM, _at_layer(cams.ORACLES["finer_cam"]), _FINER, at="cam", several=True),
    "score_cam": Method(_CAM, _at_layer(cams.ORACLES["score_cam"], "few"), at="few"),
    "ablation_cam": Method(_CAM, _at_layer(cams.ORACLES["ablation_cam"], "few"), at="few"),
    "guided_grad_cam": Method(_CAPTUM, _at_layer(cams.ORACLES["guided_grad_cam"]), at="cam"),
    "occlusion": Method(_CAPTUM, _by(perturbation.ORACLES["occlusion"], _baseline), _HIDDEN),
    "lrp": Method(_ZENNIT, _by(rules.ORACLES["lrp"], _canonizer), several=True),
    "deep_taylor": Method(_ZENNIT, _by(rules.ORACLES["deep_taylor"], _canonizer), several=True),
    "deeplift": Method(_CAPTUM, _by(rules.ORACLES["deeplift"], _baseline), {"baseline": "noise"}, several=True),
}


# -- what cannot be compared ----------------------------------------------------------------------------------------------

_POOLS, _RELU6, _SILU, _GATES, _MEANS = "pools overlap", "ReLU6", "SiLU", "gates", "pools as functions"

REASONS: dict[str, str] = {
    _POOLS: "captum's DeepLIFT keeps one of several values where the windows of a max pool overlap",
    _RELU6: "captum's DeepLIFT has no rule for ReLU6, and hands its gradient on",
    _SILU: "captum's DeepLIFT has no rule for SiLU; pytorch-grad-cam's Ablation-CAM puts -1e7 in place of a channel where a "
    "layer has no zeros; Deep Taylor supposes ReLUs, and ours refuses other networks",
    _GATES: "zennit has no rule for the product of a squeeze-and-excitation block, and hands its gradient on",
    _MEANS: "zennit has a rule for average pools that are modules; Inception's are functions, whose gradient it hands on",
}
"""Why some cells are empty, by the word that stands there."""

_EFFICIENTNET, _INCEPTION = "torchvision/efficientnet_b0", "torchvision/inception_v3"
_OBSTACLES: dict[tuple[str, str], str] = {
    ("deeplift", "torchvision/resnet50"): _POOLS,
    ("deeplift", _INCEPTION): _POOLS,
    ("deeplift", "torchvision/mobilenet_v2"): _RELU6,
    ("deeplift", _EFFICIENTNET): _SILU,
    ("ablation_cam", _EFFICIENTNET): _SILU,
    ("deep_taylor", _EFFICIENTNET): _SILU,
    ("lrp", _EFFICIENTNET): _GATES,
    ("lrp", _INCEPTION): _MEANS,
    ("deep_taylor", _INCEPTION): _MEANS,
}


def obstacle(method: str, network: str) -> str | None:
    """Return the word for why a method cannot be compared on a network, or None."""
    return _OBSTACLES.get((method, network))
