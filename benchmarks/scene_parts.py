"""Finds the parts of a drawn building: windows, crenellations, columns, outline, sky and ground; it explains nothing.

What a scene keeps are two masks, of style and of perspective. Here the scene is drawn again and what the drawing knows is read:
the region of each pixel, and, for elements of the wall, where the drawing changes when an element is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from saliency_widget.demo.drawing import gothic, greek_roman, neoclassical, picture
from saliency_widget.demo.drawing.canvas import Region, Surfaces
from saliency_widget.demo.drawing.evidence import grow

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

__all__ = ["ELEMENTS", "PARTS", "parts"]

ELEMENTS: dict[str, tuple[tuple[ModuleType, str], ...]] = {
    "windows": ((gothic, "_window"), (gothic, "rose"), (neoclassical, "_window")),
    "doors and niches": (
        (gothic, "_portal"),
        (neoclassical, "_door"),
        (greek_roman, "_arch"),
        (greek_roman, "_cella"),
    ),
    "crenellations": ((gothic, "battlements"), (gothic, "_corbels")),
    "balustrades": ((neoclassical, "balustrade"),),
    "columns": ((neoclassical, "column"), (greek_roman, "column")),
    "pediments and beams": (
        (neoclassical, "pediment"),
        (greek_roman, "pediment"),
        (neoclassical, "entablature"),
        (greek_roman, "entablature"),
    ),
}
"""Elements of the wall, and the functions that draw them; none of these takes a random number that a later one misses."""

PARTS = (*ELEMENTS, "plain wall", "contour", "sky or ceiling", "ground or floor", "skyline or side walls")
"""Names of all parts; they may share pixels (a crenellation lies on the contour)."""

_BAND = 3
"""Pixels on each side of the building's edge that count as its contour, at a size of 224."""


def parts(seed: int, index: int = 0, size: int = 224) -> dict[str, NDArray[np.bool_]]:
    """Return the masks (size, size) of the parts of ``sw.demo.building(seed, index, size)``; an empty one of what it has not.

    Parameters
    ----------
    seed, index, size : int
        As for ``sw.demo.building``.
    """
    surfaces = _surfaces(seed, index, size)
    whole = _codes(surfaces)
    region = surfaces.regions()
    wall = (region == Region.WALL) | (region == Region.STYLE)
    around = (region <= Region.BESIDE) | (region == Region.CROWN)
    band = max(1, round(_BAND * size / 224))
    contour = grow(wall, band) & grow(around, band)
    found = {name: _without(functions, seed, index, size) != whole for name, functions in ELEMENTS.items()}
    return found | {
        "plain wall": (region == Region.WALL) & ~contour,
        "contour": contour,
        "sky or ceiling": region == Region.ABOVE,
        "ground or floor": region == Region.BELOW,
        "skyline or side walls": region == Region.BESIDE,
    }


def _without(functions: tuple[tuple[ModuleType, str], ...], seed: int, index: int, size: int) -> NDArray[np.uint8]:
    with ExitStack() as stack:
        for module, name in functions:
            stack.enter_context(patch.object(module, name, _nothing))
        return _codes(_surfaces(seed, index, size))


def _nothing(*_: Any, **__: Any) -> None:
    """Draw nothing."""


def _surfaces(seed: int, index: int, size: int) -> Surfaces:
    """Draw a scene again and return what its canvas shows where."""
    with _kept() as kept:
        picture.draw(picture.plan(np.random.default_rng(np.random.SeedSequence([seed, index]))), size)
    return kept[0]


@contextmanager
def _kept() -> Iterator[list[Surfaces]]:
    """Keep the surfaces from which the drawing makes its masks."""
    kept: list[Surfaces] = []
    masks = picture.masks

    def keep(surfaces: Surfaces, size: int) -> Any:
        kept.append(surfaces)
        return masks(surfaces, size)

    with patch.object(picture, "masks", keep):
        yield kept


def _codes(surfaces: Surfaces) -> NDArray[np.uint8]:
    """Return region and relief at the middle of each pixel, as one number."""
    codes, step = np.asarray(surfaces._codes), surfaces._step  # noqa: SLF001 - nothing else says what was drawn where
    return codes[step // 2 :: step, step // 2 :: step]
