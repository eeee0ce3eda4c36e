"""How a scale grew: where along its radius each winter left a ring, and how closely the ridges stand; it draws nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saliency_widget.demo.drawing.noise import FloatArray

AGES = range(1, 10)
"""Ages in years that can be drawn."""

_STEPS = 2048


@dataclass(frozen=True)
class Growth:
    """The years of a scale, from its focus (0) to its edge (1).

    Attributes
    ----------
    annuli : ndarray of float, shape (age,)
        Where each winter's ring lies, the first one first.
    years : ndarray of float, shape (age,)
        How much the scale grew in the year that each ring closes.
    ridges : float
        Distance between two summer ridges.
    depths : ndarray of float, shape (age,)
        How dark each ring is, about 1.

    """

    annuli: FloatArray
    years: FloatArray
    ridges: float
    depths: FloatArray

    @property
    def widths(self) -> tuple[FloatArray, FloatArray]:
        """How far each ring reaches towards the focus, where ridges close up slowly, and towards the edge."""
        inwards = np.clip(self.years * np.float32(0.2), 0.009, 0.02)
        return inwards, inwards * np.float32(0.62)


def grow(age: int, rng: np.random.Generator) -> Growth:
    """Let a scale grow; the stream gives the same growth rate whatever the age.

    Parameters
    ----------
    age : int
        Number of winters.
    rng : numpy.random.Generator

    Returns
    -------
    Growth

    """
    slowing = rng.uniform(0.86, 0.95)
    luck = rng.uniform(-0.1, 0.1, AGES[-1] + 1)
    since = rng.uniform(0.45, 0.95)
    ridges = rng.uniform(0.025, 0.036)
    depths = rng.uniform(0.8, 1.15, AGES[-1]).astype(np.float32)
    years = slowing ** np.arange(AGES[-1] + 1) * (1 + luck)
    length = years[:age].sum() + since * years[age]
    annuli = (np.cumsum(years[:age]) / length).astype(np.float32)
    return Growth(annuli, (years[:age] / length).astype(np.float32), float(ridges), depths[:age])


def bands(growth: Growth) -> FloatArray:
    """How much of a winter's ring there is along the radius: 1 in its middle; shape (2048,), from focus to edge."""
    along = _along()
    found = np.zeros_like(along)
    for place, depth, inwards, outwards in zip(growth.annuli, growth.depths, *growth.widths, strict=True):
        away = along - place
        found = np.maximum(found, depth * np.exp(-0.5 * (away / np.where(away < 0, inwards, outwards)) ** 2))
    return found


def rings(growth: Growth) -> FloatArray:
    """Return 1 where the radius crosses a ring, else 0; shape (2048,), from focus to edge."""
    along = _along()
    found = np.zeros_like(along)
    for place, inwards, outwards in zip(growth.annuli, *growth.widths, strict=True):
        found[(along > place - 1.3 * inwards) & (along < place + 1.3 * outwards)] = 1
    return found


def ridge_phase(growth: Growth) -> FloatArray:
    """Count the ridges from the focus outwards; shape (2048,). They stand closer in winter and as the fish gets old."""
    along = _along()
    distance = growth.ridges * (1 - 0.45 * np.minimum(bands(growth), 1)) * crowding(along)
    phase: FloatArray = (np.cumsum(1 / distance) / _STEPS).astype(np.float32)
    return phase


def crowding(out: FloatArray) -> FloatArray:
    """By what the distance between ridges is multiplied at a fraction of the radius: they crowd as growth slows."""
    return np.float32(1.1) - np.float32(0.35) * out


def look_up(table: FloatArray, fraction: FloatArray) -> FloatArray:
    """Read a table along the radius at fractions of it."""
    last = len(table) - 1
    found: FloatArray = np.interp(fraction, np.linspace(0, 1, last + 1), table).astype(np.float32)
    return found


def _along() -> FloatArray:
    return ((np.arange(_STEPS) + 0.5) / _STEPS).astype(np.float32)
