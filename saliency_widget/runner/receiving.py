"""Pictures that a page sends, or cuts out of another: decoded with care on the compute thread, and put among the others."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError

from saliency_widget.errors import BadImage
from saliency_widget.model import ImageModel, Picture
from saliency_widget.model.images import MAX_SIDE
from saliency_widget.runner.adding import add
from saliency_widget.runner.choosing import picture_of
from saliency_widget.runner.job import Job

if TYPE_CHECKING:
    from saliency_widget.runner.session import Session

__all__ = ["FORMATS", "MOST_PIXELS", "cropped", "cut", "decoded", "receive"]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
"""No other decoder of Pillow's sees what comes from a page."""

MOST_PIXELS = 50_000_000
"""What a file claims to hold is looked at before any of it is decoded."""

_LEAST = 2
"""Pixels a side of what is cut out."""


def receive(session: Session, req: dict[str, Any], *, name: str, data: bytes) -> Job:
    """Accept a picture of a page; nothing is decoded yet.

    Parameters
    ----------
    session : Session
    req : dict
        The page's id of it.
    name : str
        What a person calls it, such as the file's name.
    data : bytes
        Of a file of one of :data:`FORMATS`.
    """
    return _begin(session, req, lambda: decoded(session.models[session.choice.model], data, name))


def cut(session: Session, req: dict[str, Any], *, image: str, box: Sequence[float]) -> Job:
    """Accept a page's wish for a part of a picture as a picture of its own.

    Raises
    ------
    BadImage
        If there is no such picture.
    """
    index = picture_of(session.pictures, image)
    return _begin(session, req, lambda: cropped(session.pictures[index], box))


def decoded(model: ImageModel, data: bytes, name: str) -> Picture:
    """Read the bytes of a picture that somebody sent.

    Raises
    ------
    BadImage
        If they are of another kind, corrupt, or claim too many pixels.
    """
    shown = "".join(letter for letter in name if letter.isprintable()).strip() or "picture"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large(shown, str(error)) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        message = f"'{shown}' is no picture of a kind that is taken ({len(data)} bytes); expected {', '.join(FORMATS)}"
        raise BadImage(message) from error
    width, height = opened.size
    if width * height > MOST_PIXELS:
        raise _too_large(shown, f"{width} x {height}")
    # A JPEG can be decoded at a fraction of its size.
    opened.draft("RGB", (MAX_SIDE, MAX_SIDE))
    try:
        return replace(model.read(opened), label=shown)
    except BadImage as error:
        message = f"'{shown}': {error}"
        raise BadImage(message) from error


def cropped(picture: Picture, box: Sequence[float]) -> Picture:
    """Return a part of a picture.

    Parameters
    ----------
    picture : Picture
    box : sequence of float
        Left, top, right, bottom in the picture's pixels; brought to whole ones inside of it.

    Raises
    ------
    BadImage
        If less than two pixels a side are left.
    """
    left, top = (max(0, round(edge)) for edge in box[:2])
    right, bottom = (min(most, round(edge)) for edge, most in zip(box[2:], picture.image.size, strict=True))
    if right - left < _LEAST or bottom - top < _LEAST:
        message = f"the part to cut out is {max(0, right - left)} x {max(0, bottom - top)} pixels; mark a larger one"
        raise BadImage(message)
    exact = None if picture.exact is None else picture.exact[:, top:bottom, left:right].contiguous()
    label = f"{picture.label or 'picture'} ({right - left} x {bottom - top} at {left}, {top})"
    return Picture(picture.image.crop((left, top, right, bottom)), label, (), exact)


def _begin(session: Session, req: dict[str, Any], read: Any) -> Job:
    session.locks.allow("image")
    return session.holding(lambda: session.beside.begin("image", req, lambda job: _steps(session, job, read)))


def _steps(session: Session, job: Job, read: Any) -> Iterator[None]:
    picture = read()
    yield
    job.token.check()
    image = add(session, picture)
    session.say("added", {"job": job.number, "image": image, "notes": list(picture.notes)})


def _too_large(name: str, size: str) -> BadImage:
    return BadImage(
        f"'{name}' is too large to decode safely ({size}); the limit is {MOST_PIXELS // 10**6} million pixels: scale it down"
    )
