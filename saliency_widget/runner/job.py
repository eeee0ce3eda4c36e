"""What one job is: its number, its choice, and how it ended, well or badly; it runs nothing."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from saliency_widget.compute import CancelToken
from saliency_widget.errors import OutOfMemory, SaliencyError
from saliency_widget.explanation import Explanation
from saliency_widget.model import Target
from saliency_widget.model.image_model import is_out_of_memory
from saliency_widget.runner.frames import Frame
from saliency_widget.runner.thread import Task

__all__ = [
    "BESIDE",
    "SLOTS",
    "Choice",
    "Closed",
    "Job",
    "Kind",
    "Status",
    "Stopped",
    "Why",
    "called",
    "forget_frames",
    "plain",
]

_log = logging.getLogger("saliency_widget")

Kind = Literal["explain", "predict", "live", "grid", "file", "occlude", "image", "survey", "channels", "lab"]

BESIDE = frozenset[Kind]({"grid", "file", "occlude", "image", "survey", "channels", "lab"})
"""Kinds that a page asks for beside the map that all pages follow; they end with that page."""

SLOTS: Mapping[Kind, str] = {
    **dict.fromkeys(("explain", "live"), "map"),
    "predict": "prediction",
    **{kind: kind for kind in BESIDE},
}
"""Of each slot one job is wanted, the newest: the map on screen is one map, live or not."""

Status = Literal["complete", "unchanged", "cancelled", "superseded", "error"]
Why = Literal["cancelled", "superseded"]


class Closed(SaliencyError):
    """The widget was closed, so it computes nothing any more."""

    code = "closed"

    def __init__(self) -> None:
        super().__init__("this widget is closed; run the cell that made it again, or make a new one")


class Stopped(SaliencyError):
    """A job that somebody waits for was cancelled, or overtaken by a newer one."""

    code = "cancelled"


@dataclass(frozen=True)
class Choice:
    """What is explained, and how.

    Attributes
    ----------
    image : int
        Index of the picture.
    targets : tuple of Target
        At least one. A target of a classification head that names no class is its top class.
    method, params, score, layer, seed, tolerance
        As for :func:`saliency_widget.explain`; every parameter of the method is there.
    model : str
        The name of one of several models; empty where there is one, and then in no message.
    """

    image: int
    targets: tuple[Target, ...]
    method: str
    params: Mapping[str, Any]
    score: str = "logit"
    layer: str | None = None
    seed: int = 0
    tolerance: float | None = None
    model: str = ""

    def args(self, picture: str) -> dict[str, Any]:
        """Return the choice as the arguments of a message, with the picture's id."""
        return {
            "image": picture,
            **self._model(),
            "targets": [target.wire() for target in self.targets],
            **self._how(),
        }

    def state(self) -> dict[str, Any]:
        """Return the choice as synced values."""
        return {
            "image": self.image,
            **self._model(),
            "target": str(self.targets[0]),
            **self._how(),
        }

    def _model(self) -> dict[str, str]:
        return {"model": self.model} if self.model else {}

    def _how(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "params": dict(self.params),
            "score": self.score,
            "layer": self.layer,
            "seed": self.seed,
            "tolerance": self.tolerance,
        }


@dataclass(eq=False)
class Job:
    """One accepted request.

    Attributes
    ----------
    number : int
        Its place among the session's jobs, from 1.
    req : dict or None
        The page's id of the request; None if Python asked.
    have : str or None
        The key of the map that the page has already.
    began : float
        When it was accepted.
    stop : str or None
        Why it was told to stop, if it was.
    ended : bool
        Whether its `end` was handed over: nothing of it is sent afterwards.
    done : threading.Event
        Set when all is in place for who waits in Python.
    error : SaliencyError or None
        What went wrong.
    explanations : list of Explanation
        What came out, one for each target.
    newest : Frame or None
        Its newest frame, for a page that comes while it runs.
    """

    number: int
    kind: Kind
    choice: Choice
    req: dict[str, Any] | None
    have: str | None
    began: float
    token: CancelToken = field(default_factory=CancelToken)
    stop: Why | None = None
    ended: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    error: SaliencyError | None = None
    explanations: list[Explanation] = field(default_factory=list)
    newest: Frame | None = None
    task: Task | None = None

    @property
    def beside(self) -> bool:
        """Whether it is one of :data:`BESIDE`."""
        return self.kind in BESIDE

    @property
    def live(self) -> bool:
        """Whether anybody still wants what it computes."""
        return not self.ended and self.stop is None


def plain(error: BaseException) -> SaliencyError:
    """Return an error as the page, and who waits for the job, can read it."""
    if isinstance(error, SaliencyError):
        return error
    if isinstance(error, MemoryError) or is_out_of_memory(error):
        readable: SaliencyError = OutOfMemory("memory ran out; try a smaller picture, fewer targets, or device='cpu'")
    else:
        what = f"{type(error).__name__}: {error}".removesuffix(": ")
        readable = SaliencyError(f"something went wrong inside ({what}); the log 'saliency_widget' says where")
    readable.__cause__ = error
    return readable


def forget_frames(error: BaseException) -> None:
    """Let go of the tensors in the frames that an error came through; its lines stay readable."""
    seen: BaseException | None = error
    while seen is not None:
        traceback.clear_frames(seen.__traceback__)
        seen = seen.__cause__ or seen.__context__


def called(callback: Callable[[Explanation], object], explanation: Explanation) -> None:
    """Call a user's function; what it raises is logged, and ends nothing."""
    try:
        callback(explanation)
    except BaseException:  # noqa: BLE001 - SystemExit in a user's code must not end the thread of all widgets
        _log.exception("a callback of on_explanation failed")
