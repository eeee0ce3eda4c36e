"""One object of a message from the page: its fields are taken out one by one, and each is checked; it knows no message."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from saliency_widget.errors import BadMessage

__all__ = ["LONGEST_TEXT", "MOST_ITEMS", "Fields", "Plain", "shown", "target"]

# A page is not an enemy, but a bug in it, or in another extension, must not fill the kernel's memory.
LONGEST_TEXT = 200
MOST_ITEMS = 64
_LARGEST_INT = 2**53 - 1
"""Above this a JavaScript number is no whole number any more."""
_ALL = -1
"""The index of all outputs of a head at once."""

Plain = int | float | str | bool
"""What a parameter may be."""


class Fields:
    """The fields of one object; each is taken out once, checked, and what is left over at the end is an error."""

    def __init__(self, given: object, of: str, path: str) -> None:
        if not isinstance(given, Mapping):
            where = f"{of} has {path.rstrip('.')}: {shown(given)}" if path else f"{of} is {shown(given)}"
            text = f"{where}; expected an object"
            raise BadMessage(text)
        self.of = of
        self.buffers: Sequence[object] = ()
        self._left = dict(given)
        self._path = path

    def take(self, name: str) -> Any:
        """Take a field out, whatever it is."""
        if name not in self._left:
            text = f"{self.of} has no field '{self._path}{name}'"
            raise BadMessage(text)
        return self._left.pop(name)

    def refuse(self, name: str, value: object, expected: str) -> NoReturn:
        """Raise for the value of a field."""
        text = f"{self.of} has {self._path}{name}: {shown(value)}; expected {expected}"
        raise BadMessage(text)

    def text(self, name: str) -> str:
        """Take out a text that is neither empty nor long."""
        value = self.take(name)
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
            self.refuse(name, value, f"a text of 1 to {LONGEST_TEXT} characters")
        return value

    def choice(self, name: str, known: tuple[str, ...]) -> str:
        """Take out one of some known texts."""
        value = self.take(name)
        if value not in known:
            self.refuse(name, value, f"one of {', '.join(known)}")
        return str(value)

    def integer(self, name: str) -> int:
        """Take out a whole number from 0."""
        return self._whole(name, 0)

    def index(self, name: str) -> int:
        """Take out an index of a class, or that of all outputs."""
        return self._whole(name, _ALL)

    def _whole(self, name: str, least: int) -> int:
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _LARGEST_INT:
            self.refuse(name, value, f"a whole number from {least}")
        return value

    def flag(self, name: str) -> bool:
        """Take out true or false."""
        value = self.take(name)
        if not isinstance(value, bool):
            self.refuse(name, value, "true or false")
        return value

    def plain(self, name: str) -> Plain:
        """Take out the value of a parameter."""
        value = self.take(name)
        fits = (
            (isinstance(value, str) and len(value) <= LONGEST_TEXT)
            or (isinstance(value, int) and abs(value) <= _LARGEST_INT)
            or (isinstance(value, float) and math.isfinite(value))
        )
        if not fits:
            self.refuse(name, value, f"true, false, a finite number, or a text of at most {LONGEST_TEXT} characters")
        checked: Plain = value
        return checked

    def optional(self, name: str, read: str) -> Any:
        """Take out null, or what the named method takes out."""
        if name in self._left and self._left[name] is None:
            return self.take(name)
        return getattr(self, read)(name)

    def buffer(self, most: int, *, exactly: bool) -> bytes:
        """Return the message's one binary part, of at most, or exactly, so many bytes."""
        (buffer,) = self.buffers
        if not isinstance(buffer, bytes | bytearray | memoryview):
            self.refuse("buffer", buffer, "bytes")
        data = memoryview(buffer)
        if not 0 < data.nbytes <= most or (exactly and data.nbytes != most):
            self.refuse("buffer", f"{data.nbytes} bytes", f"{'' if exactly else 'at most '}{most}")
        return data.tobytes()

    def plains(self, name: str) -> dict[str, Plain]:
        """Take out an object of parameters."""
        inner = self.inner(name)
        names = inner.names()
        if len(names) > MOST_ITEMS:
            self.refuse(name, names, f"at most {MOST_ITEMS} parameters")
        return {one[:LONGEST_TEXT]: inner.plain(one) for one in names}

    def inner(self, name: str) -> Fields:
        """Take out an object, to be read in the same way."""
        return Fields(self.take(name), self.of, f"{self._path}{name}.")

    def names(self) -> list[str]:
        """Return the names of the fields that are left."""
        return list(self._left)

    def finish(self) -> None:
        """Raise if there are fields left."""
        if self._left:
            name, value = next(iter(self._left.items()))
            text = (
                f"{self.of} has an unknown field, {self._path}{str(name)[:LONGEST_TEXT]}: {shown(value)}; leave it out"
            )
            raise BadMessage(text)


def target(fields: Fields) -> dict[str, Any]:
    """Read what is explained, as ``Target.wire()`` writes it."""
    found = {
        "head": fields.text("head"),
        "index": fields.optional("index", "index"),
        "versus": fields.optional("versus", "integer"),
    }
    fields.finish()
    return found


def shown(value: object) -> str:
    """Return a value as an error message can show it, whatever its size."""
    if isinstance(value, Mapping | list | tuple):
        return f"a {'list' if isinstance(value, list | tuple) else 'mapping'} of {len(value)}"
    text = repr(value[:LONGEST_TEXT] if isinstance(value, str | bytes) else value)
    return text if len(text) <= 80 else f"{text[:80]}..."
