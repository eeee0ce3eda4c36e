"""Which part of a picture a model's input covers, measured by sending ramps through its preprocessing; it draws nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Geometry", "measure"]

_TOLERANCE = 0.02
"""Largest mean misfit of a ramp, as a share of its range, at which a preprocessing still counts as resize and crop."""

_SMALLEST_GAIN = 1e-6
_LONG = 8
"""From this many pixels on, those at the border are left out of the fit."""


@dataclass(frozen=True)
class Geometry:
    """How the model's input lies on the picture.

    Attributes
    ----------
    size : (int, int)
        Width and height of the picture.
    box : (float, float, float, float)
        Left, top, right and bottom edge of the part that the input covers, in the picture's pixels (0 is the left edge
        of the first pixel). It may reach beyond the picture where the preprocessing pads; left > right is a mirror.
    input_size : (int, int)
        Width and height of the model's input.
    exact : bool
        False where the preprocessing is no resize and crop, so that the whole picture had to be assumed.
    """

    size: tuple[int, int]
    box: tuple[float, float, float, float]
    input_size: tuple[int, int]
    exact: bool = True


def measure(preprocess: Callable[[Tensor], Tensor], size: tuple[int, int]) -> Geometry:
    """Find the geometry of any preprocessing by looking at what it does to ramps.

    A ramp's value says where in the picture a pixel comes from. A black and a white picture give the offset and the
    gain of the normalisation, so that nothing about the preprocessing needs to be known but that it resizes and crops.

    Parameters
    ----------
    preprocess : callable
        Takes a float tensor (3, H, W) in [0, 1], returns the model's input (C, h, w).
    size : (int, int)
        Width and height of the picture.

    Returns
    -------
    Geometry
    """
    width, height = size
    across = ((torch.arange(width) + 0.5) / width).expand(height, width)
    down = ((torch.arange(height) + 0.5) / height)[:, None].expand(height, width)
    black, white = (preprocess(torch.full((3, height, width), value)).double() for value in (0.0, 1.0))
    gain = white - black
    whole = Geometry(size, (0.0, 0.0, float(width), float(height)), (black.shape[2], black.shape[1]), exact=False)
    # Where black and white give the same, the preprocessing has put something of its own: padding.
    seen = torch.isfinite(gain) & (gain.abs() > _SMALLEST_GAIN)
    columns = _fit(_ramp(preprocess(across.expand(3, -1, -1)), black, gain, seen), axis=1)
    rows = _fit(_ramp(preprocess(down.expand(3, -1, -1)), black, gain, seen), axis=0)
    if columns is None or rows is None:
        return whole
    box = (columns[0] * width, rows[0] * height, columns[1] * width, rows[1] * height)
    return Geometry(size, box, whole.input_size)


def _ramp(output: Tensor, black: Tensor, gain: Tensor, seen: Tensor) -> Tensor:
    """Undo the normalisation of a ramp, and average its channels: (h, w), NaN where nothing of the picture is seen."""
    return torch.where(seen, (output.double() - black) / gain, torch.nan).nanmean(0)


def _fit(ramp: Tensor, axis: int) -> tuple[float, float] | None:
    """Fit a line along one axis of a ramp (h, w).

    Returns
    -------
    (float, float) or None
        The line's values at the two outer edges; None if the ramp is no line.
    """
    profile = ramp.nanmean(1 - axis)
    spread = (ramp - profile.unsqueeze(1 - axis)).abs().nanmean()
    count = len(profile)
    places = torch.arange(count, dtype=torch.float64) + 0.5
    # Values near 0 and 1 are bent by the resampling filter at the picture's border.
    usable = torch.isfinite(profile) & (profile > 0.5 / count) & (profile < 1 - 0.5 / count)
    if count > _LONG:
        border = max(1, count // 16)
        usable[:border] = False
        usable[-border:] = False
    if int(usable.sum()) < 2:  # noqa: PLR2004 - too small for a line
        return (0.0, 1.0) if spread < _TOLERANCE else None
    place, value = places[usable], profile[usable]
    centre = place.mean()
    slope = ((place - centre) * (value - value.mean())).sum() / ((place - centre) ** 2).sum()
    start = value.mean() - slope * centre
    misfit = (start + slope * place - value).abs().mean()
    if misfit > _TOLERANCE or spread > _TOLERANCE or slope == 0:
        return None
    return float(start), float(start + slope * count)
