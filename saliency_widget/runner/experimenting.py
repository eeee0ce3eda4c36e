"""Experiments that a page asks for: made beside the followed map, told while they run, with all their pixels in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from saliency_widget.errors import NotApplicable
from saliency_widget.model.watching import watched
from saliency_widget.runner.choosing import picture_of
from saliency_widget.runner.frames import quantise
from saliency_widget.runner.job import Job
from saliency_widget.runner.roster import ONLY

if TYPE_CHECKING:
    from saliency_widget.lab import Experiment, Finding, Position
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
        If the picture, the model or the experiment is unknown, or a parameter does not fit.
    """
    from saliency_widget import lab

    experiment = lab.get(wanted.experiment)
    experiment.validate(wanted.params)
    _ = session.models[wanted.model or ONLY]
    index = picture_of(session.pictures, wanted.image)
    run = lambda job: _steps(session, job, experiment, wanted, index)  # noqa: E731
    return session.holding(lambda: session.beside.begin("lab", wanted.req, run))


def _steps(session: Session, job: Job, experiment: Experiment, wanted: Any, index: int) -> Iterator[None]:
    from saliency_widget import lab

    model = session.models[wanted.model or ONLY]
    entry = session.pictures.entry(index)
    given: dict[str, Any] = {"score": wanted.score, "seed": wanted.seed, "params": wanted.params}
    if {"method", "methods"} & set(experiment.needs):
        given |= {"method": wanted.method, "method_params": wanted.method_params, "layer": wanted.layer}
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
