"""Parts that Greek, Roman and neoclassical walls share: columns, entablatures, pediments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canvas import Canvas, Region
from .palette import mix, shade

if TYPE_CHECKING:
    from .composition import Wall

STYLE = Region.STYLE


@dataclass(frozen=True)
class Order:
    """One design of column, repeated along a wall."""

    capital: str  # doric, ionic or corinthian
    fluted: bool
    flat: bool  # a pilaster


def column(
    canvas: Canvas,
    wall: Wall,
    order: Order,
    middle: float,
    half: float,
    down: tuple[float, float],
    region: Region = STYLE,
) -> None:
    """Draw a column or pilaster from the top of its capital to the foot of its base."""
    top, bottom = down
    head = min(2.6 * half if order.capital == "corinthian" else 1.5 * half, 0.3 * (bottom - top))
    foot = min(1.0 * half, 0.12 * (bottom - top))
    _shaft(canvas, wall, order, middle, half, (top + head, bottom - foot), region)
    light, dim = shade(wall.trim, 1.08), shade(wall.trim, 0.86)
    lower = (middle - 1.35 * half, bottom - 0.5 * foot, middle + 1.35 * half, bottom)
    canvas.rectangle(lower, light, region, 26)
    upper = (middle - 1.18 * half, bottom - foot, middle + 1.18 * half, bottom - 0.5 * foot)
    canvas.rectangle(upper, dim, region, 25)
    slim = 0.86 * half
    bell = (
        (middle - slim, top + head),
        (middle - 1.35 * half, top + 0.3 * head),
        (middle + 1.35 * half, top + 0.3 * head),
        (middle + slim, top + head),
    )
    canvas.polygon(bell, mix(wall.trim, dim, 0.5), region, 26)
    if order.capital == "ionic":
        for sign in (-1.0, 1.0):
            spot = (middle + sign * 1.15 * half, top + 0.55 * head)
            canvas.disc(spot, 0.46 * half, light, region, 27)
            canvas.disc(spot, 0.2 * half, shade(wall.trim, 0.62), region, 22)
    elif order.capital == "corinthian":
        for row, y in enumerate((0.86, 0.58)):
            for step in range(3):
                x = middle + (step - 1) * (0.62 + 0.22 * row) * half
                canvas.disc((x, top + y * head), 0.3 * half, (light, dim)[(step + row) % 2], region, 27)
        canvas.line(((middle - slim, top + head), (middle + slim, top + head)), 0.003, dim, region, 24)
    else:
        ring = (middle - 0.95 * half, top + 0.82 * head, middle + 0.95 * half, top + head)
        canvas.rectangle(ring, dim, region, 24)
    slab = (middle - 1.45 * half, top, middle + 1.45 * half, top + 0.3 * head)
    canvas.rectangle(slab, light, region, 28)


def _shaft(
    canvas: Canvas,
    wall: Wall,
    order: Order,
    middle: float,
    half: float,
    down: tuple[float, float],
    region: Region,
) -> None:
    top, bottom = down
    strips = 8
    taper = 1.0 if order.flat else 0.86
    for strip in range(strips):
        start, end = -1.0 + 2.0 * strip / strips, -1.0 + 2.0 * (strip + 1) / strips
        if order.flat:
            tone = 1.0
        else:  # a cylinder, lit from the side
            normal = (start + end) / 2.0
            tone = 0.66 + 0.44 * max(0.0, math.cos(math.asin(normal) - wall.side * 0.75))
        if order.fluted and strip % 2:
            tone *= 0.84
        shape = (
            (middle + start * half * taper, top),
            (middle + end * half * taper, top),
            (middle + end * half, bottom),
            (middle + start * half, bottom),
        )
        canvas.polygon(shape, shade(wall.trim, tone), region, 25)


def entablature(
    canvas: Canvas,
    wall: Wall,
    across: tuple[float, float],
    down: tuple[float, float],
    frieze: str,
    region: Region = STYLE,
) -> None:
    """Draw architrave, frieze (plain, triglyphs or dentils) and cornice."""
    left, right = across
    top, bottom = down
    depth = bottom - top
    light, dim = shade(wall.trim, 1.08), shade(wall.trim, 0.74)
    canvas.rectangle((left, top, right, bottom), wall.trim, region, 24)
    canvas.rectangle((left, bottom - 0.14 * depth, right, bottom), shade(wall.trim, 0.9), region, 23)
    canvas.rectangle((left, bottom - 0.38 * depth, right, bottom - 0.33 * depth), light, region, 26)
    if frieze == "triglyphs":
        count = max(5, round((right - left) / (0.62 * depth)))
        step = (right - left) / count
        for index in range(count):
            x = left + (index + 0.5) * step
            for part in (-0.2, 0.0, 0.2):
                bar = (x + (part - 0.07) * step, top + 0.3 * depth, x + (part + 0.07) * step, top + 0.64 * depth)
                canvas.rectangle(bar, dim, region, 21)
    elif frieze == "dentils":
        count = max(9, round((right - left) / (0.32 * depth)))
        step = (right - left) / count
        canvas.rectangle((left, top + 0.28 * depth, right, top + 0.5 * depth), dim, region, 20)
        for index in range(count):
            x = left + (index + 0.2) * step
            canvas.rectangle((x, top + 0.28 * depth, x + 0.6 * step, top + 0.48 * depth), light, region, 26)
    ledge = 0.25 * depth
    canvas.rectangle((left - 0.3 * ledge, top, right + 0.3 * ledge, top + ledge), light, region, 29)
    under = (left, top + ledge, right, top + 1.2 * ledge)
    canvas.rectangle(under, dim, region, 22)


def pediment(
    canvas: Canvas,
    wall: Wall,
    across: tuple[float, float],
    down: tuple[float, float],
    relief: str = "plain",
    region: Region = STYLE,
) -> None:
    """Draw a triangular gable with raking cornices; relief is plain, disc, wreath or figures."""
    left, right = across
    top, bottom = down
    middle, depth = (left + right) / 2.0, bottom - top
    canvas.polygon(((left, bottom), (middle, top), (right, bottom)), shade(wall.trim, 1.06), region, 28)
    rim = 0.17
    inner_left, inner_right = left + (right - left) * rim * 0.75, right - (right - left) * rim * 0.75
    tympanum = (
        (inner_left, bottom - 0.06 * depth),
        (middle, top + 1.6 * rim * depth),
        (inner_right, bottom - 0.06 * depth),
    )
    canvas.polygon(tympanum, shade(mix(wall.trim, wall.stone, 0.5), 0.8), region, 19)
    spot = (middle, bottom - 0.34 * depth)
    if relief == "disc":
        canvas.disc(spot, 0.2 * depth, wall.trim, region, 25)
        canvas.disc(spot, 0.12 * depth, shade(wall.trim, 0.7), region, 17)
    elif relief == "wreath":
        canvas.disc(spot, 0.21 * depth, shade(wall.trim, 1.05), region, 25)
        canvas.disc(spot, 0.13 * depth, shade(wall.trim, 0.75), region, 18)
        for sign in (-1.0, 1.0):
            swag = (
                (middle + sign * 0.24 * depth, bottom - 0.3 * depth),
                (middle + sign * 0.6 * depth, bottom - 0.14 * depth),
                (middle + sign * 0.9 * depth, bottom - 0.2 * depth),
            )
            canvas.line(swag, 0.05 * depth, wall.trim, region, 24)
    elif relief == "figures":
        count = 7
        for index in range(count):
            place = (index + 0.5) / count
            x = inner_left + (inner_right - inner_left) * place
            high = depth * 0.66 * (1.0 - abs(2.0 * place - 1.0)) + 0.05 * depth
            w = 0.022 * (right - left)
            body = (
                (x - w, bottom - 0.06 * depth),
                (x - 0.5 * w, bottom - high),
                (x + 0.6 * w, bottom - 0.9 * high),
                (x + w, bottom - 0.06 * depth),
            )
            canvas.polygon(body, wall.trim, region, 25)


def segmental_pediment(canvas: Canvas, wall: Wall, across: tuple[float, float], down: tuple[float, float]) -> None:
    """Draw the curved sister of the triangular pediment."""
    left, right = across
    top, bottom = down
    middle, half, depth = (left + right) / 2.0, (right - left) / 2.0, bottom - top
    for size, tone, relief in ((1.0, 1.06, 27), (0.74, 0.8, 19)):
        arc = [
            (middle - half * size * math.cos(math.pi * s / 10), bottom - depth * size * math.sin(math.pi * s / 10))
            for s in range(11)
        ]
        canvas.polygon(arc, shade(wall.trim, tone), STYLE, relief)
