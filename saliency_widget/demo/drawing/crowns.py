"""Elements of style above the wall: spires, domes and roof pediments outside, ribs and coffers inside."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from .canvas import Canvas, Region
from .classical import pediment
from .gothic import battlements
from .inside import Room
from .neoclassical import balustrade
from .palette import mix, pick, shade

if TYPE_CHECKING:
    import numpy as np

    from .composition import Composition, Wall
    from .palette import Colour

CROWN = Region.CROWN
ROOFS: tuple[Colour, ...] = ((92, 96, 108), (112, 150, 138), (150, 98, 78), (186, 176, 160))


def draw_skyward(canvas: Canvas, composition: Composition, style: str, rng: np.random.Generator) -> None:
    """Crown an outer wall; the wall itself is painted later and hides the feet."""
    wall = composition.wall
    roof = pick(rng, ROOFS)
    if style == "gothic":
        _spires(canvas, wall, roof, rng)
    elif style == "neoclassical":
        if rng.random() < 0.75:
            _dome(canvas, wall, roof, rng)
        if wall.shape == "flat" and rng.random() < 0.6:
            balustrade(canvas, wall, (wall.left, wall.right), (wall.top - 0.045, wall.top), CROWN)
    else:
        _roof_pediment(canvas, wall, rng)


def _spires(canvas: Canvas, wall: Wall, roof: Colour, rng: np.random.Generator) -> None:
    places = ((0.5,), (0.1, 0.9), (0.1, 0.5, 0.9), (0.14,), (0.86,))[int(rng.integers(5))]
    room = max(0.08, wall.top - wall.rise * (wall.shape != "flat") - 0.02)
    for place in places:
        x = wall.left + place * wall.width
        half = float(rng.uniform(0.028, 0.042)) * (1.3 if len(places) == 1 else 1.0)
        base = wall.top - wall.rise if place == 0.5 and wall.shape != "flat" else wall.top
        foot = base - float(rng.uniform(0.2, 0.35)) * min(base, room)
        tip = max(-0.05, foot - float(rng.uniform(4.0, 6.0)) * half)
        canvas.rectangle((x - half, foot, x + half, wall.top + 0.1), shade(wall.stone, 0.92), CROWN)
        lit = (x - half, foot, x - 0.3 * half, wall.top + 0.1)
        if wall.side > 0:
            lit = (x + 0.3 * half, foot, x + half, wall.top + 0.1)
        canvas.rectangle(lit, shade(wall.stone, 1.04), CROWN)
        slot = (x - 0.22 * half, foot + 0.5 * half, x + 0.22 * half, foot + 2.4 * half)
        canvas.rectangle(slot, wall.dark, CROWN)
        canvas.polygon(((x - 1.15 * half, foot), (x, tip), (x + 1.15 * half, foot)), roof, CROWN)
        dim = ((x, foot), (x, tip), (x - wall.side * 1.15 * half, foot))
        canvas.polygon(dim, shade(roof, 0.72), CROWN)
        for sign in (-1.0, 1.0):
            pinnacle = (
                (x + sign * half * 0.7, foot),
                (x + sign * half, foot - 1.2 * half),
                (x + sign * half * 1.3, foot),
            )
            canvas.polygon(pinnacle, shade(roof, 0.9), CROWN)
            for step in range(1, 5):
                y = foot + (tip - foot) * step / 5
                spot = (x + sign * 1.15 * half * (1 - step / 5), y)
                canvas.disc(spot, 0.006, shade(roof, 1.06), CROWN)
        canvas.line(((x, tip), (x, tip - 0.025)), 0.004, shade(roof, 0.7), CROWN)
    if wall.shape == "flat" and rng.random() < 0.6:
        battlements(canvas, wall, wall.left, wall.right, wall.top - 0.035, 0.05, CROWN)


def _dome(canvas: Canvas, wall: Wall, roof: Colour, rng: np.random.Generator) -> None:
    x = wall.middle
    base = wall.top - (wall.rise * 0.92 if wall.shape != "flat" else 0.0)
    half = min(float(rng.uniform(0.1, 0.17)), max(0.07, base * 0.72))
    drum = 0.36 * half
    canvas.rectangle((x - half, base - drum, x + half, base + 0.06), wall.trim, CROWN)
    count = 7
    for index in range(count):
        place = math.sin((index + 0.5) / count * math.pi - math.pi / 2)
        spot = x + place * half * 0.94
        width = 0.07 * half * math.sqrt(max(0.1, 1 - place * place)) + 0.003
        box = (spot - width, base - 0.8 * drum, spot + width, base - 0.1 * drum)
        canvas.rectangle(box, wall.panes[index % 4], CROWN)
    high = half * float(rng.uniform(0.85, 1.15))
    strips, top = 10, base - drum
    for strip in range(strips):
        start, end = (math.sin(math.pi * (s / strips - 0.5)) for s in (strip, strip + 1))
        tone = 0.62 + 0.5 * max(0.0, math.cos(math.asin((start + end) / 2) - wall.side * 0.7))
        left = [(x + start * half * math.cos(a), top - high * math.sin(a)) for a in _QUARTER]
        right = [(x + end * half * math.cos(a), top - high * math.sin(a)) for a in _QUARTER]
        canvas.polygon((*left, *reversed(right)), shade(roof, tone), CROWN)
        canvas.line(left, 0.0025, shade(roof, 0.66 * tone), CROWN)
    rim = (x - 1.07 * half, top - 0.012, x + 1.07 * half, top + 0.012)
    canvas.rectangle(rim, shade(wall.trim, 1.1), CROWN)
    small, peak = 0.15 * half, top - high
    canvas.rectangle((x - small, peak - 2.4 * small, x + small, peak + 0.004), wall.trim, CROWN)
    canvas.rectangle((x - 0.3 * small, peak - 2 * small, x + 0.3 * small, peak), wall.dark, CROWN)
    canvas.disc((x, peak - 2.4 * small), 1.15 * small, shade(roof, 0.95), CROWN)
    tip = peak - 3.4 * small
    canvas.line(((x, tip), (x, tip - 2 * small)), 0.004, shade(roof, 0.7), CROWN)


_QUARTER = tuple(math.pi / 2 * step / 7 for step in range(8))


def _roof_pediment(canvas: Canvas, wall: Wall, rng: np.random.Generator) -> None:
    peak = wall.top
    if wall.shape == "flat":
        half = wall.width * (0.52 if rng.random() < 0.6 else 0.3)
        depth = min(0.6 * wall.top, half * float(rng.uniform(0.3, 0.4)))
        relief = str(rng.choice(("disc", "wreath", "figures")))
        across = (wall.middle - half, wall.middle + half)
        peak = wall.top - depth
        pediment(canvas, wall, across, (peak, wall.top + 0.004), relief, CROWN)
        spots = [(wall.middle, peak), (across[0], wall.top), (across[1], wall.top)]
    else:
        spots = [(wall.middle, wall.top - wall.rise), (wall.left, wall.top), (wall.right, wall.top)]
    tone = shade(wall.trim, 1.05)
    for x, y in spots:  # acroteria: palmettes on the corners
        for lean in (-0.8, -0.4, 0.0, 0.4, 0.8):
            leaf = (
                (x - 0.006, y + 0.004),
                (x + 0.03 * math.sin(lean), y - 0.04 * math.cos(lean)),
                (x + 0.006, y + 0.004),
            )
            canvas.polygon(leaf, tone, CROWN)


def draw_overhead(
    canvas: Canvas, composition: Composition, style: str, colour: Colour, rng: np.random.Generator
) -> None:
    """Ornament a ceiling."""
    room = Room(composition)
    tone = mix(mix(colour, composition.wall.trim, 0.6), (250, 244, 230), 0.2)
    if style == "gothic":
        _ribs(canvas, room, tone, rng)
    elif style == "greek_roman":
        _coffers(canvas, room, colour, tone, rng)
    else:
        _panels(canvas, room, colour, tone, rng)


def _ribs(canvas: Canvas, room: Room, tone: Colour, rng: np.random.Generator) -> None:
    """Transverse, diagonal and ridge ribs, with bosses."""
    bays = int(rng.integers(3, 5))
    shares = [step / 16 for step in range(17)]
    nears = [Room.near(3.0 * bay / bays) for bay in range(bays + 1)]
    for first, second in pairwise(nears):
        width = 0.008 * min(2.4, first)
        diagonals = []
        for flip in (False, True):
            points = []
            for share in shares:
                step = 1.0 - share if flip else share
                near = 1.0 / ((1.0 - step) / first + step / second)
                points.append(room.at(room.overhead(share), near))
            diagonals.append(points)
        for shift, ink in ((0.004, shade(tone, 0.55)), (0.0, tone)):
            for points in diagonals:
                canvas.line([(x, y + shift) for x, y in points], width, ink, CROWN)
            across = [room.at(room.overhead(s), first) for s in shares]
            canvas.line([(x, y + shift) for x, y in across], width * 1.2, ink, CROWN)
        middle = room.at(room.overhead(0.5), 2.0 / (1.0 / first + 1.0 / second))
        canvas.disc(middle, 1.5 * width, shade(tone, 1.1), CROWN)
    ridge = (room.overhead(0.5), room.at(room.overhead(0.5), nears[-1]))
    canvas.line(ridge, 0.008, tone, CROWN)


def _quad(room: Room, across: tuple[float, float], near: tuple[float, float]) -> list[tuple[float, float]]:
    left, right = room.overhead(across[0]), room.overhead(across[1])
    return [
        room.at(left, near[0]),
        room.at(right, near[0]),
        room.at(right, near[1]),
        room.at(left, near[1]),
    ]


def _coffers(canvas: Canvas, room: Room, colour: Colour, tone: Colour, rng: np.random.Generator) -> None:
    columns, rows = int(rng.integers(6, 10)), 7
    for row in range(rows):
        for index in range(columns):
            for inset, ink in ((0.2, tone), (0.26, shade(colour, 0.72)), (0.36, shade(colour, 0.54))):
                across = ((index + inset) / columns, (index + 1 - inset) / columns)
                near = (Room.near(3.0 * (row + inset) / rows), Room.near(3.0 * (row + 1 - inset) / rows))
                canvas.polygon(_quad(room, across, near), ink, CROWN)


def _panels(canvas: Canvas, room: Room, colour: Colour, tone: Colour, rng: np.random.Generator) -> None:
    """Plaster frames round oval medallions."""
    count = int(rng.integers(2, 4))
    for bay in range(count):
        start, end = 3.0 * (bay + 0.1) / count, 3.0 * (bay + 0.9) / count
        for inset in (0.0, 0.05):
            across = (0.1 + inset, 0.9 - inset)
            near = (Room.near(start + inset), Room.near(end - inset))
            frame = _quad(room, across, near)
            canvas.line([*frame, frame[0]], 0.007 - 0.06 * inset, tone, CROWN)
        centre = (start + end) / 2
        for size, ink in ((0.34, tone), (0.3, shade(colour, 0.78)), (0.12, tone)):
            ring = []
            for step in range(24):
                angle = 2 * math.pi * step / 24
                reach = Room.near(centre + size * math.sin(angle) * (end - start) * 1.2)
                ring.append(room.at(room.overhead(0.5 + 0.8 * size * math.cos(angle)), reach))
            canvas.polygon(ring, ink, CROWN)
