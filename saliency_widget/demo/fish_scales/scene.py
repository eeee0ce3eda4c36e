"""The built-in data: fish scales under the microscope, drawn from a seed; not the drawing itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from saliency_widget.demo.fish_scales.picture import draw, plan
from saliency_widget.demo.scene import drawn_size, natural

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class FishScale:
    """A picture of a fish scale, how old the fish was, and where that can be seen.

    Attributes
    ----------
    image : PIL.Image.Image
        RGB, square.
    labels : dict of str to float
        ``age`` in years, 1 to 9: the number of rings.
    evidence : dict of str to ndarray of bool, shape (H, W)
        ``rings``, the winter rings where they can be seen; ``scale``, the rest of the scale; ``background``, the slide. No
        pixel is in two of them; a second scale that reaches into the picture is in none.
    seed, index : int
        ``scale(seed, index, confounded=confounded)`` draws the picture again.
    confounded : bool
        Whether the background's brightness follows the age.

    """

    image: Image.Image
    labels: dict[str, float]
    evidence: dict[str, NDArray[np.bool_]]
    seed: int
    index: int
    confounded: bool = False


def scale(seed: int, index: int, size: int = 224, *, confounded: bool = False) -> FishScale:
    """Draw one fish scale, which depends on the arguments alone.

    Parameters
    ----------
    seed : int
        Not negative; :data:`TRAINING_SEEDS` were used for training.
    index : int
        Which picture of the seed, from 0.
    size : int
        Pixels on a side, 32 to 1024. Another size shows the same scale; below about 150 the rings of an old fish cannot be told
        apart.
    confounded : bool
        Whether the background is the lighter the older the fish. Nothing else changes: it is the same scale on another slide.

    Returns
    -------
    FishScale

    Raises
    ------
    TypeError
        If an argument is no integer, or `confounded` no bool.
    ValueError
        If an argument is out of range.

    """
    seed = natural("seed", seed, "take 0, 1, 2, ...")
    index = natural("index", index, "the first picture of a seed has index 0")
    size = drawn_size(size)
    confounded = _flag(confounded)
    rng = np.random.default_rng(np.random.SeedSequence([seed, index]))
    pixels, labels, evidence = draw(plan(rng), size, confounded=confounded)
    return FishScale(Image.fromarray(pixels), labels, evidence, seed, index, confounded)


def scales(n: int, seed: int, size: int = 224, *, confounded: bool = False) -> list[FishScale]:
    """Draw the first n fish scales of a seed.

    Ages are drawn uniformly, and nothing else in the pictures depends on them: neither the size of a scale, nor its colour, nor
    how light it is. ``scales(3, s)`` is the beginning of ``scales(40, s)``.

    Parameters
    ----------
    n : int
        How many pictures; 0 gives an empty list.
    seed : int
        Not negative.
    size : int
        Pixels on a side, 32 to 1024.
    confounded : bool
        Whether the background is the lighter the older the fish.

    Returns
    -------
    list of FishScale

    Raises
    ------
    TypeError
        If an argument is no integer, or `confounded` no bool.
    ValueError
        If an argument is out of range.

    """
    n = natural("n", n, "ask for 0 pictures or more")
    natural("seed", seed, "take 0, 1, 2, ...")
    _flag(confounded)
    return [scale(seed, index, size, confounded=confounded) for index in range(n)]


def _flag(value: object) -> bool:
    if not isinstance(value, bool | np.bool_):
        message = (
            f"confounded is {value!r} ({type(value).__name__}): expected True or False; "
            "True lets the background's brightness follow the age"
        )
        raise TypeError(message)
    return bool(value)
