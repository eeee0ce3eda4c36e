"""Neoclassical elements of a wall: sash windows, balustrades, portico, quoins, courses; no surroundings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canvas import GLASS, Canvas, Region
from .classical import Order, column, entablature, pediment, segmental_pediment
from .palette import mix, shade
from .shapes import circle, round_arch

if TYPE_CHECKING:
    import numpy as np

    from .composition import Wall

STYLE = Region.STYLE


@dataclass(frozen=True)
class Sash:
    """One design of sash window, repeated along a wall."""

    columns: int
    rows: int
    crown: str  # lintel, triangle, segment, alternating or keystone
    shutters: bool


def draw_wall(canvas: Canvas, wall: Wall, rng: np.random.Generator) -> None:
    """Fill a wall with neoclassical elements."""
    sash = Sash(
        columns=int(rng.integers(2, 4)),
        rows=int(rng.integers(3, 5)),
        crown=str(rng.choice(("lintel", "triangle", "segment", "alternating", "keystone"))),
        shutters=bool(rng.random() < 0.25),
    )
    height = wall.height
    if wall.shape != "flat":
        _gable_ornament(canvas, wall, rng)
    top = wall.top + 0.01 * height
    if rng.random() < 0.75:
        depth = height * float(rng.uniform(0.09, 0.12))
        balustrade(canvas, wall, (wall.left, wall.right), (top, top + depth))
        top += depth + 0.01 * height
    depth = height * float(rng.uniform(0.05, 0.07))
    entablature(canvas, wall, (wall.left, wall.right), (top, top + depth), "dentils")
    top += depth
    bottom = wall.bottom - 0.04 * height
    if rng.random() < 0.65:
        _quoins(canvas, wall, top, wall.bottom)
    storeys = int(rng.integers(2, 4)) if top < wall.top + 0.14 * height else 2
    side = 0.055 * wall.width
    left, right = wall.left + side, wall.right - side
    plan = int(rng.integers(3))
    if plan == 0:  # a plain palace front
        count = int(rng.integers(4, 7))
        _storeys(canvas, wall, sash, (left, right), (top, bottom), count, storeys, door=rng.random() < 0.6)
        return
    half = wall.width * float(rng.uniform(0.17, 0.22))
    count = int(rng.integers(1, 3))
    gap = 0.015
    for across in ((left, wall.middle - half - gap), (wall.middle + half + gap, right)):
        _storeys(canvas, wall, sash, across, (top, bottom), count, storeys, door=False)
    if plan == 1:
        _portico(canvas, wall, rng, sash, half, (top, wall.bottom))
    else:
        _frontispiece(canvas, wall, sash, half, (top, wall.bottom))


def _storeys(
    canvas: Canvas,
    wall: Wall,
    sash: Sash,
    across: tuple[float, float],
    down: tuple[float, float],
    count: int,
    storeys: int,
    *,
    door: bool,
) -> None:
    """Rows of windows, divided by string courses; the lower windows are taller."""
    left, right = across
    top, bottom = down
    shares = (0.52, 0.48) if storeys == 2 else (0.28, 0.38, 0.34)
    pitch, upper = (right - left) / count, top
    for row, share in enumerate(reversed(shares) if storeys == 2 else shares):
        lower = upper + share * (bottom - top)
        tall = lower - upper
        width = min(0.5 * pitch, 0.5 * tall)
        for index in range(count):
            middle = left + (index + 0.5) * pitch
            crown = sash.crown
            if crown == "alternating":
                crown = ("triangle", "segment")[(index + row) % 2]
            if door and row == storeys - 1 and index == count // 2:
                _door(canvas, wall, middle, 0.62 * width, upper + 0.14 * tall, wall.bottom)
                continue
            box = (middle - width / 2, upper + 0.24 * tall, middle + width / 2, lower - 0.1 * tall)
            _window(canvas, wall, sash, box, crown)
        if row < storeys - 1:
            course = (left - 0.02, lower - 0.008, right + 0.02, lower + 0.006)
            canvas.rectangle(course, shade(wall.trim, 1.04), STYLE, 21)
        upper = lower


def _window(canvas: Canvas, wall: Wall, sash: Sash, box: tuple[float, float, float, float], crown: str) -> None:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    frame = 0.13 * width
    if sash.shutters:
        leaf = mix(wall.panes[3], (70, 84, 78), 0.6)
        for start in (left - frame - 0.42 * width, right + frame):
            canvas.rectangle((start, top, start + 0.42 * width, bottom), leaf, STYLE, 20)
            for step in range(1, 6):
                y = top + height * step / 6
                canvas.line(((start, y), (start + 0.42 * width, y)), 0.002, shade(leaf, 0.7), STYLE, 19)
    canvas.rectangle((left - frame, top - frame, right + frame, bottom), wall.trim, STYLE, 20)
    canvas.rectangle(box, wall.panes[0], STYLE, GLASS)
    step_x, step_y = width / sash.columns, height / sash.rows
    for row in range(sash.rows):
        for index in range(sash.columns):
            pane = wall.panes[(row * 3 + index * 5 + row * index) % 4]
            x, y = left + index * step_x, top + row * step_y
            canvas.rectangle((x, y, x + step_x, y + step_y), pane, STYLE, GLASS)
    bar = mix(shade(wall.trim, 1.1), (240, 238, 230), 0.4)
    thin = max(0.0028, 0.045 * width)
    for index in range(1, sash.columns):
        x = left + index * step_x
        canvas.line(((x, top), (x, bottom)), thin, bar, STYLE, 12)
    for row in range(1, sash.rows):
        y = top + row * step_y
        meeting = 1.8 if row * 2 in (sash.rows, sash.rows + 1) else 1.0
        canvas.line(((left, y), (right, y)), thin * meeting, bar, STYLE, 12)
    sill = (left - 1.5 * frame, bottom, right + 1.5 * frame, bottom + 0.011)
    canvas.rectangle(sill, shade(wall.trim, 1.1), STYLE, 25)
    _crown(canvas, wall, (left - 1.6 * frame, right + 1.6 * frame), top - frame, crown)


def _crown(canvas: Canvas, wall: Wall, across: tuple[float, float], base: float, crown: str) -> None:
    left, right = across
    middle, width = (left + right) / 2, right - left
    if crown in {"triangle", "segment"}:
        depth = 0.2 * width
        (pediment if crown == "triangle" else segmental_pediment)(canvas, wall, across, (base - depth, base + 0.004))
    elif crown == "keystone":
        canvas.rectangle((left, base - 0.06 * width, right, base), wall.trim, STYLE, 21)
        key = (
            (middle - 0.1 * width, base - 0.15 * width),
            (middle + 0.1 * width, base - 0.15 * width),
            (middle + 0.06 * width, base + 0.06 * width),
            (middle - 0.06 * width, base + 0.06 * width),
        )
        canvas.polygon(key, shade(wall.trim, 1.12), STYLE, 25)
    else:
        canvas.rectangle((left, base - 0.09 * width, right, base), shade(wall.trim, 1.08), STYLE, 26)


def _door(canvas: Canvas, wall: Wall, middle: float, half: float, top: float, bottom: float) -> None:
    """A panelled door under a fanlight."""
    frame = 0.2 * half
    springing = top + half
    outer = round_arch(middle - half - frame, middle + half + frame, bottom, springing)
    canvas.polygon(outer, wall.trim, STYLE, 21)
    canvas.polygon(round_arch(middle - half, middle + half, bottom, springing), wall.panes[1], STYLE, GLASS)
    bar = shade(wall.trim, 1.08)
    for step in range(1, 6):
        angle = math.pi * step / 6
        end = (middle - half * math.cos(angle), springing - half * math.sin(angle))
        canvas.line(((middle, springing), end), 0.003, bar, STYLE, 12)
    leaf = mix((70, 76, 84), wall.panes[2], 0.25)
    canvas.rectangle((middle - half, springing, middle + half, bottom), leaf, STYLE, 11)
    tall = bottom - springing
    for sign in (-1.0, 1.0):
        for row in range(3):
            x = middle + sign * 0.5 * half
            y = springing + (row + 0.5) * tall / 3
            box = (x - 0.32 * half, y - 0.12 * tall, x + 0.32 * half, y + 0.12 * tall)
            canvas.rectangle(box, shade(leaf, 0.78), STYLE, 10)
    canvas.line(((middle - half, springing), (middle + half, springing)), 0.006, bar, STYLE, 16)


def balustrade(
    canvas: Canvas,
    wall: Wall,
    across: tuple[float, float],
    down: tuple[float, float],
    region: Region = STYLE,
) -> None:
    """Draw a row of turned balusters between pedestals, rail and plinth."""
    left, right = across
    top, bottom = down
    depth = bottom - top
    if region is STYLE:
        canvas.rectangle((left, top, right, bottom), mix(wall.stone, wall.dark, 0.5), region, 11)
    piers = max(2, round((right - left) / (4.0 * depth)))
    span = (right - left) / piers
    per_span = max(4, round(span / (0.5 * depth)))
    light = shade(wall.trim, 1.04)
    for pier in range(piers):
        start = left + pier * span
        for index in range(per_span):
            x = start + (index + 0.5) * span / per_span
            w = 0.15 * depth
            shape = (
                (x - 0.5 * w, top + 0.15 * depth),
                (x + 0.5 * w, top + 0.15 * depth),
                (x + 0.4 * w, top + 0.4 * depth),
                (x + w, top + 0.66 * depth),
                (x + 0.6 * w, bottom - 0.12 * depth),
                (x - 0.6 * w, bottom - 0.12 * depth),
                (x - w, top + 0.66 * depth),
                (x - 0.4 * w, top + 0.4 * depth),
            )
            canvas.polygon(shape, light, region, 22)
    for pier in range(piers + 1):
        x = min(right - 0.22 * depth, max(left + 0.22 * depth, left + pier * span))
        canvas.rectangle((x - 0.22 * depth, top, x + 0.22 * depth, bottom), light, region, 24)
    canvas.rectangle((left, top, right, top + 0.16 * depth), shade(wall.trim, 1.12), region, 26)
    canvas.rectangle((left, bottom - 0.14 * depth, right, bottom), shade(wall.trim, 1.0), region, 24)


def _quoins(canvas: Canvas, wall: Wall, top: float, bottom: float) -> None:
    """Long and short blocks at both edges of the wall."""
    count = max(6, round((bottom - top) / 0.042))
    step = (bottom - top) / count
    for index in range(count):
        reach = (0.05 if index % 2 else 0.034) * wall.width
        y = top + index * step
        tone = shade(wall.trim, (1.05, 0.97)[index % 2])
        for box in (
            (wall.left, y + 0.08 * step, wall.left + reach, y + 0.94 * step),
            (wall.right - reach, y + 0.08 * step, wall.right, y + 0.94 * step),
        ):
            canvas.rectangle(box, tone, STYLE, 20)


def _portico(
    canvas: Canvas,
    wall: Wall,
    rng: np.random.Generator,
    sash: Sash,
    half: float,
    down: tuple[float, float],
) -> None:
    """A shallow portico of smooth columns before the middle bays."""
    top, bottom = down
    left, right = wall.middle - half, wall.middle + half
    tall = bottom - top
    gable, beam = 0.2 * tall, 0.09 * tall
    relief = str(rng.choice(("plain", "disc", "wreath")))
    pediment(canvas, wall, (left - 0.008, right + 0.008), (top + 0.015 * tall, top + gable), relief)
    entablature(canvas, wall, (left, right), (top + gable, top + gable + beam), "plain")
    head = top + gable + beam
    count = int(rng.choice((2, 4, 4)))
    pitch = 2 * half / (count - 1 + 0.44)
    upper, lower = head + 0.04 * tall, head + 0.3 * tall
    for index in range(count - 1):
        middle = left + (index + 0.72) * pitch
        width = min(0.42 * pitch, 0.09)
        box = (middle - width / 2, upper + 0.02 * tall, middle + width / 2, lower)
        _window(canvas, wall, sash, box, "lintel")
        if index * 2 == count - 2:
            _door(canvas, wall, middle, 0.62 * width, lower + 0.06 * tall, bottom)
        else:
            box = (middle - width / 2, lower + 0.12 * tall, middle + width / 2, bottom - 0.08 * tall)
            _window(canvas, wall, sash, box, "lintel")
    order = Order("ionic" if rng.random() < 0.5 else "doric", fluted=False, flat=bool(rng.random() < 0.5))
    for index in range(count):
        x = left + (index + 0.22) * pitch
        column(canvas, wall, order, x, min(0.1 * pitch, 0.016), (head, bottom))


def _frontispiece(canvas: Canvas, wall: Wall, sash: Sash, half: float, down: tuple[float, float]) -> None:
    """A tripartite window over the door, between paired pilasters, with a balcony."""
    top, bottom = down
    tall = bottom - top
    order = Order("ionic", fluted=False, flat=True)
    for sign in (-1.0, 1.0):
        for step in (0.95, 0.72):
            x = wall.middle + sign * step * half
            column(canvas, wall, order, x, 0.075 * half, (top, bottom))
    floor = top + 0.5 * tall
    width = 0.34 * half
    spring = top + 0.08 * tall + 1.1 * width
    arch = round_arch(wall.middle - 1.1 * width, wall.middle + 1.1 * width, floor - 0.1 * tall, spring)
    canvas.polygon(arch, wall.trim, STYLE, 21)
    box = (wall.middle - 0.85 * width, spring, wall.middle + 0.85 * width, floor - 0.1 * tall)
    fan = round_arch(box[0], box[2], spring, spring)
    _window(canvas, wall, sash, box, "lintel")
    canvas.polygon(fan, wall.panes[2], STYLE, GLASS)
    for step in range(1, 5):
        angle = math.pi * step / 5
        end = (wall.middle - 0.85 * width * math.cos(angle), spring - 0.85 * width * math.sin(angle))
        canvas.line(((wall.middle, spring), end), 0.003, shade(wall.trim, 1.08), STYLE, 12)
    rail = (wall.middle - 0.64 * half, wall.middle + 0.64 * half)
    balustrade(canvas, wall, rail, (floor - 0.1 * tall, floor))
    _door(canvas, wall, wall.middle, 0.24 * half, floor + 0.08 * tall, bottom)


def _gable_ornament(canvas: Canvas, wall: Wall, rng: np.random.Generator) -> None:
    """Moulding round the gable and an oculus or a fan window in it."""
    canvas.line(wall.profile(), 0.013, shade(wall.trim, 1.04), STYLE, 23)
    centre = (wall.middle, wall.top - 0.36 * wall.rise)
    if rng.random() < 0.5:
        canvas.polygon(circle(centre, 0.32 * wall.rise), wall.trim, STYLE, 21)
        canvas.polygon(circle(centre, 0.24 * wall.rise), wall.panes[1], STYLE, GLASS)
        x, y = centre
        reach = 0.24 * wall.rise
        bar = shade(wall.trim, 1.08)
        canvas.line(((x - reach, y), (x + reach, y)), 0.003, bar, STYLE, 12)
        canvas.line(((x, y - reach), (x, y + reach)), 0.003, bar, STYLE, 12)
        return
    half, base = 0.62 * wall.rise, wall.top - 0.08 * wall.rise
    for size, tone, relief in ((1.0, wall.trim, 21), (0.84, wall.panes[1], GLASS)):
        fan = round_arch(wall.middle - half * size, wall.middle + half * size, base, base, 0.9)
        canvas.polygon(fan, tone, STYLE, relief)
    for step in range(1, 6):
        angle = math.pi * step / 6
        end = (wall.middle - 0.84 * half * math.cos(angle), base - 0.76 * half * math.sin(angle))
        canvas.line(((wall.middle, base), end), 0.003, wall.trim, STYLE, 14)
