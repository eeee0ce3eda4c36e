"""Experiments that a page asks for: made beside the followed map, told while they run, with all their pixels in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from saliency_widget.errors import BadParameter, NotApplicable
from saliency_widget.methods import get
from saliency_widget.model.watching import watched
from saliency_widget.runner.choosing import picture_of
from saliency_widget.runner.frames import quantise
from saliency_widget.runner.job import Job
from saliency_widget.runner.roster import ONLY

if TYPE_CHECKING:
    from saliency_widget.lab import Experiment, Finding, Position
    from saliency_widget.model import ImageModel
    from saliency_widget.runner.session import Session

__all__ = ["TELL_S", "Pixels", "ask", "catalogue", "packed", "pixels_of"]

Pixels = tuple[tuple[str, int], ...]

TELL_S = 0.15
"""The page hears this often: a finding without pixels is a few kilobytes."""


def catalogue(session: Session, page: str) -> None:
    """Tell a page which experiments there are, and what Python shows."""
    from saliency_widget import lab

    session.say("catalogue", {"page": page, "experiments": [one.card() for one in lab.experiments().values()]})
    session.showing.again()


def ask(session: Session, wanted: Any) -> Job:
    """Accept a page's request for an experiment.

    Parameters
    ----------
    session : Session
    wanted : experimented.Lab

    Raises
    ------
    SaliencyError
        If a picture, the model, a method or the experiment is unknown, a parameter does not fit, or the experiment takes no
        second picture or other methods, or they are locked.
    """
    from saliency_widget import lab

    experiment = lab.get(wanted.experiment)
    experiment.validate(wanted.params)
    model = session.models[wanted.model or ONLY]
    index = picture_of(session.pictures, wanted.image)
    if wanted.methods:
        session.locks.allow("method")
        _compared(experiment, wanted.methods, model)
    other = None if wanted.other is None else _other(session, experiment, wanted)
    run = lambda job: _steps(session, job, experiment, wanted, index, other)  # noqa: E731
    return session.holding(lambda: session.beside.begin("lab", wanted.req, run))


def _compared(experiment: Experiment, methods: Sequence[str], model: ImageModel) -> None:
    """Check the methods that a map is compared with."""
    if "methods" not in experiment.needs:
        takes = "looks at one method" if "method" in experiment.needs else "looks at no method"
        message = f"methods was given as {list(methods)}; experiment '{experiment.name}' {takes}, leave methods out"
        raise BadParameter(message)
    for name in methods:
        method = get(name)
        if method.kind == "picture":
            message = f"method '{name}' makes a picture, not an attribution; choose another one to compare with"
            raise BadParameter(message)
        applies = method.applies(model)
        if not applies:
            message = f"method '{name}' does not apply to {model.name}: {applies.reason}"
            raise NotApplicable(message)


def _other(session: Session, experiment: Experiment, wanted: Any) -> int:
    """Return the index of the second picture."""
    if "other" not in experiment.needs:
        message = (
            f"other was given as '{wanted.other}'; experiment '{experiment.name}' takes no second picture, leave it out"
        )
        raise BadParameter(message)
    if wanted.other == wanted.image:
        message = (
            f"other was given as '{wanted.other}', which is the picture itself; expected another one of the widget"
        )
        raise BadParameter(message)
    session.locks.allow("image")
    return picture_of(session.pictures, wanted.other)


def _steps(
    session: Session, job: Job, experiment: Experiment, wanted: Any, index: int, other: int | None
) -> Iterator[None]:
    from saliency_widget import lab

    model = session.models[wanted.model or ONLY]
    entry = session.pictures.entry(index)
    given: dict[str, Any] = {"score": wanted.score, "seed": wanted.seed, "params": wanted.params}
    if wanted.methods:
        given |= {"method": [wanted.method, *wanted.methods], "method_params": {wanted.method: wanted.method_params}}
    elif {"method", "methods"} & set(experiment.needs):
        given |= {"method": wanted.method, "method_params": wanted.method_params}
    if {"method", "methods"} & set(experiment.needs):
        given["layer"] = wanted.layer
    if other is not None:
        given["other"] = session.pictures.entry(other).picture
    if "mask" in experiment.needs:
        if not entry.masks:
            message = f"'{experiment.label}' compares with a mask, and this picture has none; give masks= to the widget"
            raise NotApplicable(message)
        given["mask"] = dict(entry.masks)
    with watched(job.token.check):
        setup = lab.set_up(experiment.name, model, entry.picture, model.resolve(wanted.target), **given)
    yield
    told = session.clock() - TELL_S
    last: Finding | None = None
    for finding in setup.findings(job.token):
        last = finding
        if not finding.final and session.clock() - told >= TELL_S:
            _tell(session, job, wanted.image, replace(finding, positions=(), seen=None))
            told = session.clock()
        yield
    if last is not None:
        _tell(session, job, wanted.image, last)


def _tell(session: Session, job: Job, image: str, finding: Finding) -> None:
    card, data = packed(finding)
    session.say("finding", {"job": job.number, "image": image, "found": card}, data)


def packed(
    finding: Finding, known: Mapping[Pixels, int] | None = None, under: np.ndarray[Any, Any] | None = None
) -> tuple[dict[str, Any], bytes]:
    """Return a finding as JSON can carry it, and its pixels.

    Parameters
    ----------
    finding : Finding
    known : mapping of pixels to int, optional
        Positions whose pixels the page has, by the key under which it has them.
    under : numpy.ndarray, optional
        The ``seen`` that the page has.

    Returns
    -------
    card : dict
        As ``Finding.card()``; the positions' maps are ``{label, width, height, scale}``, their pictures, and ``seen``,
        ``{label, width, height}``. A known position has a ``key``, and None for both; ``seen`` is ``"same"`` where it is `under`.
    data : bytes
        One after the other: of each position its maps (little-endian int16, channels summed), then its pictures (RGB, a byte
        each); last what the model sees.
    """
    card = finding.card()
    parts: list[bytes] = []
    for position, told in zip(finding.positions, card["positions"], strict=True):
        key = (known or {}).get(pixels_of(position))
        if key is not None:
            told |= {"key": key, "maps": None, "pictures": None}
            continue
        told["maps"] = []
        for label, values in position.maps.items():
            scales, data = quantise(torch.from_numpy(np.ascontiguousarray(values))[None])
            height, width = values.shape[-2:]
            told["maps"].append({"label": label, "width": width, "height": height, "scale": scales[0]})
            parts.append(data)
        told["pictures"] = [_picture(label, pixels, parts) for label, pixels in position.pictures.items()]
    seen = finding.seen
    card["seen"] = None if seen is None else "same" if seen is under else _picture("", seen, parts)
    return card, b"".join(parts)


def pixels_of(position: Position) -> Pixels:
    """Return which arrays a position has, to be told from others while it is there."""
    return tuple((label, id(one)) for label, one in [*position.maps.items(), *position.pictures.items()])


def _picture(label: str, pixels: np.ndarray[Any, Any], parts: list[bytes]) -> dict[str, Any]:
    parts.append(np.ascontiguousarray(pixels, dtype=np.uint8).tobytes())
    height, width = pixels.shape[:2]
    return {"label": label, "width": width, "height": height}
