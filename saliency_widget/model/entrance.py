"""How an image becomes a model's input, and how it comes back: channels, preprocessing, geometry; it runs no model."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from saliency_widget.errors import BadImage, BadParameter, ModelError
from saliency_widget.model import pixels
from saliency_widget.model.channels import guess_channels
from saliency_widget.model.geometry import Geometry, measure
from saliency_widget.model.images import Picture, read_image
from saliency_widget.model.planes import Display, check_display, show
from saliency_widget.model.preprocess import Preprocess, default_preprocess, describe_default

__all__ = ["Entrance", "MadeOf"]

_DEFAULT_SIZE = 224
_COLOURS = 3

_KEPT = 8
"""Inputs that are kept for one picture: itself, and the baselines of a few methods."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class MadeOf:
    """An image that somebody makes of a picture, such as a baseline.

    Attributes
    ----------
    picture : Picture
    what : hashable
        What it is called; of one picture, the same name is the same image.
    make : callable
        Makes it, (C, H, W) in [0, 1]; not called where the input for it is known.
    """

    picture: Picture
    what: Hashable
    make: Callable[[], Tensor]


class Entrance:
    """The way from an image to a model's input.

    Parameters
    ----------
    module : nn.Module
        Only asked how many channels its first layer takes.
    preprocess : callable or None
        The user's; see :class:`~saliency_widget.model.preprocess.Preprocess`.
    input_size : int, (int, int) or None
        Height and width for the default preprocessing.
    channels : int or None
        How many channels the model's input has; guessed from the module where not given.
    display : Display or None
        How planes that are no colours are shown.

    Attributes
    ----------
    channels : int
        As given, as guessed, or, after :meth:`first`, as it is.
    note : str or None
        What a user should know about the default preprocessing, where it is used.

    Raises
    ------
    BadParameter, ModelError
        If an argument does not fit.
    """

    def __init__(
        self,
        module: nn.Module,
        preprocess: Callable[[Any], Any] | None,
        input_size: Any,
        channels: Any = None,
        display: Any = None,
    ) -> None:
        if channels is not None and (isinstance(channels, bool) or not isinstance(channels, int) or channels < 1):
            message = (
                f"channels was given as {channels!r}; expected how many channels the model's input has, such as 1 or 5"
            )
            raise BadParameter(message)
        self._display: Display | None = check_display(display)
        self._certain = channels is not None
        self._guess: int | None = None if self._certain else guess_channels(module)
        self.channels: int = channels or self._guess or _COLOURS
        self._given = self.channels if display is not None else _COLOURS
        self._geometries: dict[tuple[int, int, int], Geometry] = {}
        self._last: tuple[weakref.ref[Picture], bool | None, dict[Hashable, Tensor]] | None = None
        self._default: tuple[int, int] | None = None
        self.note: str | None = None
        grey: bool | None = None if self._certain and channels == 1 else False
        if preprocess is None:
            self._default = _size(input_size)
            preprocess = default_preprocess(*self._default)
            grey = self.channels == 1
            self.note = describe_default(*self._default, self.channels)
        self._preprocess = Preprocess(preprocess, grey)

    def read(self, image: Any) -> Picture:
        """Read an image of any kind as this model takes it; see :func:`~saliency_widget.model.images.read_image`."""
        return read_image(image, channels=self.channels, display=self._display)

    def input(self, image: Any) -> Tensor:
        """Return the model's input (C, h, w) for an image; a float tensor (C, H, W) in [0, 1] is taken as it is.

        What is prepared of the newest picture, and of what is made of it, is kept for the next time.

        Raises
        ------
        BadImage
            If it has other channels than the model takes.
        """
        if isinstance(image, MadeOf):
            return self._prepared(image.picture, image.what, image.make)
        ready = isinstance(image, Tensor) and image.is_floating_point() and image.dim() == 3
        picture = None if ready else self.read(image)
        result = self._preprocess(image) if picture is None else self._prepared(picture)
        if self._certain and len(result) != self.channels:
            raise self._misfit(len(image) if picture is None else picture.channels, len(result))
        return result

    def _prepared(self, picture: Picture, what: Hashable = None, make: Callable[[], Tensor] | None = None) -> Tensor:
        """Return the input for a picture, or for what is made of it: a look, a gradient, the next class begin with it."""
        last = self._last
        if last is None or last[0]() is not picture or last[1] != self._preprocess.grey or len(last[2]) > _KEPT:
            self._last = last = weakref.ref(picture), self._preprocess.grey, {}
        points = last[2].get(what)
        if points is None:
            points = self._preprocess(picture.tensor if make is None else make())
            # Which may have found out that grey values are wanted.
            self._last = weakref.ref(picture), self._preprocess.grey, {**last[2], what: points}
        return points.clone()  # nobody may write into what the next one gets

    def first(self, picture: Picture, run: Callable[[Tensor], Result]) -> Result:
        """Run a model for the first time, and find out how many channels it takes where nobody has said so.

        Parameters
        ----------
        picture : Picture
            The first image.
        run : callable
            Takes the model's input (C, h, w).

        Returns
        -------
        object
            What `run` returned.

        Raises
        ------
        BadImage
            If the model raises, and its first layer takes another number of channels than the image has.
        ModelError
        """
        points = self.input(picture)
        try:
            result = run(points)
        except ModelError as error:
            if self._certain or self._guess is None:
                raise
            turned = self._turned(picture, len(points))
            if turned is None:
                if len(points) == self._guess:
                    raise
                raise self._misfit(picture.channels, len(points), str(error)) from error
            try:
                result, points = run(turned), turned
            except ModelError:
                self._preprocess.grey = not self._preprocess.grey
                raise error from None
        self._given = picture.channels
        if self._guess is not None:
            self._settle(len(points))
        return result

    def geometry(self, picture: Picture) -> Geometry:
        """Say which part of a picture the model's input covers."""
        size = (picture.width, picture.height)
        key = (*size, picture.channels)
        if key not in self._geometries:
            self._geometries[key] = measure(
                lambda image: self._preprocess(image).cpu(),
                size,
                quantised=lambda: self._preprocess.quantises,
                channels=picture.channels,
            )
        return self._geometries[key]

    def to_pixels(self, points: Tensor) -> Tensor:
        """Return model inputs (n, C, h, w) as people see them: colours (n, 3, h, w) in [0, 1].

        The normalisation is undone as it was measured; see :func:`~saliency_widget.model.pixels.undo`. Channels that are
        no colours are shown by the display mapping.
        """
        planes = pixels.undo(self._preprocess, points, self._given)
        if planes.shape[1] < _COLOURS and self._display is None:
            return planes[:, :1].expand(-1, _COLOURS, -1, -1)
        if self._display is None or planes.shape[1] != self._given:
            return planes[:, :_COLOURS]
        shown = [show(one.cpu(), self._display) for one in planes]
        return torch.stack([read_image(image).tensor for image in shown]).to(planes.device)

    def _turned(self, picture: Picture, seen: int) -> Tensor | None:
        """Return the input with grey values for colours or the other way round, None if that makes no difference."""
        if self._guess != 1 or picture.channels != _COLOURS:
            return None
        before = self._preprocess.grey
        self._preprocess.grey = not before
        try:
            points = self._preprocess(picture.tensor)
        except BadImage:
            points = None
        if points is None or len(points) == seen:
            self._preprocess.grey = before
            return None
        return points

    def _settle(self, channels: int) -> None:
        """Remember how many channels the model has been seen to take."""
        self.channels = channels
        self._certain = True
        self._geometries.clear()
        if self._default is not None:
            self.note = describe_default(*self._default, channels)

    def _misfit(self, given: int, made: int, said: str = "") -> BadImage:
        colours = " (red, green and blue)" if given == _COLOURS else ""
        through = "" if given == made else f", of which preprocess= makes {made},"
        also = f" ({said})" if said else ""
        return BadImage(
            f"the image has {given} channels{colours}{through} and the model takes {self.channels}{also}; give an image "
            f"with {self.channels} channels, a preprocess= that makes them, or channels= if the model takes another number"
        )


def _size(given: Any) -> tuple[int, int]:
    """Read ``input_size=``: one number, or height and width."""
    if given is None:
        return _DEFAULT_SIZE, _DEFAULT_SIZE
    sizes = (given, given) if isinstance(given, int) else tuple(given) if isinstance(given, list | tuple) else ()
    if len(sizes) != 2 or not all(isinstance(n, int) and n > 0 for n in sizes):
        message = f"input_size was given as {given!r}; expected one size in pixels, or (height, width)"
        raise BadParameter(message)
    return sizes[0], sizes[1]
