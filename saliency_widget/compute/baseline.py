"""Baselines, the reference images of path methods, made in pixel space; it runs no model."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

__all__ = ["Baseline", "pixels"]

Baseline = Literal["black", "white", "mean", "blur", "noise"]

_BLUR = 0.05
"""Sigma of the blurred baseline, as a share of the picture's long side."""

_BLUR_SIDE = 256
"""The picture is blurred at this size: at such a sigma no detail is left that a larger one could show."""


def pixels(name: Baseline, image: Tensor, seed: int, grid: tuple[int, ...]) -> Tensor:
    """Return a baseline as an image.

    Zero in a model's *normalised* input is the mean colour of the training set, not black, so baselines are named and
    made before the preprocessing.

    Parameters
    ----------
    name : {"black", "white", "mean", "blur", "noise"}
        ``mean`` is the picture's own mean colour, ``blur`` the picture without detail, ``noise`` uniform noise.
    image : Tensor
        The picture, (C, H, W) in [0, 1].
    seed : int
        Seed of the noise.
    grid : (int, int)
        Height and width of the model's input: noise of that grain survives the resizing to it.

    Returns
    -------
    Tensor
        Of the shape of `image`, in [0, 1].
    """
    if name == "black":
        return torch.zeros_like(image)
    if name == "white":
        return torch.ones_like(image)
    if name == "mean":
        return image.mean((1, 2), keepdim=True).expand_as(image).contiguous()
    if name == "noise":
        generator = torch.Generator().manual_seed(seed)
        noise = torch.rand(len(image), *grid, generator=generator)
        return torch.nn.functional.interpolate(noise[None], tuple(image.shape[1:]), mode="nearest")[0]
    return _blurred(image)


def _blurred(image: Tensor) -> Tensor:
    height, width = image.shape[1:]
    scale = min(1.0, _BLUR_SIDE / max(height, width))
    small = functional.resize(image, [max(1, round(height * scale)), max(1, round(width * scale))], antialias=True)
    sigma = _BLUR * max(small.shape[1:])
    reach = round(3 * sigma)
    padded = functional.pad(small, [reach, reach], padding_mode="edge")
    blurred = functional.gaussian_blur(padded, [2 * reach + 1, 2 * reach + 1], [sigma, sigma])
    inside = functional.center_crop(blurred, list(small.shape[1:]))
    result: Tensor = functional.resize(inside, [height, width], antialias=True)
    return result
