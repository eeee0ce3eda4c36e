"""Draws one whole picture of a fish scale from its random streams: the scale, at times a second one, and the slide."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from skimage.filters import gaussian

from saliency_widget.demo.drawing.noise import FloatArray, grain
from saliency_widget.demo.fish_scales import slide as slides
from saliency_widget.demo.fish_scales import surface as surfaces
from saliency_widget.demo.fish_scales.growth import AGES, Growth, grow
from saliency_widget.demo.fish_scales.outline import Outline, polar, shape
from saliency_widget.demo.fish_scales.slide import Slide
from saliency_widget.demo.fish_scales.surface import Surface

MASKS = ("rings", "scale", "background")


@dataclass(frozen=True)
class Plan:
    """What a picture will show; every part comes from a random stream of its own, so that none disturbs another.

    Attributes
    ----------
    age : int
        Number of winters.
    growing : int
        Seed of the growth.
    outline, surface, slide
        Of the scale and what it lies on; none depends on the age.
    second : tuple of (int, int, Outline, Surface), or None
        Age and seed of the growth, outline and surface of a second scale.
    air : int
        Seed of the noise.

    """

    age: int
    growing: int
    outline: Outline
    surface: Surface
    slide: Slide
    second: tuple[int, int, Outline, Surface] | None
    air: int


def plan(rng: np.random.Generator) -> Plan:
    """Choose the age, and all else without regard to it."""
    age = int(rng.integers(AGES[0], AGES[-1] + 1))
    seeds = [int(v) for v in rng.integers(0, 2**63, 6)]
    form, skin, ground, beside, air = (np.random.default_rng(seed) for seed in seeds[1:])
    middle = (float(form.uniform(0.47, 0.53)), float(form.uniform(0.47, 0.53)))
    return Plan(
        age=age,
        growing=seeds[0],
        outline=shape(form, middle),
        surface=surfaces.choose(skin),
        slide=slides.choose(ground),
        second=_second(beside),
        air=int(air.integers(0, 2**63)),
    )


def draw(
    chosen: Plan, size: int, *, confounded: bool = False
) -> tuple[NDArray[np.uint8], dict[str, float], dict[str, NDArray[np.bool_]]]:
    """Draw a planned picture.

    Parameters
    ----------
    chosen : Plan
        What to draw. Replace its age to draw the same scale younger or older.
    size : int
        Pixels on a side.
    confounded : bool
        Whether the background's brightness follows the age.

    Returns
    -------
    pixels : ndarray of uint8, shape (size, size, 3)
    labels : dict
        ``age``, in years.
    evidence : dict
        Boolean masks of shape (size, size): ``rings``, ``scale`` (the rest of it) and ``background``.

    """
    steps = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    x, y = np.broadcast_to(steps[None, :], (size, size)), np.broadcast_to(steps[:, None], (size, size))
    slide, rng = chosen.slide, np.random.default_rng(chosen.air)
    colours = slides.background(slide, slides.level(slide, chosen.age, confounded=confounded), x, y)
    free = np.ones((size, size), bool)
    if chosen.second is not None:
        age, seed, outline, surface = chosen.second
        growth = grow(age, np.random.default_rng(seed))
        colours, covered, _ = _lay(colours, growth, outline, surface, slide, (x, y))
        free &= covered < 0.5
    growth = grow(chosen.age, np.random.default_rng(chosen.growing))
    colours, covered, rings = _lay(colours, growth, chosen.outline, chosen.surface, slide, (x, y))
    colours *= slides.illumination(slide, x, y)[..., None]
    colours += np.float32(slide.grain) * grain(rng, size)[..., None]
    pixels = np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    scale = covered >= 0.5
    evidence = {"rings": rings & scale, "scale": scale & ~rings, "background": free & ~scale}
    return pixels, {"age": float(chosen.age)}, evidence


def _lay(
    colours: FloatArray,
    growth: Growth,
    outline: Outline,
    surface: Surface,
    slide: Slide,
    places: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Lay a scale on what is there; returns the colours, how much of each pixel it covers, and its rings."""
    size = len(colours)
    at = polar(outline, *places)
    light, rings = surfaces.light_and_rings(growth, outline, surface, at, places)
    light = gaussian(light, slide.blur * size / 224, mode="nearest", truncate=3)  # type: ignore[no-untyped-call]
    covered = np.clip(at.depth * np.float32(size / 1.6) + np.float32(0.5), 0, 1)[..., None]
    under = colours * slides.edge_shadow(at.depth)[..., None]
    # Where it is covered nothing at all is left of what lies under it, not even a rounding error.
    laid: FloatArray = under * (1 - covered) + slides.stained(slide, light, *places) * covered
    return laid, covered[..., 0], rings


def _second(rng: np.random.Generator) -> tuple[int, int, Outline, Surface] | None:
    """Choose a second scale that reaches into the picture from one side, in some pictures."""
    there, side, along = rng.random() < 0.35, int(rng.integers(4)), rng.uniform(0.1, 0.9)
    age, seed = int(rng.integers(AGES[0], AGES[-1] + 1)), int(rng.integers(0, 2**63))
    outline = shape(rng, (0.0, 0.0))
    turn = rng.uniform(0, 2 * math.pi)
    # Its middle lies outside, so that no more than a slice of it is seen.
    away = rng.uniform(0.22, 0.3)
    middle = ((along, -away), (1 + away, along), (along, 1 + away), (-away, along))[side]
    focus = outline.focus
    moved = replace(outline, focus=(focus[0] + middle[0], focus[1] + middle[1]), tilt=outline.tilt + turn)
    chosen = surfaces.choose(rng)
    return (age, seed, moved, chosen) if there else None
