"""The kernel's half of ``docs/protocol.md``: checks what the page sends, builds what it is sent; it acts on neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saliency_widget import channelled, experimented, painted, pictured
from saliency_widget.errors import BadMessage
from saliency_widget.fields import MOST_ITEMS, Fields, Plain, shown, target
from saliency_widget.painted import Occlude, Paint
from saliency_widget.pictured import Cut, Image, Shot, Survey, Thumbs

__all__ = [
    "VERSION",
    "Ack",
    "Bye",
    "Cancel",
    "Cut",
    "Explain",
    "Fetch",
    "File",
    "Grid",
    "Hello",
    "Image",
    "Incoming",
    "Live",
    "Message",
    "Occlude",
    "Paint",
    "Predict",
    "Resend",
    "Shot",
    "Survey",
    "Thumbs",
    "Visible",
    "display",
    "message",
    "parse",
    "req_of",
]

VERSION = 1

_SIGNS = ("signed", "absolute", "positive", "negative")
_SMOOTHEST = 1000
"""Pixels of the Gaussian that a map is drawn with."""

Message = dict[str, Any]


@dataclass(frozen=True)
class Hello:
    """A page has loaded, or has heard nothing for a while."""

    page: str
    visible: bool
    job: int


@dataclass(frozen=True)
class Explain:
    """Somebody clicked. `targets` are as ``Target.wire()`` writes them; none means the top class; `model` is one of several."""

    req: Message
    image: str
    targets: tuple[Message, ...]
    method: str
    params: dict[str, Plain]
    score: str
    layer: str | None
    seed: int
    tolerance: float | None
    have: str | None
    model: str | None = None


class Live(Explain):
    """As a click, of all pictures that the page will send as :class:`Shot`; `have` is None."""


@dataclass(frozen=True)
class Predict:
    """Make a picture current and say what the model says of it."""

    req: Message
    image: str


@dataclass(frozen=True)
class Grid:
    """Compute many maps beside the chosen one; each cell is the arguments of an :class:`Explain`."""

    req: Message
    cells: tuple[Explain, ...]


@dataclass(frozen=True)
class File:
    """A page wants to take a map away: the one of this `key`, for its canonical target, as it is drawn."""

    req: Message
    what: str
    key: str
    target: str
    sign: str
    channels: str
    smooth: float


@dataclass(frozen=True)
class Fetch:
    """A page wants a part of its own code that a saved notebook need not carry."""

    page: str
    name: str


@dataclass(frozen=True)
class Cancel:
    """Stop a job."""

    job: int


@dataclass(frozen=True)
class Ack:
    """A page has painted, or dropped, all frames up to `seq`."""

    page: str
    seq: int


@dataclass(frozen=True)
class Visible:
    """A page's views came on screen, or left it."""

    page: str
    on: bool


@dataclass(frozen=True)
class Resend:
    """A page has no map though there was one: its host told it of no change of the synced state (marimo, while it loads)."""

    page: str


@dataclass(frozen=True)
class Bye:
    """A page is going away."""

    page: str


_Asked = Explain | Grid | File | Predict | Occlude | Cut | Survey | channelled.Channels | experimented.Lab
Incoming = (
    _Asked
    | Hello
    | Shot
    | Paint
    | Thumbs
    | Image
    | experimented.Experiments
    | Fetch
    | Cancel
    | Ack
    | Visible
    | Resend
    | Bye
)


def parse(content: object, buffers: Sequence[object] = ()) -> Incoming:
    """Check a message from the page, down to its last field.

    Parameters
    ----------
    content : object
        The custom message, as decoded from JSON.
    buffers : sequence
        Its binary parts: one of a ``shot``, none of any other message.

    Returns
    -------
    one of `Incoming`

    Raises
    ------
    BadMessage
        Naming the field, what it was, and what was expected.
    """
    fields = Fields(content, "a message", "")
    version = fields.take("v")
    if version != VERSION or isinstance(version, bool):
        text = (
            f"a message has v: {shown(version)}; expected {VERSION}: the page and the kernel are of two versions of "
            "saliency-widget, so restart the kernel and reload the page"
        )
        raise BadMessage(text)
    kind = fields.choice("type", tuple(_READERS))
    fields.of = f"a message of type '{kind}'"
    expected = 1 if kind in _WITH_BUFFER else 0
    if len(buffers) != expected:
        text = f"{fields.of} came with {len(buffers)} binary buffers; expected {expected or 'none'}"
        raise BadMessage(text)
    fields.buffers = buffers
    read: Incoming = _READERS[kind](fields)
    fields.finish()
    return read


def req_of(content: object) -> Message | None:
    """Return the request's id of a message that may be malformed, so that its refusal reaches who sent it."""
    if not isinstance(content, Mapping) or not isinstance(content.get("req"), Mapping):
        return None
    try:
        return _req(Fields(content, "a message", ""))
    except BadMessage:
        return None


def display(value: object) -> Message:
    """Check the one trait that the page writes.

    Its meaning is the page's own, so only its shape is checked: names and plain values that JSON can carry.

    Raises
    ------
    BadMessage
    """
    if not isinstance(value, Mapping) or len(value) > MOST_ITEMS:
        text = f"display was set to {shown(value)}; expected an object of at most {MOST_ITEMS} fields"
        raise BadMessage(text)
    fields = Fields(value, "display", "")
    return {name: None if value[name] is None else fields.plain(name) for name in list(value)}


