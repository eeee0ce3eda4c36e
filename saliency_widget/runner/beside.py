"""Jobs that one page asks for beside the map that all pages follow: they leave the choice, the traits and that map alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from saliency_widget.runner.ending import Ending
from saliency_widget.runner.job import Job, Kind, Status, forget_frames, plain

if TYPE_CHECKING:
    from saliency_widget.errors import SaliencyError
    from saliency_widget.runner.session import Session

__all__ = ["Beside"]

_log = logging.getLogger("saliency_widget")


class Beside:
    """One widget's jobs of this kind.

    Parameters
    ----------
    session : Session
        Whose lock is held whenever one of the methods is called.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(
        self, kind: Kind, req: dict[str, Any], run: Callable[[Job], Iterator[None]], *, lasting: bool = False
    ) -> Job:
        """Accept a request, and have the compute thread do it.

        Parameters
        ----------
        kind : {"grid", "file", "occlude"}
            One of ``runner.job.BESIDE``.
        req : dict
            The page's id of it.
        run : callable
            Does the job, step by step. What it raises ends the job; a ``SaliencyError`` is told to the page.
        lasting : bool
            Whether the job goes on when `run` has come to its end: there may be more to do (:meth:`resume`).

        Returns
        -------
        Job
        """
        session = self._session
        job = session.jobs.add(kind, session.choice, req, None)
        session.say("accepted", {"job": job.number, "req": req, "kind": kind, "args": {}})
        self._start(job, run, lasting=lasting)
        return job

    def resume(self, job: Job, run: Callable[[Job], Iterator[None]]) -> None:
        """Have the compute thread go on with a lasting job that has no task."""
        self._start(job, run, lasting=True)

    def gone(self, page: str) -> None:
        """End the jobs of a page that goes away."""
        for job in self._session.jobs.running():
            if job.beside and job.req is not None and job.req["page"] == page:
                self._session.jobs.stop(job, "cancelled")

    def _start(self, job: Job, run: Callable[[Job], Iterator[None]], *, lasting: bool) -> None:
        self._session.jobs.start(
            job, lambda: self._steps(job, run, lasting=lasting), lambda error: self._failed(job, error)
        )

    def _steps(self, job: Job, run: Callable[[Job], Iterator[None]], *, lasting: bool) -> Iterator[None]:
        try:
            with Ending(lambda: self._end(job, job.stop or "cancelled"), lambda error: self._failed(job, error)):
                yield from run(job)
                if not lasting:
                    self._end(job, "complete")
        finally:
            if job.ended:
                self._session.jobs.finished(job)

    def _end(self, job: Job, status: Status, error: SaliencyError | None = None) -> None:
        self._session.holding(lambda: self._session.jobs.end(job, status, error=error))

    def _failed(self, job: Job, error: BaseException) -> None:
        readable = plain(error)
        level = logging.WARNING if readable is error else logging.ERROR
        _log.log(level, "job %d (%s) failed: %s", job.number, job.kind, readable, exc_info=error)
        forget_frames(error)
        if job.stop is not None:
            self._end(job, job.stop)
        else:
            self._end(job, "error", readable)
        self._session.jobs.finished(job)
