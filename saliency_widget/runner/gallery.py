"""The pictures of a widget, with what is true of them: those that were given, a data set read as needed, those added later."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from saliency_widget.errors import BadImage, BadParameter
from saliency_widget.model import Picture, read_image
from saliency_widget.runner.dataset import Source, is_dataset
from saliency_widget.runner.masks import Masks, read_masks
from saliency_widget.runner.truth import Offered, Truth, as_list, caption_of, truth_of

if TYPE_CHECKING:
    from saliency_widget.model import ImageModel
    from saliency_widget.model.heads import Head

__all__ = ["Entry", "Gallery", "as_gallery", "gallery"]

_RECENT = 16
"""Pictures of a data set that are kept once they were read."""

_THUMBS = 1000
_MOST_SEEN = 300
"""Pictures of a data set of which the page is told: a saved notebook holds that."""

_MOST_ADDED = 200
"""Each may take 50 MB."""


@dataclass(frozen=True)
class Entry:
    """One picture, read.

    Attributes
    ----------
    picture : Picture
    caption : str
        Its name for people; empty for the picture's own.
    label : object
        What somebody says is true of it, as he wrote it.
    masks : mapping of str to ndarray of bool, shape (H, W)
        Where the evidence is, by name.
    """

    picture: Picture
    caption: str = ""
    label: Any = None
    masks: Masks = field(default_factory=dict)


class _Unread(Picture):
    """A picture of a data set, read when somebody looks at it, and kept for as long as somebody holds it."""

    _name: str
    _read: Callable[[], Entry]
    _entry: Entry | None

    def __init__(self, name: str, read: Callable[[], Entry]) -> None:
        for field_name, value in (("_name", name), ("_read", read), ("_entry", None)):
            object.__setattr__(self, field_name, value)  # Picture is frozen

    @property
    def entry(self) -> Entry:
        """All that the data set says of it."""
        if self._entry is None:
            object.__setattr__(self, "_entry", self._read())
        assert self._entry is not None  # noqa: S101 - just set
        return self._entry

    @property
    def known(self) -> Entry | None:
        """What the data set said of it, if it was asked."""
        return self._entry

    @property
    def id(self) -> str:
        """Its place in the data set, since its pixels may be unread."""
        return self._name

    image = property(lambda self: self.entry.picture.image)
    label = property(lambda self: self.entry.picture.label)
    notes = property(lambda self: self.entry.picture.notes)
    exact = property(lambda self: self.entry.picture.exact)
    path = property(lambda self: self.entry.picture.path)


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
        self._heads: dict[str, Head] = {}
        self._surveyed: tuple[str, dict[int, dict[str, Any]]] = ("", {})
        self._added = 0
        self.thumbs: OrderedDict[int, bytes] = OrderedDict()

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
    def pictures(self) -> tuple[Picture, ...]:
        """All of them, read or not."""
        return tuple(self)

    @property
    def labelled(self) -> bool:
        """Whether what is true of the pictures is known of some, or may be."""
        of_source = self._source is not None and self._source.labelled
        return of_source or any(self.truth(index) for index in range(self._first, len(self)))

    def about(self) -> dict[str, Any]:
        """Return how many pictures there are, and how the page names those of which it has heard nothing."""
        unread = {"name": self._name, "unread": self._first} if self._first else {"name": "", "unread": 0}
        return {"count": len(self), "labelled": self.labelled, **unread}

    def readable(self) -> list[int]:
        """Return which pictures can be described at once: those of no data set, and its first."""
        return [*range(min(1, self._first)), *range(self._first, len(self))]

    def name(self, index: int) -> str:
        """Return a picture's id."""
        return self._named(index) if index < self._first else self._entries[index - self._first].picture.id

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

    def origin(self, index: int) -> str:
        """Return where a picture comes from: a data set (``set``), a list (``list``), or ``added`` to the widget later."""
        return "set" if index < self._first else "list" if index < len(self) - self._added else "added"

    def add(self, picture: Picture, caption: str = "") -> int:
        """Put a picture behind the others, unless it is there; returns its index.

        Raises
        ------
        BadImage
            If too many were added already.
        """
        index = self.find(picture.id)
        if index is None:
            if self._added >= _MOST_ADDED:
                message = f"{_MOST_ADDED} pictures were added to this widget already; run its cell again to begin anew"
                raise BadImage(message)
            self._added += 1
            self._entries.append(Entry(picture, caption))
            index = len(self) - 1
        return index

    def card(self, index: int, card: Mapping[str, Any]) -> None:
        """Take note of what the page is told of a picture."""
        self._cards[index] = {**card, "at": index}
        seen = [place for place in self._cards if place < self._first]
        if len(seen) > _MOST_SEEN:
            del self._cards[seen[0]]  # the one that was looked at first; it has another card when it is looked at again

    def carded(self, index: int) -> bool:
        """Whether the page was told of a picture."""
        return index in self._cards

    def cards(self) -> list[dict[str, Any]]:
        """Return what the page is told, in the pictures' order, of all that were looked at."""
        return [self._cards[index] for index in sorted(self._cards)]

    def thumb(self, index: int, data: bytes) -> None:
        """Keep a small copy of a picture."""
        self.thumbs[index] = data
        if len(self.thumbs) > _THUMBS:
            self.thumbs.popitem(last=False)

    def surveyed(self, revision: str) -> dict[int, dict[str, Any]]:
        """Return what the model of that revision was found to say of pictures, to be added to."""
        if self._surveyed[0] != revision:
            self._surveyed = (revision, {})
        return self._surveyed[1]

    def check(self, heads: Mapping[str, Head]) -> None:
        """See that what is said to be true of the pictures fits the model, now that its heads are known.

        Raises
        ------
        BadParameter
        """
        self._heads = dict(heads)
        if self._source is not None:
            self._source.check()
            self.truth(0)
        for index in range(self._first, len(self)):
            self.truth(index)

    def truth(self, index: int, entry: Entry | None = None) -> Truth:
        """Return what is true of a picture, by head.

        Parameters
        ----------
        index : int
        entry : Entry, optional
            The picture, if it was just read. Else, of an item that nobody has looked at, only what its data set says
            beforehand counts.

        Raises
        ------
        BadParameter
            If its label does not fit the heads.
        """
        entry = entry or self.known(index)
        label, where = None if entry is None else entry.label, f"labels[{index}]"
        if self._source is not None and index < self._first:
            label = self._source.named(self._source.label(index) if entry is None else label)
            where = where if self._source.given else f"the label of item {index}"
        return truth_of(label, self._heads, where)

    def _unread(self, index: int) -> _Unread:
        if not 0 <= index < self._first:
            message = f"there is no picture {index}"
            raise IndexError(message)
        return _Unread(self._named(index), lambda: self._read(index))

    def _named(self, index: int) -> str:
        return f"{self._name}-{index}"

    def _read(self, index: int) -> Entry:
        assert self._source is not None  # noqa: S101 - only its items are unread
        picture, label, masks = self._source.item(index)
        return Entry(picture, "", label, read_masks(masks, picture, f"the mask of item {index}"))