def message(kind: str, fields: Mapping[str, Any]) -> Message:
    """Build a message to the page.

    Parameters
    ----------
    kind : str
        Its type: ``welcome``, ``accepted``, ``frame``, ``cell``, ``cache``, ``file``, ``module`` or ``end``.
    fields : mapping
        Exactly the fields that ``docs/protocol.md`` names for it.

    Raises
    ------
    BadMessage
        If a field is missing or one too many: a mistake in this package.
    """
    if set(fields) != _OUTGOING[kind]:
        wrong = ", ".join(sorted(set(fields) ^ _OUTGOING[kind]))
        text = f"a message of type '{kind}' to the page has missing or unknown fields: {wrong}"
        raise BadMessage(text)
    return {"v": VERSION, "type": kind, **fields}


_MAP = {
    *("kind", "targets", "names", "method", "shape", "scales", "done", "total", "unit", "final", "ms"),
    *("quality", "scores", "score_unit", "empty", "precision", "key"),
}
_OUTGOING = {
    # None may be called `id`: ipykernel 7.4 keeps one dictionary entry for each string `id` that it publishes.
    "welcome": {"page", "job", "running", "ipykernel"},
    "accepted": {"job", "req", "kind", "args"},
    "frame": {"job", "seq", "shot", *_MAP},
    "cell": {"job", "seq", "image", "args", *_MAP},
    "cache": {"image", "args", *_MAP},
    "file": {"job", "what", "name"},
    "thumbs": {"pictures", "sizes"},
    "added": {"job", "image", "notes"},
    "survey": {"job", "revision", "rows", "done", "total"},
    "catalogue": {"page", "experiments"},
    "finding": {"job", "image", "found"},
    "module": {"page", "name", "problem"},
    "scores": {"job", "page", "n", "image", "heads", "painted", "kept"},
    "end": {"job", "req", "status", "code", "message", "ms"},
}


def _hello(fields: Fields) -> Hello:
    return Hello(fields.text("page"), fields.flag("visible"), fields.integer("job"))


def _request(fields: Fields) -> Incoming:
    req = _req(fields)
    kind = fields.choice("kind", tuple(_REQUESTS))
    args = fields.inner("args")
    read = _REQUESTS[kind](req, args)
    args.finish()
    return read


def _grid(req: Message, args: Fields) -> Grid:
    cells = args.take("cells")
    if not isinstance(cells, list) or not 0 < len(cells) <= MOST_ITEMS:
        args.refuse("cells", cells, f"a list of 1 to {MOST_ITEMS} cells")
    read = []
    for i, cell in enumerate(cells):
        fields = Fields(cell, args.of, f"args.cells[{i}].")
        read.append(_explain(req, fields, have=False))
        fields.finish()
    return Grid(req, tuple(read))


def _file(req: Message, args: Fields) -> File:
    what = args.choice("what", ("code", "npz"))
    key, target = args.text("key"), args.text("target")
    sign, channels = args.choice("sign", _SIGNS), args.choice("channels", ("sum", *channelled.WAYS))
    smooth = args.plain("smooth")
    if not isinstance(smooth, int | float) or not 0 <= smooth <= _SMOOTHEST:
        args.refuse("smooth", smooth, f"a number from 0 to {_SMOOTHEST}")
    return File(req, what, key, target, sign, channels, float(smooth))


def _req(fields: Fields) -> Message:
    pair = fields.inner("req")
    req = {"page": pair.text("page"), "n": pair.integer("n")}
    pair.finish()
    return req


def _explain(req: Message, args: Fields, *, have: bool, made: type[Explain] = Explain) -> Explain:
    image = args.text("image")
    targets = args.take("targets")
    if not isinstance(targets, list) or len(targets) > MOST_ITEMS:
        args.refuse("targets", targets, f"a list of at most {MOST_ITEMS} targets")
    return made(
        req,
        image,
        tuple(target(Fields(one, args.of, f"args.targets[{i}].")) for i, one in enumerate(targets)),
        args.text("method"),
        args.plains("params"),
        args.text("score"),
        args.optional("layer", "text"),
        args.integer("seed"),
        args.optional("tolerance", "plain"),
        args.optional("have", "text") if have else None,
        args.text("model") if "model" in args.names() else None,
    )


_REQUESTS: dict[str, Callable[[Message, Fields], Incoming]] = {
    "explain": lambda req, args: _explain(req, args, have=True),
    "live": lambda req, args: _explain(req, args, have=False, made=Live),
    "predict": lambda req, args: Predict(req, args.text("image")),
    "occlude": lambda req, args: Occlude(req, args.text("image")),
    "grid": _grid,
    "file": _file,
    "cut": pictured.cut,
    "survey": pictured.survey,
    "channels": channelled.read,
    "lab": experimented.lab,
}

_WITH_BUFFER = frozenset({"shot", "paint", "image"})

_READERS: dict[str, Callable[[Fields], Incoming]] = {
    "hello": _hello,
    "request": _request,
    "shot": pictured.shot,
    "paint": lambda fields: painted.read(_req(fields), fields),
    "image": lambda fields: pictured.image(_req(fields), fields),
    "thumbs": pictured.thumbs,
    "experiments": experimented.experiments,
    "fetch": lambda fields: Fetch(fields.text("page"), fields.text("name")),
    "cancel": lambda fields: Cancel(fields.integer("job")),
    "ack": lambda fields: Ack(fields.text("page"), fields.integer("seq")),
    "visible": lambda fields: Visible(fields.text("page"), fields.flag("on")),
    "resend": lambda fields: Resend(fields.text("page")),
    "bye": lambda fields: Bye(fields.text("page")),
}
