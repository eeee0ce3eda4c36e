"""Small pictures for the strip under the large one: only those that a page has in sight, a few at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from saliency_widget.errors import BadImage, SaliencyError
from saliency_widget.runner.job import forget_frames
from saliency_widget.runner.state import thumbnail

if TYPE_CHECKING:
    from saliency_widget.runner.session import Session

__all__ = ["ask"]

_log = logging.getLogger("saliency_widget")

_TOGETHER = 8
"""Sent in one message: each takes its time on the way."""


def ask(session: Session, pictures: Sequence[int]) -> None:
    """Have small copies made and sent to all pages.

    Parameters
    ----------
    session : Session
    pictures : sequence of int
        Their indices.

    Raises
    ------
    BadImage
        If there is no such picture.
    """
    count = len(session.pictures)
    for index in pictures:
        if index >= count:
            message = f"there is no picture {index}; they are numbered from 0 to {count - 1}"
            raise BadImage(message)
    session.jobs.errand(lambda: _steps(session, list(pictures)), _failed)


def _steps(session: Session, pictures: list[int]) -> Iterator[None]:
    while pictures and not session.jobs.closed:
        some, pictures = pictures[:_TOGETHER], pictures[_TOGETHER:]
        made = []
        for index in some:
            made.append(_made(session, index))
            yield
        session.say("thumbs", {"pictures": some, "sizes": [len(one) for one in made]}, b"".join(made))


def _failed(error: BaseException) -> None:
    _log.warning("small copies of pictures could not be made: %s", error, exc_info=error)
    forget_frames(error)


def _made(session: Session, index: int) -> bytes:
    """Return a picture's, kept or made; nothing for one that cannot be read, which says why when it is chosen."""
    pictures = session.pictures
    if index not in pictures.thumbs:
        try:
            small = thumbnail(pictures.entry(index).picture)
        except SaliencyError:
            small = b""
        pictures.thumb(index, small)
    return pictures.thumbs[index]
