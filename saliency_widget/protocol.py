"""The kernel's half of ``docs/protocol.md``: checks what the page sends, builds what it is sent; it acts on neither."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from saliency_widget.errors import BadMessage

__all__ = [
    "VERSION",
    "Ack",
    "Bye",
    "Cancel",
    "Explain",
    "Hello",
    "Incoming",
    "Live",
    "Message",
    "Predict",
    "Shot",
    "Visible",
    "display",
    "message",
    "parse",
    "req_of",
]

VERSION = 1

# A page is not an enemy, but a bug in it, or in another extension, must not fill the kernel's memory.
_LONGEST_TEXT = 200
_MOST_ITEMS = 64
_LARGEST_INT = 2**53 - 1
"""Above this a JavaScript number is no whole number any more."""
_LARGEST_SHOT = 1024
"""Pixels a side of a live picture: a model's input is smaller."""
_HEAVIEST_SHOT = 3 * _LARGEST_SHOT**2
_ALL = -1
"""The index of all outputs of a head at once."""

Message = dict[str, Any]
_Value = int | float | str | bool


@dataclass(frozen=True)
class Hello:
    """A page has loaded, or has heard nothing for a while."""

    page: str
    visible: bool
    job: int


@dataclass(frozen=True)
class Explain:
    """Somebody clicked. `targets` are as ``Target.wire()`` writes them; none means the top class."""

    req: Message
    image: str
    targets: tuple[Message, ...]
    method: str
    params: dict[str, _Value]
    score: str
    layer: str | None
    seed: int
    tolerance: float | None
    have: str | None


class Live(Explain):
    """As a click, of all pictures that the page will send as :class:`Shot`; `have` is None."""


@dataclass(frozen=True)
class Shot:
    """A picture for the page's live job, the page's `n`-th; `data` are the bytes of a JPEG, or red, green and blue."""

    page: str
    n: int
    width: int
    height: int
    format: str
    data: bytes


@dataclass(frozen=True)
class Predict:
    """Make a picture current and say what the model says of it."""

    req: Message
    image: str


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
class Bye:
    """A page is going away."""

    page: str


Incoming = Hello | Explain | Shot | Predict | Cancel | Ack | Visible | Bye


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
    Hello, Explain, Live, Shot, Predict, Cancel, Ack, Visible or Bye

    Raises
    ------
    BadMessage
        Naming the field, what it was, and what was expected.
    """
    fields = _Fields(content, "a message", "")
    version = fields.take("v")
    if version != VERSION or isinstance(version, bool):
        text = (
            f"a message has v: {_shown(version)}; expected {VERSION}: the page and the kernel are of two versions of "
            "saliency-widget, so restart the kernel and reload the page"
        )
        raise BadMessage(text)
    kind = fields.choice("type", tuple(_READERS))
    fields.of = f"a message of type '{kind}'"
    expected = 1 if kind == "shot" else 0
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
        return _req(_Fields(content, "a message", ""))
    except BadMessage:
        return None


def display(value: object) -> Message:
    """Check the one trait that the page writes.

    Its meaning is the page's own, so only its shape is checked: names and plain values that JSON can carry.

    Raises
    ------
    BadMessage
    """
    if not isinstance(value, Mapping) or len(value) > _MOST_ITEMS:
        text = f"display was set to {_shown(value)}; expected an object of at most {_MOST_ITEMS} fields"
        raise BadMessage(text)
    fields = _Fields(value, "display", "")
    return {name: None if value[name] is None else fields.plain(name) for name in list(value)}


def message(kind: str, fields: Mapping[str, Any]) -> Message:
    """Build a message to the page.

    Parameters
    ----------
    kind : str
        Its type: ``welcome``, ``accepted``, ``frame``, ``cache`` or ``end``.
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
    "cache": {"image", "args", *_MAP},
    "end": {"job", "req", "status", "code", "message", "ms"},
}


