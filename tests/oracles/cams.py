"""The class activation maps of captum and pytorch-grad-cam, before either rescales them; no tests here.

``ORACLES`` maps a method's name to a callable ``(module, x, target, layer, settings)`` that returns a NumPy array: the map on the
layer's grid, (h, w), for all but ``guided_grad_cam``, which gives (C, H, W). `x` is one input (1, C, H, W), `target` the index of
an output, `layer` one of ``model.facts.aliases``, `settings` our parameters.

What of the peers is not taken over, and why:

- pytorch-grad-cam adds 1e-6, 1e-7 and 1e-8 to the denominators of Grad-CAM++, XGrad-CAM and Score-CAM. The layer's output is
  scaled by a power of two before the peer looks at it, and back behind it, so that these constants vanish.
- It rounds the scores of Score-CAM and Ablation-CAM to float32: they are kept in float64 here.
- Its Score-CAM enlarges masks with the corners aligned, which moves them by half a cell: half-pixel centres here.
- Its Ablation-CAM divides by the score; the result is multiplied by it here. Where a layer has no zeros it puts -1e7 in place of
  a channel: only for layers behind a ReLU is it comparable.
- Its Finer-CAM lets the gradient flow through the weights of the rivals, which with more than one rival is another map: it is
  comparable for ``compared=1``, where the weights cancel but for the 1e-9 in its denominator: they are taken of logits of
  magnitude 1 and scaled, so that it vanishes.
- It takes the channels of a captured layer as they are after the network: an in-place ReLU behind the layer changes them. The
  scaled copy is out of its reach.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from oracles.rules import caps_apart
from saliency_widget.model.layers import Layer

__all__ = ["ORACLES", "captum_grad_cam"]

Oracle = Callable[[nn.Module, Tensor, int, Layer, Mapping[str, Any]], NDArray[Any]]


class Times(nn.Module):
    """Multiply by a number: a new tensor that nothing behind can change in place."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def _scaled(module: nn.Module, layer: Layer, factor: float) -> tuple[nn.Module, nn.Module]:
    """Return a copy whose layer passes its output times `factor` through one module, and that module."""
    made = copy.deepcopy(module).eval()
    parent, _, name = layer.name.rpartition(".")
    scaled = Times(factor)
    host = made.get_submodule(parent)
    setattr(host, name, nn.Sequential(getattr(host, name), scaled, Times(1 / factor)))
    return made, scaled


def _reshape(layer: Layer) -> Callable[[Tensor], Tensor] | None:
    return layer.grid if layer.kind == "tokens" or layer.channels_last else None


def _gradients(cam: Any, x: Tensor, score: Callable[[Tensor], Tensor]) -> tuple[NDArray[Any], NDArray[Any]]:
    outputs = cam.activations_and_grads(x)
    cam.model.zero_grad()
    score(outputs[0]).backward()
    return cam.activations_and_grads.activations[0].numpy(), cam.activations_and_grads.gradients[0].numpy()


def _from_gradients(kind: str, factor: float = 1.0) -> Oracle:
    def run(module: nn.Module, x: Tensor, target: int, layer: Layer, settings: Mapping[str, Any]) -> NDArray[Any]:
        import pytorch_grad_cam

        made, place = _scaled(module, layer, factor)
        cam = getattr(pytorch_grad_cam, kind)(made, [place], reshape_transform=_reshape(layer))
        activations, gradients = _gradients(cam, x, lambda outputs: outputs[target])
        found: NDArray[Any] = cam.get_cam_image(x, place, None, activations, gradients, False)[0]
        return found

    return run


def _finer_cam(module: nn.Module, x: Tensor, target: int, layer: Layer, settings: Mapping[str, Any]) -> NDArray[Any]:
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import FinerWeightedTarget

    made, place = _scaled(module, layer, 1.0)
    cam = GradCAM(made, [place], reshape_transform=_reshape(layer))
    with torch.no_grad():
        logits = made(x)[0]
    order = (logits - logits[target]).abs().argsort().tolist()
    score = FinerWeightedTarget(order[0], order[1 : 1 + settings["compared"]], settings["strength"])
    softmax = torch.softmax
    with mock.patch(
        "torch.softmax", lambda outputs, dim: softmax(outputs / outputs.detach().abs().max(), dim) * 2.0**60
    ):
        activations, gradients = _gradients(cam, x, score)
    found: NDArray[Any] = cam.get_cam_image(x, place, None, activations, gradients, False)[0]
    return found


