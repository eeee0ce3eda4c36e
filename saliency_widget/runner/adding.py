"""What the pages know of a widget's pictures, and how one more is put among them while it runs; it reads no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saliency_widget.runner.gallery import Entry, Gallery
from saliency_widget.runner.masks import packed
from saliency_widget.runner.state import base_picture, image_card, predictions

if TYPE_CHECKING:
    from saliency_widget.model import Picture, Prediction
    from saliency_widget.runner.roster import Roster
    from saliency_widget.runner.session import Session

__all__ = ["add", "begun", "looked", "shown", "unshown"]


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
    models = session.models
    card = image_card(models[models.first], picture, label) | models.seen(picture)

    def append() -> None:
        index = session.pictures.add(picture, label)
        if not session.pictures.carded(index):
            session.pictures.card(index, card)
            session.write(_listed(session.pictures))

    session.holding(append)
    return picture.id


def begun(models: Roster, pictures: Gallery) -> dict[str, Any]:
    """Return the synced values about a widget's pictures at its beginning: of a data set the first is known."""
    for index in pictures.readable():
        pictures.card(index, _card(models, pictures, index, pictures.entry(index)))
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
        card = _card(session.models, pictures, index, entry)
        session.holding(lambda: pictures.card(index, card))
        values |= _listed(pictures)
    return values


def looked(
    session: Session,
    model: str,
    picture: Picture,
    revision: str,
    said: Mapping[str, Prediction],
    ms: float,
    *,
    new: bool,
) -> dict[str, Any]:
    """Return the synced values after a model has looked at the current picture; on the compute thread, without the lock.

    Parameters
    ----------
    session : Session
    model, revision : str
        Which of its models, and that one's weights.
    picture : Picture
    said : mapping of str to Prediction
    ms : float
        What the forward took.
    new : bool
        Whether the pages show another picture as yet.
    """
    told = {**predictions(picture, said), "ms": ms}
    values: dict[str, Any] = {"predictions": {**told, "model": model} if model else told}
    if new:
        values |= shown(session, picture)
    if revision != session.revision:
        values["card"] = session.models.card(model, revision)
    return values


def unshown(session: Session, picture: Picture) -> dict[str, Any]:
    """Return the synced values about a current picture that the model said nothing of; nothing is read."""
    index = session.pictures.find(picture.id)
    entry = None if index is None else session.pictures.known(index)
    return {"base": b"", "masks": {}, "masks_data": b""} if entry is None else _base(picture, entry)


def _card(models: Roster, pictures: Gallery, index: int, entry: Entry) -> dict[str, Any]:
    card = image_card(models[models.first], entry.picture, entry.caption, pictures.truth(index, entry))
    return card | models.seen(entry.picture) | {"id": pictures.name(index)}


def _listed(pictures: Gallery) -> dict[str, Any]:
    return {"images": pictures.cards(), "gallery": pictures.about()}


def _base(picture: Picture, entry: Entry | None) -> dict[str, Any]:
    about, runs = packed({} if entry is None else entry.masks)
    return {
        "base": base_picture(picture),
        "masks": {"image": picture.id, "masks": about} if about else {},
        "masks_data": runs,
    }
