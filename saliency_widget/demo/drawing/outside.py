"""Surroundings of an outer wall: skyline, roof and ground; the sky is painted by the atmosphere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canvas import Canvas, Region
from .palette import GROUNDS, SKIES, Colour, mix, pick, shade, vary

if TYPE_CHECKING:
    import numpy as np

    from .composition import Composition

FAR = 1.6
"""How far surroundings reach beyond the picture, so that a turned camera sees no edge."""


@dataclass(frozen=True)
class Outdoors:
    """What the atmosphere needs to know of the ground and sky of one scene."""

    ground: Colour
    paving: str  # lawn, slabs, checks or plain
    clouds: float  # share of sky covered
    zenith: Colour
    horizon: Colour
    falling: str  # nothing, rain or snow


def prepare(composition: Composition, rng: np.random.Generator) -> Outdoors:
    """Choose sky and ground."""
    zenith, horizon = SKIES[composition.light.hour]
    paving = str(rng.choice(("lawn", "lawn", "slabs", "slabs", "plain", "checks")))
    lawns = (GROUNDS[3], GROUNDS[8], GROUNDS[5], GROUNDS[3], GROUNDS[2])
    ground = pick(rng, lawns if paving == "lawn" else GROUNDS)
    cover = {"overcast": 0.95, "storm": 0.9, "mist": 0.8}.get(composition.light.hour)
    clouds = float(rng.uniform(0.0, 0.75)) if cover is None else cover
    falling = "nothing"
    if composition.light.hour in {"overcast", "storm", "mist"} and rng.random() < 0.5:
        falling = str(rng.choice(("rain", "snow")))
        if falling == "snow":
            ground = mix(ground, (232, 234, 240), 0.75)
    return Outdoors(ground, paving, clouds, vary(rng, zenith, 8.0), vary(rng, horizon, 8.0), falling)


def draw_behind(canvas: Canvas, composition: Composition, outdoors: Outdoors, rng: np.random.Generator) -> None:
    """Paint skyline, ground and roof, all that the wall will hide in part."""
    level = composition.vanishing[1]
    canvas.rectangle((-FAR, -FAR, 1 + FAR, 1 + FAR), (0, 0, 0), Region.ABOVE)
    _skyline(canvas, level, outdoors, rng)
    canvas.rectangle((-FAR, level, 1 + FAR, 1 + FAR), outdoors.ground, Region.BELOW)
    _path(canvas, composition, outdoors, rng)
    _wings(canvas, composition, outdoors, rng)
    if composition.wall.shape == "flat" and rng.random() < 0.5:
        _roof(canvas, composition, rng)
    _wall_shadow(canvas, composition)


def _skyline(canvas: Canvas, level: float, outdoors: Outdoors, rng: np.random.Generator) -> None:
    """Hills, woods or roofs, paler the farther they stand."""
    layers = int(rng.integers(1, 4))
    near = mix(pick(rng, GROUNDS), (60, 74, 70), 0.55)
    for layer in range(layers):
        share = 0.78 - 0.5 * (layer + 1) / layers
        colour = mix(near, outdoors.horizon, share)
        height = float(rng.uniform(0.05, 0.22)) * (1.0 - 0.2 * layer)
        kind = int(rng.integers(3))
        if kind == 0:
            _hills(canvas, level, height, colour, rng)
        elif kind == 1:
            _woods(canvas, level, height * 0.8, colour, rng)
        else:
            _town(canvas, level, height, colour, rng)


def _hills(canvas: Canvas, level: float, height: float, colour: Colour, rng: np.random.Generator) -> None:
    phases = rng.uniform(0.0, 6.28, 3)
    points = [(-FAR, level + 0.02)]
    for step in range(41):
        x = -0.4 + 1.8 * step / 40
        wave = math.sin(4 * x + phases[0]) + 0.5 * math.sin(9 * x + phases[1])
        wave += 0.2 * math.sin(23 * x + phases[2])
        points.append((x, level - height * (0.62 + 0.26 * wave)))
    points.append((1 + FAR, level + 0.02))
    canvas.polygon(points, colour, Region.BESIDE)


def _woods(canvas: Canvas, level: float, height: float, colour: Colour, rng: np.random.Generator) -> None:
    canvas.rectangle((-0.4, level - 0.4 * height, 1.4, level + 0.02), colour, Region.BESIDE)
    places, sizes, tones = rng.uniform(-0.3, 1.3, 34), rng.uniform(0.2, 0.5, 34), rng.uniform(0.88, 1.1, 34)
    for x, size, tone in zip(places, sizes, tones, strict=True):
        radius = size * height
        spot = (float(x), level - 0.35 * height - 0.5 * radius)
        canvas.disc(spot, float(radius), shade(colour, float(tone)), Region.BESIDE)


def _town(canvas: Canvas, level: float, height: float, colour: Colour, rng: np.random.Generator) -> None:
    x = -0.3
    while x < 1.3:
        width = float(rng.uniform(0.04, 0.11))
        top = level - height * float(rng.uniform(0.35, 1.0))
        tone = shade(colour, float(rng.uniform(0.88, 1.1)))
        canvas.rectangle((x, top, x + width, level + 0.02), tone, Region.BESIDE)
        ridge = float(rng.uniform(0.0, 0.35)) * width
        if ridge > 0.1 * width:
            roof = (
                (x - 0.004, top),
                (x + 0.3 * width, top - ridge),
                (x + 0.7 * width, top - ridge),
                (x + width + 0.004, top),
            )
            canvas.polygon(roof, shade(tone, 0.82), Region.BESIDE)
        x += width


def _path(canvas: Canvas, composition: Composition, outdoors: Outdoors, rng: np.random.Generator) -> None:
    """A way to the door, a kerb and verges, in perspective."""
    wall, (x, y) = composition.wall, composition.vanishing
    colour = mix(pick(rng, GROUNDS), outdoors.ground, 0.25)
    depth = wall.bottom - y

    def at(across: float, near: float) -> tuple[float, float]:
        return x + near * (across - x), y + near * depth

    if rng.random() < 0.55:
        half = float(rng.uniform(0.05, 0.11))
        kerb = mix(colour, (235, 230, 220), 0.35)
        for reach, tone in ((half + 0.008, kerb), (half, colour)):
            ends = (at(wall.middle - reach, 1.0), at(wall.middle + reach, 1.0))
            starts = (at(wall.middle + reach * 1.1, 6.0), at(wall.middle - reach * 1.1, 6.0))
            canvas.polygon((*ends, *starts), tone, Region.BELOW)
    if rng.random() < 0.45:
        near, far = float(rng.uniform(1.5, 1.9)), float(rng.uniform(1.12, 1.3))
        road = mix(pick(rng, GROUNDS), outdoors.ground, 0.3)
        edges = (at(-4.0, far), at(5.0, far), at(5.0, near), at(-4.0, near))
        canvas.polygon(edges, road, Region.BELOW)
        line = mix(road, (240, 236, 226), 0.4)
        canvas.line((at(-4.0, far), at(5.0, far)), 0.005, line, Region.BELOW)


def _wings(canvas: Canvas, composition: Composition, outdoors: Outdoors, rng: np.random.Generator) -> None:
    """Lower buildings that stand back on one side or both, plain and without windows."""
    wall, (eye_x, eye_y) = composition.wall, composition.vanishing
    for sign, edge in ((-1.0, wall.left), (1.0, wall.right)):
        if rng.random() < 0.6:
            continue
        back = float(rng.uniform(0.78, 0.92))
        tall = float(rng.uniform(0.45, 0.8)) * wall.height
        wide = float(rng.uniform(0.1, 0.4))
        stone = mix(shade(mix(wall.stone, pick(rng, GROUNDS), 0.3), 0.86), outdoors.horizon, 0.22)
        start, end = edge - sign * 0.05, edge + sign * wide
        left, right = (eye_x + back * (min(start, end) - eye_x), eye_x + back * (max(start, end) - eye_x))
        foot = eye_y + back * (wall.bottom - eye_y)
        head = eye_y + back * (wall.bottom - tall - eye_y)
        slope = 0.05 + 0.05 * float(rng.random())
        roof = mix(vary(rng, (112, 94, 88)), outdoors.horizon, 0.25)
        lean = 0.02 if rng.random() < 0.5 else 0.08
        shape = ((left - 0.01, head), (left + lean, head - slope), (right - lean, head - slope), (right + 0.01, head))
        canvas.polygon(shape, roof, Region.BESIDE)
        canvas.rectangle((left, head, right, foot), stone, Region.BESIDE)
        canvas.rectangle((left, head, right, head + 0.012), shade(stone, 0.74), Region.BESIDE)
        canvas.rectangle((left, foot - 0.03, right, foot), shade(stone, 0.84), Region.BESIDE)
        if sign * composition.light.side < 0:  # in the shadow of the main building
            shadow = (left, head, left + 0.5 * wide, foot) if sign > 0 else (right - 0.5 * wide, head, right, foot)
            canvas.rectangle(shadow, shade(stone, 0.8), Region.BESIDE)


def _roof(canvas: Canvas, composition: Composition, rng: np.random.Generator) -> None:
    """A hipped roof that rises behind the wall, with chimneys."""
    wall = composition.wall
    tall = float(rng.uniform(0.05, 0.11))
    hip = float(rng.uniform(0.04, 0.14))
    colour = vary(rng, ((96, 92, 98), (150, 92, 72), (92, 118, 108), (120, 104, 88))[int(rng.integers(4))])
    for sign in (-1.0, 1.0):
        if rng.random() < 0.5:
            x = wall.middle + sign * float(rng.uniform(0.12, 0.3)) * wall.width
            box = (x - 0.016, wall.top - tall - 0.045, x + 0.016, wall.top)
            canvas.rectangle(box, shade(wall.stone, 0.85), Region.BESIDE)
            cap = (x - 0.02, wall.top - tall - 0.05, x + 0.02, wall.top - tall - 0.04)
            canvas.rectangle(cap, shade(wall.stone, 0.7), Region.BESIDE)
    steps = 7
    for step in range(steps):
        low, high = step / steps, (step + 1) / steps
        strip = (
            (wall.left - 0.01 + hip * low, wall.top - tall * low),
            (wall.right + 0.01 - hip * low, wall.top - tall * low),
            (wall.right + 0.01 - hip * high, wall.top - tall * high),
            (wall.left - 0.01 + hip * high, wall.top - tall * high),
        )
        canvas.polygon(strip, shade(colour, 1.08 - 0.05 * (step % 2) - 0.1 * low), Region.BESIDE)


def _wall_shadow(canvas: Canvas, composition: Composition) -> None:
    """The shadow that the building throws on the ground, away from the light."""
    wall, light = composition.wall, composition.light
    (x, y), depth = composition.vanishing, composition.wall.bottom - composition.vanishing[1]
    reach, near = 0.28 / light.height, 1.0 + 0.22 / light.height
    left, right = wall.left - x, wall.right - x
    lean = -light.side * reach
    edge = (
        (x + left, wall.bottom),
        (x + near * (left + lean), y + near * depth),
        (x + near * (right + lean), y + near * depth),
        (x + right, wall.bottom),
    )
    canvas.shadow(edge, 0.25 + 0.4 * light.sunshine)
    foot = (
        (wall.left - 0.008, wall.bottom - 0.01),
        (wall.right + 0.008, wall.bottom - 0.01),
        (x + 1.05 * right, y + 1.05 * depth),
        (x + 1.05 * left, y + 1.05 * depth),
    )
    canvas.shadow(foot, min(0.75, 0.4 + 0.4 * light.sunshine))
