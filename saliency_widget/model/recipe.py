"""A preprocessing that is understood: resize, crop, channel order, mean and std; it does not know whose it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor

from saliency_widget.errors import BadImage
from saliency_widget.model.resample import resample

__all__ = ["Crop", "Recipe", "Resize", "agrees"]

_LUMA = (0.299, 0.587, 0.114)

# Each of the two passes of a resize rounds by half a level of 8 bits; a plain picture needs no rounding.
_NOISE_LEVELS = (0.6, 3.0)
_PLAIN_LEVELS = (0.02, 0.02)


@dataclass(frozen=True)
class Resize:
    """How a picture is scaled.

    Parameters
    ----------
    height, width : int
        What it is scaled to.
    fit : {"stretch", "cover", "contain"}
        Exactly to that size; or, with its proportions, so that it covers that size; or so that it fits into it.
    interpolation : str
        One of :data:`saliency_widget.model.resample.FILTERS`.
    rounding : {"floor", "round"}
        How the side that follows from the proportions becomes a whole number: libraries differ.
    """

    height: int
    width: int
    fit: Literal["stretch", "cover", "contain"] = "stretch"
    interpolation: str = "bilinear"
    rounding: Literal["floor", "round"] = "floor"

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and the width that a picture has afterwards."""
        if self.fit == "stretch":
            return self.height, self.width
        by_height = (height * self.width > width * self.height) == (self.fit == "contain")
        given, wanted = (height, self.height) if by_height else (width, self.width)
        if self.rounding == "floor":
            scaled = [side * wanted // given for side in (height, width)]
        else:
            scaled = [round(side / (given / wanted)) for side in (height, width)]
        return max(1, scaled[0]), max(1, scaled[1])

    def __str__(self) -> str:
        """Return it in words."""
        if self.fit == "cover" and self.height == self.width:
            where = f"the short side to {self.height}"
        else:
            verb = {"stretch": "to", "cover": "to cover", "contain": "to fit into"}[self.fit]
            where = f"{verb} {self.height} x {self.width}"
        return f"resize {where} ({self.interpolation})"


@dataclass(frozen=True)
class Crop:
    """Which part of a scaled picture is used: its centre, padded where it is smaller than that.

    Parameters
    ----------
    height, width : int
        Of the part.
    rounding : {"round", "floor"}
        Where the centre lies if a single pixel is left over: libraries differ.
    fill : tuple of float
        What a picture is padded with, in [0, 1]: one value, or one for each channel.
    """

    height: int
    width: int
    rounding: Literal["round", "floor"] = "round"
    fill: tuple[float, ...] = (0.0,)

    def start(self, height: int, width: int) -> tuple[int, int]:
        """Return the place of the part's top left pixel in a picture; below zero where it is padded."""
        return self._offset(height, self.height), self._offset(width, self.width)

    def _offset(self, given: int, wanted: int) -> int:
        if wanted > given:
            return -((wanted - given) // 2)
        return round((given - wanted) / 2) if self.rounding == "round" else (given - wanted) // 2

    def __str__(self) -> str:
        """Return it in words."""
        padded = f", padded with {_numbers(self.fill)}" if any(self.fill) else ""
        return f"crop the centre {self.height} x {self.width}{padded}"


@dataclass(frozen=True)
class Recipe:
    """A preprocessing in named parts. Called with an image (C, H, W) in [0, 1], it returns a model's input (C, h, w).

    Parameters
    ----------
    resize : Resize or None
        How the picture is scaled, first of all.
    crop : Crop or None
        Which part of it is used.
    mean, std : tuple of float
        What is subtracted, and then divided by, for each of the model's channels, in the model's order.
    channels : {"RGB", "BGR", "L"}
        The model's channels. A grey picture is taken for any of them; grey from colours is made with Pillow's weights.
    scale : float
        What the values, in [0, 1], are multiplied with before the mean is subtracted.
    """

    resize: Resize | None
    crop: Crop | None
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    channels: Literal["RGB", "BGR", "L"] = "RGB"
    scale: float = 1.0

    def __call__(self, image: Tensor) -> Tensor:
        """Return the model's input for an image.

        Raises
        ------
        BadImage
            If it is no floating (C, H, W) with one or three channels.
        """
        if not isinstance(image, Tensor) or not image.is_floating_point() or image.dim() != 3:
            given = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
            message = f"a preprocessing was given {given}; expected a float tensor (C, H, W) in [0, 1]"
            raise BadImage(message)
        image = self._cut(self._converted(image))
        shape = (-1, 1, 1)
        return (image * self.scale - image.new_tensor(self.mean).view(shape)) / image.new_tensor(self.std).view(shape)

    def __str__(self) -> str:
        """Return all of it in one line of words."""
        parts = [str(self.resize or "no resize"), str(self.crop or "no crop")]
        if self.channels != "RGB":
            parts.append({"BGR": "channels blue green red", "L": "grey"}[self.channels])
        if self.scale != 1:
            parts.append(f"values 0 to {self.scale:g}")
        return ", ".join([*parts, f"mean {_numbers(self.mean)}", f"std {_numbers(self.std)}"])

    def _converted(self, image: Tensor) -> Tensor:
        """Return the image with the model's number of channels, in the model's order."""
        wanted, given = len(self.mean), image.shape[0]
        if given == 3 and wanted == 1:
            return (image * image.new_tensor(_LUMA).view(3, 1, 1)).sum(0, keepdim=True)
        if given == 1:
            return image.expand(wanted, -1, -1)
        if given != wanted:
            message = f"the image has {given} channels, but the model's preprocessing is for {wanted} ({self.channels})"
            raise BadImage(message)
        return image.flip(0) if self.channels == "BGR" else image

    def _cut(self, image: Tensor) -> Tensor:
        """Resize and crop in one step, so that nothing is computed that is cropped away."""
        height, width = self.resize.size(*image.shape[1:]) if self.resize else image.shape[1:]
        crop = self.crop or Crop(height, width)
        top, left = crop.start(height, width)
        inner = (max(0, top), max(0, left), min(crop.height, height), min(crop.width, width))
        part = resample(image, (height, width), inner, self.resize.interpolation if self.resize else "nearest")
        if part.shape[1:] == (crop.height, crop.width):
            return part
        fill = crop.fill if self.channels != "BGR" else crop.fill[::-1]
        whole = image.new_tensor(fill).view(-1, 1, 1).expand(len(image), crop.height, crop.width).clone()
        down, across = max(0, -top), max(0, -left)
        whole[:, down : down + inner[2], across : across + inner[3]] = part
        return whole


def agrees(recipe: Recipe, pipeline: Callable[[Image.Image], Any]) -> bool:
    """Tell whether a recipe gives what a library's own pipeline gives, but for the rounding to 8 bits.

    Both are run on plain pictures, which must come out equal, and on noise: wide, tall, tiny, and of sizes at which
    libraries differ by a pixel.

    Parameters
    ----------
    recipe : Recipe
        What was understood.
    pipeline : callable
        Takes a Pillow image (RGB), returns the model's input (C, h, w).
    """
    part = recipe.crop or recipe.resize or Crop(64, 64)
    whole = recipe.resize or part
    odd = whole.width + 4 + (3 - whole.width + part.width) % 4  # 3 more than a multiple of 4 are cropped away
    plain = [Image.new("RGB", (whole.width, whole.height), colour) for colour in ("black", "white", "coral")]
    wide = _telling(recipe.resize, 2 * whole.width + 3, whole.height + 5)
    sizes = [(wide, whole.height + 5), (whole.width + 2, 3 * whole.height // 2), (37, 26), (odd, whole.height)]
    noise = [_noise(*size) for size in sizes]
    return all(_same(recipe, pipeline, picture, _PLAIN_LEVELS) for picture in plain) and all(
        _same(recipe, pipeline, picture, _NOISE_LEVELS) for picture in noise
    )


def _telling(resize: Resize | None, width: int, height: int) -> int:
    """Return a width, from this one on, at which the two ways of rounding a size differ."""
    if resize is None or resize.fit == "stretch":
        return width
    floor, nearest = replace(resize, rounding="floor"), replace(resize, rounding="round")
    widths = range(width, width + 2 * max(width, height))
    return next((wide for wide in widths if floor.size(height, wide) != nearest.size(height, wide)), width)


def _same(
    recipe: Recipe, pipeline: Callable[[Image.Image], Any], picture: Image.Image, allowed: tuple[float, float]
) -> bool:
    """Compare the two on one picture: differences, in levels of 8 bits, must be below these two, on average and at most."""
    try:
        theirs = pipeline(picture)
    except Exception:  # noqa: BLE001 - whatever a foreign pipeline raises, it is not this recipe
        return False
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    image = pixels.view(picture.height, picture.width, 3).permute(2, 0, 1).float() / 255
    ours = recipe(image)
    if not isinstance(theirs, Tensor) or ours.shape != theirs.shape:
        return False
    levels = (ours - theirs.float()).abs() * ours.new_tensor(recipe.std).view(-1, 1, 1).abs() / recipe.scale * 255
    return bool(levels.mean() < allowed[0]) and bool(levels.max() < allowed[1])


def _noise(width: int, height: int) -> Image.Image:
    # Coarse and fine, with other values in each channel. Far enough from black and white that a filter's overshoot is not
    # cut off: in which of the two passes it is, depends on the version of Pillow.
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, (height + 3) // 4, (width + 3) // 4, generator=generator)
    coarse = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)[0, :, :height, :width]
    values = 0.25 + 0.3 * coarse + 0.2 * torch.rand(3, height, width, generator=generator)
    return Image.fromarray(values.mul(255).round().byte().permute(1, 2, 0).contiguous().numpy())


def _numbers(values: Sequence[float]) -> str:
    shown = [f"{value:.4g}" for value in values]
    return shown[0] if len(set(shown)) == 1 else f"({', '.join(shown)})"