def as_gallery(pictures: Sequence[Picture]) -> Gallery:
    """Return a gallery as it is, and bare pictures as one, of which nothing is known."""
    return pictures if isinstance(pictures, Gallery) else Gallery([Entry(picture) for picture in pictures])


def gallery(
    images: Any,
    labels: Any = None,
    masks: Any = None,
    *,
    read: Callable[[Any], Picture] | None = None,
    model: ImageModel | None = None,
) -> Gallery:
    """Read what was given as images; of a data set only the first.

    Parameters
    ----------
    images : one image, a list or tuple of them, or a data set
        Each as for :func:`saliency_widget.model.read_image`; a data set as for
        :class:`saliency_widget.runner.dataset.Source`, which needs `model`.
    labels, masks : list, optional
        What is true of each picture; as long as `images`. Alone, not in a list, where there is one image. Without them
        counts what an image says of itself: ``labels`` and ``evidence`` of a demo scene.
    read : callable, optional
        How one image is read; `model`'s own by default.
    model : ImageModel, optional
        Who takes the pictures.

    Returns
    -------
    Gallery

    Raises
    ------
    BadImage, BadParameter
    """
    if model is not None and is_dataset(images):
        made = Gallery((), Source(images, model, labels, masks))
        _ = made[0].image  # so that what cannot be shown is said at once
        return made
    read = read or (read_image if model is None else model.read)
    many = isinstance(images, list | tuple)
    given: Sequence[Any] = images if many else [images]
    if not given:
        message = "images is an empty list; expected at least one image"
        raise BadImage(message)
    pictures = [_read(image, number if many else None, read) for number, image in enumerate(given)]
    said = _beside("labels", as_list(labels) if many else labels, pictures, many=many)
    inside = _beside("masks", masks, pictures, many=many)
    entries = []
    for i, (image, picture) in enumerate(zip(given, pictures, strict=True)):
        label = Offered(_own(image, "labels")) if said is None else said[i]
        mask = _own(image, "evidence") if inside is None else inside[i]
        where = f"masks[{i}]" if many else "masks"
        caption = "" if said is None else caption_of(label)
        entries.append(Entry(picture, caption, label, read_masks(mask, picture, where)))
    return Gallery(entries)


def _own(image: Any, name: str) -> Mapping[str, Any]:
    """Return what a scene says of itself."""
    found = getattr(image, name, None) if hasattr(image, "image") else None
    return found if isinstance(found, Mapping) else {}


def _read(image: Any, number: int | None, read: Callable[[Any], Picture]) -> Picture:
    try:
        return read(image)
    except BadImage as error:
        if number is None:
            raise
        message = f"images[{number}]: {error}"
        raise BadImage(message) from error


def _beside(name: str, given: Any, pictures: Sequence[Picture], *, many: bool) -> Sequence[Any] | None:
    if given is None:
        return None
    if not many:
        return (given,)
    if not isinstance(given, list | tuple) or len(given) != len(pictures):
        count = f"{len(given)} of them" if isinstance(given, list | tuple) else f"a {type(given).__name__}"
        message = f"{name} was given as {count} for {len(pictures)} images; expected a list with one for each"
        raise BadParameter(message)
    return given
