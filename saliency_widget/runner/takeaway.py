"""What a person takes away of a finished map: the Python code that makes it again, or all its numbers as a file.

A page asks for the very map that it shows, by that map's key, so what it gets does not depend on what was chosen meanwhile.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saliency_widget.errors import BadParameter
from saliency_widget.methods import get
from saliency_widget.model import ImageModel, Picture, Target
from saliency_widget.model.loading import how_loaded
from saliency_widget.runner.gallery import Gallery, as_gallery
from saliency_widget.runner.job import Job
from saliency_widget.runner.roster import ONLY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from saliency_widget.explanation import Explanation
    from saliency_widget.runner.session import Session

__all__ = ["ask", "code", "file_name"]

_WIDE = 60
"""Columns of a line of code: the page shows it beside the picture."""

_USUAL = {"score": "logit", "layer": None, "seed": 0, "tolerance": None}
"""Defaults of ``explain()`` that a choice may differ from."""


def ask(session: Session, req: dict[str, Any], **wanted: Any) -> Job:
    """Accept a page's request for code or a file.

    Parameters
    ----------
    session : Session
    req : dict
        The page's id of it.
    **wanted
        ``what`` (``code`` or ``npz``), the map's ``key`` and ``target``, and the display's ``sign``, ``channels`` and ``smooth``.
    """
    return session.holding(lambda: session.beside.begin("file", req, lambda job: _steps(session, job, **wanted)))


def _steps(session: Session, job: Job, *, what: str, key: str, target: str, **drawn: Any) -> Iterator[None]:
    finished = session.found(key)
    if finished is None:
        message = "this map is not in the kernel any more; click its class to have it computed again"
        raise BadParameter(message)
    found = finished.explanations
    explanation = next((one for one in found if str(one.target) == target), found[0])
    if what == "npz":
        data = _npz(explanation)
    else:
        text = code(
            session.models[finished.args.get("model", ONLY)], session.pictures, explanation, finished.args, **drawn
        )
        data = text.encode()
    session.say("file", {"job": job.number, "what": what, "name": file_name(explanation, what)}, data)
    yield


def file_name(explanation: Explanation, what: str) -> str:
    """Return a name that says model, target and method, without what a file system may refuse."""
    parts = (explanation.model, str(explanation.target), explanation.method)
    plain = [re.sub(r"[^\w.]+", "-", part).strip("-.") or "x" for part in parts]
    return "_".join(part[:60] for part in plain) + f".{'py' if what == 'code' else what}"


def code(
    model: ImageModel,
    pictures: Sequence[Picture],
    explanation: Explanation,
    args: Mapping[str, Any],
    *,
    sign: str = "signed",
    channels: str = "sum",
    smooth: float = 0.0,
) -> str:
    """Return the Python code that makes an explanation again, and draws it as it is shown.

    Parameters
    ----------
    model : ImageModel
        That it is of.
    pictures : sequence of Picture
        Those of the widget, in the user's order.
    explanation : Explanation
    args : mapping
        What was asked for, as in an ``accepted`` message.
    sign, channels, smooth
        Of the display, as for :meth:`Explanation.heatmap`.
    """
    lines = ["import saliency_widget as sw", "", *_model(model, args.get("model", ONLY))]
    lines += [*_picture(as_gallery(pictures), explanation.picture, args["image"]), ""]
    if explanation.precision != str(model.dtype).removeprefix("torch."):
        lines += [f"# On the page in {explanation.precision}, measured to give the same map."]
    lines += [*_call(model, explanation, args), *_drawn(explanation, sign, channels, smooth)]
    return "\n".join(lines) + "\n"


def _model(model: ImageModel, given: str) -> list[str]:
    loaded = how_loaded(model)
    if loaded is None and given != ONLY:
        return ["# models: those that the widget was given", f"model = models[{_literal(given)}]"]
    if loaded is None:
        return [f"# model: what the widget was given, {_comment(model.name)}"]
    name, options = loaded
    words = [_literal(name), *(f"{key}={_literal(value)}" for key, value in options.items())]
    return [f"model = sw.load({', '.join(words)})"]


def _call(model: ImageModel, explanation: Explanation, args: Mapping[str, Any]) -> list[str]:
    method = get(explanation.method)
    given = {"target": _target(model, explanation.target), "method": _literal(explanation.method)}
    usual = {name: parameter.default for name, parameter in method.parameters.items()}
    given |= {name: _literal(value) for name, value in explanation.params.items() if value != usual.get(name)}
    # A run that cannot stop by itself does all its work whatever it is told.
    asked = {**args, "tolerance": args["tolerance"] if method.stops else None}
    given |= {name: _literal(asked[name]) for name, default in _USUAL.items() if asked[name] != default}
    words = ["model", "image", *(f"{name}={value}" for name, value in given.items())]
    line = f"e = sw.explain({', '.join(words)})"
    return [line] if len(line) <= _WIDE else ["e = sw.explain(", *(f"    {word}," for word in words), ")"]


def _drawn(explanation: Explanation, sign: str, channels: str, smooth: float) -> list[str]:
    if explanation.kind == "picture":
        return ["picture = e.rgb()", "e.plot()"]
    words = [_literal(sign)] * (sign != "signed")
    words += [f"channels={_literal(channels)}"] * (channels != "sum") + [f"smooth={smooth:g}"] * (smooth > 0)
    return [f"heatmap = e.heatmap({', '.join(words)})", f"e.plot({', '.join(words)})"]


def _target(model: ImageModel, target: Target) -> str:
    """Return the target as a person would write it, unless that would be read as another one."""
    try:
        same = model.resolve(str(target)) == target
    except Exception:  # noqa: BLE001 - whatever a head or class may be called
        same = False
    if same:
        return _literal(str(target))
    versus = "" if target.versus_index is None else f", versus={target.versus_index}"
    return f"sw.Target({_literal(target.head)}, {target.index}{versus})"


def _picture(pictures: Gallery, picture: Picture, name: str) -> list[str]:
    if picture.path is not None:
        return [f"image = {_literal(picture.path)}"]
    place = pictures.find(name)
    origin = "added" if place is None else pictures.origin(place)
    shown = f" (here {_comment(picture.label)})" if picture.label else ""
    if origin == "added":
        return [f"# image: the picture that the page was given{shown}"]
    if origin == "list":
        return [f"# images: the list that the widget was given{shown}", f"image = images[{place}]"]
    return [
        f"# images: the data set that the widget was given{shown}",
        f"item = images[{place}]",
        "image = item[0] if isinstance(item, (tuple, list)) else item",
    ]


def _comment(text: str) -> str:
    """Return somebody's text as it may stand in a comment: in one line."""
    return repr(" ".join(text.split()))


def _literal(value: Any) -> str:
    """Return a value as code, texts in double quotes where that needs no escape."""
    text = repr(value)
    return f'"{text[1:-1]}"' if isinstance(value, str) and '"' not in value else text


def _npz(explanation: Explanation) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return explanation.save(Path(folder) / "map.npz").read_bytes()
