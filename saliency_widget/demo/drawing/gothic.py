"""Gothic elements of a wall: pointed windows, rose, portal, battlements, buttresses; no surroundings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canvas import GLASS, Canvas, Region
from .palette import Colour, mix, shade
from .shapes import circle, pointed_arch, pointed_rise

if TYPE_CHECKING:
    import numpy as np

    from .canvas import Point
    from .composition import Wall

STYLE = Region.STYLE


@dataclass(frozen=True)
class Tracery:
    """One design of pointed window, repeated along a wall."""

    sharpness: float
    lights: int
    leading: int
    hood: bool


def draw_wall(canvas: Canvas, wall: Wall, rng: np.random.Generator) -> None:
    """Fill a wall with gothic elements."""
    tracery = Tracery(
        sharpness=float(rng.uniform(0.85, 1.25)),
        lights=int(rng.integers(1, 4)),
        leading=int(rng.integers(4, 8)),
        hood=bool(rng.random() < 0.6),
    )
    top, bottom = wall.top + 0.02 * wall.height, wall.bottom - 0.05 * wall.height
    if wall.shape != "flat":
        _gable_ornament(canvas, wall, rng)
    if rng.random() < 0.7:
        depth = wall.height * float(rng.uniform(0.08, 0.11))
        battlements(canvas, wall, wall.left, wall.right, wall.top, depth)
        top = wall.top + depth + 0.035 * wall.height
    else:
        depth = 0.07 * wall.height
        _corbels(canvas, wall, wall.top, depth)
        top = wall.top + depth + 0.03 * wall.height
    if rng.random() < 0.35:
        depth = 0.15 * wall.height
        _blind_arcade(canvas, wall, bottom - depth, bottom)
        bottom -= depth + 0.03 * wall.height
    plan = int(rng.integers(3))
    if plan == 0:
        _cathedral(canvas, wall, rng, tracery, top, bottom)
    elif plan == 1:
        _hall(canvas, wall, rng, tracery, top, bottom)
    else:
        _great_window(canvas, wall, rng, tracery, top, bottom)


def _cathedral(
    canvas: Canvas, wall: Wall, rng: np.random.Generator, tracery: Tracery, top: float, bottom: float
) -> None:
    """Portal and rose on the axis, lancets in two storeys beside them."""
    half = wall.width * float(rng.uniform(0.15, 0.19))
    middle, height = wall.middle, bottom - top
    radius = min(half * 0.92, height * 0.24)
    rose(canvas, wall, (middle, top + radius * 1.1), radius, int(rng.integers(8, 13)))
    _portal(canvas, wall, middle, half * 0.9, top + radius * 2.35, wall.bottom)
    storeys, count = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    buttressed = rng.random() < 0.6
    for start, end in ((wall.left, middle - half), (middle + half, wall.right)):
        if buttressed:
            for x in (start, end):
                _buttress(canvas, wall, x, 0.028 * wall.width, top, wall.bottom)
        _bays(canvas, wall, tracery, (start + 0.03, end - 0.03), (top, bottom), count, storeys)


def _hall(canvas: Canvas, wall: Wall, rng: np.random.Generator, tracery: Tracery, top: float, bottom: float) -> None:
    """Equal bays between buttresses or shafts."""
    count = int(rng.integers(4, 7))
    storeys = int(rng.integers(1, 3))
    inset = 0.03 * wall.width
    left, right = wall.left + inset, wall.right - inset
    _bays(canvas, wall, tracery, (left, right), (top, bottom), count, storeys)
    if rng.random() < 0.75:
        for step in range(count + 1):
            x = left + (right - left) * step / count
            _buttress(canvas, wall, x, 0.02 * wall.width, top, wall.bottom)


def _great_window(
    canvas: Canvas, wall: Wall, rng: np.random.Generator, tracery: Tracery, top: float, bottom: float
) -> None:
    """One great traceried window on the axis, smaller ones beside it."""
    half = wall.width * float(rng.uniform(0.17, 0.22))
    middle = wall.middle
    great = Tracery(1.0, 4, 8, hood=True)
    _window(canvas, wall, great, middle - half, middle + half, top, bottom)
    count, storeys = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    gap = 0.04 * wall.width
    _bays(canvas, wall, tracery, (wall.left + gap, middle - half - gap), (top, bottom), count, storeys)
    _bays(canvas, wall, tracery, (middle + half + gap, wall.right - gap), (top, bottom), count, storeys)
    if rng.random() < 0.5:
        for x in (wall.left + gap / 2, middle - half - gap, middle + half + gap, wall.right - gap / 2):
            _buttress(canvas, wall, x, 0.022 * wall.width, top, wall.bottom)


def _bays(
    canvas: Canvas,
    wall: Wall,
    tracery: Tracery,
    across: tuple[float, float],
    down: tuple[float, float],
    count: int,
    storeys: int,
) -> None:
    left, right = across
    top, bottom = down
    pitch, storey = (right - left) / count, (bottom - top) / storeys
    for row in range(storeys):
        upper = top + storey * row + 0.04 * storey
        lower = top + storey * (row + 1) - 0.09 * storey
        width = min(pitch * 0.64, (lower - upper) * 0.56)
        for column in range(count):
            middle = left + pitch * (column + 0.5)
            _window(canvas, wall, tracery, middle - width / 2, middle + width / 2, upper, lower)


def _window(canvas: Canvas, wall: Wall, tracery: Tracery, left: float, right: float, top: float, bottom: float) -> None:
    width = right - left
    frame = 0.1 * width
    springing = top + pointed_rise(width, tracery.sharpness)
    if tracery.hood:
        outer = pointed_arch(left - frame, right + frame, springing + frame, springing, tracery.sharpness)
        canvas.polygon(outer, shade(wall.trim, 1.04), STYLE, 21)
    outline = pointed_arch(left, right, bottom, springing, tracery.sharpness)
    canvas.polygon(outline, wall.trim, STYLE, 19)
    inner = pointed_arch(left + frame, right - frame, bottom, springing, tracery.sharpness)
    canvas.polygon(inner, wall.panes[0], STYLE, GLASS)
    _glaze(canvas, wall, tracery, left + frame, right - frame, springing, bottom)
    bar = shade(wall.trim, 0.92)
    clear = (right - left) - 2 * frame
    if tracery.lights > 1:
        _mullions(canvas, wall, tracery, (left + frame, right - frame), springing, bottom, clear)
    canvas.line(inner, 0.04 * width, bar, STYLE, 15)
    sill = (left - frame, bottom - 0.01, right + frame, bottom + 0.006)
    canvas.rectangle(sill, shade(wall.trim, 1.05), STYLE, 22)


def _glaze(
    canvas: Canvas,
    wall: Wall,
    tracery: Tracery,
    left: float,
    right: float,
    springing: float,
    bottom: float,
) -> None:
    """Panes of slightly different colours between thin leads."""
    columns = max(2, tracery.lights)
    step_x, step_y = (right - left) / columns, (bottom - springing) / tracery.leading
    lead = mix(wall.panes[1], (24, 24, 28), 0.6)
    for row in range(tracery.leading):
        y = springing + row * step_y
        for column in range(columns):
            pane = wall.panes[(row * 3 + column * 5 + row * column) % 4]
            box = (left + column * step_x, y, left + (column + 1) * step_x, y + step_y)
            canvas.rectangle(box, pane, STYLE, GLASS)
        canvas.line(((left, y), (right, y)), 0.003, lead, STYLE, 9)


def _mullions(
    canvas: Canvas,
    wall: Wall,
    tracery: Tracery,
    across: tuple[float, float],
    springing: float,
    bottom: float,
    clear: float,
) -> None:
    left, right = across
    bar = shade(wall.trim, 0.95)
    thick = max(0.0035, 0.05 * clear / tracery.lights * 1.6)
    light = clear / tracery.lights
    spring = springing + 0.25 * light
    for step in range(tracery.lights):
        x = left + step * light
        head = pointed_arch(x, x + light, spring, spring, 1.0)[1:-1]
        canvas.line(head, thick, bar, STYLE, 16)
        if step:
            canvas.line(((x, bottom), (x, spring - 0.1 * light)), thick, bar, STYLE, 16)
    rise = pointed_rise(clear, tracery.sharpness)
    radius = min(0.24 * clear, 0.34 * rise)
    middle = ((left + right) / 2.0, springing - 0.42 * rise)
    canvas.disc(middle, radius, bar, STYLE, 17)
    for petal in range(4):
        angle = math.pi / 4 + petal * math.pi / 2
        spot = (
            middle[0] + 0.42 * radius * math.cos(angle),
            middle[1] + 0.42 * radius * math.sin(angle),
        )
        canvas.disc(spot, 0.4 * radius, wall.panes[petal], STYLE, GLASS)


def rose(canvas: Canvas, wall: Wall, middle: Point, radius: float, petals: int) -> None:
    """Draw a rose window: rings, spokes and petals round an eye."""
    canvas.polygon(circle(middle, radius, steps=32), wall.trim, STYLE, 21)
    canvas.polygon(circle(middle, radius * 0.9, steps=32), shade(wall.trim, 0.82), STYLE, 18)
    canvas.polygon(circle(middle, radius * 0.83, steps=32), wall.panes[0], STYLE, GLASS)
    bar = shade(wall.trim, 0.98)
    for step in range(petals):
        angle = 2 * math.pi * (step + 0.5) / petals
        cosine, sine = math.cos(angle), math.sin(angle)
        size = 0.83 * math.pi / petals * 0.62 * radius
        spot = (middle[0] + 0.66 * radius * cosine, middle[1] + 0.66 * radius * sine)
        canvas.polygon(circle(spot, size * 1.3, steps=10), bar, STYLE, 16)
        canvas.polygon(circle(spot, size, steps=10), wall.panes[step % 4], STYLE, GLASS)
    for step in range(petals):
        angle = 2 * math.pi * step / petals
        end = (
            middle[0] + 0.84 * radius * math.cos(angle),
            middle[1] + 0.84 * radius * math.sin(angle),
        )
        canvas.line((middle, end), 0.055 * radius, bar, STYLE, 16)
    canvas.polygon(circle(middle, 0.28 * radius), bar, STYLE, 17)
    canvas.polygon(circle(middle, 0.19 * radius), wall.panes[3], STYLE, GLASS)


def battlements(
    canvas: Canvas,
    wall: Wall,
    left: float,
    right: float,
    top: float,
    depth: float,
    region: Region = STYLE,
) -> None:
    """Draw a row of merlons on a moulded band."""
    pitch = depth * 1.15
    count = max(3, round((right - left) / pitch / 2) * 2 + 1)
    step = (right - left) / count
    if region is STYLE:
        recess = mix(wall.stone, wall.dark, 0.55)
        canvas.rectangle((left, top, right, top + depth * 0.7), recess, region, 11)
    for index in range(0, count, 2):
        x = left + index * step
        canvas.rectangle((x, top, x + step, top + depth * 0.72), wall.trim, region, 20)
        cap = (x - 0.04 * step, top, x + 1.04 * step, top + depth * 0.12)
        canvas.rectangle(cap, shade(wall.trim, 1.1), region, 23)
    canvas.rectangle((left, top + depth * 0.68, right, top + depth), wall.trim, region, 20)
    band = (left, top + depth * 0.88, right, top + depth)
    canvas.rectangle(band, shade(wall.trim, 1.08), region, 23)


def _corbels(canvas: Canvas, wall: Wall, top: float, depth: float) -> None:
    """A frieze of small hanging pointed arches under a moulding."""
    left, right = wall.left, wall.right
    canvas.rectangle((left, top, right, top + depth), wall.trim, STYLE, 20)
    count = round((right - left) / (depth * 0.62))
    step = (right - left) / count
    recess = mix(wall.stone, wall.dark, 0.45)
    for index in range(count):
        x = left + index * step
        arch = pointed_arch(x + 0.16 * step, x + 0.84 * step, top + depth, top + depth * 0.75, 0.9)
        canvas.polygon(arch, recess, STYLE, 13)
    canvas.rectangle((left, top, right, top + depth * 0.2), shade(wall.trim, 1.08), STYLE, 23)


def _blind_arcade(canvas: Canvas, wall: Wall, top: float, bottom: float) -> None:
    depth = bottom - top
    count = round(wall.width / (depth * 0.6))
    step = wall.width / count
    canvas.rectangle((wall.left, top, wall.right, bottom), wall.trim, STYLE, 18)
    recess = mix(wall.trim, wall.dark, 0.4)
    rise = pointed_rise(step * 0.66, 1.0)
    for index in range(count):
        x = wall.left + (index + 0.5) * step
        arch = pointed_arch(x - 0.33 * step, x + 0.33 * step, bottom, top + 0.14 * depth + rise, 1.0)
        canvas.polygon(arch, recess, STYLE, 12)
        canvas.line(arch[1:-1], 0.004, shade(wall.trim, 1.08), STYLE, 20)
    canvas.rectangle((wall.left, top, wall.right, top + 0.1 * depth), shade(wall.trim, 1.08), STYLE, 22)


def _portal(canvas: Canvas, wall: Wall, middle: float, half: float, top: float, bottom: float) -> None:
    """A doorway in receding pointed arches."""
    orders = 4
    springing = top + pointed_rise(2 * half, 0.95)
    if springing > bottom - 0.03:
        half *= 0.75
        springing = top + pointed_rise(2 * half, 0.95)
    for order in range(orders):
        inset = half * 0.13 * order
        arch = pointed_arch(middle - half + inset, middle + half - inset, bottom, springing, 0.95)
        tone = shade(wall.trim, (1.06, 0.78, 0.98, 0.7)[order])
        canvas.polygon(arch, tone, STYLE, 21 - 3 * order)
    inset = half * 0.13 * orders
    door: Colour = mix((84, 56, 40), wall.dark, 0.3)
    inner = pointed_arch(middle - half + inset, middle + half - inset, bottom, springing, 0.95)
    canvas.polygon(inner, door, STYLE, 8)
    canvas.line(((middle, springing), (middle, bottom)), 0.005, shade(door, 0.55), STYLE, 8)
    for step in range(1, 4):
        y = springing + (bottom - springing) * step / 4
        ends = ((middle - half + inset, y), (middle + half - inset, y))
        canvas.line(ends, 0.003, shade(door, 0.6), STYLE, 8)


def _buttress(canvas: Canvas, wall: Wall, x: float, half: float, top: float, bottom: float) -> None:
    """A stepped buttress with a gabled pinnacle."""
    x = min(wall.right - half * 1.3, max(wall.left + half * 1.3, x))
    height = bottom - top
    cap = top + 0.12 * height
    lit, dim = shade(wall.trim, 1.04), shade(wall.trim, 0.74)
    for width, start in ((1.0, cap), (1.3, top + 0.55 * height)):
        w = half * width
        canvas.rectangle((x - w, start, x + w, bottom), lit, STYLE, 25)
        edge = (x, start, x + w, bottom) if wall.side < 0 else (x - w, start, x, bottom)
        canvas.rectangle(edge, mix(lit, dim, 0.5), STYLE, 24)
        slope = ((x - w, start), (x, start - 0.05 * height), (x + w, start))
        canvas.polygon(slope, shade(wall.trim, 1.12), STYLE, 27)
    spike = ((x - half, cap), (x, top), (x + half, cap))
    canvas.polygon(spike, shade(wall.trim, 1.0), STYLE, 24)
    half_spike = ((x, cap), (x, top), (x - half * wall.side, cap))
    canvas.polygon(half_spike, dim, STYLE, 22)


def _gable_ornament(canvas: Canvas, wall: Wall, rng: np.random.Generator) -> None:
    """Moulding and a small rose or triplet in the gable."""
    canvas.line(wall.profile(), 0.016, shade(wall.trim, 1.04), STYLE, 22)
    if rng.random() < 0.5:
        centre = (wall.middle, wall.top - 0.36 * wall.rise)
        rose(canvas, wall, centre, 0.34 * wall.rise, 6)
        return
    width = 0.3 * wall.rise
    for offset, high in ((-1.4, 0.55), (0.0, 0.75), (1.4, 0.55)):
        x = wall.middle + offset * width
        y = wall.top - high * wall.rise
        spring = y + pointed_rise(width, 1.1)
        arch = pointed_arch(x - width / 2, x + width / 2, wall.top - 0.06 * wall.rise, spring, 1.1)
        canvas.polygon(arch, wall.panes[1], STYLE, GLASS)
        canvas.line(arch, 0.005, wall.trim, STYLE, 20)
