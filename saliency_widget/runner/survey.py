"""What the model says of many pictures, beside what is true of them: computed while nobody waits, for the list of mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from saliency_widget.errors import ModelError, NotFinite, SaliencyError
from saliency_widget.model.scoring import predict
from saliency_widget.model.watching import watched
from saliency_widget.runner.job import Job
from saliency_widget.runner.truth import Truth

if TYPE_CHECKING:
    from saliency_widget.model import ImageModel
    from saliency_widget.runner.session import Session

__all__ = ["MOST", "YES", "ask", "judged"]

MOST = 1000
"""Pictures of one request: a page that wants more asks again."""

YES = 0.5
"""From this probability on the model says that a label is there."""

_MOST_LABELS = 64
"""Of one picture and head: an untrained network says half of its labels."""

_LARGEST_BATCH = 32
_SHORT_S = 0.06
"""While a batch takes less than this the next one is twice as large: a click waits for the end of one batch."""
_TELL_S = 0.3
"""The page hears this often."""


def ask(session: Session, req: dict[str, Any], *, first: int, count: int) -> Job:
    """Accept a page's request for the model's view of the pictures from `first` on, at most `count` of them."""
    return session.holding(
        lambda: session.beside.begin("survey", req, lambda job: _steps(session, job, first, min(count, MOST)))
    )


def judged(outputs: Mapping[str, Tensor], model: ImageModel, truth: Truth) -> dict[str, dict[str, Any]]:
    """Return what the heads say of one picture, beside what is true of it.

    Parameters
    ----------
    outputs : mapping of str to Tensor
        By head, (K,).
    model : ImageModel
    truth : mapping
        What is true, by head, where it is known.

    Returns
    -------
    dict
        By head, each with what is ``true`` or None. Of classes: by falling probability the two first ones, ``top`` and
        ``next``, with ``p`` their probabilities and, last, that of the true one. Of labels: those that matter, ``labels``, with
        ``p`` the probability of each. Of a value: the ``value``. A head of one class is left out.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, values in outputs.items():
        head = model.heads[name]
        true: Any = truth.get(name)
        if head.kind == "value":
            found[name] = {"true": true, "value": float(f"{float(values[0]):.7g}")}
            continue
        if head.kind == "classes" and head.size < 2:
            continue
        said = predict(values, head).probabilities
        if head.kind == "labels":
            rounded = said.round(6)
            labels = _telling(rounded, true)
            found[name] = {"true": true, "labels": labels, "p": [round(float(said[i]), 6) for i in labels]}
            continue
        order = said.argsort(kind="stable")[::-1]
        top, second = int(order[0]), int(order[1])
        p = [round(float(said[i]), 6) for i in (top, second, top if true is None else true)]
        found[name] = {"true": true, "top": top, "next": second, "p": p}
    return found


def _telling(p: NDArray[np.float32], true: list[int] | None) -> list[int]:
    """Return the labels of which something is to be said.

    Those of which the model is wrong, the surest first; before them the one of which it is least sure; after them those that
    it says, and those that are true. Of a thousand labels the rest would only be long.
    """
    says = p >= YES
    there = np.isin(np.arange(len(p)), [] if true is None else true)
    wrong = (says != there) & (true is not None)
    sure = np.abs(p - YES)
    told = wrong | says | there
    told[sure.argmin()] = True
    order = np.lexsort((-sure, ~wrong, np.arange(len(p)) != sure.argmin()))
    return [int(index) for index in order if told[index]][:_MOST_LABELS]


def _steps(session: Session, job: Job, first: int, count: int) -> Iterator[None]:
    pictures = session.pictures
    session.models[job.choice.model].refresh()
    revision = session.models.revision(job.choice.model)
    known = pictures.surveyed(revision)
    wanted = range(first, min(len(pictures), first + count))
    left = [index for index in wanted if index not in known]
    rows = [known[index] for index in wanted if index in known]
    told = session.clock()
    batch = 1
    while left:
        some, left = left[:batch], left[batch:]
        began = session.clock()
        for row in _look(session, job, some):
            known[row["at"]] = row
            rows.append(row)
        now = session.clock()
        batch = min(_LARGEST_BATCH, 2 * batch) if now - began < _SHORT_S else max(1, batch // 2)
        yield
        if now - told >= _TELL_S and left:
            _tell(session, job, revision, rows, len(wanted) - len(left), len(wanted))
            rows, told = [], session.clock()
    _tell(session, job, revision, rows, len(wanted), len(wanted))


def _tell(session: Session, job: Job, revision: str, rows: list[dict[str, Any]], done: int, total: int) -> None:
    if session.models.revision(job.choice.model) != revision:
        message = "the model's weights changed while its pictures were looked at; look again"
        raise ModelError(message)
    fields = {"job": job.number, "revision": revision, "rows": rows, "done": done, "total": total}
    session.say("survey", fields)


def _look(session: Session, job: Job, indices: list[int]) -> list[dict[str, Any]]:
    """Return the rows of some pictures; of one that cannot be read, or gives no number, why."""
    model = session.models[job.choice.model]
    found: dict[int, dict[str, Any]] = {}
    alike: dict[tuple[int, ...], list[tuple[int, Tensor, Truth]]] = {}
    for index in indices:
        job.token.check()
        try:
            entry = session.pictures.entry(index)
            points = model.input(entry.picture)
            alike.setdefault(tuple(points.shape), []).append((index, points, session.pictures.truth(index, entry)))
        except SaliencyError as error:
            found[index] = {"problem": str(error), "heads": {}}
    for some in alike.values():
        with watched(job.token.check):
            outputs = model.scores(torch.stack([points for _, points, _ in some]), grad=False)
        for i, (index, points, truth) in enumerate(some):
            mine = {name: values[i] for name, values in outputs.items()}
            if all(bool(torch.isfinite(values).all()) for values in mine.values()):
                found[index] = {"problem": None, "heads": judged(mine, model, truth)}
            else:
                found[index] = {"problem": str(NotFinite(model.blame(points[None]))), "heads": {}}
    return [{"at": index, "image": session.pictures.name(index), **found[index]} for index in indices]
