"""From an attribution to the map that is drawn, and onto the original image's pixels; plain NumPy, no colours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saliency_widget.errors import BadParameter, nearest
from saliency_widget.model import Geometry

__all__ = ["CHANNELS", "RULES", "SIGNS", "blur", "enlarge", "place", "reduce", "sign_of"]

SIGNS = ("signed", "absolute", "positive", "negative")
RULES = {"increase": "positive", "decrease": "negative", "keep": "absolute"}
"""What one may ask of a value, and the sign that answers it.

To keep a value is to know where a change of either sign would move it, up or down: the magnitude of the signed map.
"""

CHANNELS = ("sum", "max", "norm")

_TRUNCATE = 3.0
"""The Gaussian ends at this many sigmas, here and in the page, so that both draw the same map."""


def sign_of(asked: str, *, of_value: bool) -> str:
    """Return the sign that a display rule stands for; a sign stands for itself.

    Parameters
    ----------
    asked : str
        One of `SIGNS`, or of `RULES`.
    of_value : bool
        Whether what is explained is the value of a regression head, to which alone the rules apply.

    Raises
    ------
    BadParameter
        If a rule is asked for a class.
    """
    if asked not in RULES:
        return asked
    if not of_value:
        message = (
            f"sign={asked!r} is for the value of a regression head, which can rise and fall; for a class use "
            f"sign={RULES[asked]!r}"
        )
        raise BadParameter(message)
    return RULES[asked]


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
    """Return a heatmap (h, w) in the pixels of the picture, (H, W); NaN where the model saw nothing.

    Bilinear where the map is enlarged, and the mean over each pixel's area where it is made smaller, so that no evidence
    falls between two pixels.
    """
    width, height = geometry.size
    left, top, right, bottom = geometry.box
    across, seen_x = _weights(width, left, right, heatmap.shape[1])
    down, seen_y = _weights(height, top, bottom, heatmap.shape[0])
    placed: NDArray[np.float32] = (down @ heatmap @ across.T).astype(np.float32)
    placed[~(seen_y[:, None] & seen_x[None, :])] = np.nan
    return placed


def _weights(size: int, start: float, end: float, count: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return, for one axis, how much each of `count` map pixels adds to each of the picture's, and which ones are seen."""
    scale = count / (end - start)  # map pixels per picture pixel, negative for a mirror
    centres = (np.arange(size) + 0.5 - start) * scale
    reach = max(1.0, abs(scale))  # a triangle of one map pixel, or the picture pixel's own extent
    # Seen is what has its centre inside, or the centre of a map pixel in it: no evidence at the edge may be lost.
    beyond = (reach - 1) / 2
    seen = (centres >= -beyond) & (centres <= count + beyond)
    edge = -beyond if beyond else 0.5  # where the map is enlarged, its outermost values go on to its edge
    distance = np.abs(centres.clip(edge, count - edge)[:, None] - (np.arange(count) + 0.5)[None, :])
    weights = (1 - distance).clip(min=0) if reach == 1 else ((reach + 1) / 2 - distance).clip(0, 1)
    return weights / weights.sum(1, keepdims=True), seen


def enlarge(attribution: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return an attribution (C, h, w) of a coarser grid in the pixels of the model's input, (C, H, W).

    Bilinear, each cell's value at its centre; an attribution of that size is returned as it is.
    """
    if attribution.shape[1:] == size:
        return attribution
    down = _weights(size[0], 0, size[0], attribution.shape[1])[0]
    across = _weights(size[1], 0, size[1], attribution.shape[2])[0]
    enlarged: NDArray[Any] = (down @ attribution @ across.T).astype(attribution.dtype)
    return enlarged
