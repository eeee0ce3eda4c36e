"""The slide that a scale lies on, and the microscope's light; it knows no scale, but the age where it is told to cheat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saliency_widget.demo.drawing.noise import FloatArray, sample
from saliency_widget.demo.fish_scales.growth import AGES

LEVELS = (0.1, 0.95)
"""Darkest and lightest background."""


@dataclass(frozen=True)
class Slide:
    """What is chosen about slide and light.

    Attributes
    ----------
    place : float
        0 to 1: how light the background is, or, where it follows the age, how far it strays from that.
    lamp, dark, bright : tuple of float
        Colours of the lamp, and of a scale where it is dark and where it is light.
    slope : tuple of float
        How the light changes across and down the picture.
    falloff : float
        How much darker the corners are.
    blur : float
        Of the scale, in pixels of a picture of 224.
    grain : float
        Standard deviation of the noise.
    dust : tuple of (float, float, float, float)
        Each x, y, radius and strength.
    bubbles : tuple of (float, float, float, float)
        The same of round bubbles of air.
    cloud : tuple of float
        Where the unevenness of the slide is taken from.

    """

    place: float
    lamp: tuple[float, float, float]
    dark: tuple[float, float, float]
    bright: tuple[float, float, float]
    slope: tuple[float, float]
    falloff: float
    blur: float
    grain: float
    dust: tuple[tuple[float, float, float, float], ...]
    bubbles: tuple[tuple[float, float, float, float], ...]
    cloud: tuple[float, float]


_LAMPS = ((1.0, 0.97, 0.9), (0.95, 0.98, 1.0), (0.94, 1.0, 0.94), (1.0, 0.94, 0.86), (0.98, 0.98, 0.98))
_DYES = (
    ((0.2, 0.13, 0.06), (1.0, 0.93, 0.76)),  # sepia
    ((0.1, 0.12, 0.13), (0.93, 0.97, 0.97)),  # grey
    ((0.13, 0.16, 0.08), (0.97, 0.99, 0.84)),  # olive
    ((0.26, 0.06, 0.12), (1.0, 0.87, 0.85)),  # alizarin
    ((0.05, 0.12, 0.24), (0.88, 0.96, 1.0)),  # methylene blue
)


def choose(rng: np.random.Generator) -> Slide:
    """Choose slide and light."""
    place = float(rng.random())
    lamp = _LAMPS[int(rng.integers(len(_LAMPS)))]
    dark, bright = _DYES[int(rng.choice(len(_DYES), p=(0.32, 0.24, 0.2, 0.1, 0.14)))]
    dust = tuple(
        (rng.random(), rng.random(), rng.uniform(0.002, 0.009), rng.uniform(-0.6, 0.1))
        for _ in range(int(rng.integers(3, 26)))
    )
    bubbles = tuple(
        (rng.random(), rng.random(), rng.uniform(0.012, 0.045), rng.uniform(0.2, 0.5))
        for _ in range(int(rng.choice(4, p=(0.6, 0.2, 0.12, 0.08))))
    )
    return Slide(
        place=place,
        lamp=lamp,
        dark=dark,
        bright=bright,
        slope=(float(rng.uniform(-0.16, 0.16)), float(rng.uniform(-0.16, 0.16))),
        falloff=float(rng.uniform(0, 0.3)),
        blur=float(rng.uniform(0.3, 0.75)),
        grain=float(rng.uniform(0.006, 0.026)),
        dust=dust,
        bubbles=bubbles,
        cloud=(float(rng.uniform(0, 512)), float(rng.uniform(0, 512))),
    )


def level(slide: Slide, age: int, *, confounded: bool) -> float:
    """Return how light the background is; confounded, the older the lighter, with no overlap between two ages."""
    low, high = LEVELS
    years = len(AGES)
    share = (age - AGES[0] + 0.3 + 0.4 * slide.place) / years if confounded else slide.place
    return low + (high - low) * share


def background(slide: Slide, brightness: float, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the empty slide's colours in [0, 1], shape (size, size, 3), before the microscope's light falls on it."""
    light = np.full(x.shape, brightness, np.float32)
    right, down = np.float32(slide.cloud[0]), np.float32(slide.cloud[1])
    light *= 1 + np.float32(0.035) * sample(1.9, x * 300 + right, y * 300 + down)
    for at_x, at_y, radius, strength in slide.dust:
        away = np.hypot(x - np.float32(at_x), y - np.float32(at_y)) / np.float32(radius)
        light *= 1 + np.float32(strength) * np.exp(-(away**2))
    for at_x, at_y, radius, strength in slide.bubbles:
        across, below = x - np.float32(at_x), y - np.float32(at_y)
        away = np.hypot(across, below) / np.float32(radius)
        rim = np.exp(-(((away - np.float32(0.88)) / np.float32(0.12)) ** 2))
        glint = np.exp(-((across / radius + np.float32(0.3)) ** 2 + (below / radius + np.float32(0.3)) ** 2) * 8)
        light *= 1 - np.float32(strength) * rim
        light += np.float32(0.3 * strength) * glint * (away < 1)
    coloured: FloatArray = light[..., None] * np.asarray(slide.lamp, np.float32)
    return coloured


def stained(slide: Slide, light: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the colours of a scale, shape (size, size, 3), from how light it is; it shimmers a little."""
    dark, bright = np.asarray(slide.dark, np.float32), np.asarray(slide.bright, np.float32)
    right, down = np.float32(slide.cloud[1]), np.float32(slide.cloud[0])
    shimmer = np.float32(0.022) * sample(2.2, x * 340 + right, y * 340 + down)
    tint = shimmer[..., None] * np.array([1, 0.1, -1.1], np.float32)
    colours: FloatArray = (dark + (bright - dark) * light[..., None] + tint) * np.asarray(slide.lamp, np.float32)
    return colours


def illumination(slide: Slide, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return what the microscope's light does to every pixel, about 1, shape (size, size)."""
    across, down = x - np.float32(0.5), y - np.float32(0.5)
    corner = (across**2 + down**2) * 2
    lit: FloatArray = (1 + across * np.float32(slide.slope[0]) + down * np.float32(slide.slope[1])) * (
        1 - np.float32(slide.falloff) * corner**2
    )
    return lit.astype(np.float32)


def edge_shadow(depth: FloatArray) -> FloatArray:
    """How much of the background's light is left beside a scale's edge; `depth` is negative outside."""
    left: FloatArray = 1 - np.float32(0.3) * np.exp(np.minimum(depth, 0) / np.float32(0.012))
    return left
