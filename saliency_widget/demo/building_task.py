"""What the models of buildings are trained for: style and perspective of the drawn scenes; not the drawing, not a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from saliency_widget.demo.builtin import SIZE, Task
from saliency_widget.demo.drawing.picture import PERSPECTIVES, STYLES
from saliency_widget.demo.scene import building

__all__ = ["BUILDINGS", "HEADS", "vary"]

HEADS: dict[str, tuple[str, ...]] = {"style": STYLES, "perspective": PERSPECTIVES}


def _draw(seed: int) -> tuple[NDArray[np.uint8], Sequence[int]]:
    scene = building(seed, 0, SIZE)
    return np.asarray(scene.image), [classes.index(scene.labels[head]) for head, classes in HEADS.items()]


def vary(images: Tensor, noise: float) -> Tensor:
    """Vary training pictures in [0, 1]: mirror, crop, light, contrast, colour, noise.

    Parameters
    ----------
    images : Tensor, shape (N, 3, h, w)
    noise : float
        Largest standard deviation of the noise.

    Returns
    -------
    Tensor, shape (N, 3, h, w)
        In [0, 1]; every picture is varied by its own amounts.
    """
    count, device = len(images), images.device

    def number(low: float, high: float, channels: int = 1) -> Tensor:
        return torch.empty(count, channels, 1, 1, device=device).uniform_(low, high)

    images = torch.where(torch.rand(count, 1, 1, 1, device=device) < 0.5, images.flip(3), images)
    zoom, shift_x, shift_y = number(0.8, 1.1), number(-0.1, 0.1), number(-0.1, 0.1)
    grid = torch.zeros(count, 2, 3, device=device)
    grid[:, 0, 0] = grid[:, 1, 1] = zoom.flatten()
    grid[:, 0, 2], grid[:, 1, 2] = shift_x.flatten(), shift_y.flatten()
    places = functional.affine_grid(grid, list(images.shape), align_corners=False)
    images = functional.grid_sample(images, places, padding_mode="border", align_corners=False)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (images - mean) * number(0.6, 1.3) + mean + number(-0.15, 0.15)
    images = images * number(0.85, 1.15, 3)
    return (images + torch.randn_like(images) * number(0, noise)).clamp(0, 1)


def _loss(outputs: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    losses = [
        functional.cross_entropy(outputs[head], labels[:, i], label_smoothing=0.05) for i, head in enumerate(HEADS)
    ]
    return torch.stack(losses).sum()


def _right(outputs: Mapping[str, Tensor], labels: Tensor) -> dict[str, Tensor]:
    return {head: outputs[head].argmax(1) == labels[:, i] for i, head in enumerate(HEADS)}


BUILDINGS = Task("buildings", _draw, vary, _loss, _right)
"""Both heads' cross-entropy; measured is the share of pictures that each head gets right."""