def _score_cam(module: nn.Module, x: Tensor, target: int, layer: Layer, settings: Mapping[str, Any]) -> NDArray[Any]:
    from pytorch_grad_cam import ScoreCAM

    factor = 2.0**30
    made, place = _scaled(module, layer, factor)
    cam = ScoreCAM(made, [place], reshape_transform=_reshape(layer))
    with _double(), torch.no_grad():
        cam.activations_and_grads(x)
        activations = cam.activations_and_grads.activations[0].numpy()
        found: NDArray[Any] = cam.get_cam_image(x, place, [lambda outputs: outputs[target]], activations, None, False)[
            0
        ]
    return found / factor


def _ablation_cam(module: nn.Module, x: Tensor, target: int, layer: Layer, settings: Mapping[str, Any]) -> NDArray[Any]:
    from pytorch_grad_cam import AblationCAM
    from pytorch_grad_cam.ablation_layer import AblationLayer, AblationLayerVit

    made, place = _scaled(module, layer, 1.0)
    tokens = layer.kind == "tokens"
    ablation = AblationLayerVit() if tokens else AblationLayer()
    cam = AblationCAM(made, [place], reshape_transform=_reshape(layer), ablation_layer=ablation)
    with _double(), torch.no_grad():
        score = float(cam.activations_and_grads(x)[0, target])
        activations = cam.activations_and_grads.activations[0].numpy()
        found: NDArray[Any] = cam.get_cam_image(x, place, [lambda outputs: outputs[target]], activations, None, False)[
            0
        ]
    return found * score


@contextlib.contextmanager
def _double() -> Iterator[None]:
    """Keep the peer from rounding to float32 and from aligning corners."""

    def upsample(size: Any) -> nn.Module:
        return nn.Upsample(size=tuple(size), mode="bilinear", align_corners=False)

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with (
            mock.patch.object(np, "float32", np.float64),
            mock.patch.object(torch.nn, "UpsamplingBilinear2d", upsample),
        ):
            yield
    finally:
        torch.set_default_dtype(before)


def captum_grad_cam(
    module: nn.Module, x: Tensor, target: int, layer: Layer, settings: Mapping[str, Any]
) -> NDArray[Any]:
    """Return captum's Grad-CAM, which is signed as ours is; feature maps only."""
    from captum.attr import LayerGradCam

    made, place = _scaled(module, layer, 1.0)
    found: NDArray[Any] = LayerGradCam(made, place).attribute(x, target=target)[0, 0].detach().numpy()
    return found


def _guided_grad_cam(
    module: nn.Module, x: Tensor, target: int, layer: Layer, settings: Mapping[str, Any]
) -> NDArray[Any]:
    """Return captum's; its guided backprop needs ReLUs that are modules, called once and not in place."""
    from captum.attr import GuidedGradCam

    made, place = _scaled(caps_apart(module, through=False), layer, 1.0)
    for relu in made.modules():
        if isinstance(relu, nn.ReLU):
            relu.inplace = False
    points = x.clone().requires_grad_()
    found = GuidedGradCam(made, place).attribute(points, target=target, interpolate_mode="bilinear")
    maps: NDArray[Any] = found[0].detach().numpy()
    return maps


ORACLES: Mapping[str, Oracle] = {
    "grad_cam": _from_gradients("GradCAM"),
    "grad_cam_pp": _from_gradients("GradCAMPlusPlus", 2.0**-40),
    "hires_cam": _from_gradients("HiResCAM"),
    "layer_cam": _from_gradients("LayerCAM"),
    "xgrad_cam": _from_gradients("XGradCAM", 2.0**40),
    "finer_cam": _finer_cam,
    "score_cam": _score_cam,
    "ablation_cam": _ablation_cam,
    "guided_grad_cam": _guided_grad_cam,
}
