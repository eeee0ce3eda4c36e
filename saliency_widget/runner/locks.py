"""What of a widget its reader may not change, or sees only after a while: for questions; Python itself is never held up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from saliency_widget.errors import BadParameter, Locked, nearest
from saliency_widget.runner.job import Choice

__all__ = ["HIDDEN", "PARTS", "Locks"]

HIDDEN = ("predictions", "truth")
"""Parts that a reader looks at and does not choose: locked they are hidden."""

PARTS = ("image", "model", "target", "method", "display", *HIDDEN)

_METHOD = ("method", "params", "score", "seed", "tolerance")


@dataclass(frozen=True)
class Locks:
    """Which parts are locked; a widget changes them by keeping other ones.

    Attributes
    ----------
    parts : tuple of str
        Some of :data:`PARTS`, in their order.
    reveal : tuple of str
        Those of them that are hidden and that the reader may reveal.
    """

    parts: tuple[str, ...] = ()
    reveal: tuple[str, ...] = ()

    def card(self) -> dict[str, list[str]]:
        """Return what the page needs to know."""
        return {"parts": list(self.parts), "reveal": list(self.reveal)}

    def locking(self, names: Sequence[Any], *, reveal: Any) -> Locks:
        """Return these with more locked; a part that was locked already may be revealed from now on, or not.

        Raises
        ------
        BadParameter
            If a part is unknown, or none is named.
        """
        chosen = set(_checked(names))
        if not chosen:
            message = f"nothing was named that shall be locked; name some of: {', '.join(PARTS)}"
            raise BadParameter(message)
        if not isinstance(reveal, bool):
            message = f"reveal was given as {reveal!r}; expected True (the page has a button) or False"
            raise BadParameter(message)
        may = (set(self.reveal) - chosen) | (chosen if reveal else set())
        return _ordered({*self.parts, *chosen}, may)

    def unlocking(self, names: Sequence[Any]) -> Locks:
        """Return these with fewer locked; with none where nothing is named.

        Raises
        ------
        BadParameter
            If a part is unknown.
        """
        left = set(self.parts) - set(_checked(names)) if names else set[str]()
        return _ordered(left, set(self.reveal))

    def check(self, before: Choice, after: Choice, *, live: bool = False) -> None:
        """Refuse what a page asks for if it differs in something locked.

        Parameters
        ----------
        before, after : Choice
            The widget's, and the one that is asked for. Of several targets a page may ask for some.
        live : bool
            Whether it is of pictures that the page will send.

        Raises
        ------
        Locked
        """
        if live or after.image != before.image:
            self.allow("image")
        if after.model != before.model:
            self.allow("model")
        if not set(after.targets) <= set(before.targets):
            self.allow("target")
        # The layers of another model are not those of this one: there it is the default one.
        layers = {before.layer} if after.model == before.model else {before.layer, None}
        if after.layer not in layers or any(getattr(after, name) != getattr(before, name) for name in _METHOD):
            self.allow("method")

    def allow(self, part: str) -> None:
        """Refuse a page that would change this part, if it is locked.

        Raises
        ------
        Locked
        """
        if part in self.parts:
            message = f"the {part} of this widget is locked, so the page cannot change it; w.unlock({part!r}) in Python frees it"
            raise Locked(message)


def _ordered(parts: set[str], reveal: set[str]) -> Locks:
    return Locks(
        tuple(part for part in PARTS if part in parts),
        tuple(part for part in HIDDEN if part in parts & reveal),
    )


def _checked(names: Sequence[Any]) -> Sequence[str]:
    for name in names:
        if name not in PARTS:
            message = f"there is no part {name!r} of the page to lock; {nearest(str(name), PARTS)}"
            raise BadParameter(message)
    return names
