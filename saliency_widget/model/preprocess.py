"""Turning a picture into a model's input, by the user's callable or by the default; it runs no model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torchvision.transforms.v2 import functional

from saliency_widget.errors import BadImage, ModelError

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "Preprocess", "default_preprocess", "describe_default", "grey_value"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def default_preprocess(height: int, width: int) -> Callable[[Tensor], Tensor]:
    """Return the preprocessing that is used where the user names none.

    Parameters
    ----------
    height, width : int
        Of the model's input.

    Returns
    -------
    callable
        Scales to cover the input, crops the centre, and normalises three channels by ImageNet's mean and standard
        deviation; of other channels no statistics are known, so they stay in [0, 1].
    """

    def preprocess(image: Tensor) -> Tensor:
        # What will be cropped away is cut off first, or a picture like a thread would become one like a carpet.
        scale = max(height / image.shape[1], width / image.shape[2])
        margin = 4 * math.ceil(max(1.0, 1 / scale))  # as much as the resampling filter can see
        wanted = [math.ceil(side / scale) + margin for side in (height, width)]
        # Of the same parity as the whole, so that the centre stays where it is.
        inner = [min(whole, side + (whole - side) % 2) for whole, side in zip(image.shape[1:], wanted, strict=True)]
        image = functional.center_crop(image, inner)
        scaled = [max(height, round(image.shape[1] * scale)), max(width, round(image.shape[2] * scale))]
        image = functional.resize(image, scaled, antialias=True)
        result: Tensor = functional.center_crop(image, [height, width])
        if len(result) == len(IMAGENET_MEAN):
            result = functional.normalize(result, list(IMAGENET_MEAN), list(IMAGENET_STD))
        return result

    return preprocess


def describe_default(height: int, width: int, channels: int) -> str:
    """Return what the default preprocessing does, in words for the user."""
    done = f"no preprocess= was given: images are resized and cropped to {height} x {width}"
    if channels == 3:
        return f"{done} and normalised by ImageNet's mean and standard deviation"
    if channels == 1:
        return f"{done}, their grey value is taken from 0 (black) to 1 (white), and nothing is normalised"
    return f"{done}; their {channels} channels stay as they are, from 0 to 1, and nothing is normalised"


def grey_value(image: Tensor) -> Tensor:
    """Return the grey value (1, H, W) of an RGB image (3, H, W); of a grey one exactly its own."""
    red, green, blue = image.unbind()
    grey: Tensor = green + 0.299 * (red - green) + 0.114 * (blue - green)
    return grey[None]


class _Draws(BaseException):
    """Raised in place of a random draw; no ``Exception``, so that a user's ``except`` does not swallow it."""


_RANDOM = {
    *("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "bernoulli"),
    *(
        "multinomial",
        "poisson",
        "uniform_",
        "normal_",
        "bernoulli_",
        "random_",
        "exponential_",
        "dropout",
        "log_normal_",
        "cauchy_",
    ),
}
"""The functions of torch that draw."""


class _NoDraws(TorchFunctionMode):
    """While it lasts, a random draw of this thread raises."""

    def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in _RANDOM:
            raise _Draws
        return func(*args, **(kwargs or {}))


class Preprocess:
    """A user's preprocessing, called with what it takes: a float tensor, or a Pillow image if it takes only that.

    Parameters
    ----------
    function : callable
        Takes a float tensor (C, H, W) in [0, 1] or a Pillow image, returns the model's input (C, h, w), or a batch of
        one of it.
    grey : bool or None
        Whether it is given the grey value (1, H, W) of RGB images. None: only if it makes more than one channel of
        colours, where the model takes one.
    """

    def __init__(self, function: Any, grey: bool | None = False) -> None:
        if not callable(function):
            message = (
                f"preprocess= was given as {type(function).__name__}; expected a callable, or None for the default"
            )
            raise ModelError(message)
        self.grey = grey
        self._function = function
        self._wants_pillow = False
        self._draws = False

    @property
    def quantises(self) -> bool:
        """Whether it was seen to take only Pillow images, whose values are rounded to 8 bits."""
        return self._wants_pillow

    def __call__(self, image: Tensor) -> Tensor:
        """Return the model's input (C, h, w) for an image (C, H, W) in [0, 1].

        Raises
        ------
        BadImage
            If the callable raises, or returns no tensor of that form.
        """
        if len(image) != 3 or self.grey is False:
            return self._checked(image)
        if self.grey is None:
            return self._settled(image)
        return self._checked(grey_value(image))

    def _settled(self, image: Tensor) -> Tensor:
        """Find out, at the first RGB image, whether it takes colours."""
        refused: BadImage | None = None
        try:
            result = self._checked(image)
        except BadImage as error:
            refused = error
        else:
            if len(result) == 1:
                self.grey = False
                return result
        try:
            result = self._checked(grey_value(image))
        except BadImage as error:
            raise refused or error from error
        self.grey = True
        return result

    def _checked(self, image: Tensor) -> Tensor:
        result = self._seeded(image) if self._draws else self._watched(image)
        if isinstance(result, Tensor) and result.dim() == 4 and result.shape[0] == 1:
            result = result[0]
        if not isinstance(result, Tensor) or result.dim() != 3:
            got = f"a tensor of shape {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
            message = f"preprocess= returned {got} for an image {tuple(image.shape)}; expected a tensor (C, h, w)"
            raise BadImage(message)
        return result.detach()

    def _watched(self, image: Tensor) -> Any:
        """Call a preprocessing that has drawn no random number so far, without a touch of the user's generator.

        Setting it aside, even for a moment, would disturb a training loop on another thread.
        """
        try:
            with torch.no_grad(), _NoDraws():
                return self._call(image.clone())  # a copy, since a transform may work in place
        except _Draws:
            self._draws = True
            return self._seeded(image)

    def _seeded(self, image: Tensor) -> Any:
        """Call one that draws: seeded alike each time, so that the picture, its baseline and its map have the same crop."""
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self._call(image.clone())

    def _call(self, image: Tensor) -> Any:
        refused: Exception | None = None
        if not self._wants_pillow:
            try:
                return self._function(image)
            except Exception as error:  # one that takes only Pillow images may raise anything
                refused = error
                if len(image) not in _PILLOW_CHANNELS:
                    message = f"preprocess= raised {type(error).__name__} for an image {tuple(image.shape)}: {error}"
                    raise BadImage(message) from error
        try:
            result = self._function(_to_pillow(image))
        except Exception as error:  # noqa: BLE001 - raised again, or the tensor's own
            # What a callable says of a tensor as such is no news to its author; what it says of its content is.
            reason = error if refused is None or isinstance(refused, TypeError | AttributeError) else refused
            message = f"preprocess= raised {type(reason).__name__} for an image {tuple(image.shape)}: {reason}"
            raise BadImage(message) from reason
        self._wants_pillow = True
        return result


_PILLOW_CHANNELS = frozenset({1, 3, 4})


def _to_pillow(image: Tensor) -> Image.Image:
    """Return a tensor with one, three or four channels as Pillow has it: L, RGB or RGBA."""
    pixels = image.mul(255).round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
