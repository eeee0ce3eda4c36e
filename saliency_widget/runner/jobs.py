"""The jobs of one widget: numbered, superseded, stopped, waited for, each ended exactly once; it knows nothing of maps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from saliency_widget.errors import SaliencyError
from saliency_widget.explanation import Explanation
from saliency_widget.runner.frames import Frame
from saliency_widget.runner.job import SLOTS, Choice, Closed, Job, Kind, Status, Stopped, Why
from saliency_widget.runner.outbox import Outbox
from saliency_widget.runner.thread import Lane, Priority, Schedule, Task, on_compute_thread

__all__ = ["Jobs"]

_PRIORITY: Mapping[Kind, Priority] = {
    **dict.fromkeys(("predict", "file", "occlude", "image", "channels"), Priority.NOW),
    "grid": Priority.GRID,
    "lab": Priority.GRID,
    "survey": Priority.IDLE,
}


class Jobs:
    """The jobs of one widget.

    Parameters
    ----------
    outbox : Outbox
        Where ends go.
    schedule : Schedule
        Where jobs are run.
    lock : RLock
        The session's; only :meth:`wait` and :meth:`result` may be called without it, and they must be.
    clock : callable
        Returns the time in seconds.
    """

    def __init__(self, outbox: Outbox, schedule: Schedule, lock: threading.RLock, clock: Callable[[], float]) -> None:
        self.count = 0
        self.newest: Job | None = None
        self.closed = False
        self._outbox = outbox
        self._schedule = schedule
        self._lock = lock
        self._clock = clock
        self._lane = Lane()
        self._open: dict[int, Job] = {}

    def running(self) -> list[Job]:
        """Return the jobs that have not ended, oldest first."""
        return [job for job in self._open.values() if not job.ended]

    def get(self, number: int) -> Job | None:
        """Return a job that has not ended."""
        job = self._open.get(number)
        return None if job is None or job.ended else job

    def ms(self, job: Job) -> float:
        """Return the milliseconds since a job was accepted."""
        return round(1000 * (self._clock() - job.began), 1)

    def add(self, kind: Kind, choice: Choice, req: dict[str, Any] | None, have: str | None) -> Job:
        """Number a new job; the one in its slot is told to stop.

        Raises
        ------
        Closed
        """
        if self.closed:
            raise Closed
        self.count += 1
        job = Job(self.count, kind, choice, req, have, self._clock())
        for other in self.running():
            if SLOTS[other.kind] == SLOTS[kind]:
                self.stop(other, "superseded")
        if SLOTS[kind] == "map":
            self._outbox.send(self._outbox.flow.overtaken())
        self._open[job.number] = job
        if not job.beside:
            self.newest = job
        return job

    def start(self, job: Job, steps: Callable[[], Iterator[None]], lost: Callable[[BaseException], None]) -> None:
        """Have a job run.

        Parameters
        ----------
        job : Job
            From :meth:`add`; its `accepted` has been sent.
        steps : callable
            As for :class:`saliency_widget.runner.thread.Task`.
        lost : callable
            Called if the thread dies under the job.
        """
        job.task = Task(steps, self._lane, _PRIORITY.get(job.kind, Priority.EXPLAIN), fail=lost, stop=job.token.cancel)
        self._schedule.submit(job.task)

    def errand(self, steps: Callable[[], Iterator[None]], lost: Callable[[BaseException], None]) -> None:
        """Have something small computed beside the jobs: it has no number, and nobody hears of its end."""
        self._schedule.submit(Task(steps, Lane(), Priority.GRID, fail=lost, stop=lambda: None))

    def stop(self, job: Job, why: Why) -> None:
        """Tell a job to stop. One of which nothing is computed now ends here, the others at the network's next layer."""
        job.stop = job.stop or why
        job.token.cancel()
        if job.task is None or self._withdraw(job.task):
            self.end(job, job.stop)
            self.finished(job)

    def end(self, job: Job, status: Status, *, frame: Frame | None = None, error: SaliencyError | None = None) -> bool:
        """Hand over a job's end; returns whether this was the first time."""
        if job.ended:
            return False
        job.ended = True
        job.error = error
        if job.kind == "live":
            self._outbox.send(self._outbox.flow.latest(None))  # nothing may follow the end
        end = {
            "job": job.number,
            "req": job.req,
            "status": status,
            "code": None if error is None else error.code,
            "message": None if error is None else str(error),
            "ms": self.ms(job),
        }
        self._outbox.send(self._outbox.flow.finish(end, None if frame is None else ({"job": job.number}, frame)))
        return True

    def finished(self, job: Job) -> None:
        """Wake who waits for a job: all is in place."""
        with self._lock:
            self._open.pop(job.number, None)
            job.task = None
        job.done.set()

    def close(self) -> None:
        """End all jobs, and accept no more."""
        self.closed = True
        for job in list(self._open.values()):
            job.token.cancel()
            if job.task is not None:
                self._withdraw(job.task)
            self.end(job, "error", error=Closed())
            self.finished(job)

    def wait(self, timeout: float | None = None) -> None:
        """Block until no job is left but what a page alone waits for; then raise the newest one's error if it has one.

        Raises
        ------
        TimeoutError, SaliencyError, RuntimeError
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                job = next((j for j in reversed(self._open.values()) if not (j.beside or j.kind == "live")), None)
                newest = self.newest
            if job is None:
                break
            self._wait_for(job, deadline)
        if newest is not None and newest.error is not None:
            raise newest.error

    def result(self, job: Job) -> list[Explanation]:
        """Block until a job has ended, and return what came out.

        Raises
        ------
        SaliencyError, Stopped, RuntimeError
        """
        self._wait_for(job, None)
        if job.error is not None:
            raise job.error
        if job.stop is not None:
            message = f"job {job.number} was {job.stop} before it ended, so there is no explanation of it"
            raise Stopped(message)
        return job.explanations

    def _withdraw(self, task: Task) -> bool:
        """Take a task out, or have it wound up before anything else if it has begun; returns whether it was taken out."""
        if self._schedule.discard(task):
            return True
        self._schedule.hurry(task)
        return False

    def _wait_for(self, job: Job, deadline: float | None) -> None:
        # Either would wait for itself: the job cannot end without this thread, or without the lock that it holds.
        if on_compute_thread() or self._lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001 - no public name
            message = (
                "this is a callback (of on_explanation or observe), on a thread that the job needs to end, so it cannot wait "
                "here; use what the callback was given, or explain(..., wait=False)"
            )
            raise RuntimeError(message)
        if not job.done.wait(None if deadline is None else max(0.0, deadline - time.monotonic())):
            message = f"job {job.number} has not ended yet"
            raise TimeoutError(message)
