"""Light on the finished drawing: relief, shadow, textures, haze, grain; one law inside and outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import sky
from .canvas import Canvas, Region, Surfaces
from .noise import TILE, FloatArray, grain, sample
from .outside import Outdoors
from .textures import paving, stones

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .composition import Composition
    from .inside import Indoors


@dataclass(frozen=True)
class Draws:
    """Random streams of the finish; the wall's never depends on the surroundings'."""

    wall: np.random.Generator
    surroundings: np.random.Generator


def develop(
    canvas: Canvas, composition: Composition, around: Outdoors | Indoors, draws: Draws
) -> tuple[NDArray[np.uint8], Surfaces]:
    """Light a drawing and return its pixels (size, size, 3) and its surfaces."""
    size = canvas.size
    surfaces = Surfaces(canvas)
    colours = canvas.colours()
    x, y = composition.camera.grid(size)
    walls = surfaces.coverage(Region.WALL, Region.STYLE)
    bare = surfaces.coverage(Region.WALL)
    below = surfaces.coverage(Region.BELOW)
    outdoors = isinstance(around, Outdoors)
    near = _near(composition, x, y, walled=not outdoors)
    brightness = np.ones((size, size), np.float32)
    lit = _wall_light(composition, x, y, surfaces.relief(), size, draws.wall)
    u, v = x, y
    if not outdoors:
        beside = surfaces.coverage(Region.BESIDE)
        flank = beside > walls
        u = np.where(flank, np.float32(0.9) / near, x)
        v = np.where(flank, (y - np.float32(composition.vanishing[1])) / near, y)
    blocks = stones(composition.masonry, u, v, size, draws.wall)
    if composition.wall.glow > 1:
        lit += surfaces.panes() * np.float32(1.1 * composition.wall.glow - 1)
    brightness += walls * (lit * (1 + bare * (blocks - 1)) - 1)
    away = np.float32(0.8) / near
    flat_x = (x - np.float32(composition.vanishing[0])) / near
    floor = paving(around.paving, flat_x, away, near, size, draws.surroundings)
    floor *= 1 - canvas.shadows(0.006)
    floor *= np.float32(0.82) + np.float32(0.1) * np.minimum(near, 3)
    brightness += below * (floor - 1)
    if not outdoors:
        room = _room_light(near)
        brightness += beside * (room * blocks - 1)
        plaster = 1 + np.float32(0.045) * sample(1.5, flat_x * 160, away * 160 + 99)
        brightness += surfaces.coverage(Region.ABOVE, Region.CROWN) * (room * plaster - 1)
    tint = np.asarray(composition.light.tint, np.float32)
    colours *= brightness[..., None] * tint
    colours = _shadow_hue(colours, brightness, composition)
    if outdoors and isinstance(around, Outdoors):
        distance = below * np.clip(np.float32(0.75) - near, 0, 1) * np.float32(0.7)
        colours += (np.asarray(around.horizon, np.float32) - colours) * distance[..., None]
        colours = _air(colours, composition, around, surfaces, (x, y), draws.surroundings)
    return _print(colours, composition, y, draws.wall), surfaces


def _near(
    composition: Composition,
    x: FloatArray,
    y: FloatArray,
    *,
    walled: bool,
) -> FloatArray:
    """How much nearer than the wall the ground, or the room round it, is; 1 at the wall."""
    wall, (eye_x, eye_y) = composition.wall, composition.vanishing
    if not walled:
        ground = (y - np.float32(eye_y)) / np.float32(wall.bottom - eye_y)
        floor: FloatArray = np.maximum(ground, np.float32(0.05)).astype(np.float32)
        return floor
    scales = (
        (x - eye_x) / np.float32(wall.left - eye_x),
        (x - eye_x) / np.float32(wall.right - eye_x),
        (y - eye_y) / np.float32(wall.bottom - eye_y),
        (y - eye_y) / np.float32(wall.top - wall.rise * 0.5 - eye_y),
    )
    nearest: FloatArray = np.maximum(np.maximum(scales[0], scales[1]), np.maximum(scales[2], scales[3])).astype(
        np.float32
    )
    return np.maximum(nearest, np.float32(0.12))


def _wall_light(
    composition: Composition,
    x: FloatArray,
    y: FloatArray,
    relief: FloatArray,
    size: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Slope of light over the wall, lit and dark edges of the relief, and the shadows it throws."""
    wall, light = composition.wall, composition.light
    across = (x - np.float32(wall.middle)) / np.float32(wall.width)
    down = (y - np.float32((wall.top + wall.bottom) / 2)) / np.float32(wall.height)
    factor = 1 + across * np.float32(light.slope[0]) + down * np.float32(light.slope[1])
    step = max(1, round(size / 224))
    side = int(light.side)
    # The light comes from above and from one side; a neighbour on that side that is higher shades.
    shift_x, shift_y = -side * step, step
    towards = np.roll(relief, (shift_y, shift_x), (0, 1))
    edge = np.clip((relief - towards) * np.float32(0.03), np.float32(-0.3), np.float32(0.3))
    shade = np.zeros_like(relief)
    for distance in (1, 2, 3, 4):
        higher = np.roll(relief, (shift_y * distance, shift_x * distance), (0, 1))
        np.maximum(shade, higher - relief - np.float32(1.6 * distance), out=shade)
    shade = np.clip(shade * np.float32(0.12), 0, 1) * np.float32(0.22 + 0.3 * light.sunshine)
    factor *= (1 + edge * np.float32(0.5 + 0.6 * light.sunshine)) * (1 - shade)
    border = np.minimum(np.minimum(x - wall.left, wall.right - x), wall.bottom - y)
    corner = np.exp(np.maximum(border, 0) * np.float32(-22))
    factor *= 1 - corner * np.float32(0.18)
    offset = rng.uniform(0, TILE, 2).astype(np.float32)
    if light.dapple > 0:
        cloud = sample(1.8, x * 90 + offset[0], y * 90 + x * 30 + offset[1])
        patch = np.clip(cloud * np.float32(1.4), 0, 1)
        factor *= 1 - patch * np.float32(light.dapple * 0.7)
    return factor


