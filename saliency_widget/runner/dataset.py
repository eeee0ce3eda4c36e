"""A data set as pictures: one item is read at a time, when it is needed; nothing is kept here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from saliency_widget.errors import BadImage, BadParameter
from saliency_widget.model import Picture
from saliency_widget.runner.truth import among, as_list, classes_of

if TYPE_CHECKING:
    from saliency_widget.model import ImageModel

__all__ = ["Item", "Source", "is_dataset"]

Item = tuple[Picture, Any, Any]
"""A picture, its label and its masks, both as the data set has them, or None."""

_ROUNDING = 0.02
"""Of a model's range from black to white: what a resampled picture may go beyond it."""


def is_dataset(given: Any) -> bool:
    """Whether something is read item by item, and is no image or list of them."""
    if isinstance(
        given, str | bytes | bytearray | memoryview | list | tuple | Mapping | Image.Image | np.ndarray | Tensor
    ):
        return False
    if isinstance(given, torch.utils.data.IterableDataset):
        message = (
            f"images was given as {type(given).__name__}, which has no length and no numbered items; give a data set with "
            "__len__ and __getitem__, or a list of its first pictures"
        )
        raise BadImage(message)
    return isinstance(given, torch.utils.data.Dataset) or (hasattr(given, "__getitem__") and hasattr(given, "__len__"))


class Source:
    """A data set of images, of pairs (image, label), or of triples (image, label, mask).

    Of a torchvision ``ImageFolder``, and of a subset of one, the files themselves are read: its transform makes a network's
    input, and the model has a preprocessing of its own.

    Parameters
    ----------
    data : Dataset
        Items may be mappings too, with ``image``, ``label`` and ``mask``.
    model : ImageModel
        How a picture is read, and how a normalised one is brought back.
    labels, masks : sequence, optional
        In place of what the data set says; as long as it.
    """

    def __init__(self, data: Any, model: ImageModel, labels: Any = None, masks: Any = None) -> None:
        self._length = len(data)
        if self._length == 0:
            message = f"images is an empty {type(data).__name__}; expected at least one image"
            raise BadImage(message)
        self.name = type(data).__name__
        self._data = data
        self._model = model
        self._labels = self._beside("labels", as_list(labels))
        self._masks = self._beside("masks", masks)
        base, place = _unwrapped(data)
        self._place = place
        self._files = _files(base)
        self._targets = as_list(getattr(base, "targets", None))
        classes = getattr(base, "classes", None)
        self._classes: Sequence[str] | None = _names(classes)
        self._indices: list[int] | None = None
        self._first_label: Any = None
        self._normalised = "Normalize(" in repr(getattr(base, "transform", None))

    def __len__(self) -> int:
        return self._length

    @property
    def labelled(self) -> bool:
        """Whether items have labels, as far as can be told without reading any."""
        return self._first_label is not None or self.label(0) is not None

    @property
    def given(self) -> bool:
        """Whether somebody gave labels in place of the data set's own."""
        return self._labels is not None

    def label(self, index: int) -> Any:
        """Return what is known of an item's label without reading it; None if nothing is."""
        if self._labels is not None:
            return self._labels[index]
        if isinstance(self._targets, Sequence) and len(self._targets) > 0:
            return self._targets[self._place(index)]
        return None

    def item(self, index: int) -> Item:
        """Read an item.

        Raises
        ------
        BadImage
            If it cannot be read, or is none that can be shown.
        """
        if self._files is not None:
            picture = self._read(self._files[self._place(index)], index)
            label, mask = None, None
        else:
            image, label, mask = self._parts(index)
            picture = self._read(image, index)
        known = self.label(index)
        label = label if known is None and self._labels is None else known
        if index == 0:
            self._first_label = label
        return picture, label, mask if self._masks is None else self._masks[index]

    def check(self) -> None:
        """See that the data set's classes are the model's, now that its heads are known.

        Raises
        ------
        BadParameter
        """
        head = next(iter(self._model.heads.values()))
        if self._labels is not None or self._classes is None or head.kind == "value":
            self._classes = None
            return
        places = classes_of(self._classes, head)
        if places is None:
            names = ", ".join(head.classes[:5]) if head.classes else f"{head.size} classes without names"
            message = (
                f"the {self.name} has the classes {', '.join(self._classes[:5])}{', ...' if len(self._classes) > 5 else ''} "
                f"({len(self._classes)}), but the head '{head.name}' has {names} ({head.size}); give labels= with the head's "
                "own classes, one for each picture, or labels=[None] * len(images) for none"
            )
            raise BadParameter(message)
        self._indices = places

    def named(self, label: Any) -> Any:
        """Return a data set's class as the index of the head's, and several as a yes or no for each of the head's labels.

        A name, and what was given in its place, stays as it is.
        """
        if self._classes is None or self._indices is None or isinstance(label, str | Mapping) or label is None:
            return label
        head = next(iter(self._model.heads.values()))
        if head.kind == "labels":
            return among(label, self._classes, self._indices, head)
        try:
            place = int(label)
        except (TypeError, ValueError, RuntimeError):
            return label  # whoever checks it against the head says what is wrong
        return self._indices[place] if 0 <= place < len(self._indices) else label

    def _parts(self, index: int) -> tuple[Any, Any, Any]:
        try:
            item = self._data[index]
        except Exception as error:
            message = f"item {index} of the {self.name} cannot be read: {type(error).__name__}: {error}"
            raise BadImage(message) from error
        if isinstance(item, Mapping):
            if "image" not in item:
                message = (
                    f"item {index} of the {self.name} is a mapping of {', '.join(map(str, item))}; expected an 'image'"
                )
                raise BadImage(message)
            return item["image"], item.get("label"), item.get("mask")
        if not isinstance(item, tuple | list):
            return item, None, None
        if not 1 <= len(item) <= 3:
            known = "an image, (image, label), or (image, label, mask)"
            message = f"item {index} of the {self.name} has {len(item)} parts; expected {known}"
            raise BadImage(message)
        image, label, mask = (*item, None, None)[:3]
        return image, label, mask

    def _read(self, image: Any, index: int) -> Picture:
        where = f"item {index} of the {self.name}"
        try:
            if isinstance(image, Tensor) and image.is_floating_point() and self._out_of_range(image):
                return self._model.read(_undone(image, self._model, where))
            return self._model.read(image)
        except BadImage as error:
            text = str(error)
            message = text if text.startswith(where) else f"{where}: {text}"
            raise BadImage(message) from error

    def _out_of_range(self, image: Tensor) -> bool:
        return (
            bool(torch.isfinite(image).all())
            and image.dim() == 3
            and (self._normalised or float(image.min()) < 0 or float(image.max()) > 1)
        )

    def _beside(self, name: str, given: Any) -> Sequence[Any] | None:
        if given is None:
            return None
        if isinstance(given, str | Mapping) or not isinstance(given, Sequence) or len(given) != self._length:
            count = f"{len(given)} of them" if isinstance(given, list | tuple) else f"a {type(given).__name__}"
            message = f"{name} was given as {count} for {self._length} images; expected a list with one for each"
            raise BadParameter(message)
        return given


