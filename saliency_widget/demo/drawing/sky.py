"""The sky as a picture: gradient, sun, clouds and what falls from them; it knows no buildings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .noise import TILE, FloatArray, sample
from .palette import mix, shade

if TYPE_CHECKING:
    from .composition import Composition
    from .outside import Outdoors
    from .palette import Colour


def paint(
    composition: Composition,
    outdoors: Outdoors,
    x: FloatArray,
    y: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Colours of the sky at scene coordinates, shape (size, size, 3), 0 to 255."""
    light = composition.light
    level = np.float32(composition.vanishing[1])
    height = np.clip((level - y) / (level + np.float32(0.15)), 0, 1)
    sky = _blend(_array(outdoors.horizon), _array(outdoors.zenith), np.sqrt(height))
    sun_x = 0.5 + light.side * float(rng.uniform(0.1, 0.55))
    sun_y = float(level) - float(rng.uniform(0.25, 0.7))
    squared = (x - np.float32(sun_x)) ** 2 + (y - np.float32(sun_y)) ** 2
    glow = np.exp(squared * np.float32(-9.0)) * np.float32(0.15 + 0.35 * light.sunshine)
    sky = _blend(sky, _array(mix(outdoors.horizon, (255, 250, 235), 0.7)), glow)
    offsets = rng.uniform(0, TILE, 2)
    stretch, low = float(rng.uniform(150.0, 330.0)), float(rng.uniform(0.1, 0.3))
    if outdoors.clouds > 0.05:
        depth = np.float32(1.0) / (np.maximum(level - y, 0) + np.float32(low))
        across = (x - np.float32(composition.vanishing[0])) * depth * np.float32(stretch * 0.5)
        down = depth * np.float32(stretch * 0.6)
        across += np.float32(offsets[0])
        down += np.float32(offsets[1])
        thick = sample(1.65, across, down)
        lit = sample(1.65, across + np.float32(12 * light.side), down + np.float32(9))
        edge = np.float32(1.2 - 2.4 * outdoors.clouds)
        cover = np.clip((thick - edge) * np.float32(1.1), 0, 1)
        cover = cover * cover * (3 - 2 * cover)
        bright = np.clip(np.float32(0.5) + (thick - lit) * np.float32(0.55), 0, 1)
        top = mix(shade(outdoors.horizon, 1.05), (255, 252, 246), 0.6 * light.sunshine + 0.1)
        base = mix(shade(outdoors.zenith, 0.92), (168, 168, 174), 0.25)
        cloud = _blend(_array(base), _array(top), bright)
        sky = _blend(sky, cloud, cover * np.float32(0.86))
    disc = np.clip((np.float32(0.026) - np.sqrt(squared)) * np.float32(150), 0, 1)
    if light.hour in {"golden", "dusk", "night", "mist", "rose"}:
        sky = _blend(sky, _array(mix(outdoors.horizon, (255, 252, 240), 0.85)), disc)
    return sky


def falling(kind: str, size: int, rng: np.random.Generator) -> FloatArray:
    """Brightness that rain or snow adds to the air before it, shape (size, size), 0 to 1."""
    offset = rng.uniform(0, TILE, 2).astype(np.float32)
    steps = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    x, y = steps[None, :], steps[:, None]
    if kind == "rain":
        across = (x * 170 + y * 30) + offset[0] + y * 0
        drops = sample(0.4, across, y * 12 + offset[1] + x * 3)
        streaks: FloatArray = np.clip(drops - 1.3, 0, 1) * np.float32(0.22)
        return streaks
    flakes = sample(0.9, x * 300 + y * 0 + offset[0], y * 300 + x * 0 + offset[1])
    snow: FloatArray = np.clip((flakes - 1.9) * np.float32(1.6), 0, 1) * np.float32(0.85)
    return snow


def _array(colour: Colour) -> FloatArray:
    return np.asarray(colour, np.float32)


def _blend(first: FloatArray, second: FloatArray, share: FloatArray) -> FloatArray:
    mixed: FloatArray = first + (second - first) * share[..., None]
    return mixed
