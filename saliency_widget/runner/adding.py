"""What the pages know of a widget's pictures, and how one more is put among them while it runs; it reads no file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saliency_widget.runner.gallery import Entry, Gallery
from saliency_widget.runner.masks import packed
from saliency_widget.runner.state import base_jpeg, image_card

if TYPE_CHECKING:
    from saliency_widget.model import ImageModel, Picture
    from saliency_widget.runner.session import Session

__all__ = ["add", "begun", "shown", "unshown"]


def add(session: Session, picture: Picture, label: str = "") -> str:
    """Append a picture to those of a widget; the pages are told with the next state that they get.

    Called on the compute thread, without the session's lock: where the model's input lies on a picture is measured.
    It does not become current.

    Parameters
    ----------
    session : Session
    picture : Picture
        Read already. One that the widget has is not added twice.
    label : str
        What it is called on the page; the picture's own label by default.

    Returns
    -------
    str
        Its id, under which it can be asked for from now on.
    """
    card = image_card(session.model, picture, label)

    def append() -> None:
        index = session.pictures.add(picture, label)
        if not session.pictures.carded(index):
            session.pictures.card(index, card)
            session.write(_listed(session.pictures))

    session.holding(append)
    return picture.id


def begun(model: ImageModel, pictures: Gallery) -> dict[str, Any]:
    """Return the synced values about a widget's pictures at its beginning: of a data set the first is known."""
    for index in pictures.readable():
        _tell(model, pictures, index)
    return {**_listed(pictures), **_base(pictures[0], pictures.known(0))}


def shown(session: Session, picture: Picture) -> dict[str, Any]:
    """Return the synced values about a picture that becomes current; on the compute thread, without the lock."""
    pictures = session.pictures
    index = pictures.find(picture.id)
    if index is None:
        return _base(picture, None)
    entry = pictures.entry(index)
    values = _base(picture, entry)
    if not pictures.carded(index):
        card = _card(session.model, pictures, index, entry)
        session.holding(lambda: pictures.card(index, card))
        values |= _listed(pictures)
    return values


def unshown(session: Session, picture: Picture) -> dict[str, Any]:
    """Return the synced values about a current picture that the model said nothing of; nothing is read."""
    index = session.pictures.find(picture.id)
    entry = None if index is None else session.pictures.known(index)
    return {"base": b"", "masks": {}, "masks_data": b""} if entry is None else _base(picture, entry)


def _tell(model: ImageModel, pictures: Gallery, index: int) -> None:
    pictures.card(index, _card(model, pictures, index, pictures.entry(index)))


def _card(model: ImageModel, pictures: Gallery, index: int, entry: Entry) -> dict[str, Any]:
    return image_card(model, entry.picture, entry.caption, pictures.truth(index, entry)) | {"id": pictures.name(index)}


def _listed(pictures: Gallery) -> dict[str, Any]:
    return {"images": pictures.cards(), "gallery": pictures.about()}


def _base(picture: Picture, entry: Entry | None) -> dict[str, Any]:
    about, runs = packed({} if entry is None else entry.masks)
    return {
        "base": base_jpeg(picture),
        "masks": {"image": picture.id, "masks": about} if about else {},
        "masks_data": runs,
    }