def _undone(image: Tensor, model: ImageModel, where: str) -> Tensor:
    """Return a normalised image as it was before, if the model's own preprocessing normalises in the same way."""
    planes, size = len(image), tuple(image.shape[1:])
    low, high = float(image.min()), float(image.max())
    trouble = (
        f"{where} is a tensor with values from {low:.3g} to {high:.3g}: a transform has normalised it, so it cannot be shown "
        "as it is; give the data set without Normalize (the model's preprocess= normalises)"
    )
    try:
        black = _levels(model.input(torch.zeros(planes, *size)))
        white = _levels(model.input(torch.ones(planes, *size)))
        first = torch.zeros(planes, *size)
        first[0] = 1
        red = _levels(model.input(first))
    except Exception as error:
        raise BadImage(trouble) from error
    gain = white - black
    apart = len(black) == planes and bool((gain.abs() > 1e-6).all())
    # Channels that are mixed, or in another order, are not taken apart here.
    if not apart or not torch.allclose(red[1:], black[1:], atol=1e-4):
        raise BadImage(trouble)
    pixels = (image.detach().cpu().float() - black.view(-1, 1, 1)) / gain.view(-1, 1, 1)
    if float(pixels.min()) < -_ROUNDING or float(pixels.max()) > 1 + _ROUNDING:
        message = f"{trouble}; and it is not the normalisation that the model's own preprocessing makes"
        raise BadImage(message)
    return pixels.clamp(0, 1)


def _levels(points: Tensor) -> Tensor:
    return points.detach().cpu().float().flatten(1).median(1).values


def _unwrapped(data: Any) -> tuple[Any, Callable[[int], int]]:
    """Return the data set below its subsets, and where an item stands in it."""
    if not isinstance(data, torch.utils.data.Subset):
        return data, lambda index: index
    base, place = _unwrapped(data.dataset)
    indices = data.indices
    return base, lambda index: place(int(indices[index]))


def _files(data: Any) -> list[Any] | None:
    """Return the files of a torchvision folder that reads each as it is; None of any other data set."""
    try:
        from torchvision.datasets import DatasetFolder
        from torchvision.datasets.folder import default_loader
    except ImportError:
        return None
    plain = isinstance(data, DatasetFolder) and type(data).__getitem__ is DatasetFolder.__getitem__
    return [path for path, _ in data.samples] if plain and data.loader is default_loader else None


def _names(classes: Any) -> list[str] | None:
    named = isinstance(classes, Sequence) and not isinstance(classes, str) and all(isinstance(c, str) for c in classes)
    return list(classes) if named else None
