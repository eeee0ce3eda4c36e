"""Many maps beside the one that was clicked: of all classes, of other methods; each is sent as it gets better, and kept.

It gives way to every click at the next chunk. What a page or a click before has asked for already is not computed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from saliency_widget.errors import ModelError
from saliency_widget.methods import Estimate
from saliency_widget.model import Prediction
from saliency_widget.model.watching import watched
from saliency_widget.plan import look_ahead
from saliency_widget.runner.choosing import choose, picture_of
from saliency_widget.runner.frames import encode
from saliency_widget.runner.job import Choice, Job
from saliency_widget.runner.planning import plan_of
from saliency_widget.runner.roster import ONLY
from saliency_widget.runner.shelf import Finished
from saliency_widget.runner.siblings import siblings

if TYPE_CHECKING:
    from saliency_widget.runner.session import Session

__all__ = ["ask"]


def ask(session: Session, req: dict[str, Any], cells: Sequence[Any]) -> Job:
    """Accept a page's request; each cell is checked as strictly as a click.

    Parameters
    ----------
    session : Session
    req : dict
        The page's id of it.
    cells : sequence of protocol.Explain

    Raises
    ------
    SaliencyError
    """
    wanted = [_choice(session, cell) for cell in cells]
    for one in wanted:
        session.locks.check(session.choice, one)
    return session.holding(lambda: session.beside.begin("grid", req, lambda job: _steps(session, job, wanted)))


def _choice(session: Session, cell: Any) -> Choice:
    changes = {name: getattr(cell, name) for name in ("method", "params", "score", "layer", "seed", "tolerance")}
    changes |= {"image": picture_of(session.pictures, cell.image), "target": list(cell.targets) or None}
    name = cell.model or ONLY
    return choose(session.models[name], session.pictures, None, changes | {"model": name})


def _steps(session: Session, job: Job, cells: Sequence[Choice]) -> Iterator[None]:
    told: dict[tuple[str, str], Mapping[str, Prediction]] = {}
    for choice in cells:
        yield from _cell(session, job, choice, told)


def _tell(session: Session, name: str) -> None:
    """Tell the pages of a model's new weights, so that they look for its maps and not for the old ones."""
    if session.models.news(name):
        session.write({"card": session.models.card(session.choice.model, session.revision)})


def _cell(
    session: Session, job: Job, choice: Choice, told: dict[tuple[str, str], Mapping[str, Prediction]]
) -> Iterator[None]:
    """Compute one cell; `told` is what the model said of pictures that are not the current one."""
    picture = session.pictures[choice.image]
    model = session.models[choice.model]
    revision = session.models.revision(choice.model)
    session.holding(lambda: _tell(session, choice.model))
    said = session.known_prediction(picture, revision) or told.get((picture.id, revision))
    if said is None:
        with watched(job.token.check):
            said = look_ahead(model, picture, choice.method, choice.params, choice.layer)
        told[picture.id, revision] = said
    plan = plan_of(model, picture, choice, said)
    alone = [plan.for_target(t) for t in range(len(plan.targets))]
    if all(any(session.offer(key) for key in one.keys(revision)) for one in alone):
        yield
        return
    began = session.clock()
    choice = replace(choice, targets=plan.targets)
    about = {"image": picture.id, "args": choice.args(picture.id)}
    key = plan.key(revision)
    last: Estimate | None = None
    for last in plan.estimates(job.token):
        if not last.final and session.wants_frame():
            session.frame(job, encode(plan, last, final=False, ms=session.jobs.ms(job), key=key), about)
        yield
    if last is None:
        message = f"method '{choice.method}' ended without a single estimate"
        raise ModelError(message)
    seconds = session.clock() - began
    explanations = plan.explanations(last, seconds)
    ms = round(1000 * seconds, 1)
    for t, one in enumerate(alone):
        # Each by itself, as a click would have made it: a page asks for one of them next.
        mine = last.of_target(t)
        wanted = replace(choice, targets=one.targets)
        frame = encode(one, mine, final=True, ms=ms, key=one.key(revision))
        session.spare(Finished(frame, wanted.args(picture.id), explanations[t : t + 1]))
        for other in siblings(one, wanted, mine, explanations[t : t + 1], ms=ms, revision=revision):
            session.spare(other)
    yield
