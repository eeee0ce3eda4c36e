"""The messages of a page on which somebody paints over a picture, checked as ``protocol`` checks all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from saliency_widget.fields import Fields

__all__ = ["Occlude", "Paint", "read"]

_MOST_CELLS = 256
"""A side."""


@dataclass(frozen=True)
class Occlude:
    """Somebody paints over a picture: say what the model says of it, and of each :class:`Paint` that follows."""

    req: dict[str, Any]
    image: str


@dataclass(frozen=True)
class Paint:
    """What is painted over now, the page's newest; `data` has a byte for each cell, row by row, 255 where it is hidden."""

    req: dict[str, Any]
    image: str
    width: int
    height: int
    fill: str
    seed: int
    keep: bool
    pixels: bool
    data: bytes


def read(req: dict[str, Any], fields: Fields) -> Paint:
    """Read a ``paint`` message whose `req` was taken out.

    Raises
    ------
    BadMessage
    """
    image = fields.text("image")
    size = {name: fields.integer(name) for name in ("width", "height")}
    for name, cells in size.items():
        if not 0 < cells <= _MOST_CELLS:
            fields.refuse(name, cells, f"1 to {_MOST_CELLS} cells")
    return Paint(
        req,
        image,
        **size,
        fill=fields.text("fill"),
        seed=fields.integer("seed"),
        keep=fields.flag("keep"),
        pixels=fields.flag("pixels"),
        data=fields.buffer(size["width"] * size["height"], exactly=True),
    )
