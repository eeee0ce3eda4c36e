"""Turns the regions of a finished drawing into the masks of what carries each label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .canvas import Region, Surfaces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


def masks(surfaces: Surfaces, size: int) -> dict[str, Mask]:
    """Masks of the evidence for style and for perspective; they share no pixel.

    Style is its elements with a margin of one pixel at 224. Perspective is everything round the
    wall, what stands in it, and a band of two pixels on the wall's side of its outline.
    """
    region = surfaces.regions()
    margin = max(1, round(size / 224))
    people = region == Region.PEOPLE
    furnishing = region == Region.FURNISHING
    elements = (region == Region.STYLE) | (region == Region.CROWN)
    around = region <= Region.BESIDE
    style = grow(elements, margin) & ~people & ~furnishing
    band = grow(around, 2 * margin) & (region == Region.WALL)
    perspective = (around | furnishing | band) & ~style
    return {"style": style, "perspective": perspective}


def grow(mask: Mask, steps: int) -> Mask:
    """Widen a mask by a number of pixels in each of the eight directions."""
    for _ in range(steps):
        tall = mask.copy()
        tall[1:] |= mask[:-1]
        tall[:-1] |= mask[1:]
        mask = tall.copy()
        mask[:, 1:] |= tall[:, :-1]
        mask[:, :-1] |= tall[:, 1:]
    return mask
