"""Surroundings of a far wall: side walls, ceiling and floor of a room in perspective."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canvas import Canvas, Region
from .palette import GROUNDS, PAINTS, SKIES, STONES, Colour, mix, pick, shade

if TYPE_CHECKING:
    import numpy as np

    from .canvas import Point
    from .composition import Composition

NEAR = 5.0
"""How much larger than the far wall the room's opening is drawn, so that it leaves the picture."""


@dataclass(frozen=True)
class Indoors:
    """What the atmosphere needs to know of the room of one scene."""

    ground: Colour
    paving: str  # slabs, checks, boards or plain
    ceiling: Colour
    sides: Colour
    gleam: float  # polish of the floor, 0 to 1


class Room:
    """The far wall's outline pulled towards the viewer out of the vanishing point."""

    def __init__(self, composition: Composition) -> None:
        self.x, self.y = composition.vanishing
        self.wall = composition.wall
        self.profile = composition.wall.profile()

    def at(self, point: Point, near: float) -> Point:
        """Move a point of the far wall's edge forward; near is 1 at the far wall."""
        return self.x + near * (point[0] - self.x), self.y + near * (point[1] - self.y)

    def overhead(self, share: float) -> Point:
        """Point of the far wall's upper edge, a share of its width from the left."""
        across = self.wall.left + share * self.wall.width
        if self.wall.shape == "gable":
            height = self.wall.rise * (1.0 - abs(2.0 * share - 1.0))
        elif self.wall.shape == "arched":
            height = self.wall.rise * math.sqrt(max(0.0, 1.0 - (2.0 * share - 1.0) ** 2))
        else:
            height = 0.0
        return across, self.wall.top - height

    @staticmethod
    def near(step: float, bays: float = 3.4) -> float:
        """Turn a distance from the far wall, in bays, into magnification."""
        return 1.0 / max(0.04, 1.0 - step / bays)


def prepare(composition: Composition, rng: np.random.Generator) -> Indoors:
    """Choose floor, ceiling and side walls."""
    paving = str(rng.choice(("slabs", "checks", "boards", "plain", "slabs")))
    sky = SKIES[list(SKIES)[int(rng.integers(len(SKIES)))]][int(rng.integers(2))]
    ceiling = sky if rng.random() < 0.5 else pick(rng, PAINTS)
    kind = int(rng.integers(3))
    stone = composition.wall.stone
    sides = (stone, mix(stone, pick(rng, PAINTS), 0.5), pick(rng, STONES))[kind]
    return Indoors(pick(rng, GROUNDS), paving, ceiling, sides, max(0.0, float(rng.uniform(-0.3, 0.5))))


def draw_behind(canvas: Canvas, composition: Composition, indoors: Indoors, rng: np.random.Generator) -> None:
    """Paint ceiling, side walls and floor, all that the far wall closes."""
    room = Room(composition)
    wall = composition.wall
    low_left, low_right = (wall.left, wall.bottom), (wall.right, wall.bottom)
    _ceiling(canvas, room, indoors, rng)
    shades = (1.0, 0.8) if composition.light.side > 0 else (0.8, 1.0)
    for side, corners, tone in (
        (-1.0, (low_left, (wall.left, wall.top)), shades[0]),
        (1.0, (low_right, (wall.right, wall.top)), shades[1]),
    ):
        foot, head = corners
        quad = (foot, head, room.at(head, NEAR), room.at(foot, NEAR))
        canvas.polygon(quad, shade(indoors.sides, tone), Region.BESIDE)
        _side(canvas, room, (foot, head), side, shade(indoors.sides, tone), rng)
    floor = (low_left, low_right, room.at(low_right, NEAR), room.at(low_left, NEAR))
    canvas.polygon(floor, indoors.ground, Region.BELOW)
    _carpet(canvas, room, rng)
    _sunlight(canvas, composition, room, rng)


def _ceiling(canvas: Canvas, room: Room, indoors: Indoors, rng: np.random.Generator) -> None:
    """The vault or ceiling as strips along the room, lit by their slope, with beams."""
    strips = {"flat": 1, "gable": 2, "arched": 12}[room.wall.shape]
    for strip in range(strips):
        start, end = room.overhead(strip / strips), room.overhead((strip + 1) / strips)
        slope = math.atan2(end[1] - start[1], end[0] - start[0])
        tone = 1.0 + 0.2 * math.sin(slope) * room.wall.side
        quad = (start, end, room.at(end, NEAR), room.at(start, NEAR))
        canvas.polygon(quad, shade(indoors.ceiling, tone), Region.ABOVE)
    kind = int(rng.integers(4))
    beam = mix(indoors.ceiling, pick(rng, PAINTS), 0.6)
    shares = [step / 16 for step in range(17)]
    if kind in (0, 1):  # beams or broad arches across
        count = 7 if kind == 0 else 4
        for step in range(count):
            begin = Room.near(step * 3.4 / count + 0.05)
            thick = 0.16 if kind == 0 else 0.3
            thick_end = Room.near(step * 3.4 / count + 0.05 + thick * 2.2 / count)
            for front, back, tone in ((thick_end, begin, 0.95), (begin * 0.995, begin * 0.96, 0.6)):
                lower = [room.at(room.overhead(s), front) for s in shares]
                upper = [room.at(room.overhead(s), back) for s in shares]
                canvas.polygon((*lower, *reversed(upper)), shade(beam, tone), Region.ABOVE)
    elif kind == 2:  # boards or painted stripes along
        for strip in range(9):
            share = (strip + 0.5) / 9
            ends = [room.overhead(share - 0.012), room.overhead(share + 0.012)]
            stripe = (*ends, room.at(ends[1], NEAR), room.at(ends[0], NEAR))
            canvas.polygon(stripe, shade(beam, 0.85), Region.ABOVE)


