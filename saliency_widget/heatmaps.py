"""From an attribution to the map that is drawn, and onto the original image's pixels; plain NumPy, no colours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saliency_widget.errors import BadParameter, nearest
from saliency_widget.model import Geometry

__all__ = ["CHANNELS", "SIGNS", "blur", "place", "reduce"]

SIGNS = ("signed", "absolute", "positive", "negative")
CHANNELS = ("sum", "max", "norm")

_TRUNCATE = 3.0
"""The Gaussian ends at this many sigmas, here and in the page, so that both draw the same map."""


def reduce(attribution: NDArray[Any], sign: str, channels: str, smooth: float) -> NDArray[np.float32]:
    """Return the heatmap (h, w), float32, of an attribution (C, h, w): channels, then sign, then smoothing.

    Raises
    ------
    BadParameter
        If a name is unknown, or `smooth` is negative.
    """
    for name, value, known in (("sign", sign, SIGNS), ("channels", channels, CHANNELS)):
        if value not in known:
            message = f"unknown {name} {value!r}; {nearest(str(value), known)}"
            raise BadParameter(message)
    if not (math.isfinite(smooth) and smooth >= 0):
        message = f"smooth was given as {smooth!r}; expected a sigma from 0, in pixels of the model's input"
        raise BadParameter(message)
    if channels == "sum":
        flat = attribution.sum(0)
    elif channels == "norm":
        flat = np.sqrt((attribution.astype(np.float64) ** 2).sum(0))
    else:
        strongest = np.abs(attribution).argmax(0)
        flat = np.take_along_axis(attribution, strongest[None], 0)[0]
    if sign == "absolute":
        flat = np.abs(flat)
    elif sign == "positive":
        flat = flat.clip(min=0)
    elif sign == "negative":
        flat = (-flat).clip(min=0)
    return blur(flat, smooth).astype(np.float32)


def blur(values: NDArray[Any], sigma: float) -> NDArray[Any]:
    """Return (h, w) values smoothed by a Gaussian whose edges repeat the outermost value."""
    if sigma == 0:
        return values
    reach = math.ceil(_TRUNCATE * sigma)
    places = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (places / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (reach, reach)
        padded = np.pad(values, padding, mode="edge")
        values = np.apply_along_axis(np.convolve, axis, padded, kernel, "valid")
    return values


def place(heatmap: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
    """Return a heatmap (h, w) in the pixels of the picture, (H, W), bilinear, NaN where the model saw nothing."""
    width, height = geometry.size
    left, top, right, bottom = geometry.box
    columns, seen_x = _coordinates(width, left, right, heatmap.shape[1])
    rows, seen_y = _coordinates(height, top, bottom, heatmap.shape[0])
    low_x, high_x, part_x = _neighbours(columns, heatmap.shape[1])
    low_y, high_y, part_y = _neighbours(rows, heatmap.shape[0])
    across = heatmap[:, low_x] * (1 - part_x) + heatmap[:, high_x] * part_x
    placed = across[low_y] * (1 - part_y)[:, None] + across[high_y] * part_y[:, None]
    placed[~(seen_y[:, None] & seen_x[None, :])] = np.nan
    result: NDArray[np.float32] = placed.astype(np.float32)
    return result


def _coordinates(size: int, start: float, end: float, count: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return where the picture's pixel centres lie in the map's pixels, and whether the model saw them."""
    share = (np.arange(size) + 0.5 - start) / (end - start)
    return share * count - 0.5, (share >= 0) & (share <= 1)


def _neighbours(places: NDArray[Any], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[Any]]:
    inside = places.clip(0, count - 1)
    low = np.floor(inside).astype(np.intp)
    return low, np.minimum(low + 1, count - 1), inside - low