def _room_light(near: FloatArray) -> FloatArray:
    """Corners and the far end of a room are darker."""
    depth = np.clip((near - 1) * np.float32(0.7), 0, 1)
    glow = np.float32(0.88) + np.float32(0.26) * depth
    fall: FloatArray = glow * (1 - np.float32(0.12) * np.clip(near - np.float32(2.2), 0, 1))
    return fall


def _shadow_hue(colours: FloatArray, brightness: FloatArray, composition: Composition) -> FloatArray:
    """Shaded surfaces take a little of the sky's blue or the evening's violet."""
    cool = np.asarray((0.94, 0.98, 1.08), np.float32) - 1
    dark = np.clip(1 - brightness, 0, np.float32(0.6)) * np.float32(composition.light.sunshine)
    return colours * (1 + dark[..., None] * cool)


def _air(
    colours: FloatArray,
    composition: Composition,
    outdoors: Outdoors,
    surfaces: Surfaces,
    place: tuple[FloatArray, FloatArray],
    rng: np.random.Generator,
) -> FloatArray:
    """Put the sky behind, and rain or snow before all but the wall and what belongs to it."""
    x, y = place
    above = surfaces.coverage(Region.ABOVE)
    rows = slice(0, int(np.flatnonzero(above.any(axis=1)).max(initial=0)) + 1)
    painted = sky.paint(composition, outdoors, x[rows], y[rows], rng)
    # The canvas is black where the sky will be, so smoothed edges add up to the right mixture.
    painted *= above[rows, :, None]
    colours[rows] += painted
    if outdoors.falling != "nothing":
        drops = sky.falling(outdoors.falling, len(x), rng)
        free = surfaces.coverage(Region.ABOVE, Region.BELOW, Region.BESIDE, Region.FURNISHING)
        veil = (drops * free)[..., None]
        colours = colours + (np.float32(238) - colours) * veil
    return colours


def _print(
    colours: FloatArray,
    composition: Composition,
    y: FloatArray,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Haze, tone curve, vignette and grain."""
    light = composition.light
    size = len(colours)
    veil = np.float32(light.haze) * (1 + np.float32(0.5) * (y - np.float32(0.5)))
    mist = np.asarray((226, 222, 214), np.float32) * np.asarray(light.tint, np.float32)
    colours = colours + (mist - colours) * veil[..., None]
    steps = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size) - np.float32(0.5)
    radius = steps[None, :] ** 2 + steps[:, None] ** 2
    frame = 1 - radius * np.float32(light.vignette * 1.6)
    speckle = grain(rng, size) * np.float32(0.014)
    tones = colours * np.float32(1 / 255) * (frame + speckle)[..., None]
    tones = np.clip(tones, 0, np.float32(1.25))
    # A filmic shoulder: highlights roll off below white instead of clipping.
    tones = tones * (np.float32(1.16) - np.float32(0.2) * tones * tones * np.float32(0.8))
    pixels: NDArray[np.uint8] = (np.clip(tones, 0, 1) * np.float32(255)).astype(np.uint8)
    return pixels
