"""Draws one whole picture from its random streams; it gives labels no thought beyond drawing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import crowns, gothic, greek_roman, inside, light, neoclassical, occluders, outside
from .canvas import Canvas, Region
from .composition import compose
from .evidence import masks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .composition import Composition

STYLES = ("gothic", "neoclassical", "greek_roman")
PERSPECTIVES = ("inside", "outside")

_WALLS = {
    "gothic": gothic.draw_wall,
    "neoclassical": neoclassical.draw_wall,
    "greek_roman": greek_roman.draw_wall,
}


@dataclass(frozen=True)
class Plan:
    """What a picture will show, and the random stream of each of its parts."""

    style: str
    perspective: str
    composition: Composition
    elements: np.random.Generator
    around: np.random.Generator
    crown: np.random.Generator
    shared: np.random.Generator
    standing: np.random.Generator
    wall_finish: np.random.Generator
    air: np.random.Generator


def plan(rng: np.random.Generator) -> Plan:
    """Choose labels and composition, each from a stream that no other part can disturb.

    So the wall is the same whatever surrounds it, and the surroundings are the same whatever
    stands on the wall.
    """
    style, perspective = STYLES[int(rng.integers(3))], PERSPECTIVES[int(rng.integers(2))]
    first, *others = (np.random.default_rng(int(v)) for v in rng.integers(0, 2**63, 8))
    return Plan(style, perspective, compose(first), *others)


def draw(chosen: Plan, size: int) -> tuple[NDArray[np.uint8], dict[str, str], dict[str, NDArray[np.bool_]]]:
    """Draw a planned picture; a plan is used up by it.

    Parameters
    ----------
    chosen : Plan
        What to draw. Replace its style or perspective to draw the twin of a scene.
    size : int
        Pixels on a side.

    Returns
    -------
    pixels : ndarray of uint8, shape (size, size, 3)
    labels : dict
        ``style`` and ``perspective``.
    evidence : dict
        Boolean masks of shape (size, size) under the same names.

    """
    composition, around, crown = chosen.composition, chosen.around, chosen.crown
    wall, style = composition.wall, chosen.style
    canvas = Canvas(size, composition.camera)
    surroundings: outside.Outdoors | inside.Indoors
    if chosen.perspective == "outside":
        surroundings = outside.prepare(composition, around)
        outside.draw_behind(canvas, composition, surroundings, around)
        if crown.random() < 0.55:
            crowns.draw_skyward(canvas, composition, style, crown)
    else:
        surroundings = inside.prepare(composition, around)
        inside.draw_behind(canvas, composition, surroundings, around)
        if crown.random() < 0.4:
            crowns.draw_overhead(canvas, composition, style, surroundings.ceiling, crown)
    canvas.polygon(wall.outline(), wall.stone, Region.WALL)
    _WALLS[style](canvas, wall, chosen.elements)
    occluders.draw_shared(canvas, composition, chosen.shared)
    if chosen.perspective == "outside":
        occluders.draw_outside(canvas, composition, chosen.standing)
    else:
        occluders.draw_inside(canvas, composition, chosen.standing)
    draws = light.Draws(chosen.wall_finish, chosen.air)
    pixels, surfaces = light.develop(canvas, composition, surroundings, draws)
    labels = {"style": style, "perspective": chosen.perspective}
    return pixels, labels, masks(surfaces, size)
