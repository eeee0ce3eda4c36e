"""Path, noise and region methods by captum and by PAIR's `saliency`, fed with our settings; no tests here.

``ORACLES`` maps a method's name to a callable ``(module, x, target, settings)`` that returns a NumPy array (C, h, w), (h, w)
for XRAI. `module` returns scores (N, K), `x` is one input (1, C, h, w), `target` the index of an output, `settings` our
parameters and what they came to: ``baseline`` (a tensor (1, C, h, w)), ``draws`` (noise that is added, (n, C, h, w)),
``references`` (n, C, h, w), ``places`` (n numbers), ``attribution`` and ``segments`` of XRAI.

All go point by point, channels first in memory: the rounding errors of a forward, and with them which of equal values a max pool
takes, depend on both.

What of the peers is not taken over, and why:

- captum rounds the places of its steps and their weights to float32, whatever the model's precision: kept in float64 here.
- Its trapezoid rule gives each of n points 1/n and halves the ends, so its weights add up to (n - 1)/n: divided by that here.
- Its VarGrad divides by n, ours by n - 1: made alike here.
- PAIR's Guided IG asks NumPy for a quantile by a name that NumPy 2.4 took away: told the new name here.
- PAIR's Blur IG continues the picture by zeros beyond its border, which is the mean colour of a normalised input; ours is
  mirrored: so is the peer's here. It takes the derivative of the blur over 0.01 pixels whatever the step is; over the whole
  step, as here, its sum telescopes as ours does. It takes the gradient at the sharper end (our ``rule="sharp_end"``). With
  ``sqrt`` its largest sigma is the root of what was asked for: not comparable. In batches it multiplies by the length
  of the batch's last step: one at a time here.
- PAIR's Integrated Gradients give both ends of the path the full weight, which is none of our rules; its "SmoothGrad" is the
  mean square; both are left to captum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["ORACLES"]

Oracle = Callable[[nn.Module, Tensor, int, Mapping[str, Any]], NDArray[Any]]

_RULES = {"midpoint": "riemann_middle", "trapezoid": "riemann_trapezoid", "gauss_legendre": "gausslegendre"}


@contextmanager
def _double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with mock.patch.object(Tensor, "float", Tensor.double):
            yield
    finally:
        torch.set_default_dtype(before)


def _array(found: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = found[0].detach().numpy()
    return array


def _integrated_gradients(module: nn.Module, x: Tensor, target: int, settings: Mapping[str, Any]) -> NDArray[Any]:
    from captum.attr import IntegratedGradients

    steps, rule = settings["steps"], settings.get("rule", "midpoint")
    with _double():
        found = IntegratedGradients(module).attribute(
            x, settings["baseline"], target, n_steps=steps, method=_RULES[rule], internal_batch_size=1
        )
    return _array(found) * (steps / (steps - 1) if rule == "trapezoid" else 1.0)


def _expected_gradients(module: nn.Module, x: Tensor, target: int, settings: Mapping[str, Any]) -> NDArray[Any]:
    # What captum's GradientShap averages, with the draws given instead of drawn.
    from captum.attr._core.gradient_shap import InputBaselineXGradient

    explain = InputBaselineXGradient(module)
    found = []
    for reference, place in zip(settings["references"], settings["places"], strict=True):
        with mock.patch("numpy.random.uniform", return_value=np.array([place])):
            found.append(explain.attribute(x, reference[None], target))
    return _array(torch.stack(found).mean(0))


def _tunnel(kind: str) -> Oracle:
    def run(module: nn.Module, x: Tensor, target: int, settings: Mapping[str, Any]) -> NDArray[Any]:
        from captum.attr import NoiseTunnel, Saliency

        draws = settings["draws"]
        with mock.patch("torch.normal", side_effect=list(draws[:, None])):
            found = NoiseTunnel(Saliency(module)).attribute(
                x,
                nt_type=kind,
                nt_samples=len(draws),
                nt_samples_batch_size=1,
                stdevs=1.0,
                target=target,
                abs=False,
            )
        return _array(found) * (len(draws) / (len(draws) - 1) if kind == "vargrad" else 1.0)

    return run


def _ask(module: nn.Module, target: int, dtype: torch.dtype) -> Callable[..., dict[str, Any]]:
    """Return the function by which PAIR's library asks for gradients, channels last."""

    def call(points: Any, call_model_args: Any = None, expected_keys: Any = None) -> dict[str, Any]:
        inputs = torch.from_numpy(np.asarray(points)).permute(0, 3, 1, 2).to(dtype).contiguous().requires_grad_()
        (gradient,) = torch.autograd.grad(module(inputs)[:, target].sum(), inputs)
        return {"INPUT_OUTPUT_GRADIENTS": gradient.permute(0, 2, 3, 1).numpy()}

    return call


def _last(x: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = x[0].permute(1, 2, 0).detach().numpy()
    return array


def _first(found: NDArray[Any]) -> NDArray[Any]:
    return np.moveaxis(found, 2, 0)


def _guided_ig(module: nn.Module, x: Tensor, target: int, settings: Mapping[str, Any]) -> NDArray[Any]:
    from saliency.core import guided_ig

    def quantile(values: Any, share: float, *, interpolation: str) -> Any:
        return plain(values, share, method=interpolation)

    plain = np.quantile
    with mock.patch("numpy.quantile", quantile):
        found = guided_ig.GuidedIG().GetMask(
            _last(x),
            _ask(module, target, x.dtype),
            x_baseline=_last(settings["baseline"]),
            x_steps=settings["steps"],
            fraction=settings["fraction"],
            max_dist=settings["max_dist"],
        )
    return _first(found)


def _blur_ig(module: nn.Module, x: Tensor, target: int, settings: Mapping[str, Any]) -> NDArray[Any]:
    from saliency.core import blur_ig
    from scipy import ndimage

    def blurred(image: Any, sigma: float) -> Any:
        return ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="reflect", truncate=4.0)

    steps, largest = settings["steps"], settings["max_sigma"]
    with mock.patch.object(blur_ig, "gaussian_blur", blurred):
        found = blur_ig.BlurIG().GetMask(
            _last(x),
            _ask(module, target, x.dtype),
            max_sigma=largest,
            steps=steps,
            grad_step=largest / steps,
            batch_size=1,
        )
    return _first(found)


def _xrai(module: nn.Module, x: Tensor, target: int, settings: Mapping[str, Any]) -> NDArray[Any]:
    from saliency.core import xrai

    extra = xrai.XRAIParameters(algorithm="full")
    extra.experimental_params["min_pixel_diff"] = settings["min_pixels"]
    found: NDArray[Any] = xrai.XRAI().GetMask(
        _last(x),
        _ask(module, target, x.dtype),
        segments=list(settings["segments"]),
        base_attribution=np.moveaxis(np.asarray(settings["attribution"]), 0, 2),
        extra_parameters=extra,
    )
    return found


ORACLES: dict[str, Oracle] = {
    "integrated_gradients": _integrated_gradients,
    "expected_gradients": _expected_gradients,
    "smoothgrad": _tunnel("smoothgrad"),
    "smoothgrad_squared": _tunnel("smoothgrad_sq"),
    "vargrad": _tunnel("vargrad"),
    "guided_ig": _guided_ig,
    "blur_ig": _blur_ig,
    "xrai": _xrai,
}
