"""Hides parts of a picture behind something else, in pixels, so that any preprocessing can follow; it runs no model.

What is hidden comes as a grid of shares over the part that the model sees. Each pixel is hidden by the share of it that the
grid's cells cover: 0 leaves it exactly as it is.
"""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from saliency_widget.compute import baseline
from saliency_widget.errors import BadParameter, nearest
from saliency_widget.model import Picture

__all__ = ["FILLS", "Easel", "check_fill", "coverage", "inpaint"]

FILLS = ("blur", "mean", "black", "noise", "inpaint")
"""What can stand in place of the hidden pixels; ``inpaint`` goes on with what is around them."""

_SIDE = 256
"""Pixels a side at which a picture is filled from its surroundings: what is hidden has no detail that more could show."""

_SWEEPS = 4
"""Times that each size of what was hidden is evened out, so that no edge of a coarser one is left."""

_MARGIN = 24
"""Pixels of the surroundings that are looked at."""

_LEAST = 1e-6
"""Below this share nothing is known of a cell."""


def check_fill(name: str) -> str:
    """Return the name of a fill.

    Raises
    ------
    BadParameter
        If there is none of that name.
    """
    if name not in FILLS:
        message = f"unknown fill {name!r}; {nearest(name, FILLS)}"
        raise BadParameter(message)
    return name


def coverage(low: float, high: float, cells: int, pixels: int) -> Tensor:
    """Return which share of each pixel each cell of a grid covers, along one axis.

    Parameters
    ----------
    low, high : float
        Where the grid begins and ends, in pixels; the other way round for a mirrored one. It may reach beyond the picture.
    cells, pixels : int

    Returns
    -------
    Tensor
        Shape (pixels, cells); a row adds up to 1 inside of the grid.
    """
    edges = torch.linspace(low, high, cells + 1, dtype=torch.float64)
    first, last = torch.minimum(edges[:-1], edges[1:]), torch.maximum(edges[:-1], edges[1:])
    at = torch.arange(pixels, dtype=torch.float64)[:, None]
    shares: Tensor = (torch.minimum(last, at + 1) - torch.maximum(first, at)).clamp(min=0).float()
    return shares


def inpaint(image: Tensor, known: Tensor) -> Tensor:
    """Fill what is not known of an image from what is around it.

    The known pixels are averaged on ever coarser grids until something is known everywhere; on the way back each grid takes
    from the coarser one what it does not know itself, and evens it out.

    Parameters
    ----------
    image : Tensor
        Shape (C, H, W).
    known : Tensor
        Shape (H, W): which share of each pixel is known, 0 to 1.

    Returns
    -------
    Tensor
        Of the shape of `image`; exactly it where `known` is 1. Where nothing is known at all, its mean colour.
    """
    if float(known.max()) <= _LEAST:
        return image.mean((1, 2), keepdim=True).expand_as(image).contiguous()
    return _fill(image[None], known[None, None])[0]


