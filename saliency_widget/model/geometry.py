"""Which part of a picture a model's input covers, measured by sending ramps through its preprocessing; it draws nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

__all__ = ["Geometry", "measure"]

_TOLERANCE = 0.02
"""Largest mean misfit of a ramp, as a share of its range, at which a preprocessing still counts as resize and crop."""

_STAIRS = 0.5
"""The same in picture pixels: nearest neighbours make stairs, which miss a line by a quarter of a pixel and more."""

_FILTER = 2.5
"""How far a resampling filter sees, in pixels of the picture or of the input, whichever are larger."""

_REFITS = 3
_SMALLEST_GAIN = 1e-6
_SHIFTS = 8
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

    def shrunk(self, side: int) -> Geometry:
        """Return the geometry of the same picture scaled down to at most `side` pixels on its long side."""
        scale = min(1.0, side / max(self.size))
        size = (max(1, round(self.size[0] * scale)), max(1, round(self.size[1] * scale)))
        across, down = size[0] / self.size[0], size[1] / self.size[1]
        left, top, right, bottom = self.box
        return replace(self, size=size, box=(left * across, top * down, right * across, bottom * down))


def measure(
    preprocess: Callable[[Tensor], Tensor],
    size: tuple[int, int],
    quantised: Callable[[], bool] = lambda: False,
    channels: int = 3,
) -> Geometry:
    """Find the geometry of any preprocessing by looking at what it does to ramps.

    A ramp's value says where in the picture a pixel comes from. A black and a white picture give the offset and the
    gain of the normalisation, so that nothing about the preprocessing needs to be known but that it resizes and crops.

    Parameters
    ----------
    preprocess : callable
        Takes a float tensor (`channels`, H, W) in [0, 1], returns the model's input (C, h, w).
    size : (int, int)
        Width and height of the picture.
    quantised : callable
        Asked after the first call: whether the preprocessing rounds to 8 bits. The ramps are then sent several times,
        shifted by parts of a level, so that the stairs average out.
    channels : int
        How many channels the picture has.

    Returns
    -------
    Geometry
        Along an axis where no line can be fitted the whole picture is assumed, and `exact` is False.
    """
    width, height = size
    black, white = (preprocess(torch.full((channels, height, width), value)).double() for value in (0.0, 1.0))
    gain = white - black
    # Where black and white give the same, the preprocessing has put something of its own: padding.
    seen = torch.isfinite(gain) & (gain.abs() > _SMALLEST_GAIN)
    shifts = [((k + 0.5) / _SHIFTS - 0.5) / 255 for k in range(_SHIFTS)] if quantised() else [0.0]

    def profile(places: Tensor, axis: int) -> tuple[float, float] | None:
        if places.numel() == 1:
            return 0.0, 1.0  # a single pixel has no ramp
        image = places.expand(channels, height, width)
        outputs = [preprocess((image + shift).clamp(0, 1)).double() for shift in shifts]
        return _fit(_ramp(torch.stack(outputs).mean(0), black, gain, seen), axis, places.numel())

    columns = profile((torch.arange(width) + 0.5) / width, axis=1)
    rows = profile(((torch.arange(height) + 0.5) / height)[:, None], axis=0)
    left, right = columns or (0.0, 1.0)
    top, bottom = rows or (0.0, 1.0)
    return Geometry(
        size,
        (left * width, top * height, right * width, bottom * height),
        (black.shape[2], black.shape[1]),
        exact=columns is not None and rows is not None,
    )


def _ramp(output: Tensor, black: Tensor, gain: Tensor, seen: Tensor) -> Tensor:
    """Undo the normalisation of a ramp, and average its channels: (h, w), NaN where nothing of the picture is seen."""
    return torch.where(seen, (output - black) / gain, torch.nan).nanmean(0)


def _fit(ramp: Tensor, axis: int, pixels: int) -> tuple[float, float] | None:
    """Fit a line along one axis of a ramp (h, w) that was so many picture pixels long.

    Returns
    -------
    (float, float) or None
        The line's values at the two outer edges; None if the ramp is no line.
    """
    profile = ramp.nanmean(1 - axis)
    spread = (ramp - profile.unsqueeze(1 - axis)).abs().nanmean()
    count = len(profile)
    places = torch.arange(count, dtype=torch.float64) + 0.5
    # Between few pixels any enlargement is all stairs or bends.
    tolerance = max(_TOLERANCE, _STAIRS / pixels)
    # Values near 0 and 1 are bent by the resampling filter at the picture's border.
    usable = torch.isfinite(profile) & (profile > 0.5 / count) & (profile < 1 - 0.5 / count)
    if count > _LONG:
        border = max(1, count // 16)
        usable[:border] = False
        usable[-border:] = False
    if int(usable.sum()) < 2:
        return (0.0, 1.0) if spread < tolerance else None
    start, slope = _line(places[usable], profile[usable])
    for _ in range(_REFITS):
        # Now that it is known where the picture's border lies, all that the filter saw of it can be left out.
        source = (start + slope * places) * pixels
        reach = min(_FILTER * max(1.0, abs(slope) * pixels), pixels / 5)
        inner = torch.isfinite(profile) & (source > reach) & (source < pixels - reach)
        if int(inner.sum()) < max(2, int(usable.sum()) // 4):
            break
        start, slope = _line(places[inner], profile[inner])
    misfit = (start + slope * places - profile)[usable].abs().mean()
    if misfit > tolerance or spread > tolerance or slope == 0:
        return None
    return start, start + slope * count


def _line(places: Tensor, values: Tensor) -> tuple[float, float]:
    """Return start and slope of the line of least squares."""
    centre = places.mean()
    slope = ((places - centre) * (values - values.mean())).sum() / ((places - centre) ** 2).sum()
    return float(values.mean() - slope * centre), float(slope)
