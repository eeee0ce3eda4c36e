"""Live maps: one for the newest picture of a page's camera, video or moving crop, or of Python code; only that one is kept.

The page sets the pace: it sends a picture when the map of an earlier one was painted. Should pictures come faster than maps,
as those of Python may, a newer one takes the place of the one that waits. Between two pictures there is nothing on the compute
thread.
"""

from __future__ import annotations

import io
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import Image

from saliency_widget.errors import BadImage, ModelError, NotApplicable
from saliency_widget.methods import Estimate, get
from saliency_widget.model import ImageModel, Picture
from saliency_widget.model.watching import watched
from saliency_widget.runner import state
from saliency_widget.runner.ending import Ending
from saliency_widget.runner.frames import Frame, encode
from saliency_widget.runner.job import Choice, Job
from saliency_widget.runner.outbox import Alarm
from saliency_widget.runner.planning import plan_of
from saliency_widget.runner.thread import Lane, Priority, Schedule, Task

if TYPE_CHECKING:
    from saliency_widget.runner.session import Session

__all__ = ["SILENCE", "Given", "Live", "Shot", "affordable"]

SILENCE = 60.0
"""Seconds without a picture after which a live job ends: its page crashed, or its video was paused and it will ask again."""


@dataclass(frozen=True)
class Shot:
    """A picture that a page took, not looked at yet.

    Attributes
    ----------
    page : str
        Who took it.
    n : int
        The page's number of it.
    width, height : int
        What the page says that they are.
    format : {"jpeg", "rgb"}
        ``rgb``: three bytes a pixel, row by row.
    data : bytes
    """

    page: str
    n: int
    width: int
    height: int
    format: str
    data: bytes

    def picture(self, model: ImageModel) -> Picture:
        """Decode it.

        Raises
        ------
        BadImage
            If it is not what the page says that it is.
        """
        size = (self.width, self.height)
        try:
            if self.format == "rgb":
                image = Image.frombytes("RGB", size, self.data)
            else:
                image = Image.open(io.BytesIO(self.data), formats=["JPEG"])
            if image.size == size:  # known before anything is decoded
                image.load()
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            message = (
                f"the page sent a picture that cannot be decoded ({len(self.data)} bytes as {self.format}); "
                "start live again, or choose another source"
            )
            raise BadImage(message) from error
        if image.size != size:
            message = f"the page sent a picture of {image.width} x {image.height} as one of {size[0]} x {size[1]}"
            raise BadImage(message)
        return model.read(image)


@dataclass(frozen=True, eq=False)
class Given:
    """A picture that Python code shows.

    Attributes
    ----------
    n : int
        Its number.
    image : Picture
    page : str
        Whose it is: no page's.
    """

    n: int
    image: Picture
    page: str = ""

    def picture(self, model: ImageModel) -> Picture:
        """Read it as a model takes it."""
        return model.read(self.image)


def affordable(model: ImageModel, choice: Choice, picture: Picture) -> None:
    """Raise for a method that is too slow to follow a moving picture.

    Raises
    ------
    NotApplicable
    """
    method = get(choice.method)
    width, height = model.geometry(picture).input_size
    units = method.units(choice.params, (height, width))
    if units > 1 or method.kind == "picture":
        message = (
            f"{method.label} takes {units} {method.reads} for each picture, so it cannot follow a moving one; choose a method "
            "of one, such as the plain gradient or Grad-CAM"
        )
        raise NotApplicable(message)


