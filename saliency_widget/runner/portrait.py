"""What a notebook shows of a widget where no widget can run: a few lines of text and a small picture of the last map.

They are made when a cell's output is, and stay as they are.
"""

from __future__ import annotations

import base64
import importlib
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saliency_widget.explanation import Explanation
from saliency_widget.methods import get
from saliency_widget.model import Prediction
from saliency_widget.runner.job import Job

if TYPE_CHECKING:
    from saliency_widget.runner.session import Session

__all__ = ["bundle", "picture", "text"]

_log = logging.getLogger("saliency_widget")

_SIGNS = ("signed", "absolute", "positive", "negative")
_SMOOTH, _LARGEST_SMOOTH = 1.0, 64
"""As the page draws it until somebody moves the slider."""
_HEADS, _CLASSES = 6, 3
"""What is named in the text, at most."""
_UNSEEN = (
    "This is a live widget. Where only this text is shown: run the cell again, then w.wait() and w in the next one."
)
_STILL = "This is a live widget; for a picture that stays: w.explanation.plot()."


def bundle(live: Any, session: Session, name: str, explanation: Explanation | None, display: Mapping[str, Any]) -> Any:
    """Return what a cell's output holds: the live view, and beside it what is shown where that cannot be.

    Nobody waits for a map here: the page must appear at once.

    Parameters
    ----------
    live : (dict, dict) or dict
        What the widget's host made: contents by their type, and more about them.
    session, name, explanation, display
        As for :func:`text` and :func:`picture`.
    """
    contents, about = live if isinstance(live, tuple) else (live, {})
    still = None if explanation is None else picture(explanation, display)
    more = {} if still is None else {"image/png": still}
    return {**contents, **more, "text/plain": text(session, name, explanation)}, about


def text(session: Session, name: str, explanation: Explanation | None) -> str:
    """Say in a few lines what is explained, what the model says, and how far it is.

    Parameters
    ----------
    session : Session
    name : str
        The widget's own line, its ``repr``.
    explanation : Explanation or None
        The last finished one.
    """
    lines = [f"{name}: {_state(session.jobs.newest)}"]
    if explanation is not None:
        work = f"{explanation.done} of {explanation.total} {get(explanation.method).reads}"
        lines.append(f"map: {explanation.target}, {get(explanation.method).label}, {work}")
        said = {} if "predictions" in session.locks.parts else explanation.prediction
        lines += [f"{head}: {_said(one)}" for head, one in list(said.items())[:_HEADS]]
    lines.append(_UNSEEN if explanation is None else _STILL)
    return "\n".join(lines)


def picture(explanation: Explanation, display: Mapping[str, Any]) -> str | None:
    """Return the map on its picture as a PNG in base64, with the page's sign and smoothing; None where that fails.

    Parameters
    ----------
    explanation : Explanation
    display : mapping
        What the page chose, which may hold anything.
    """
    sign, given = display.get("sign"), display.get("smooth")
    smooth = float(given) if isinstance(given, int | float) and 0 <= given <= _LARGEST_SMOOTH else _SMOOTH
    draw = importlib.import_module("saliency_widget.render.still").png
    try:
        drawn = draw(explanation, sign if sign in _SIGNS else "signed", smooth=smooth)
    except Exception:  # noqa: BLE001 - the widget itself must be shown all the same
        _log.exception("the map could not be drawn for the notebook")
        return None
    return base64.b64encode(drawn).decode("ascii")


def _state(job: Job | None) -> str:
    if job is None or job.error is None:
        return "idle" if job is None or job.ended else "computing"
    return f"failed: {job.error}"


def _said(said: Prediction) -> str:
    if said.probabilities is None or said.classes is None:
        return f"{said.value:.4g} {said.unit or ''}".rstrip() if said.value is not None else f"{said.top}"
    best = said.probabilities.argsort()[::-1][:_CLASSES]
    return ", ".join(f"{said.classes[i]} {100 * said.probabilities[i]:.1f} %" for i in best)
