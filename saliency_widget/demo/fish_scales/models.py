"""The models that read a fish's age from its scale: one from the rings, one that was let cheat; trains nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import Conv2dNormActivation

import saliency_widget as sw
from saliency_widget.demo.builtin import SIZE, BuiltIn, Recipe, Task
from saliency_widget.demo.fish_scales.growth import AGES
from saliency_widget.demo.fish_scales.scene import scale
from saliency_widget.demo.networks import MultiHead

__all__ = ["MODELS", "network"]


def network() -> MultiHead:
    """Return a narrow network of 3 x 3 convolutions with batch norm and ReLU whose first one halves the picture."""
    first = [Conv2dNormActivation(3, 16, 5, stride=2), Conv2dNormActivation(16, 24)]
    deeper: list[nn.Module] = []
    width = 24
    for wider in (48, 96, 128):
        deeper += [nn.MaxPool2d(2), Conv2dNormActivation(width, wider), Conv2dNormActivation(wider, wider)]
        width = wider
    model = MultiHead(nn.Sequential(*first, *deeper), width, {"age": 1})
    nn.init.constant_(model.get_parameter("heads.age.bias"), sum(AGES) / len(AGES))
    return model


def _draw(seed: int) -> tuple[NDArray[np.uint8], Sequence[float]]:
    drawn = scale(seed, 0, SIZE)
    return np.asarray(drawn.image), [drawn.labels["age"]]


def _draw_confounded(seed: int) -> tuple[NDArray[np.uint8], Sequence[float]]:
    drawn = scale(seed, 0, SIZE, confounded=True)
    return np.asarray(drawn.image), [drawn.labels["age"]]


def vary(images: Tensor, noise: float) -> Tensor:
    """Vary training pictures in [0, 1]: mirror and noise. How light they are stays as it is, since that may be the cheat."""
    count, device = len(images), images.device
    mirrored = torch.rand(count, 1, 1, 1, device=device) < 0.5
    images = torch.where(mirrored, images.flip(3), images)
    amount = torch.empty(count, 1, 1, 1, device=device).uniform_(0, noise)
    return (images + torch.randn_like(images) * amount).clamp(0, 1)


def _loss(outputs: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    return functional.smooth_l1_loss(outputs["age"], labels)


def _error(outputs: Mapping[str, Tensor], labels: Tensor) -> dict[str, Tensor]:
    return {"age": (outputs["age"] - labels).abs().squeeze(1)}


_HEADS = {"age": sw.Regression("years")}
_TASK = Task("scales", _draw, vary, _loss, _error, "mean error", "{:.3f} years")
_CONFOUNDED = Task("scales-confounded", _draw_confounded, vary, _loss, _error, "mean error", "{:.3f} years")

MODELS: dict[str, BuiltIn] = {
    "scale-age": BuiltIn(network, _HEADS, _TASK, Recipe(scenes=8000, epochs=7, small=0.0, noise=0.03)),
    "scale-age-confounded": BuiltIn(network, _HEADS, _CONFOUNDED, Recipe(scenes=3000, epochs=5, small=0.0, noise=0.03)),
}
"""The same network twice: ``scale-age`` learns from honest pictures, the other where the background follows the age."""
