"""The built-in data: labelled pictures of buildings, drawn from a seed; not the drawing itself."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from .drawing.picture import draw, plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRAINING_SEEDS = range(1_000_000_000, 2_000_000_000)
"""Seeds reserved for training; take any seed below for pictures that no shipped model has seen."""

SIZES = range(32, 1025)
"""Sizes in pixels that can be drawn."""


@dataclass(frozen=True)
class Scene:
    """A picture of a building, what it shows, and where that can be seen.

    Attributes
    ----------
    image : PIL.Image.Image
        RGB, square.
    labels : dict of str to str
        ``style`` (gothic, neoclassical or greek_roman) and ``perspective`` (inside or outside).
    evidence : dict of str to ndarray of bool, shape (H, W)
        Under the same names, the pixels that carry the label: windows, columns and mouldings for
        style; sky and ground, or ceiling, side walls and floor, and the building's outline, for
        perspective. The two masks share no pixel; plain wall is in neither.
    seed, index : int
        ``building(seed, index)`` draws the scene again.

    """

    image: Image.Image
    labels: dict[str, str]
    evidence: dict[str, NDArray[np.bool_]]
    seed: int
    index: int


def building(seed: int, index: int, size: int = 224) -> Scene:
    """Draw one scene, which depends on (seed, index, size) alone.

    Parameters
    ----------
    seed : int
        Not negative; :data:`TRAINING_SEEDS` were used for training.
    index : int
        Which scene of the seed, from 0.
    size : int
        Pixels on a side, 32 to 1024. Another size shows the same scene.

    Returns
    -------
    Scene

    Raises
    ------
    TypeError
        If an argument is no integer.
    ValueError
        If an argument is out of range.

    """
    seed = natural("seed", seed, "take 0, 1, 2, ...")
    index = natural("index", index, "the first scene of a seed has index 0")
    size = drawn_size(size)
    rng = np.random.default_rng(np.random.SeedSequence([seed, index]))
    pixels, labels, evidence = draw(plan(rng), size)
    return Scene(Image.fromarray(pixels), labels, evidence, seed, index)


def buildings(n: int, seed: int, size: int = 224) -> list[Scene]:
    """Draw the first n scenes of a seed.

    Styles and perspectives are drawn independently and uniformly. ``buildings(3, s)`` is the
    beginning of ``buildings(40, s)``.

    Parameters
    ----------
    n : int
        How many scenes; 0 gives an empty list.
    seed : int
        Not negative.
    size : int
        Pixels on a side, 32 to 1024.

    Returns
    -------
    list of Scene

    Raises
    ------
    TypeError
        If an argument is no integer.
    ValueError
        If an argument is out of range.

    """
    n = natural("n", n, "ask for 0 scenes or more")
    natural("seed", seed, "take 0, 1, 2, ...")
    return [building(seed, index, size) for index in range(n)]


def drawn_size(size: object) -> int:
    """Return a size in pixels, checked; a TypeError or a ValueError says what is wrong with it."""
    found = natural("size", size, "224 is usual")
    if found not in SIZES:
        message = (
            f"size {found} is out of range: expected {SIZES[0]} to {SIZES[-1]} pixels; "
            "draw the nearest size and resize the image"
        )
        raise ValueError(message)
    return found


def natural(name: str, value: object, advice: str) -> int:
    """Return an integer that is not negative, checked; `name` and `advice` are for the error."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        message = f"{name} is {value!r} ({type(value).__name__}): expected an integer; {advice}"
        raise TypeError(message)
    if value < 0:
        message = f"{name} is {value}: expected an integer that is not negative; {advice}"
        raise ValueError(message)
    return int(value)
