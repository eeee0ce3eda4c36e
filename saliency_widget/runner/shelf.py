"""The finished maps of one widget, newest last, up to a number of bytes; it computes none.

When a page goes back to a map that it still has, nothing is computed, but `w.explanation` and the map that a reload
shows must follow: they come from here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from saliency_widget.explanation import Explanation
from saliency_widget.runner.frames import Frame

__all__ = ["Finished", "Shelf"]

_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Finished:
    """A finished map, as the page draws it and as Python reads it.

    Attributes
    ----------
    frame : Frame
    args : dict
        The arguments of the request that gives it.
    explanations : list of Explanation
        One for each target.
    """

    frame: Frame
    args: Mapping[str, Any]
    explanations: list[Explanation]

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        arrays = [e.attribution for e in self.explanations]
        arrays += [other for e in self.explanations for other in e.sibling_maps.values()]
        return len(self.frame.data) + sum(int(array.nbytes) for array in arrays)


class Shelf:
    """Finished maps by key, the least recently used forgotten first.

    Parameters
    ----------
    limit : int
        Bytes; the newest map is kept however large it is.
    """

    def __init__(self, limit: int = _BYTES) -> None:
        self._limit = limit
        self._held = 0
        self._maps: OrderedDict[str, Finished] = OrderedDict()

    def put(self, finished: Finished) -> None:
        """Keep a finished map."""
        key = finished.frame.meta["key"]
        old = self._maps.pop(key, None)
        self._held += finished.nbytes - (old.nbytes if old is not None else 0)
        self._maps[key] = finished
        while self._held > self._limit and len(self._maps) > 1:
            self._held -= self._maps.popitem(last=False)[1].nbytes

    def get(self, key: str) -> Finished | None:
        """Return the map of a key, if it is still here."""
        if key in self._maps:
            self._maps.move_to_end(key)
        return self._maps.get(key)
