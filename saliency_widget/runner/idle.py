"""What is computed while nobody waits: the maps of a picture's other targets, so that the next click has its map already.

After them it finds out whether the next maps of the kind may be computed in a reduced precision.
It has the lowest priority and ends with the next request, inside the network. It sends nothing but finished maps, each of which
the pages may do without.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from saliency_widget.compute import Cancelled, CancelToken
from saliency_widget.methods import Estimate, get
from saliency_widget.model import Prediction, Target
from saliency_widget.model.targets import ALL
from saliency_widget.plan import Plan
from saliency_widget.runner.frames import encode
from saliency_widget.runner.job import Choice, forget_frames
from saliency_widget.runner.planning import plan_of
from saliency_widget.runner.shelf import Finished
from saliency_widget.runner.thread import Lane, Priority, Schedule, Task
from saliency_widget.trial import may_reduce, trial

if TYPE_CHECKING:
    from saliency_widget.model import ImageModel
    from saliency_widget.runner.session import Session

__all__ = ["Idle", "others"]

_log = logging.getLogger("saliency_widget")

MOST = 8
"""Targets, at most: all classes of a small head, the likeliest of a large one."""

BUDGET_S = 15.0
"""Seconds, at most, by what the map that was asked for took: a laptop's fan must not run for ever after one click."""


def others(model: ImageModel, choice: Choice, said: Mapping[str, Prediction]) -> list[Target]:
    """Return the targets that may be asked for next: the head's other classes, likeliest first, then the other heads'."""
    if len(choice.targets) != 1 or choice.targets[0].versus is not None or choice.targets[0].index == ALL:
        return []
    (target,) = choice.targets
    found = []
    for name in sorted(said, key=lambda head: head != target.head):
        logits = said[name].logits
        if logits is None:
            found.append(model.resolve(Target(name)))
        else:
            order = logits.argsort()[::-1][:MOST]
            found += [model.resolve(Target(name, index=int(index))) for index in order]
    return [other for other in found if other != target][:MOST]


class Idle:
    """One widget's work for later.

    Parameters
    ----------
    session : Session
        Whose lock is held whenever one of the methods is called.
    schedule : Schedule
        Where it runs.
    on : bool
        Whether there is such work at all.
    """

    def __init__(self, session: Session, schedule: Schedule, *, on: bool = True) -> None:
        self._session = session
        self.on = on
        self._schedule = schedule
        self._lane = Lane()
        self._task: Task | None = None

    def begin(self, choice: Choice, seconds: float) -> None:
        """Begin with the other targets of what was just computed, which took so many seconds."""
        self.stop()
        method = get(choice.method)
        count = int(min(MOST, BUDGET_S / max(seconds, 1e-3)))
        if count < 1 or method.kind == "picture" or method.reads == "pixels":
            return
        token = CancelToken()
        self._task = Task(
            lambda: self._steps(choice, count, token), self._lane, Priority.IDLE, fail=_failed, stop=token.cancel
        )
        self._schedule.submit(self._task)

    def stop(self) -> None:
        """Give way: what has begun ends at the network's next layer."""
        task, self._task = self._task, None
        if task is not None:
            task.stop()
            if not self._schedule.discard(task):
                self._schedule.hurry(task)

    def _steps(self, choice: Choice, count: int, token: CancelToken) -> Iterator[None]:
        session = self._session
        model = session.models[choice.model]
        picture = session.pictures[choice.image]
        revision = session.revision
        said = session.known_prediction(picture, revision)
        try:
            for target in others(model, choice, said or {})[:count]:
                token.check()
                plan = plan_of(model, picture, replace(choice, targets=(target,)), said)
                key = plan.key(revision)
                if any(session.found(one) for one in plan.keys(revision)):
                    continue
                began = session.clock()
                last: Estimate | None = None
                for last in plan.estimates(token):  # noqa: B007 - the last one counts
                    yield
                # Somebody may train the network meanwhile: then it is not the map of these weights.
                if last is None or session.models.revision(choice.model) != revision:
                    return
                seconds = session.clock() - began
                frame = encode(plan, last, final=True, ms=round(1000 * seconds, 1), key=key)
                args = replace(choice, targets=(target,)).args(picture.id)
                session.spare(Finished(frame, args, plan.explanations(last, seconds)))
                yield
            yield from self._measure(plan_of(model, picture, choice, said), revision, token)
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001 - nobody asked for it, so nobody is told
            _failed(error)

    @staticmethod
    def _measure(plan: Plan, revision: str, token: CancelToken) -> Iterator[None]:
        """Find out, once, whether the next map of this kind may be computed in reduced precision."""
        if may_reduce(plan) and plan.model.precisions.verdict(plan.run, plan.total, revision) is None:
            yield from trial(plan, token)


def _failed(error: BaseException) -> None:
    _log.debug("work for later failed: %s", error, exc_info=error)
    forget_frames(error)