class Live:
    """One widget's live job, if it has one.

    Parameters
    ----------
    session : Session
        Whose lock is held whenever one of the methods is called.
    schedule : Schedule
        Where it runs.
    alarm : callable
        For tests.
    """

    def __init__(self, session: Session, schedule: Schedule, alarm: Alarm) -> None:
        self._session = session
        self._schedule = schedule
        self._alarm = alarm
        self._lane = Lane()
        self._job: Job | None = None
        self._waiting: Shot | Given | None = None
        self._given: Given | None = None  # Python's newest, while its pictures are those that are followed
        self._count = self._dropped = 0
        self._quiet: tuple[object, ...] | None = None  # who shows pictures and was told to stop
        self._heard = 0.0
        self._call_off: Callable[[], None] | None = None

    def begin(self, job: Job) -> None:
        """Follow the pictures of the page that asked for this job; those of Python go on under it."""
        self._job, self._waiting = job, self._given
        self._heard = self._session.clock()
        self._wind(SILENCE)
        if self._waiting is not None:
            self._wake(job)

    def shot(self, shot: Shot) -> None:
        """Take a picture, in place of one that waits; whose page has no live job is not listened to."""
        job = self._job
        if job is None or not job.live or not _belongs(job, shot.page):
            return
        self._given = None  # a camera that a page switches on takes the place of Python's pictures
        self._heard = self._session.clock()
        self._waiting = shot
        self._wake(job)

    def feed(self, image: Picture, who: object) -> int:
        """Take a picture of Python code, in place of one that waits; begins a live job where none is.

        Parameters
        ----------
        image : Picture
        who : object
            Tells one loop from another: after a person has stopped it, what comes from the same is left out.

        Returns
        -------
        int
            How many were left out so far.

        Raises
        ------
        SaliencyError
            If a live job cannot begin, or has failed.
        """
        self._count += 1
        job, given = self._job, self._given
        on = job is not None and job.live
        if given is not None and not on:
            self._given = self._job = None
            if job is not None and job.error is not None:
                raise job.error
            newest = self._session.jobs.newest
            stopped = job is not None and job.stop == "cancelled"
            self._quiet = (who,) if stopped or (newest is not None and newest.req is not None) else None
        if self._quiet == (who,) or (on and given is None):
            self._dropped += 1
            return self._dropped
        self._dropped += isinstance(self._waiting, Given)
        self._given = Given(self._count, image)
        if on and job is not None:
            self._heard = self._session.clock()
            self._waiting = self._given
            self._wake(job)
        else:
            try:
                self._session.ask({}, kind="live")
            except BaseException:
                self._given = None
                raise
        return self._dropped

    def unfed(self) -> int:
        """Go back from Python's pictures to the chosen one; returns how many were left out."""
        given, dropped = self._given, self._dropped
        self._given = self._quiet = None
        self._count = self._dropped = 0
        if given is not None and self._job is not None and self._job.live:
            self._session.ask({})
        return dropped

    def _wake(self, job: Job) -> None:
        if job.task is None:
            job.task = Task(
                lambda: self._steps(job),
                self._lane,
                Priority.EXPLAIN,
                fail=lambda error: self._lost(job, error),
                stop=job.token.cancel,
            )
            self._schedule.submit(job.task)

    def gone(self, page: str) -> None:
        """End the job of a page that goes away; Python's pictures go on."""
        if self._given is None and self._job is not None and self._job.live and _belongs(self._job, page):
            self._session.jobs.stop(self._job, "cancelled")

    def close(self) -> None:
        """Let go of everything; the job itself is ended with all others."""
        self._job = self._waiting = self._given = None
        if self._call_off is not None:
            self._call_off()

    # -- on the compute thread ----------------------------------------------------------------------------------------

    def _steps(self, job: Job) -> Iterator[None]:
        session = self._session
        try:
            with Ending(lambda: session.stopped(job), lambda error: session.failed(job, error)):
                while (shot := session.holding(lambda: self._take(job))) is not None:
                    session.latest(job, self._frame(job, shot))
                    yield
        finally:
            if job.ended:
                session.jobs.finished(job)

    def _take(self, job: Job) -> Shot | Given | None:
        """Take out the picture that waits; if there is none, the next one to come has to wake the thread."""
        job.token.check()
        found, self._waiting = self._waiting, None
        if found is None:
            job.task = None
        return found

    def _frame(self, job: Job, shot: Shot | Given) -> Frame:
        session, choice = self._session, job.choice
        model = session.models[choice.model]
        began = session.clock()
        picture = shot.picture(model)
        with watched(job.token.check):
            plan = plan_of(model, picture, choice)
        last: Estimate | None = None
        for last in plan.estimates(job.token):  # noqa: B007 - the last one counts
            pass
        if last is None:
            message = f"method '{choice.method}' ended without a single estimate"
            raise ModelError(message)
        frame = encode(plan, last, final=False, ms=round(1000 * (session.clock() - began), 1), key="")
        geometry = model.geometry(picture)
        frame.meta["shot"] = {
            "page": shot.page,
            "n": shot.n,
            "size": [picture.width, picture.height],
            "box": [float(edge) for edge in geometry.box],
            "input": list(geometry.input_size),
            "heads": state.predictions(picture, plan.prediction)["heads"],
        }
        if isinstance(shot, Shot):
            return frame
        seen = state.base_picture(picture, quick=True)
        frame.meta["shot"]["picture"] = len(seen)
        return replace(frame, data=frame.data + seen)

    def _lost(self, job: Job, error: BaseException) -> None:
        self._session.failed(job, error)
        self._session.jobs.finished(job)

    # -- when nothing comes -------------------------------------------------------------------------------------------

    def _wind(self, delay: float) -> None:
        if self._call_off is not None:
            self._call_off()
        here = weakref.ref(self)  # an alarm must not keep a closed widget's session alive

        def ring() -> None:
            live = here()
            if live is not None:
                live._session.holding(live._ring)  # noqa: SLF001 - our own

        self._call_off = self._alarm(delay, ring)

    def _ring(self) -> None:
        """End a job whose page sends nothing any more; what is being computed is waited for."""
        self._call_off, job = None, self._job
        if job is None or not job.live:
            return
        left = self._heard + SILENCE - self._session.clock()
        if left > 0 or job.task is not None:
            self._wind(max(left, 1.0))
            return
        if self._given is not None:
            self.unfed()
            return
        self._session.jobs.end(job, "complete")
        self._session.jobs.finished(job)


def _belongs(job: Job, page: str) -> bool:
    return job.req is not None and job.req["page"] == page
