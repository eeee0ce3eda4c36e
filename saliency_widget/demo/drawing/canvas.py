"""A supersampled canvas that paints colour, region and relief with one call; it knows no architecture."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .noise import FloatArray
    from .palette import Colour

Point = tuple[float, float]
"""A point of the scene: x to the right and y down, both 0 to 1 across the picture."""


class Region(IntEnum):
    """What a pixel shows; each pixel has exactly one."""

    ABOVE = 0  # sky or ceiling
    BELOW = 1  # ground or floor
    BESIDE = 2  # skyline and roof, or side walls
    WALL = 3  # plain wall, which says nothing
    STYLE = 4  # elements of style on the wall
    PEOPLE = 5  # occluders of both perspectives, which say nothing
    FURNISHING = 6  # occluders of one perspective: trees and lamps, pews and chandeliers
    CROWN = 7  # elements of style above the wall: spires and domes, ribs and coffers


FLAT = 16
"""Relief of the bare wall; windows lie lower, columns stand higher (0 to 31)."""

GLASS = 9
"""Relief of window panes, and of nothing else, so that lamps can shine through them."""

_RELIEFS = 32


class Camera:
    """A small turn of the camera, which is a homography of the picture.

    Parameters
    ----------
    roll : float
        Turn about the line of sight, in radians.
    yaw, pitch : float
        How strongly horizontal and vertical lines converge, per picture width.

    """

    def __init__(self, roll: float, yaw: float, pitch: float) -> None:
        cosine, sine = math.cos(roll), math.sin(roll)
        centre = np.array([[1.0, 0.0, -0.5], [0.0, 1.0, -0.5], [0.0, 0.0, 1.0]])
        turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [yaw, pitch, 1.0]])
        back = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
        self.matrix = back @ turn @ centre
        self.inverse = np.linalg.inv(self.matrix)

    def grid(self, size: int) -> tuple[FloatArray, FloatArray]:
        """Scene coordinates x and y of every pixel centre, each of shape (size, size)."""
        steps = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
        m = self.inverse.astype(np.float32)
        x, y = steps[None, :], steps[:, None]
        depth = m[2, 0] * x + m[2, 1] * y + m[2, 2]
        return (
            (m[0, 0] * x + m[0, 1] * y + m[0, 2]) / depth,
            (m[1, 0] * x + m[1, 1] * y + m[1, 2]) / depth,
        )


class Canvas:
    """Paint shapes given in scene coordinates; colour, region and relief go in together.

    The picture is a four-channel image at ``supersample`` times the size: red, green, blue, and a
    byte that holds region and relief. So every later shape hides what it covers in the masks
    exactly as it does in the picture. Soft shadows go to an image of their own.
    """

    def __init__(self, size: int, camera: Camera) -> None:
        self.size = size
        self.supersample = 3 if size <= 160 else 2
        self._side = size * self.supersample
        # CMYK is Pillow's plain four-channel mode: no channel weights the others as alpha does.
        self._image = Image.new("CMYK", (self._side, self._side))
        self._draw = ImageDraw.Draw(self._image)
        self._shadow = Image.new("L", (size, size))
        self._shadow_draw = ImageDraw.Draw(self._shadow)
        self._matrix = tuple(float(v) for v in camera.matrix.ravel())

    def _place(self, points: Iterable[Point], scale: float) -> list[Point]:
        a, b, c, d, e, f, g, h, i = self._matrix
        placed = []
        for x, y in points:
            depth = scale / (g * x + h * y + i)
            placed.append(((a * x + b * y + c) * depth, (d * x + e * y + f) * depth))
        return placed

    # Pillow clips the inks below to 0..255, so a colour may be brighter than white.

    def polygon(self, points: Sequence[Point], colour: Colour, region: Region, relief: int = FLAT) -> None:
        """Fill a polygon."""
        ink = (int(colour[0]), int(colour[1]), int(colour[2]), region * _RELIEFS + relief)
        self._draw.polygon(self._place(points, self._side), fill=ink)

    def rectangle(
        self,
        box: tuple[float, float, float, float],
        colour: Colour,
        region: Region,
        relief: int = FLAT,
    ) -> None:
        """Fill the rectangle (left, top, right, bottom)."""
        left, top, right, bottom = box
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        self.polygon(corners, colour, region, relief)

    def disc(
        self,
        centre: Point,
        radius: float,
        colour: Colour,
        region: Region,
        relief: int = FLAT,
        *,
        squash: float = 1.0,
    ) -> None:
        """Fill an ellipse that is ``squash`` times as high as it is wide."""
        ink = (int(colour[0]), int(colour[1]), int(colour[2]), region * _RELIEFS + relief)
        ((x, y),) = self._place((centre,), self._side)
        across = radius * self._side
        down = across * squash
        self._draw.ellipse((x - across, y - down, x + across, y + down), fill=ink)

    def line(
        self,
        points: Sequence[Point],
        width: float,
        colour: Colour,
        region: Region,
        relief: int = FLAT,
    ) -> None:
        """Stroke a polyline; it is never thinner than half a pixel of the final picture."""
        ink = (int(colour[0]), int(colour[1]), int(colour[2]), region * _RELIEFS + relief)
        thick = max(1, round(width * self._side))
        self._draw.line(self._place(points, self._side), fill=ink, width=thick)

    def shadow(self, points: Sequence[Point], strength: float) -> None:
        """Lay a soft shadow (0 to 1) on whatever ground or floor is there."""
        placed = self._place(points, self.size)
        self._shadow_draw.polygon(placed, fill=min(255, int(255 * strength)))

    def colours(self) -> FloatArray:
        """Smoothed colours, shape (size, size, 3), 0 to 255."""
        small = np.asarray(self._image.reduce(self.supersample))
        return small[..., :3].astype(np.float32)

    def codes(self) -> Image.Image:
        """Region and relief of every supersampled pixel, as an 'L' image."""
        return self._image.getchannel(3)

    def shadows(self, blur: float) -> FloatArray:
        """Blurred shadows, shape (size, size), 0 to 1; ``blur`` is a share of the picture."""
        soft = self._shadow.filter(ImageFilter.BoxBlur(max(0.6, blur * self.size)))
        return np.asarray(soft).astype(np.float32) / np.float32(255)


class Surfaces:
    """What a finished canvas shows where: coverages, relief and the region of each pixel."""

    def __init__(self, canvas: Canvas) -> None:
        self._codes = canvas.codes()
        self._step = canvas.supersample

    def coverage(self, *regions: Region) -> FloatArray:
        """Share of each pixel that the regions cover, shape (size, size), 0 to 1."""
        table = [255 if code // _RELIEFS in regions else 0 for code in range(256)]
        covered = np.asarray(self._codes.point(table).reduce(self._step))
        return covered.astype(np.float32) / np.float32(255)

    def panes(self) -> FloatArray:
        """Share of each pixel that is window glass, shape (size, size), 0 to 1."""
        table = [255 if code == Region.STYLE * _RELIEFS + GLASS else 0 for code in range(256)]
        covered = np.asarray(self._codes.point(table).reduce(self._step))
        return covered.astype(np.float32) / np.float32(255)

    def relief(self) -> FloatArray:
        """Height of the wall at each pixel in relief steps, smoothed; all else lies flat."""
        standing = (Region.WALL, Region.STYLE)
        table = [8 * (code % _RELIEFS if code // _RELIEFS in standing else FLAT) for code in range(256)]
        heights = np.asarray(self._codes.point(table).reduce(self._step))
        return heights.astype(np.float32) / np.float32(8)

    def regions(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """Region at the middle of each pixel, shape (size, size)."""
        middle = self._step // 2
        codes = np.asarray(self._codes)[middle :: self._step, middle :: self._step]
        return codes // np.uint8(_RELIEFS)
