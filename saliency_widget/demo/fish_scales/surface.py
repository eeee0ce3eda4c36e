"""What a scale's surface looks like: ridges, winter rings, grooves, the bare posterior field, regenerated patches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saliency_widget.demo.drawing.noise import FloatArray, sample
from saliency_widget.demo.fish_scales.growth import Growth, bands, crowding, look_up, ridge_phase, rings
from saliency_widget.demo.fish_scales.outline import Outline, Polar


@dataclass(frozen=True)
class Patch:
    """A place where the scale was torn and grew again, without ridges or rings.

    Attributes
    ----------
    angle, out : float
        Where on the scale its middle is.
    size : float
        Half its breadth, as a share of the picture.

    """

    angle: float
    out: float
    size: float


@dataclass(frozen=True)
class Surface:
    """What is chosen about a scale's surface.

    Attributes
    ----------
    contrast : float
        How much darker a ring is than what lies between.
    ridge : float
        The same of a summer ridge.
    oblique : float
        0 where light comes through the scale, 1 where it comes from one side and ridges throw shadows.
    light : float
        Direction of that light, in radians.
    bare : float
        Angle from the anterior end beyond which the posterior field begins.
    spots : int
        Pigment cells of the posterior field.
    patches : tuple of Patch
    scratches : tuple of (float, float, float)
        Each an angle, a distance from the focus and a strength.
    seed : int
        Of the places of pigment cells, and of where round the scale its rings are strong.

    """

    contrast: float
    ridge: float
    oblique: float
    light: float
    bare: float
    spots: int
    patches: tuple[Patch, ...]
    scratches: tuple[tuple[float, float, float], ...]
    seed: int


def choose(rng: np.random.Generator) -> Surface:
    """Choose a surface; patches never lie across the anterior end, where an age is read."""
    patches: list[Patch] = []
    torn = rng.random() < 0.35
    for _ in range(2):
        side = rng.choice((-1.0, 1.0))
        found = Patch(side * rng.uniform(0.85, 2.1), rng.uniform(0.35, 0.85), rng.uniform(0.03, 0.065))
        patches += [found] if torn and (not patches or rng.random() < 0.4) else []
    scratches = [(rng.uniform(0, math.pi), rng.uniform(-0.25, 0.25), rng.uniform(-0.12, 0.12)) for _ in range(3)]
    return Surface(
        contrast=float(rng.uniform(0.2, 0.32)),
        ridge=float(rng.uniform(0.05, 0.11)),
        oblique=float(rng.uniform(0, 0.9)),
        light=float(rng.uniform(0, 2 * math.pi)),
        bare=float(rng.uniform(1.95, 2.25)),
        spots=int(rng.integers(0, 40)),
        patches=tuple(patches),
        scratches=tuple(scratches[: int(rng.integers(0, 4))]),
        seed=int(rng.integers(0, 2**31)),
    )


def light_and_rings(
    growth: Growth, outline: Outline, surface: Surface, at: Polar, places: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return how light a scale is, and where its rings can be seen.

    Parameters
    ----------
    growth, outline, surface
        Of the scale.
    at : Polar
        Where the pixels lie on it.
    places : tuple of ndarray, each of shape (size, size)
        x and y of the pixels in the picture.

    Returns
    -------
    light : ndarray of float32, shape (size, size)
        About 0.6 on the scale; without meaning outside.
    rings : ndarray of bool, shape (size, size)

    """
    x, y = places
    out = np.minimum(at.out, 1)
    clear = _clear(surface, at)
    rough = sample(1.0, x * 420 + 37, y * 420 + 91)
    whole = 1 - _patched(outline, surface, x, y)
    seen = clear * whole
    inside = at.depth > 0
    band = look_up(bands(growth), out) * seen * _uneven(at.angle, surface)
    # The number of rings shall not show in the mean brightness: the lamp is set for each scale.
    band = band - (band[inside].mean() if inside.any() else 0)
    light = np.float32(0.6) - np.float32(surface.contrast) * band
    light += _ridges(growth, surface, at, out) * (np.float32(0.25) + np.float32(0.75) * clear) * whole
    light += np.float32(0.13) * (out - np.float32(0.6))
    light += _dome(surface, at)
    light += np.float32(0.035) * sample(1.8, x * 260 + 11, y * 260 + np.float32(outline.wander[1]))
    light += np.float32(0.05) * rough * (1 - seen)
    light += _grooves(outline, at, out) * whole
    light += _spots(surface, at, clear)
    for turn, away, strength in surface.scratches:
        across = (x - 0.5) * np.float32(math.cos(turn)) + (y - 0.5) * np.float32(math.sin(turn)) - np.float32(away)
        light += np.float32(strength) * np.exp(-((across / np.float32(0.003)) ** 2))
    rim = np.exp(-((at.depth / np.float32(0.006)) ** 2))
    light -= np.float32(0.12) * rim
    focus = np.exp(-((out / np.float32(0.035)) ** 2))
    light += np.float32(0.1) * focus
    visible = (look_up(rings(growth), out) > 0.5) & (seen > 0.5) & inside
    return light.astype(np.float32), visible


