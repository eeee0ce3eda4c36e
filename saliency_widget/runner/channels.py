"""A finished map once more, its channels put together otherwise: from the full attribution, which the kernel keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from saliency_widget import heatmaps
from saliency_widget.errors import SaliencyError
from saliency_widget.runner.frames import Frame, quantise
from saliency_widget.runner.job import Job
from saliency_widget.runner.shelf import Finished

if TYPE_CHECKING:
    from saliency_widget.runner.session import Session

__all__ = ["Forgotten", "ask", "recast"]


class Forgotten(SaliencyError):
    """The map that a page speaks of is not kept any more."""

    code = "bad_parameter"

    def __init__(self) -> None:
        super().__init__("the kernel keeps this map's channels no more; click the class again to compute it anew")


def ask(session: Session, req: dict[str, Any], key: str, channels: str) -> Job:
    """Accept a page's request.

    Parameters
    ----------
    session : Session
    req : dict
        The page's id of it.
    key : str
        Of a finished map.
    channels : {"max", "norm"}
        As for :meth:`saliency_widget.Explanation.heatmap`.
    """
    return session.holding(
        lambda: session.beside.begin("channels", req, lambda job: _steps(session, job, key, channels))
    )


def _steps(session: Session, job: Job, key: str, channels: str) -> Iterator[None]:
    finished = session.found(key)
    if finished is None:
        raise Forgotten
    frame = recast(finished, channels)
    about = {"job": job.number, "seq": 0, "image": finished.args["image"], "args": dict(finished.args)}
    session.say("cell", {**about, **frame.meta}, frame.data)
    yield


def recast(finished: Finished, channels: str) -> Frame:
    """Return the frame of a finished map with its channels put together otherwise, before any sign is taken."""
    maps = [heatmaps.reduce(e.attribution, "signed", channels, 0.0) for e in finished.explanations]
    scales, data = quantise(torch.from_numpy(np.stack(maps))[:, None])
    meta = {**finished.frame.meta, "shape": list(maps[0].shape), "scales": scales}
    return replace(finished.frame, meta=meta, data=data)
