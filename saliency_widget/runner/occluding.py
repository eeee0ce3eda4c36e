"""Scores of a picture while a page paints over it: of the newest mask, before anything else, and of no other.

The page sends a mask whenever a hand has moved. Should masks come faster than forwards, a newer one takes the place of the one
that waits. Between two masks there is nothing on the compute thread. The choice, the traits and the map stay as they are.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from saliency_widget.errors import BadImage
from saliency_widget.model import Picture
from saliency_widget.model.watching import watched
from saliency_widget.runner import adding, state
from saliency_widget.runner.choosing import picture_of
from saliency_widget.runner.fills import Easel, check_fill
from saliency_widget.runner.job import Job

if TYPE_CHECKING:
    from saliency_widget.runner.session import Session

__all__ = ["Mask", "Occluding"]

_PAINTED = " (painted)"


@dataclass(frozen=True)
class Mask:
    """What a page has painted.

    Attributes
    ----------
    req : dict
        The page, and its number of this mask, upwards.
    image : str
        Of which picture.
    width, height : int
        Of the grid, which lies evenly on what the model sees of the picture.
    data : bytes
        One for each cell, row by row: 0 shows it, 255 hides it.
    fill : str
        One of ``fills.FILLS``.
    seed : int
        Of the noise.
    keep : bool
        Whether the painted picture becomes one of the widget's pictures.
    pixels : bool
        Whether the page wants to see what stands in place of what is hidden.
    """

    req: dict[str, Any]
    image: str
    width: int
    height: int
    fill: str
    seed: int
    keep: bool
    pixels: bool
    data: bytes

    def shares(self) -> Tensor:
        """Return by which share each cell is hidden, (h, w)."""
        cells = torch.frombuffer(bytearray(self.data), dtype=torch.uint8)
        return cells.reshape(self.height, self.width).float().div(255)


class _Desk:
    """What belongs to one job: its picture, and the masks that wait, one to be kept and one to be scored."""

    def __init__(self, image: str) -> None:
        self.image = image
        self.label = ""
        self.easel: Easel | None = None
        self.revision = ""
        self.waiting: dict[bool, Mask] = {}

    def take(self) -> Mask | None:
        """Take out the older one."""
        first = min(self.waiting, key=lambda keep: self.waiting[keep].req["n"], default=None)
        return None if first is None else self.waiting.pop(first)


class Occluding:
    """One widget's jobs of this kind, at most one at a time.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        # A job that has ended is held by nobody, and its pixels go with it.
        self._desks: weakref.WeakKeyDictionary[Job, _Desk] = weakref.WeakKeyDictionary()

    def begin(self, req: dict[str, Any], image: str) -> Job:
        """Accept a page's request to paint over a picture; first it is told what the model says of it as it is.

        Raises
        ------
        BadImage
        """
        session = self._session

        def accept() -> Job:
            picture_of(session.pictures, image)
            session.idle.stop()
            job = session.beside.begin("occlude", req, self._steps, lasting=True)
            self._desks[job] = _Desk(image)
            return job

        return session.holding(accept)

    def paint(self, mask: Mask) -> None:
        """Take a mask, in place of one that waits; whose page has no such job is not listened to.

        Raises
        ------
        SaliencyError
            If it does not fit; the mask before still counts.
        """
        check_fill(mask.fill)
        if mask.keep:
            self._session.locks.allow("image")
        self._session.holding(lambda: self._lay(mask))

    def _lay(self, mask: Mask) -> None:
        for job, desk in list(self._desks.items()):
            if not job.live or job.req is None or job.req["page"] != mask.req["page"]:
                continue
            if mask.image != desk.image:
                message = (
                    f"a mask came for picture '{mask.image}' while '{desk.image}' is painted; ask to paint it first"
                )
                raise BadImage(message)
            desk.waiting[mask.keep] = mask
            if job.task is None:
                self._session.beside.resume(job, self._steps)

    # -- on the compute thread ----------------------------------------------------------------------------------------

    def _steps(self, job: Job) -> Iterator[None]:
        session = self._session
        desk = session.holding(lambda: self._desks[job])
        if desk.easel is None:
            index = session.holding(lambda: picture_of(session.pictures, desk.image))
            picture = session.pictures[index]
            desk.label = f"{session.pictures.caption(index).removesuffix(_PAINTED) or 'picture'}{_PAINTED}"
            geometry = session.models[job.choice.model].geometry(picture)
            desk.easel = Easel(picture, geometry.box, geometry.input_size)
            self._tell_of_whole(job, desk, desk.easel)
            yield
        while (mask := session.holding(lambda: _take(job, desk))) is not None:
            if session.models.revision(job.choice.model) != desk.revision:
                self._tell_of_whole(job, desk, desk.easel)
            self._answer(job, desk, desk.easel, mask)
            yield

    def _tell_of_whole(self, job: Job, desk: _Desk, easel: Easel) -> None:
        """Say what the model, as it is now, says of the picture without anything painted over."""
        desk.revision = self._session.models.revision(job.choice.model)
        n = 0 if job.req is None else job.req["n"]
        fields = {"n": n, "image": desk.image, "painted": False, "kept": None}
        self._say(job, fields, easel, easel.picture)

    def _answer(self, job: Job, desk: _Desk, easel: Easel, mask: Mask) -> None:
        shares = mask.shares()
        painted = easel.paint(shares, mask.fill, mask.seed)
        fields = {"n": mask.req["n"], "image": mask.image, "painted": True, "kept": None}
        if mask.keep:
            picture = easel.keep(painted, shares, mask.fill, mask.seed, desk.label)
            fields["kept"] = adding.add(self._session, picture, desk.label)
        self._say(job, fields, easel, painted, easel.behind(shares) if mask.pixels else None)

    def _say(
        self, job: Job, fields: Mapping[str, Any], easel: Easel, picture: Picture, data: bytes | None = None
    ) -> None:
        """Look at a picture, painted over or not, and tell the page."""
        session = self._session
        with watched(job.token.check):
            said = session.models[job.choice.model].look(picture).prediction
        page = "" if job.req is None else job.req["page"]
        heads = state.predictions(easel.picture, said)["heads"]

        def send() -> None:
            if job.live:  # nothing may follow the end
                session.say("scores", {"job": job.number, "page": page, "heads": heads, **fields}, data)

        session.holding(send)


def _take(job: Job, desk: _Desk) -> Mask | None:
    """Take out a mask that waits; if there is none, the next one to come has to wake the thread."""
    job.token.check()
    found = desk.take()
    if found is None:
        job.task = None
    return found