def _fill(values: Tensor, known: Tensor) -> Tensor:
    """Fill values (1, C, h, w) of which shares (1, 1, h, w) are known."""
    height, width = known.shape[2:]
    if float(known.min()) >= 1:
        return values
    if height == width == 1:
        return values
    size = ((height + 1) // 2, (width + 1) // 2)
    edge = (0, 2 * size[1] - width, 0, 2 * size[0] - height)
    weight = F.avg_pool2d(F.pad(known, edge), 2)
    sums = F.avg_pool2d(F.pad(values * known, edge), 2)
    coarse = _fill(sums / weight.clamp(min=_LEAST), (4 * weight).clamp(max=1))
    spread = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)[:, :, :height, :width]
    filled = torch.lerp(spread, values, known)
    for _ in range(_SWEEPS):
        around = F.avg_pool2d(F.pad(filled, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        filled = torch.lerp(around, values, known)
    return filled


class Easel:
    """One picture that is painted over, again and again.

    Parameters
    ----------
    picture : Picture
    box : (float, float, float, float)
        Left, top, right and bottom of what the model sees of it, in its pixels: where the masks lie.
    input_size : (int, int)
        Width and height of the model's input: the grain of the noise.
    """

    def __init__(self, picture: Picture, box: tuple[float, float, float, float], input_size: tuple[int, int]) -> None:
        self.picture = picture
        self._box = box
        self._grain = (input_size[1], input_size[0])
        self._pixels = picture.tensor
        self._shares: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}
        self._instead: tuple[tuple[str, int], Tensor] = (("", 0), self._pixels)

    def paint(self, mask: Tensor, fill: str, seed: int) -> Picture:
        """Return the picture with what a mask (h, w) of shares hides replaced; its pixels are in `exact`."""
        # A picture of 8 bits stays one, so that what is scored is what can be kept and shown.
        painted = self._painted(self._pixels, mask, fill, seed, rounded=self.picture.exact is None)
        return Picture(self.picture.image, self.picture.label, self.picture.notes, painted)

    def keep(self, painted: Picture, mask: Tensor, fill: str, seed: int, label: str) -> Picture:
        """Return what :meth:`paint` made as a picture that stands by itself."""
        if self.picture.exact is None:
            return Picture(_image(painted.tensor), label, self.picture.notes)
        colours = self._painted(Picture(self.picture.image).tensor, mask, fill, seed, rounded=True)
        return Picture(_image(colours), label, self.picture.notes, painted.exact)

    def behind(self, mask: Tensor) -> bytes:
        """Return what the last picture had in place of what was hidden, on the grid of its mask (h, w): RGB of each cell."""
        colours = self._instead[1]
        if len(colours) not in {1, 3}:
            colours = Picture(self.picture.image).tensor
        height, width = colours.shape[1:]
        scale = min(1.0, _SIDE / max(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        small = F.interpolate(colours[None], size, mode="nearest-exact")[0]
        across, down = self._cells(mask, (size[1], size[0]))
        # What lies outside of the picture has no colour of its own.
        cells = (down.sum(0)[:, None] * across.sum(0)).clamp(min=_LEAST)
        return _bytes((down.T @ small @ across / cells).expand(3, -1, -1).clamp(0, 1)).numpy().tobytes()

    def _painted(self, pixels: Tensor, mask: Tensor, fill: str, seed: int, *, rounded: bool) -> Tensor:
        across, down = self._cells(mask, (self.picture.width, self.picture.height))
        hidden = (down @ mask @ across.T).clamp_(0, 1)
        painted = pixels.clone()
        instead = self._behind(pixels, hidden, fill, seed)
        part = _extent(hidden, 0)
        if part is None:
            return painted
        share, before = hidden[part], pixels[:, part[0], part[1]]
        mixed = torch.lerp(before, instead[:, part[0], part[1]], share)
        if rounded:
            mixed = mixed.mul_(255).round_().div_(255)
        painted[:, part[0], part[1]] = torch.where(share > 0, mixed, before)
        return painted

    def _cells(self, mask: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return how the cells of a grid lie on the picture at some size, across (W, w) and down (H, h)."""
        key = (*mask.shape, *size)
        if key not in self._shares:
            left, right = (edge * size[0] / self.picture.width for edge in self._box[::2])
            top, bottom = (edge * size[1] / self.picture.height for edge in self._box[1::2])
            rows, columns = mask.shape
            self._shares = dict(list(self._shares.items())[-1:])
            self._shares[key] = coverage(left, right, columns, size[0]), coverage(top, bottom, rows, size[1])
        return self._shares[key]

    def _behind(self, pixels: Tensor, hidden: Tensor, fill: str, seed: int) -> Tensor:
        """Return what stands in place of an image (C, H, W) where it is hidden."""
        if pixels is not self._pixels:
            return _instead_of(pixels, hidden, fill, seed, self._grain)
        if fill == "inpaint" or self._instead[0] != (fill, seed):
            self._instead = (fill, seed), _instead_of(pixels, hidden, fill, seed, self._grain)
        return self._instead[1]


def _instead_of(pixels: Tensor, hidden: Tensor, fill: str, seed: int, grain: tuple[int, int]) -> Tensor:
    if fill == "inpaint":
        return _around(pixels, hidden)
    return baseline.pixels(fill, pixels, seed, grain)  # type: ignore[arg-type]


def _around(pixels: Tensor, hidden: Tensor) -> Tensor:
    """Fill a picture where it is hidden, at a smaller size if it is large, and only near to what is hidden."""
    scale = min(1.0, _SIDE / max(hidden.shape))
    rows, columns = _extent(hidden, round(_MARGIN / scale)) or (slice(None), slice(None))
    part, known = pixels[:, rows, columns], 1 - hidden[rows, columns]
    if scale == 1:
        near = inpaint(part, known)
    else:
        height, width = known.shape
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        weight = F.interpolate(known[None, None], size, mode="area")[0, 0]
        small = F.interpolate((part * known)[None], size, mode="area")[0] / weight.clamp(min=_LEAST)
        near = F.interpolate(inpaint(small, weight)[None], (height, width), mode="bilinear", align_corners=False)[0]
    filled = pixels.clone()
    filled[:, rows, columns] = near
    return filled


def _extent(hidden: Tensor, margin: int) -> tuple[slice, slice] | None:
    """Return rows and columns of the part of (H, W) in which anything is hidden; None if nothing is."""
    found = []
    for axis, length in enumerate(hidden.shape):
        places = hidden.amax(1 - axis).nonzero()
        if len(places) == 0:
            return None
        found.append(slice(max(0, int(places[0]) - margin), min(length, int(places[-1]) + 1 + margin)))
    return found[0], found[1]


def _bytes(colours: Tensor) -> Tensor:
    return colours.mul(255).round().byte().permute(1, 2, 0).contiguous()


def _image(colours: Tensor) -> Image.Image:
    return Image.fromarray(_bytes(colours).numpy())
