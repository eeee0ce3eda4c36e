"""The outline of a scale and the coordinates that follow it: how far out a pixel lies, and in which direction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saliency_widget.demo.drawing.noise import FloatArray, sample

_TURN = 2048
_FULL = 2 * math.pi


@dataclass(frozen=True)
class Outline:
    """A scale's outline seen from its focus.

    Attributes
    ----------
    focus : tuple of float
        x and y in the picture, 0 to 1.
    tilt : float
        Direction of the anterior end, in radians clockwise from straight up.
    radius : ndarray of float, shape (2048,)
        From the focus to the edge as it grew, by the angle from the anterior end, as a share of the picture.
    worn : ndarray of float, shape (2048,)
        The same as it is now, with what has broken off.
    radii : ndarray of float, shape (n,)
        Angles of the grooves of the anterior field.
    wander : tuple of float
        Where the irregularity of its ridges is taken from.

    """

    focus: tuple[float, float]
    tilt: float
    radius: FloatArray
    worn: FloatArray
    radii: FloatArray
    wander: tuple[float, float]


@dataclass(frozen=True)
class Polar:
    """Coordinates of all pixels on a scale, each of shape (size, size).

    Attributes
    ----------
    out : ndarray of float
        0 at the focus and 1 at the edge as it grew.
    angle : ndarray of float
        From the anterior end, -pi to pi.
    distance : ndarray of float
        To the focus, as a share of the picture.
    depth : ndarray of float
        How far inside today's edge, as a share of the picture; negative outside.

    """

    out: FloatArray
    angle: FloatArray
    distance: FloatArray
    depth: FloatArray


def shape(rng: np.random.Generator, middle: tuple[float, float]) -> Outline:
    """Choose an outline about the middle of a scale, whose size and form say nothing about its age."""
    half = rng.uniform(0.33, 0.41)
    broad = half * rng.uniform(0.8, 1.0)
    fan, square = rng.uniform(-0.05, 0.16), rng.uniform(2.0, 2.7)
    behind = half * rng.uniform(0.18, 0.34)
    tilt = rng.uniform(-0.4, 0.4)
    around = np.linspace(-math.pi, math.pi, 4 * _TURN)
    up = _power(np.cos(around), 2 / square) * half
    across = _power(np.sin(around), 2 / square) * broad * (1 + fan * up / half)
    angles, lengths = np.arctan2(across, up + behind), np.hypot(across, up + behind)
    order = np.argsort(angles)
    turn = _turn()
    radius = np.interp(turn, angles[order], lengths[order], period=_FULL)
    for wave in range(2, 6):
        radius *= 1 + rng.uniform(-0.012, 0.012) * np.cos(wave * turn + rng.uniform(0, _FULL))
    count = int(rng.integers(0, 13))
    spread = rng.uniform(0.5, 0.85)
    radii = np.linspace(-spread, spread, count) + rng.uniform(-0.03, 0.03, count)
    lobes = np.ones_like(turn)
    for angle in radii:
        lobes -= 0.02 * np.exp(-0.5 * ((turn - angle) / 0.03) ** 2)
    radius *= lobes
    worn = radius * _wear(turn, rng)
    focus = (middle[0] - behind * math.sin(tilt), middle[1] + behind * math.cos(tilt))
    wander = (float(rng.uniform(0, 512)), float(rng.uniform(0, 512)))
    return Outline(focus, tilt, radius.astype(np.float32), worn.astype(np.float32), radii.astype(np.float32), wander)


def polar(outline: Outline, x: FloatArray, y: FloatArray) -> Polar:
    """Return where pixels lie on a scale.

    Parameters
    ----------
    outline : Outline
    x, y : ndarray of float32, shape (size, size)
        Pixel centres in the picture, 0 to 1.

    Returns
    -------
    Polar

    """
    right, down = x - np.float32(outline.focus[0]), y - np.float32(outline.focus[1])
    cosine, sine = np.float32(math.cos(outline.tilt)), np.float32(math.sin(outline.tilt))
    ahead, aside = right * sine - down * cosine, right * cosine + down * sine
    distance, angle = np.hypot(ahead, aside), np.arctan2(aside, ahead)
    edge = _at(outline.radius, angle)
    young = _at(_smooth(outline.radius), angle)
    # A young scale is rounder than a grown one: inner ridges follow the smoothed outline.
    share: FloatArray = np.minimum(distance / edge, 1)
    out: FloatArray = (distance / (young + (edge - young) * share)).astype(np.float32)
    uneven = sample(2.2, x * 300 + np.float32(outline.wander[0]), y * 300 + np.float32(outline.wander[1]))
    out *= 1 + np.float32(0.008) * uneven * np.maximum(1 - out, 0)
    return Polar(out, angle, distance, _at(outline.worn, angle) - distance)


def _wear(turn: FloatArray, rng: np.random.Generator) -> NDArray[np.float64]:
    """Fray the edge and break pieces off it, never at the anterior end, where an age is read."""
    left = np.ones(len(turn))
    for _ in range(int(rng.integers(0, 4))):
        at = rng.uniform(0.45, _FULL - 0.45)
        left = left * _bite(turn, at, rng.uniform(0.05, 0.16), rng.uniform(0.02, 0.08))
    fray = rng.uniform(0, 0.004) * np.convolve(rng.standard_normal(_TURN + 24), np.ones(25) / 5, "valid")
    back = np.clip((np.abs(turn) - 1.9) / 0.4, 0, 1)
    frayed: NDArray[np.float64] = left * (1 + np.minimum(fray, 0) * (0.3 + 1.5 * back))
    return frayed


def _bite(angle: FloatArray, at: float, width: float, depth: float) -> NDArray[np.float64]:
    """What is left of a radius, 0 to 1, where a piece of some width and depth is missing."""
    away = np.abs((angle - at + math.pi) % _FULL - math.pi)
    left: NDArray[np.float64] = 1 - depth * np.clip(1.6 * (1 - away / width), 0, 1)
    return left


def _power(values: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    raised: NDArray[np.float64] = np.sign(values) * np.abs(values) ** exponent
    return raised


def _turn() -> FloatArray:
    return ((np.arange(_TURN) + 0.5) / _TURN * _FULL - math.pi).astype(np.float32)


def _smooth(radius: FloatArray) -> FloatArray:
    spectrum = np.fft.rfft(radius)
    spectrum[4:] = 0
    spectrum[1:4] *= np.array([0.8, 0.5, 0.3])
    smooth: FloatArray = np.fft.irfft(spectrum, len(radius)).astype(np.float32)
    return smooth


def _at(table: FloatArray, angle: FloatArray) -> FloatArray:
    place = (angle + np.float32(math.pi)) * np.float32(_TURN / _FULL) - np.float32(0.5)
    first = np.floor(place)
    between = place - first
    low = first.astype(np.int32) % _TURN
    found: FloatArray = table[low] * (1 - between) + table[(low + 1) % _TURN] * between
    return found