def _side(
    canvas: Canvas,
    room: Room,
    edge: tuple[Point, Point],
    side: float,
    colour: Colour,
    rng: np.random.Generator,
) -> None:
    """Dado, cornice and strips between bays; nothing that belongs to a style."""
    foot, head = edge
    x = foot[0]

    def band(low: float, high: float, start: float, end: float, tone: Colour) -> None:
        y0 = foot[1] + low * (head[1] - foot[1])
        y1 = foot[1] + high * (head[1] - foot[1])
        quad = (
            room.at((x, y0), start),
            room.at((x, y1), start),
            room.at((x, y1), end),
            room.at((x, y0), end),
        )
        canvas.polygon(quad, tone, Region.BESIDE)

    if rng.random() < 0.6:
        band(0.0, 0.28, 1.0, NEAR, shade(mix(colour, pick(rng, PAINTS), 0.4), 0.8))
        band(0.27, 0.3, 1.0, NEAR, shade(colour, 1.16))
    if rng.random() < 0.6:
        bays = int(rng.integers(3, 6))
        for bay in range(bays + 1):
            start, end = Room.near(bay * 3.2 / bays), Room.near((bay + 0.16) * 3.2 / bays)
            band(0.0, 1.0, start, end, shade(colour, 1.14))
            band(0.0, 1.0, end, end * 1.012, shade(colour, 0.66))
    hung = rng.random()
    if hung < 0.45:  # pictures or hangings
        for bay in range(3):
            cloth = pick(rng, PAINTS)
            start, end = Room.near(bay * 1.0 + 0.32), Room.near(bay * 1.0 + 0.82)
            band(0.4, 0.78, start, end, shade(mix(cloth, (150, 112, 60), 0.5), 0.7))
            band(0.43, 0.75, start * 1.015, end * 0.985, shade(cloth, 0.86 + 0.06 * side))
    elif hung < 0.65:  # light that falls in from unseen openings
        for bay in range(3):
            start, end = Room.near(bay * 1.0 + 0.4), Room.near(bay * 1.0 + 0.75)
            band(0.42, 0.9, start, end, mix(colour, (255, 244, 214), 0.6))
    band(0.95, 1.0, 1.0, NEAR, shade(colour, 1.12))
    band(0.935, 0.95, 1.0, NEAR, shade(colour, 0.7))


def _carpet(canvas: Canvas, room: Room, rng: np.random.Generator) -> None:
    """A runner to the far wall, or a strip of another paving."""
    if rng.random() < 0.5:
        return
    half = float(rng.uniform(0.06, 0.13))
    colour = pick(rng, GROUNDS)
    border = mix(colour, (232, 204, 140), 0.5)
    middle = room.wall.middle
    for reach, tone in ((half, border), (half * 0.84, colour)):
        ends = ((middle - reach, room.wall.bottom), (middle + reach, room.wall.bottom))
        quad = (*ends, room.at(ends[1], NEAR), room.at(ends[0], NEAR))
        canvas.polygon(quad, tone, Region.BELOW)


def _sunlight(canvas: Canvas, composition: Composition, room: Room, rng: np.random.Generator) -> None:
    """Bars of shade that leave patches of light on the floor."""
    wall, light = composition.wall, composition.light
    for edge in ((wall.left, wall.bottom), (wall.right, wall.bottom)):
        inner = (edge[0] + 0.06 * (wall.middle - edge[0]), edge[1])
        quad = (edge, inner, room.at(inner, NEAR), room.at(edge, NEAR))
        canvas.shadow(quad, 0.3)
    corners = ((wall.left, wall.bottom), (wall.right, wall.bottom))
    strip = (*corners, room.at(corners[1], 1.05), room.at(corners[0], 1.05))
    canvas.shadow(strip, 0.4)
    if rng.random() < 0.35:
        return
    bays = 3
    for bay in range(bays):
        start, end = Room.near(bay * 1.0 + 0.1), Room.near(bay * 1.0 + 0.55)
        lean = light.side * -0.3 * wall.width
        across = ((wall.left, wall.bottom), (wall.right, wall.bottom))
        quad = (
            room.at(across[0], start),
            room.at(across[1], start),
            room.at((across[1][0] + lean, wall.bottom), end),
            room.at((across[0][0] + lean, wall.bottom), end),
        )
        canvas.shadow(quad, 0.2 + 0.3 * light.sunshine)
