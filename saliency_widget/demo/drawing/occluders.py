"""Things that stand or hang before the wall: people, trees, lamps, benches, chandeliers, plants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .canvas import Canvas, Region
from .palette import CLOTHES, PAINTS, Colour, mix, pick, shade

if TYPE_CHECKING:
    import numpy as np

    from .composition import Composition

PEOPLE = Region.PEOPLE
FURNISHING = Region.FURNISHING


class Stage:
    """The ground plane in front of the wall."""

    def __init__(self, composition: Composition) -> None:
        self.x, self.y = composition.vanishing
        self.depth = composition.wall.bottom - self.y
        self.person = self.depth / composition.eye_level
        self.side = composition.light.side
        self.cast = (0.3 + 0.4 * composition.light.sunshine, 0.9 / composition.light.height)

    def at(self, across: float, near: float) -> tuple[float, float]:
        """Where something stands; across is measured at the wall, near is 1 there."""
        return self.x + near * (across - self.x), self.y + near * self.depth

    def shadow(self, canvas: Canvas, foot: tuple[float, float], half: float, height: float) -> None:
        """Lay the shadow of an upright thing along the ground."""
        strength, reach = self.cast
        length = height * 0.55 * reach
        tip = (foot[0] - self.side * length, foot[1] + 0.22 * length)
        ends = ((foot[0] - half, foot[1]), (foot[0] + half, foot[1]))
        canvas.shadow((*ends, (tip[0] + half, tip[1]), (tip[0] - half, tip[1])), strength)


def draw_shared(canvas: Canvas, composition: Composition, rng: np.random.Generator) -> None:
    """People and potted plants, which stand indoors and out alike."""
    stage = Stage(composition)
    if rng.random() < 0.75:
        crowd = sorted(float(v) for v in 1.0 + 0.75 * rng.random(int(rng.integers(1, 7))) ** 1.6)
        for near in crowd:
            foot = stage.at(float(rng.uniform(0.04, 0.96)), near)
            _person(canvas, stage, foot, stage.person * near * float(rng.uniform(0.9, 1.05)), rng)
    if rng.random() < 0.3:
        near = float(rng.uniform(1.03, 1.2))
        gap = float(rng.uniform(0.2, 0.42)) * composition.wall.width
        leaf = mix((70, 104, 62), pick(rng, PAINTS), 0.2)
        for sign in (-1.0, 1.0):
            foot = stage.at(composition.wall.middle + sign * gap, near)
            _plant(canvas, stage, foot, 0.55 * stage.person * near, leaf, rng)


def _person(
    canvas: Canvas,
    stage: Stage,
    foot: tuple[float, float],
    height: float,
    rng: np.random.Generator,
) -> None:
    height = min(height, 0.4)
    x, y = foot
    coat, legs = pick(rng, CLOTHES), pick(rng, CLOTHES)
    skin = mix((226, 182, 148), (110, 74, 54), float(rng.random()))
    half, gait = 0.125 * height, 0.07 * height * float(rng.uniform(-1.0, 1.0))
    stage.shadow(canvas, foot, half, height)
    hip, neck = y - 0.46 * height, y - 0.84 * height
    if rng.random() < 0.4:  # a long coat or a skirt
        skirt = (
            (x - 0.6 * half, hip),
            (x - 1.15 * half, y - 0.1 * height),
            (x + 1.15 * half, y - 0.1 * height),
            (x + 0.6 * half, hip),
        )
        feet = (x - 0.5 * half, y - 0.1 * height, x + 0.5 * half, y)
        canvas.rectangle(feet, shade(legs, 0.6), PEOPLE)
        canvas.polygon(skirt, shade(coat, 0.9), PEOPLE)
    else:
        for sign in (-1.0, 1.0):
            leg = (
                (x + sign * 0.1 * half, hip),
                (x + sign * 0.75 * half, hip),
                (x + sign * (0.5 * half + gait), y),
                (x + sign * (0.1 * half + gait), y),
            )
            canvas.polygon(leg, shade(legs, 0.75 + 0.12 * sign * stage.side), PEOPLE)
    torso = (
        (x - 0.95 * half, neck + 0.03 * height),
        (x + 0.95 * half, neck + 0.03 * height),
        (x + 0.75 * half, hip + 0.02 * height),
        (x - 0.75 * half, hip + 0.02 * height),
    )
    canvas.polygon(torso, coat, PEOPLE)
    dark = (
        (x, neck),
        (x - stage.side * 0.95 * half, neck + 0.03 * height),
        (x - stage.side * 0.75 * half, hip + 0.02 * height),
        (x, hip + 0.02 * height),
    )
    canvas.polygon(dark, shade(coat, 0.72), PEOPLE)
    for sign in (-1.0, 1.0):
        arm = ((x + sign * 0.9 * half, neck + 0.04 * height), (x + sign * (1.1 * half - gait), hip))
        canvas.line(arm, 0.05 * height, shade(coat, 0.8), PEOPLE)
    canvas.disc((x, y - 0.92 * height), 0.07 * height, skin, PEOPLE, squash=1.2)
    hair = shade(pick(rng, CLOTHES), 0.7)
    canvas.disc((x, y - 0.955 * height), 0.066 * height, hair, PEOPLE, squash=0.7)


def _plant(
    canvas: Canvas,
    stage: Stage,
    foot: tuple[float, float],
    height: float,
    leaf: Colour,
    rng: np.random.Generator,
) -> None:
    x, y = foot
    stage.shadow(canvas, foot, 0.2 * height, height)
    pot = (
        (x - 0.17 * height, y - 0.3 * height),
        (x + 0.17 * height, y - 0.3 * height),
        (x + 0.12 * height, y),
        (x - 0.12 * height, y),
    )
    canvas.polygon(pot, (164, 104, 78), PEOPLE)
    canvas.rectangle(
        (x - 0.19 * height, y - 0.34 * height, x + 0.19 * height, y - 0.27 * height), (184, 122, 92), PEOPLE
    )
    _foliage(canvas, (x, y - 0.64 * height), 0.3 * height, leaf, stage.side, rng, PEOPLE, 22)


def _foliage(
    canvas: Canvas,
    middle: tuple[float, float],
    radius: float,
    leaf: Colour,
    side: float,
    rng: np.random.Generator,
    region: Region,
    count: int,
    squash: float = 1.0,
) -> None:
    """A crown of leaves: dark discs below, lit ones towards the light."""
    values = rng.random((count, 4))
    for index, (turn, far, size, tone) in enumerate(values.tolist()):
        share = index / count
        angle, spread = 2.0 * math.pi * turn, radius * math.sqrt(far) * (1.0 - 0.12 * share)
        across = spread * math.cos(angle) + 0.14 * radius * side * share
        down = squash * spread * math.sin(angle) - 0.16 * radius * share
        # Leaves that face the light are brighter, whatever the order they are painted in.
        facing = (across * side - down) / (2.0 * radius)
        bright = 0.56 + 0.42 * share + 0.34 * facing * share + 0.16 * (tone - 0.5)
        warm = mix(leaf, (238, 220, 132), max(0.0, 0.3 * share * (0.5 + facing)))
        reach = radius * (0.34 - 0.26 * share + 0.05 * size)
        spot = (middle[0] + across, middle[1] + down)
        canvas.disc(spot, reach, shade(warm, bright), region, squash=0.8)


def draw_outside(canvas: Canvas, composition: Composition, rng: np.random.Generator) -> None:
    """Trees, lamp posts, benches and hedges."""
    stage, wall = Stage(composition), composition.wall
    season = int(rng.integers(4))
    leaf: Colour = ((84, 116, 62), (106, 124, 66), (186, 122, 56), (92, 100, 84))[season]
    for sign in (-1.0, 1.0):
        if rng.random() < 0.42:
            near = float(rng.uniform(1.02, 1.5))
            reach = float(rng.uniform(0.38, 0.62)) * wall.width
            foot = stage.at(wall.middle + sign * reach, near)
            _tree(canvas, stage, foot, float(rng.uniform(0.3, 0.55)), leaf, season == 3, rng)
    if rng.random() < 0.4:
        near = float(rng.uniform(1.05, 1.5))
        for across in sorted(float(v) for v in rng.uniform(0.05, 0.95, int(rng.integers(1, 3)))):
            _lamp_post(canvas, stage, stage.at(across, near), 1.9 * stage.person * near)
    if rng.random() < 0.3:
        near = float(rng.uniform(1.1, 1.5))
        _bench(canvas, stage, stage.at(float(rng.uniform(0.1, 0.9)), near), stage.person * near)
    if rng.random() < 0.3:
        for sign in (-1.0, 1.0):
            start = wall.middle + sign * 0.14
            for step in range(6):
                foot = stage.at(start + sign * 0.05 * step, 1.05)
                _foliage(canvas, (foot[0], foot[1] - 0.012), 0.028, leaf, stage.side, rng, FURNISHING, 7)


def _tree(
    canvas: Canvas,
    stage: Stage,
    foot: tuple[float, float],
    height: float,
    leaf: Colour,
    bare: bool,
    rng: np.random.Generator,
) -> None:
    x, y = foot
    bark: Colour = (86, 70, 58)
    trunk = 0.03 * height
    stage.shadow(canvas, foot, 0.12 * height, height)
    stem = (
        (x - 1.3 * trunk, y),
        (x - 0.6 * trunk, y - 0.6 * height),
        (x + 0.6 * trunk, y - 0.6 * height),
        (x + 1.3 * trunk, y),
    )
    kind = int(rng.integers(3))
    if bare:
        canvas.polygon(stem, bark, FURNISHING)
        _branch(canvas, (x, y - 0.4 * height), -math.pi / 2, 0.3 * height, 0.026 * height, bark, rng, 4)
    elif kind == 0:  # a cypress
        canvas.polygon(stem, bark, FURNISHING)
        for step in range(7):
            spot = (x, y - height * (0.16 + 0.12 * step))
            size = 0.11 * height * math.sin(math.pi * (step + 1.6) / 9.5)
            _foliage(canvas, spot, size, shade(leaf, 0.82), stage.side, rng, FURNISHING, 26, 1.3)
    else:
        canvas.polygon(stem, bark, FURNISHING)
        crowns = ((0.0, 0.72, 0.26), (-0.16, 0.6, 0.19), (0.16, 0.62, 0.19), (0.02, 0.88, 0.17))
        for across, up, size in crowns:
            spot = (x + across * height, y - up * height)
            _foliage(canvas, spot, size * height, leaf, stage.side, rng, FURNISHING, 64)


def _branch(
    canvas: Canvas,
    start: tuple[float, float],
    angle: float,
    length: float,
    width: float,
    bark: Colour,
    rng: np.random.Generator,
    depth: int,
) -> None:
    end = (start[0] + length * math.cos(angle), start[1] + length * math.sin(angle))
    canvas.line((start, end), width, bark, FURNISHING)
    if depth == 0:
        return
    for turn in rng.uniform(0.2, 0.7, 2) * (-1.0, 1.0):
        _branch(canvas, end, angle + float(turn), length * 0.68, width * 0.6, bark, rng, depth - 1)


def _lamp_post(canvas: Canvas, stage: Stage, foot: tuple[float, float], height: float) -> None:
    height = min(height, 0.6)
    x, y = foot
    iron: Colour = (46, 50, 54)
    stage.shadow(canvas, foot, 0.015 * height, height)
    canvas.rectangle((x - 0.03 * height, y - 0.1 * height, x + 0.03 * height, y), iron, FURNISHING)
    canvas.rectangle((x - 0.012 * height, y - 0.84 * height, x + 0.012 * height, y), iron, FURNISHING)
    arm = ((x - 0.07 * height, y - 0.76 * height), (x + 0.07 * height, y - 0.76 * height))
    canvas.line(arm, 0.012 * height, iron, FURNISHING)
    lamp = (
        (x - 0.04 * height, y - 0.84 * height),
        (x - 0.06 * height, y - 0.95 * height),
        (x + 0.06 * height, y - 0.95 * height),
        (x + 0.04 * height, y - 0.84 * height),
    )
    canvas.polygon(lamp, (252, 226, 164), FURNISHING)
    cap = ((x - 0.07 * height, y - 0.95 * height), (x, y - height), (x + 0.07 * height, y - 0.95 * height))
    canvas.polygon(cap, iron, FURNISHING)


def _bench(canvas: Canvas, stage: Stage, foot: tuple[float, float], person: float) -> None:
    x, y = foot
    wide, wood = 0.55 * person, (126, 92, 62)
    stage.shadow(canvas, foot, wide, 0.3 * person)
    for sign in (-0.8, 0.8):
        canvas.rectangle(
            (x + sign * wide - 0.03 * person, y - 0.25 * person, x + sign * wide + 0.03 * person, y),
            (52, 50, 50),
            FURNISHING,
        )
    for up, tone in ((0.24, 1.1), (0.36, 0.94), (0.46, 1.0)):
        canvas.rectangle((x - wide, y - (up + 0.06) * person, x + wide, y - up * person), shade(wood, tone), FURNISHING)


def draw_inside(canvas: Canvas, composition: Composition, rng: np.random.Generator) -> None:
    """Chandeliers and rows of pews or chairs."""
    stage, wall = Stage(composition), composition.wall
    if rng.random() < 0.45:
        _pews(canvas, composition, stage, rng)
    if rng.random() < 0.5:
        count = int(rng.integers(1, 3))
        for index in range(count):
            near = (1.25, 1.7)[index] if count == 2 else 1.4
            reach = float(rng.uniform(0.06, 0.1)) * near
            top = stage.y + near * (wall.top - wall.rise - stage.y)
            x = stage.x + near * (wall.middle - stage.x)
            drop = stage.y + near * (wall.top - stage.y) + float(rng.uniform(0.08, 0.16))
            _chandelier(canvas, (x, min(top, -0.1)), drop, reach)


def _pews(canvas: Canvas, composition: Composition, stage: Stage, rng: np.random.Generator) -> None:
    wall = composition.wall
    wood = mix((116, 80, 52), pick(rng, PAINTS), 0.2)
    aisle = float(rng.uniform(0.1, 0.16))
    rows = int(rng.integers(3, 6))
    for row in range(rows):
        near = 1.08 + 0.13 * row + 0.03 * row * row
        tall = 0.4 * stage.person * near
        for sign in (-1.0, 1.0):
            start = stage.at(wall.middle + sign * aisle, near)
            end = stage.at(wall.middle + sign * 0.43 * wall.width, near)
            left, right = min(start[0], end[0]), max(start[0], end[0])
            y = start[1]
            canvas.shadow(((left, y), (right, y), (right, y + 0.5 * tall), (left, y + 0.5 * tall)), 0.45)
            canvas.rectangle((left, y - tall, right, y), shade(wood, 0.84), FURNISHING)
            canvas.rectangle((left, y - tall, right, y - 0.82 * tall), shade(wood, 1.22), FURNISHING)
            canvas.rectangle((left, y - 0.6 * tall, right, y - 0.52 * tall), shade(wood, 0.62), FURNISHING)
            for x in (left, right):
                canvas.rectangle((x - 0.006, y - 1.12 * tall, x + 0.006, y), shade(wood, 0.7), FURNISHING)


def _chandelier(canvas: Canvas, hook: tuple[float, float], drop: float, reach: float) -> None:
    x = hook[0]
    brass: Colour = (176, 138, 72)
    canvas.line((hook, (x, drop)), 0.004, shade(brass, 0.6), FURNISHING)
    canvas.disc((x, drop), reach, shade(brass, 0.8), FURNISHING, squash=0.26)
    canvas.disc((x, drop - 0.06 * reach), 0.8 * reach, shade(brass, 0.45), FURNISHING, squash=0.2)
    for sign in (-1.0, 1.0):
        canvas.line(((x, drop - 0.9 * reach), (x + sign * reach * 0.9, drop)), 0.004, brass, FURNISHING)
    for step in range(8):
        angle = 2 * math.pi * step / 8
        spot = (x + 0.92 * reach * math.cos(angle), drop + 0.24 * reach * math.sin(angle))
        canvas.line((spot, (spot[0], spot[1] - 0.22 * reach)), 0.006, (240, 232, 214), FURNISHING)
        flame = (spot[0], spot[1] - 0.3 * reach)
        canvas.disc(flame, 0.075 * reach, (255, 236, 170), FURNISHING, squash=1.4)
