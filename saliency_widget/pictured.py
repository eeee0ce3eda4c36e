"""The page's messages about pictures: small copies, one more, a part of one, a live one, what the model says of many."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from saliency_widget.fields import MOST_ITEMS, Fields

__all__ = ["HEAVIEST", "Cut", "Image", "Shot", "Survey", "Thumbs", "cut", "image", "shot", "survey", "thumbs"]

HEAVIEST = 9 * 2**20
"""Bytes of a picture that a page sends: Jupyter's server takes messages up to 10 MiB."""

_LARGEST_SHOT = 1024
"""Pixels a side of a live picture: a model's input is smaller."""
_HEAVIEST_SHOT = 3 * _LARGEST_SHOT**2

Req = dict[str, Any]


@dataclass(frozen=True)
class Shot:
    """A picture for the page's live job, the page's `n`-th; `data` are the bytes of a JPEG, or red, green and blue."""

    page: str
    n: int
    width: int
    height: int
    format: str
    data: bytes


@dataclass(frozen=True)
class Thumbs:
    """A page has these pictures' places in sight."""

    page: str
    pictures: tuple[int, ...]


@dataclass(frozen=True)
class Image:
    """A picture of the person's own, as the bytes of a file."""

    req: Req
    name: str
    data: bytes


@dataclass(frozen=True)
class Cut:
    """A part of a picture, `box` of it, is wanted as a picture of its own."""

    req: Req
    image: str
    box: tuple[float, ...]


@dataclass(frozen=True)
class Survey:
    """A page wants to know what the model says of `count` pictures from `first` on."""

    req: Req
    first: int
    count: int


def thumbs(fields: Fields) -> Thumbs:
    """Read a message of the type ``thumbs``."""
    pictures = fields.take("pictures")
    fits = isinstance(pictures, list) and 0 < len(pictures) <= MOST_ITEMS
    if not fits or not all(isinstance(at, int) and not isinstance(at, bool) and at >= 0 for at in pictures):
        fields.refuse("pictures", pictures, f"a list of 1 to {MOST_ITEMS} whole numbers from 0")
    return Thumbs(fields.text("page"), tuple(pictures))


def image(req: Req, fields: Fields) -> Image:
    """Read a message of the type ``image``."""
    return Image(req, fields.text("name"), fields.buffer(HEAVIEST, exactly=False))


def cut(req: Req, args: Fields) -> Cut:
    """Read a request of the kind ``cut``."""
    name = args.text("image")
    box = args.take("box")
    numbers = isinstance(box, list) and len(box) == 4
    if not numbers or not all(isinstance(x, int | float) and math.isfinite(x) for x in box):
        args.refuse("box", box, "four numbers: left, top, right, bottom")
    return Cut(req, name, tuple(float(x) for x in box))


def survey(req: Req, args: Fields) -> Survey:
    """Read a request of the kind ``survey``."""
    return Survey(req, args.integer("first"), args.integer("count"))


def shot(fields: Fields) -> Shot:
    """Read a message of the type ``shot``."""
    size = {name: fields.integer(name) for name in ("width", "height")}
    for name, pixels in size.items():
        if not 0 < pixels <= _LARGEST_SHOT:
            fields.refuse(name, pixels, f"1 to {_LARGEST_SHOT} pixels")
    kind = fields.choice("format", ("jpeg", "rgb"))
    most = 3 * size["width"] * size["height"] if kind == "rgb" else _HEAVIEST_SHOT
    data = fields.buffer(most, exactly=kind == "rgb")
    return Shot(fields.text("page"), fields.integer("n"), **size, format=kind, data=data)