class _Fields:
    """The fields of one object; each is taken out once, checked, and what is left over at the end is an error."""

    def __init__(self, given: object, of: str, path: str) -> None:
        if not isinstance(given, Mapping):
            where = f"{of} has {path.rstrip('.')}: {_shown(given)}" if path else f"{of} is {_shown(given)}"
            text = f"{where}; expected an object"
            raise BadMessage(text)
        self.of = of
        self.buffers: Sequence[object] = ()
        self._left = dict(given)
        self._path = path

    def take(self, name: str) -> Any:
        if name not in self._left:
            text = f"{self.of} has no field '{self._path}{name}'"
            raise BadMessage(text)
        return self._left.pop(name)

    def refuse(self, name: str, value: object, expected: str) -> NoReturn:
        text = f"{self.of} has {self._path}{name}: {_shown(value)}; expected {expected}"
        raise BadMessage(text)

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
            self.refuse(name, value, f"a text of 1 to {_LONGEST_TEXT} characters")
        return value

    def choice(self, name: str, known: tuple[str, ...]) -> str:
        value = self.take(name)
        if value not in known:
            self.refuse(name, value, f"one of {', '.join(known)}")
        return str(value)

    def integer(self, name: str) -> int:
        return self._whole(name, 0)

    def index(self, name: str) -> int:
        return self._whole(name, _ALL)

    def _whole(self, name: str, least: int) -> int:
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _LARGEST_INT:
            self.refuse(name, value, f"a whole number from {least}")
        return value

    def flag(self, name: str) -> bool:
        value = self.take(name)
        if not isinstance(value, bool):
            self.refuse(name, value, "true or false")
        return value

    def plain(self, name: str) -> _Value:
        value = self.take(name)
        fits = (
            (isinstance(value, str) and len(value) <= _LONGEST_TEXT)
            or (isinstance(value, int) and abs(value) <= _LARGEST_INT)
            or (isinstance(value, float) and math.isfinite(value))
        )
        if not fits:
            self.refuse(name, value, f"true, false, a finite number, or a text of at most {_LONGEST_TEXT} characters")
        checked: _Value = value
        return checked

    def optional(self, name: str, read: str) -> Any:
        if name in self._left and self._left[name] is None:
            return self.take(name)
        return getattr(self, read)(name)

    def inner(self, name: str) -> _Fields:
        return _Fields(self.take(name), self.of, f"{self._path}{name}.")

    def names(self) -> list[str]:
        return list(self._left)

    def finish(self) -> None:
        if self._left:
            name, value = next(iter(self._left.items()))
            text = f"{self.of} has an unknown field, {self._path}{str(name)[:_LONGEST_TEXT]}: {_shown(value)}; leave it out"
            raise BadMessage(text)


def _hello(fields: _Fields) -> Hello:
    return Hello(fields.text("page"), fields.flag("visible"), fields.integer("job"))


def _request(fields: _Fields) -> Explain | Predict:
    req = _req(fields)
    kind = fields.choice("kind", ("explain", "predict", "live"))
    args = fields.inner("args")
    read = Predict(req, args.text("image")) if kind == "predict" else _explain(req, args, live=kind == "live")
    args.finish()
    return read


def _shot(fields: _Fields) -> Shot:
    size = {name: fields.integer(name) for name in ("width", "height")}
    for name, pixels in size.items():
        if not 0 < pixels <= _LARGEST_SHOT:
            fields.refuse(name, pixels, f"1 to {_LARGEST_SHOT} pixels")
    kind = fields.choice("format", ("jpeg", "rgb"))
    (buffer,) = fields.buffers
    if not isinstance(buffer, bytes | bytearray | memoryview):
        fields.refuse("buffer", buffer, "bytes")
    view = memoryview(buffer)
    most = 3 * size["width"] * size["height"] if kind == "rgb" else _HEAVIEST_SHOT
    if not 0 < view.nbytes <= most or (kind == "rgb" and view.nbytes != most):
        fields.refuse("buffer", f"{view.nbytes} bytes", f"{'' if kind == 'rgb' else 'at most '}{most}")
    return Shot(fields.text("page"), fields.integer("n"), **size, format=kind, data=view.tobytes())


def _req(fields: _Fields) -> Message:
    pair = fields.inner("req")
    req = {"page": pair.text("page"), "n": pair.integer("n")}
    pair.finish()
    return req


def _explain(req: Message, args: _Fields, *, live: bool) -> Explain:
    image = args.text("image")
    targets = args.take("targets")
    if not isinstance(targets, list) or len(targets) > _MOST_ITEMS:
        args.refuse("targets", targets, f"a list of at most {_MOST_ITEMS} targets")
    params = args.inner("params")
    names = params.names()
    if len(names) > _MOST_ITEMS:
        args.refuse("params", names, f"at most {_MOST_ITEMS} parameters")
    return (Live if live else Explain)(
        req,
        image,
        tuple(_target(target, args.of, f"args.targets[{i}].") for i, target in enumerate(targets)),
        args.text("method"),
        {name[:_LONGEST_TEXT]: params.plain(name) for name in names},
        args.text("score"),
        args.optional("layer", "text"),
        args.integer("seed"),
        args.optional("tolerance", "plain"),
        None if live else args.optional("have", "text"),
    )


def _target(given: object, of: str, path: str) -> Message:
    fields = _Fields(given, of, path)
    target = {
        "head": fields.text("head"),
        "index": fields.optional("index", "index"),
        "versus": fields.optional("versus", "integer"),
    }
    fields.finish()
    return target


_READERS: dict[str, Callable[[_Fields], Incoming]] = {
    "hello": _hello,
    "request": _request,
    "shot": _shot,
    "cancel": lambda fields: Cancel(fields.integer("job")),
    "ack": lambda fields: Ack(fields.text("page"), fields.integer("seq")),
    "visible": lambda fields: Visible(fields.text("page"), fields.flag("on")),
    "bye": lambda fields: Bye(fields.text("page")),
}


def _shown(value: object) -> str:
    """Return a value as an error message can show it, whatever its size."""
    if isinstance(value, Mapping | list | tuple):
        return f"a {'list' if isinstance(value, list | tuple) else 'mapping'} of {len(value)}"
    text = repr(value[:_LONGEST_TEXT] if isinstance(value, str | bytes) else value)
    return text if len(text) <= 80 else f"{text[:80]}..."
