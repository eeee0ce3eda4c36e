"""The pictures of a widget, with what is true of them: those that were given, a data set read as needed, those added later."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from saliency_widget.errors import BadImage, BadParameter
from saliency_widget.model import Picture, read_image
from saliency_widget.runner.dataset import Source, is_dataset, source_of
from saliency_widget.runner.masks import Masks, read_masks
from saliency_widget.runner.truth import Truth, caption_of, truth_of

if TYPE_CHECKING:
    from saliency_widget.model import ImageModel

__all__ = ["Entry", "Gallery", "gallery"]

_RECENT = 16
"""Pictures of a data set that are kept once they were read."""


@dataclass(frozen=True)
class Entry:
    """One picture, read.

    Attributes
    ----------
    picture : Picture
    caption : str
        Its name for people; empty for the picture's own.
    truth : mapping of str to int or float
        By head, the index of the class that is true of it, or the value; empty where nothing is known.
    masks : mapping of str to ndarray of bool, shape (H, W)
        Where the evidence is, by name.
    """

    picture: Picture
    caption: str = ""
    truth: Truth = field(default_factory=dict)
    masks: Masks = field(default_factory=dict)


class _Unread(Picture):
    """A picture of a data set, read when somebody looks at it, and kept for as long as somebody holds it."""

    def __init__(self, name: str, read: Callable[[], Entry]) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_read", read)
        object.__setattr__(self, "_entry", None)

    @property
    def entry(self) -> Entry:
        """All that the data set says of it."""
        if self._entry is None:  # type: ignore[has-type]
            object.__setattr__(self, "_entry", self._read())  # type: ignore[attr-defined]
        return self._entry  # type: ignore[no-any-return,has-type]

    @property
    def known(self) -> Entry | None:
        """What the data set said of it, if it was asked."""
        return self._entry  # type: ignore[no-any-return,has-type]

    @property
    def id(self) -> str:  # type: ignore[override]
        """Its place in the data set, since its pixels may be unread."""
        return self._name  # type: ignore[no-any-return,attr-defined]

    image = property(lambda self: self.entry.picture.image)  # type: ignore[assignment]
    label = property(lambda self: self.entry.picture.label)  # type: ignore[assignment]
    notes = property(lambda self: self.entry.picture.notes)  # type: ignore[assignment]
    exact = property(lambda self: self.entry.picture.exact)  # type: ignore[assignment]


class Gallery(Sequence[Picture]):
    """Pictures in the user's order, and after them those that were added.

    Nothing here takes a lock but for moments, and only :meth:`entry`, and a look at an unread picture's pixels, read a data set.

    Parameters
    ----------
    entries : sequence of Entry
        Pictures that are read.
    source : Source, optional
        A data set, whose pictures come before them.
    """

    def __init__(self, entries: Sequence[Entry], source: Source | None = None) -> None:
        self._entries = list(entries)
        self._source = source
        self._first = 0 if source is None else len(source)
        self._name = secrets.token_hex(4)
        self._recent: OrderedDict[int, _Unread] = OrderedDict()
        self._cards: dict[int, dict[str, Any]] = {}

    def __len__(self) -> int:
        return self._first + len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> list[Picture]: ...
    def __getitem__(self, index: int | slice) -> Picture | list[Picture]:
        """Return a picture, which may not have been read yet."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = index + len(self) if index < 0 else index
        if index >= self._first:
            return self._entries[index - self._first].picture
        found = self._recent.pop(index, None) or self._unread(index)
        self._recent[index] = found
        while len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
        return found

    @property
    def truths(self) -> bool:
        """Whether anything may be known of what is true of the pictures."""
        of_source = self._source is not None and self._source.labelled
        return of_source or any(entry.truth for entry in self._entries)

    def find(self, name: str) -> int | None:
        """Return the index of the picture with an id."""
        head, _, place = name.partition("-")
        if head == self._name and place.isdigit() and int(place) < self._first:
            return int(place)
        for i, entry in enumerate(self._entries):
            if entry.picture.id == name:
                return self._first + i
        return None

    def known(self, index: int) -> Entry | None:
        """Return what is known of a picture; None of one that nobody looked at."""
        if index >= self._first:
            return self._entries[index - self._first]
        found = self._recent.get(index)
        return None if found is None else found.known

    def entry(self, index: int) -> Entry:
        """Return all about a picture, reading it if need be, without keeping it.

        Raises
        ------
        BadImage, BadParameter
        """
        found = self.known(index)
        return self._read(index) if found is None else found

    def caption(self, index: int) -> str:
        """Return a picture's name for people."""
        entry = self.entry(index)
        return entry.caption or entry.picture.label

    def add(self, picture: Picture, caption: str = "") -> int:
        """Put a picture behind the others, unless it is there; returns its index."""
        index = self.find(picture.id)
        if index is None:
            self._entries.append(Entry(picture, caption))
            index = len(self) - 1
        return index

    def card(self, index: int, card: Mapping[str, Any]) -> None:
        """Take note of what the page is told of a picture."""
        self._cards[index] = {**card, "at": index}

    def carded(self, index: int) -> bool:
        """Whether the page was told of a picture."""
        return index in self._cards

    def cards(self) -> list[dict[str, Any]]:
        """Return what the page is told, in the pictures' order, of all that were looked at."""
        return [self._cards[index] for index in sorted(self._cards)]

    def check(self, model: ImageModel) -> None:
        """Bring all labels into one form, now that the model's heads are known.

        Raises
        ------
        BadParameter
        """
        if self._source is not None:
            self._source.check(model)

    def _unread(self, index: int) -> _Unread:
        if not 0 <= index < self._first:
            message = f"there is no picture {index}"
            raise IndexError(message)
        return _Unread(f"{self._name}-{index}", lambda: self._read(index))

    def _read(self, index: int) -> Entry:
        raise NotImplementedError


