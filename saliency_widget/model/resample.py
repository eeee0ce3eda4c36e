"""Resizing a picture with Pillow's filters, in floating point and only where it is looked at; it knows no model."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["FILTERS", "resample"]

_BLOCK = 32
"""So many output columns are computed at once: few enough that the weights of a block are not mostly zeros."""


def _box(x: Tensor) -> Tensor:
    return ((x > -0.5) & (x <= 0.5)).to(x.dtype)


def _bilinear(x: Tensor) -> Tensor:
    return (1 - x.abs()).clamp(min=0)


def _hamming(x: Tensor) -> Tensor:
    return torch.where(x.abs() < 1, torch.sinc(x) * (0.54 + 0.46 * torch.cos(math.pi * x)), 0.0)


def _bicubic(x: Tensor) -> Tensor:
    x = x.abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))


def _lanczos(x: Tensor) -> Tensor:
    return torch.where(x.abs() < 3, torch.sinc(x) * torch.sinc(x / 3), 0.0)


FILTERS: dict[str, tuple[Callable[[Tensor], Tensor] | None, float]] = {
    "nearest": (None, 0.0),
    "box": (_box, 0.5),
    "bilinear": (_bilinear, 1.0),
    "hamming": (_hamming, 1.0),
    "bicubic": (_bicubic, 2.0),
    "lanczos": (_lanczos, 3.0),
}
"""Each filter's function and its radius, in pixels of the coarser grid."""


def resample(image: Tensor, size: tuple[int, int], window: tuple[int, int, int, int], interpolation: str) -> Tensor:
    """Return a part of an image as it would be after resizing all of it.

    Only the part is computed, so that a picture like a thread needs no memory for the carpet it would become.

    Parameters
    ----------
    image : Tensor
        (C, H, W), floating, in [0, 1].
    size : (int, int)
        Height and width of the whole after resizing.
    window : (int, int, int, int)
        Top, left, height and width of the part, in pixels of the resized image, inside of it.
    interpolation : str
        One of `FILTERS`. Where an image is made smaller the filter is widened, as Pillow does it.

    Returns
    -------
    Tensor
        (C, height, width). Like Pillow's, values stay within [0, 1] after each of the two passes.
    """
    top, left, height, width = window
    narrow = _along_rows(image, size[1], left, width, interpolation)
    return _along_rows(narrow.transpose(1, 2), size[0], top, height, interpolation).transpose(1, 2).contiguous()


def _along_rows(image: Tensor, size: int, start: int, length: int, interpolation: str) -> Tensor:
    """Resize the last axis to `size` and return `length` of its places from `start` on."""
    given = image.shape[-1]
    if given == size:
        return image[..., start : start + length]
    scale = given / size
    kernel, radius = FILTERS[interpolation]
    places = (torch.arange(start, start + length, dtype=torch.float64) + 0.5) * scale
    if kernel is None:
        return image[..., places.long().clamp(max=given - 1).to(image.device)]
    stretch = max(scale, 1.0)
    parts = []
    for centres in torch.split(places, _BLOCK):
        first = (centres - radius * stretch + 0.5).long().clamp(min=0)
        last = (centres + radius * stretch + 0.5).long().clamp(max=given)
        low, high = int(first[0]), int(last[-1])
        sources = torch.arange(low, high)
        weights = kernel((sources + 0.5 - centres[:, None]) / stretch)
        weights *= (sources >= first[:, None]) & (sources < last[:, None])
        weights /= weights.sum(1, keepdim=True)
        parts.append(image[..., low:high] @ weights.T.to(image))
    result = torch.cat(parts, -1)
    return result.clamp(0, 1) if interpolation in {"bicubic", "lanczos"} else result
