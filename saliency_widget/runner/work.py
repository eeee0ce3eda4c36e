"""What the compute thread does for a job, step by step; whatever happens in it ends the job and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from saliency_widget.errors import ModelError
from saliency_widget.methods import Estimate
from saliency_widget.model import Picture, Prediction
from saliency_widget.model.watching import watched
from saliency_widget.plan import look_ahead
from saliency_widget.runner.ending import Ending
from saliency_widget.runner.frames import encode
from saliency_widget.runner.job import Job
from saliency_widget.runner.planning import plan_of
from saliency_widget.runner.shelf import Finished
from saliency_widget.runner.siblings import siblings

if TYPE_CHECKING:
    from saliency_widget.runner.session import Session

__all__ = ["steps"]


def steps(session: Session, job: Job) -> Iterator[None]:
    """Do a job. Between two steps the thread may do other jobs.

    Parameters
    ----------
    session : Session
        Whose job it is.
    job : Job
        Accepted, not begun.
    """
    try:
        with Ending(lambda: session.stopped(job), lambda error: session.failed(job, error)):
            yield from (_predict if job.kind == "predict" else _explain)(session, job)
    finally:
        session.jobs.finished(job)


def _predict(session: Session, job: Job) -> Iterator[None]:
    _look(session, job, session.pictures[job.choice.image])
    session.complete(job)
    yield from ()


def _explain(session: Session, job: Job) -> Iterator[None]:
    choice = job.choice
    picture = session.pictures[choice.image]
    prediction, revision = _look(session, job, picture)
    yield
    plan = plan_of(session.models[choice.model], picture, choice, prediction)
    session.settle(job, plan.targets)
    key = plan.key(revision)
    if job.have in plan.keys(revision) and session.unchanged(job, job.have):
        return
    began = session.clock()
    last: Estimate | None = None
    for last in plan.estimates(job.token):
        if not last.final and session.wants_frame():
            session.frame(job, encode(plan, last, final=False, ms=session.jobs.ms(job), key=key))
        yield
    if last is None:
        message = f"method '{choice.method}' ended without a single estimate"
        raise ModelError(message)
    frame = encode(plan, last, final=True, ms=session.jobs.ms(job), key=key)
    args = job.choice.args(picture.id)
    session.complete(job, Finished(frame, args, plan.explanations(last, session.clock() - began)))
    if job.explanations:  # not if it was overtaken at the last moment
        ms = session.jobs.ms(job)
        for other in siblings(plan, job.choice, last, job.explanations, ms=ms, revision=revision):
            session.spare(other)


def _look(session: Session, job: Job, picture: Picture) -> tuple[Mapping[str, Prediction], str]:
    """Return what the model, as it is now, says of a picture, and its revision; tell the page if that is news."""
    choice = job.choice
    revision = session.models.revision(choice.model)
    prediction = session.known_prediction(picture, revision)
    if prediction is None:
        began = session.clock()
        with watched(job.token.check):
            prediction = look_ahead(session.models[choice.model], picture, choice.method, choice.params, choice.layer)
        session.predicted(job, picture, revision, prediction, round(1000 * (session.clock() - began), 1))
    return prediction, revision
