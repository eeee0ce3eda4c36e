"""The pictures of a widget as the user gave them: one or many, with labels and masks; it shows none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saliency_widget.errors import BadImage, BadParameter
from saliency_widget.model import Picture, read_image

__all__ = ["Gallery", "gallery"]


@dataclass(frozen=True)
class Gallery:
    """Pictures in the user's order.

    Attributes
    ----------
    pictures : tuple of Picture
        At least one.
    labels, masks : tuple
        One for each picture, None where there is none.
    """

    pictures: tuple[Picture, ...]
    labels: tuple[Any, ...]
    masks: tuple[Any, ...]

    def caption(self, index: int) -> str:
        """Return a picture's name for people."""
        label = self.labels[index]
        if label is None:
            return self.pictures[index].label
        if isinstance(label, Mapping):
            return ", ".join(f"{head}: {cls}" for head, cls in label.items())
        return str(label)


def gallery(
    images: Any, labels: Any = None, masks: Any = None, *, read: Callable[[Any], Picture] = read_image
) -> Gallery:
    """Read what was given as images.

    Parameters
    ----------
    images : one image, or a list or tuple of them
        Each as for :func:`saliency_widget.model.read_image`.
    labels, masks : list, optional
        What is true of each picture; as long as `images`. Alone, not in a list, where there is one image.
    read : callable
        How one image is read; a model's own :meth:`~saliency_widget.model.ImageModel.read` knows its channels.

    Returns
    -------
    Gallery

    Raises
    ------
    BadImage, BadParameter
    """
    many = isinstance(images, list | tuple)
    given: Sequence[Any] = images if many else [images]
    if not given:
        message = "images is an empty list; expected at least one image"
        raise BadImage(message)
    pictures = tuple(_read(image, number if many else None, read) for number, image in enumerate(given))
    return Gallery(
        pictures, _beside("labels", labels, pictures, many=many), _beside("masks", masks, pictures, many=many)
    )


def _read(image: Any, number: int | None, read: Callable[[Any], Picture]) -> Picture:
    try:
        return read(image)
    except BadImage as error:
        if number is None:
            raise
        message = f"images[{number}]: {error}"
        raise BadImage(message) from error


def _beside(name: str, given: Any, pictures: Sequence[Picture], *, many: bool) -> tuple[Any, ...]:
    if given is None:
        return (None,) * len(pictures)
    if not many:
        return (given,)
    if not isinstance(given, list | tuple) or len(given) != len(pictures):
        count = f"{len(given)} of them" if isinstance(given, list | tuple) else f"a {type(given).__name__}"
        message = f"{name} was given as {count} for {len(pictures)} images; expected a list with one for each"
        raise BadParameter(message)
    return tuple(given)
