"""One widget's side of the conversation: what it explains, what it has found, what its pages are told; it computes nothing.

The widget's message table, its Python API and the compute thread all come in here, each on a thread of its own, so all
state is behind one re-entrant lock. It is held for moments: never while anything is computed, a user's code runs, or
somebody waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from saliency_widget.explanation import Explanation
from saliency_widget.model import Picture, Prediction, Target
from saliency_widget.runner import state, work
from saliency_widget.runner.adding import looked, unshown
from saliency_widget.runner.beside import Beside
from saliency_widget.runner.choosing import choose, is_open, picture_of, top_classes
from saliency_widget.runner.frames import Frame
from saliency_widget.runner.gallery import as_gallery
from saliency_widget.runner.idle import Idle
from saliency_widget.runner.job import Choice, Job, Kind, Status, called, forget_frames, plain
from saliency_widget.runner.jobs import Jobs
from saliency_widget.runner.live import Live, Shot, affordable
from saliency_widget.runner.locks import Locks
from saliency_widget.runner.occluding import Occluding
from saliency_widget.runner.outbox import Alarm, Outbox, Port, alarm
from saliency_widget.runner.roster import ONLY, Roster
from saliency_widget.runner.shelf import Finished, Shelf
from saliency_widget.runner.showing import Showing
from saliency_widget.runner.thread import Schedule, compute_thread

__all__ = ["Session"]

_log = logging.getLogger("saliency_widget")

_Found = TypeVar("_Found")


class Session:
    """All that happens to one widget, whoever asks for it.

    Parameters
    ----------
    models : Roster
        Their heads must be known.
    pictures : sequence of Picture
        At least one.
    choice : Choice
        What is explained, once :meth:`ask` is called.
    port : Port
        The widget.
    revision : str
        That of the chosen model, which the widget's card speaks of.
    lock : RLock
        Shared with the widget, which sets its traits under it.
    idle : bool
        Whether the picture's other targets are computed while nobody waits.
    schedule, clock, alarm : optional
        For tests.
    """

    def __init__(
        self,
        models: Roster,
        pictures: Sequence[Picture],
        choice: Choice,
        port: Port,
        *,
        revision: str,
        lock: threading.RLock,
        idle: bool = False,
        schedule: Schedule | None = None,
        clock: Callable[[], float] = time.monotonic,
        alarm: Alarm = alarm,
    ) -> None:
        self.models = models
        self.pictures = as_gallery(pictures)
        self.choice = choice
        self.locks = Locks()
        self.revision = revision
        self.clock = clock
        self.explanations: list[Explanation] = []
        self.callbacks: list[Callable[[Explanation], object]] = []
        self._lock = lock
        self._port = port
        self._outbox = Outbox(port, lock, clock, alarm)
        schedule = schedule or compute_thread(models[choice.model].device)
        self.jobs = Jobs(self._outbox, schedule, lock, clock)
        self.idle = Idle(self, schedule, on=idle)
        self.moving = Live(self, schedule, alarm)
        self.beside = Beside(self)
        self.occluding = Occluding(self)
        self.showing = Showing(self, alarm)
        self._shelf = Shelf()
        self._prediction: tuple[str, Mapping[str, Prediction]] | None = None
        self._based = self.pictures[choice.image].id

    # -- what pages send: on a handler's thread, so nothing is computed ------------------------------------------------

    def hello(self, page: str, *, visible: bool) -> None:
        """Tell a page how things are, so that one that was just loaded follows the running job."""
        with self._lock:
            running = [job for job in self.jobs.running() if not job.beside]
            newest = self.jobs.newest.number if self.jobs.newest is not None else 0
            self.say("welcome", {"page": page, "job": newest, "running": bool(running)})
            self._outbox.send(self._outbox.flow.hello(page, visible=visible))
            for job in running:
                self._accepted(job)
                if job.newest is not None:
                    self._outbox.send(self._outbox.flow.repeat(({"job": job.number}, job.newest)))

    def resend(self) -> None:
        """Send the synced state to a page whose host told it of no change."""
        with self._lock:
            self._port.resend()

    def visible(self, page: str, *, on: bool) -> None:
        """Note that a page was shown or hidden."""
        with self._lock:
            self._outbox.send(self._outbox.flow.visible(page, on=on))

    def ack(self, page: str, seq: int) -> None:
        """Settle the frames up to `seq` for a page."""
        with self._lock:
            self._outbox.send(self._outbox.flow.ack(page, seq))

    def bye(self, page: str) -> None:
        """Forget a page."""
        with self._lock:
            self.moving.gone(page)
            self.beside.gone(page)
            self._outbox.send(self._outbox.flow.bye(page))

    def cancel(self, number: int) -> None:
        """Stop a job, if it still runs."""
        with self._lock:
            job = self.jobs.get(number)
            if job is not None:
                self.jobs.stop(job, "cancelled")

    def explain(self, req: dict[str, Any], *, image: str, targets: Sequence[Any], have: str | None, **rest: Any) -> Job:
        """Accept a page's request for maps.

        Parameters
        ----------
        req : dict
            The page's id of it.
        image, have : str
            The picture's id; the key of the map that the page has already, or None.
        targets : sequence
            As ``Target.wire()`` writes them; none means the top class of the first head.
        **rest
            ``method``, ``params``, ``score``, ``layer``, ``seed``, ``tolerance``, and of several models ``model``.

        Raises
        ------
        SaliencyError
            If something does not fit; nothing has changed then.
        """
        kind: Kind = rest.pop("kind", "explain")
        changes = {"image": picture_of(self.pictures, image), "target": list(targets) or None, **rest}
        changes["model"] = rest.get("model") or ONLY
        return self.ask(changes, req=req, have=have, kind=kind)

    def live(self, req: dict[str, Any], **rest: Any) -> Job:
        """Accept a page's request for a map of each picture that it will send; otherwise as :meth:`explain`."""
        return self.explain(req, kind="live", **rest)

    def shot(self, shot: Shot) -> None:
        """Take a picture for a page's live job."""
        with self._lock:
            self.moving.shot(shot)

    def predict(self, req: dict[str, Any], *, image: str) -> Job:
        """Accept a page's request to make a picture current and predict it."""
        with self._lock:
            choice = replace(self.choice, image=picture_of(self.pictures, image))
            return self._accept("predict", choice, req, None)

    # -- what Python asks ---------------------------------------------------------------------------------------------

    def ask(
        self,
        changes: Mapping[str, Any],
        *,
        req: dict[str, Any] | None = None,
        have: str | None = None,
        kind: Kind = "explain",
    ) -> Job:
        """Change the choice and start a job for it, which supersedes the one before.

        Parameters
        ----------
        changes : mapping
            As for :func:`saliency_widget.runner.choosing.choose`.
        req, have, kind
            What a page says beside it.

        Raises
        ------
        SaliencyError
            If something does not fit; nothing has changed then.
        """
        with self._lock:
            # Twice, since which class is the top one depends on the picture, and that may be what changes.
            model = self.models[changes.get("model", self.choice.model)]
            choice = choose(model, self.pictures, self.choice, changes)
            known = self.known_prediction(self.pictures[choice.image], self.revision)
            if known is not None and choice.model == self.choice.model:
                choice = choose(model, self.pictures, self.choice, changes, top_classes(known))
            if kind == "live":
                affordable(model, choice, self.pictures[choice.image])
            return self._accept(kind, choice, req, have)

    def close(self) -> None:
        """End all jobs; nothing is sent afterwards."""
        with self._lock:
            self.idle.stop()
            self.moving.close()
            self.jobs.close()
            self._outbox.close()

    # -- what the compute thread reports -------------------------------------------------------------------------------

    def known_prediction(self, picture: Picture, revision: str) -> Mapping[str, Prediction] | None:
        """Return what the model said of the current picture, if it still says so."""
        if self._prediction is None or self._prediction[0] != picture.id or self.revision != revision:
            return None
        return self._prediction[1]

    def predicted(self, job: Job, picture: Picture, revision: str, said: Mapping[str, Prediction], ms: float) -> None:
        """Take note of the current picture's prediction, and show both at once: the map may take a while."""
        model = job.choice.model
        values = looked(self, model, picture, revision, said, ms, new=picture.id != self._based)
        with self._lock:
            # Also for a job that was superseded meanwhile: the next one for this picture counts on it.
            here = self.pictures[self.choice.image].id == picture.id and self.choice.model == model
            if here and not self.jobs.closed:
                self._prediction, self._based, self.revision = (picture.id, said), picture.id, revision
                self.write(values)
        self._port.tell()

    def settle(self, job: Job, targets: tuple[Target, ...]) -> None:
        """Put the top class in place of a target that named none."""
        with self._lock:
            before = job.choice.targets
            job.choice = replace(job.choice, targets=targets)
            if self.choice.targets == before != targets and job.live:
                self.choice = replace(self.choice, targets=targets)
                self._port.write(self.choice.state())

    def wants_frame(self) -> bool:
        """Whether a frame would go out now, so that none is made in vain."""
        return self.holding(self._outbox.flow.wants_frame)

    def frame(self, job: Job, frame: Frame, about: Mapping[str, Any] | None = None) -> None:
        """Send a running frame; of a job beside the followed one with `about`, which says what it is of."""
        with self._lock:
            if job.live:
                job.newest = frame
                self._outbox.send(self._outbox.flow.frame(({"job": job.number, **(about or {})}, frame)))

    def latest(self, job: Job, frame: Frame) -> None:
        """Send the frame of a live job, or keep it until a newer one comes."""
        with self._lock:
            if job.live:
                self._outbox.send(self._outbox.flow.latest(({"job": job.number}, frame)))

    def holding(self, call: Callable[[], _Found]) -> _Found:
        """Call something short with the lock."""
        with self._lock:
            return call()

    def unchanged(self, job: Job, key: str) -> bool:
        """End a job whose map the page has; False if this side has it no more, so that it must be computed."""
        with self._lock:
            finished = self._shelf.get(key)
        if finished is not None:
            self._conclude(job, "unchanged", finished)
        return finished is not None

    def complete(self, job: Job, finished: Finished | None = None) -> None:
        """End a job that did what it was asked for."""
        self._conclude(job, "complete", finished)

    def found(self, key: str) -> Finished | None:
        """Return a finished map that is known already, if it is."""
        return self.holding(lambda: self._shelf.get(key))

    def spare(self, finished: Finished) -> None:
        """Keep a map that nobody follows, and send it if there is nothing better to send."""
        with self._lock:
            self._shelf.put(finished)
            fields = {"image": finished.args["image"], "args": finished.args}
            self._outbox.send(self._outbox.flow.spare((fields, finished.frame)))

    def offer(self, key: str) -> bool:
        """Send a map that is known already, as :meth:`spare` does; False if it is not."""
        with self._lock:
            finished = self._shelf.get(key)
            if finished is not None:
                self.spare(finished)
            return finished is not None

    def say(self, kind: str, fields: Mapping[str, Any], data: bytes | None = None) -> None:
        """Send a message past the flow control."""
        with self._lock:
            self._outbox.say(kind, fields, data)

    def stopped(self, job: Job) -> None:
        """End a job that was told to stop, and has."""
        with self._lock:
            why = job.stop or "cancelled"
            if self.jobs.end(job, why) and why == "cancelled":
                self.write({"status": state.IDLE} | self._unpredicted())

    def failed(self, job: Job, error: BaseException) -> None:
        """End a job that raised."""
        readable = plain(error)
        level = logging.DEBUG if not job.live else logging.WARNING if readable is error else logging.ERROR
        _log.log(level, "job %d (%s) failed: %s", job.number, job.choice.method, readable, exc_info=error)
        forget_frames(error)
        with self._lock:
            if job.stop is not None:
                self.stopped(job)
            elif self.jobs.end(job, "error", error=readable):
                self.write({"status": state.failure(readable)} | self._unpredicted())
        self._port.tell()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _accept(self, kind: Kind, choice: Choice, req: dict[str, Any] | None, have: str | None) -> Job:
        if req is not None:  # Python is never locked
            self.locks.check(self.choice, choice, live=kind == "live")
        self.idle.stop()
        job = self.jobs.add(kind, choice, req, have)
        if choice.model != self.choice.model:
            self._prediction = None  # it is the other one's
        self.choice = choice
        self._port.write(choice.state())
        self._accepted(job)
        if kind == "live":
            self.moving.begin(job)
        else:
            self.jobs.start(job, lambda: work.steps(self, job), lambda error: self._lost(job, error))
        return job

    def _accepted(self, job: Job) -> None:
        args = job.choice.args(self.pictures[job.choice.image].id)
        if job.kind == "predict":
            args = {"image": args["image"]}
        elif any(is_open(self.models[job.choice.model], target) for target in job.choice.targets):
            args["targets"] = []  # the first frame tells
        self.say("accepted", {"job": job.number, "req": job.req, "kind": job.kind, "args": args})

    def _conclude(self, job: Job, status: Status, finished: Finished | None) -> None:
        with self._lock:
            if not job.live:
                self.stopped(job)
                return
            values: dict[str, Any] = {"status": state.IDLE}
            frame = None
            if finished is not None:
                self._shelf.put(finished)
                self.explanations = job.explanations = finished.explanations
                values |= state.result(job.number, finished.frame, finished.args)
                frame = finished.frame if status == "complete" else None
            self._port.write(values)  # before the end, so that who hears of it finds them
            self.jobs.end(job, status, frame=frame)
            self._outbox.send(self._outbox.flow.changed())
            if self.idle.on and finished is not None and len(self.jobs.running()) == 0:
                self.idle.begin(job.choice, finished.explanations[0].elapsed)
        self._port.tell()
        for explanation in job.explanations:
            for callback in list(self.callbacks):
                called(callback, explanation)

    def _unpredicted(self) -> dict[str, Any]:
        """Show the current picture without a prediction, if the job that was to make one did not come to it."""
        picture = self.pictures[self.choice.image]
        if picture.id == self._based:
            return {}
        self._prediction, self._based = None, picture.id
        return {**unshown(self, picture), "predictions": state.predictions(picture, {})}

    def write(self, values: Mapping[str, Any]) -> None:
        """Set synced values, which go out once the pages have settled; the lock is held."""
        self._port.write(values)
        self._outbox.send(self._outbox.flow.changed())

    def _lost(self, job: Job, error: BaseException) -> None:
        self.failed(job, error)
        self.jobs.finished(job)