def _dome(surface: Surface, at: Polar) -> FloatArray:
    """Light and shade of the scale's own curvature, stronger towards its edge."""
    shade: FloatArray = np.float32(0.13) * np.cos(at.angle - np.float32(surface.light)) * np.minimum(at.out, 1) ** 2
    return shade


def _clear(surface: Surface, at: Polar) -> FloatArray:
    """1 in the anterior and lateral fields, falling to nearly 0 in the posterior one."""
    past = np.clip((np.abs(at.angle) - np.float32(surface.bare)) / np.float32(0.35) + np.float32(0.5), 0, 1)
    falling = 1 - past * past * (3 - 2 * past)
    # Round the focus all fields look alike.
    near = np.clip(1 - at.out / np.float32(0.12), 0, 1)
    clear: FloatArray = np.maximum(np.float32(0.06) + np.float32(0.94) * falling, near)
    return clear


def _uneven(angle: FloatArray, surface: Surface) -> FloatArray:
    """How strong a ring is round the scale, about 1."""
    phase = np.float32(surface.seed % 628) / 100
    found: FloatArray = 1 + np.float32(0.12) * np.cos(2 * angle + phase) + np.float32(0.08) * np.cos(5 * angle - phase)
    return found


def _ridges(growth: Growth, surface: Surface, at: Polar, out: FloatArray) -> FloatArray:
    """Light and shade of the ridges, fainter where they are too close for the pixels."""
    phase = look_up(ridge_phase(growth), out)
    down, across = np.gradient(at.out)
    pixel = np.hypot(down, across) + np.float32(1e-6)
    cycles = pixel / (growth.ridges * crowding(out))
    sharp = np.exp(-((cycles * np.float32(1.9)) ** 2))
    towards = (across * np.float32(math.cos(surface.light)) + down * np.float32(math.sin(surface.light))) / pixel
    turn = np.float32(2 * math.pi) * phase
    relief = np.float32(surface.oblique) * towards * np.sin(turn)
    through = np.float32(1 - surface.oblique) * np.cos(turn)
    shade: FloatArray = np.float32(1.6 * surface.ridge) * sharp * (relief - through)
    return shade.astype(np.float32)


def _grooves(outline: Outline, at: Polar, out: FloatArray) -> FloatArray:
    """Light of the grooves that run through the anterior field."""
    light = np.zeros_like(out)
    for i, angle in enumerate(outline.radii):
        begins = 0.18 + 0.3 * ((i * 0.618) % 1)
        away = (at.angle - angle) * at.distance
        along = np.clip((out - np.float32(begins)) / np.float32(0.08), 0, 1)
        light = np.maximum(light, along * np.exp(-((away / np.float32(0.0036)) ** 2)))
    return np.float32(0.1) * light


def _patched(outline: Outline, surface: Surface, x: FloatArray, y: FloatArray) -> FloatArray:
    """1 in regenerated patches, 0 elsewhere."""
    found = np.zeros_like(x)
    for patch in surface.patches:
        share = (patch.angle / (2 * math.pi) + 0.5) % 1
        reach = patch.out * float(outline.radius[int(share * (len(outline.radius) - 1))])
        middle_x = outline.focus[0] + reach * math.sin(patch.angle + outline.tilt)
        middle_y = outline.focus[1] - reach * math.cos(patch.angle + outline.tilt)
        bumps = sample(2.0, x * 400 + 150, y * 400 + 50)
        away = np.hypot(x - np.float32(middle_x), y - np.float32(middle_y)) / np.float32(patch.size)
        soft = np.clip((1 + np.float32(0.14) * bumps - away) / np.float32(0.25) + np.float32(0.5), 0, 1)
        found = np.maximum(found, soft)
    return found


def _spots(surface: Surface, at: Polar, clear: FloatArray) -> FloatArray:
    """Pigment cells, in the posterior field."""
    light = np.zeros_like(clear)
    if not surface.spots:
        return light
    rng = np.random.default_rng(surface.seed)
    turns = math.pi + rng.uniform(-0.85, 0.85, surface.spots) * (math.pi - surface.bare)
    reach = np.sqrt(rng.uniform(0.1, 0.95, surface.spots))
    sizes = rng.uniform(0.004, 0.011, surface.spots)
    near = np.flatnonzero((clear < 0.9) & (at.depth > -0.02))
    if not len(near):
        return light
    distance, angle = at.distance.flat[near], at.angle.flat[near]
    ahead, aside = distance * np.cos(angle), distance * np.sin(angle)
    edge = float(np.median(distance / np.maximum(at.out.flat[near], np.float32(1e-3))))
    values = np.zeros(len(near), np.float32)
    for turn, far, size in zip(turns, reach, sizes, strict=True):
        away = np.hypot(ahead - far * edge * math.cos(turn), aside - far * edge * math.sin(turn)) / size
        values = np.minimum(values, np.float32(-0.28) * np.exp(-(away**4)).astype(np.float32))
    light.flat[near] = values
    return light
