"""Images whose channels are no colours: their planes as numbers, and which of them are shown; it knows nothing of models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from saliency_widget.errors import BadImage, BadParameter

__all__ = ["COLOURS", "SLACK", "Display", "are_planes", "as_floats", "check_display", "refusal", "show", "shrink"]

COLOURS = frozenset({1, 3, 4})
"""Channel counts that are read as grey, RGB and RGBA where nothing else is said."""

Display = Sequence[int] | Callable[[Tensor], Tensor]
"""How planes are shown: the indices of those shown as red, green and blue, or a function (C, H, W) -> (3, H, W)."""

SLACK = 1e-3
"""How far floats may lie outside [0, 1]: resizing overshoots a little."""


def check_display(display: Any) -> Display | None:
    """Return a display mapping if it is one.

    Raises
    ------
    BadParameter
    """
    if display is None or callable(display):
        return display  # type: ignore[no-any-return]
    is_row = isinstance(display, list | tuple) and len(display) == 3
    if not is_row or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in display):
        message = (
            f"display was given as {display!r}; expected three channel indices from 0, shown as red, green and blue, such "
            "as display=(2, 1, 0), or a function of the planes (C, H, W) that returns (3, H, W)"
        )
        raise BadParameter(message)
    return tuple(display)


def are_planes(count: int, channels: int | None, display: Display | None) -> bool:
    """Tell whether an array with so many channels is read as planes, and not as grey, RGB or RGBA.

    Parameters
    ----------
    count : int
        The channels of the array.
    channels : int or None
        The channels of the model's input, if known: four are planes only for a model that takes four.
    display : Display or None
        Where it is given, two channels and more are planes.
    """
    return count not in COLOURS or (count == 4 and channels == 4) or (count > 1 and display is not None)


def refusal(shape: tuple[int, ...], kind: str, channels: int | None) -> BadImage:
    """Return the error for an array or a tensor whose channels cannot be shown.

    Parameters
    ----------
    shape : tuple of int
        As it was given.
    kind : {"array", "tensor"}
        What was given; arrays have their channels last, tensors first.
    channels : int or None
        The channels of the model's input, if known.
    """
    first = kind == "tensor"
    count, other = (shape[0], shape[-1]) if first else (shape[-1], shape[0])
    message = f"an image {kind} has the shape {shape}"
    if other == channels or (other in COLOURS and count not in COLOURS and count != channels):
        turned = "(H, W, C): give tensor.permute(2, 0, 1)" if first else "(C, H, W): give array.transpose(1, 2, 0)"
        tail = "" if first else ", or a torch tensor"
        expected = "(C, H, W)" if first else "(H, W, C)"
        return BadImage(f"{message}; expected {expected}; it looks like {turned}{tail}")
    takes = "" if channels in {None, count} else f" (the model takes {channels})"
    example = (0, 1, 1) if count == 2 else (2, 1, 0)
    return BadImage(
        f"{message}: {count} channels{takes}, which cannot be shown as they are; expected 1, 3 or 4 channels, or a model "
        f"that says which are shown: sw.ImageModel(..., channels={count}, display={example}) with three channel indices, "
        "or a function of the planes (C, H, W) that returns (3, H, W)"
    )


def as_floats(array: NDArray[Any]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return an array's values in [0, 1], scaled by its type's range and never by its content, and notes on that.

    Raises
    ------
    BadImage
        If its type or its range is none of an image.
    """
    notes: tuple[str, ...] = ()
    if array.dtype.kind == "f":
        return _checked(array), notes
    if array.dtype == np.bool_:
        return array.astype(np.float32), notes
    full = 65535 if array.dtype == np.uint16 else 255
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > full:
        message = (
            f"an image array of {array.dtype} has values from {low} to {high}; expected 0 to {full}: scale it first, or "
            "give floats in [0, 1]"
        )
        raise BadImage(message)
    if full != 255:
        notes = (f"16-bit values scaled from 0..{full}",)
    return array.astype(np.float32) / np.float32(full), notes


def _checked(array: NDArray[Any]) -> NDArray[np.float32]:
    """Return floats in [0, 1] as float32."""
    if not np.isfinite(array).all():
        message = f"the image array holds {int((~np.isfinite(array)).sum())} values that are NaN or infinite"
        raise BadImage(message)
    low, high = float(array.min()), float(array.max())
    if low < -SLACK or high > 1 + SLACK:
        hint = "divide by 255" if 1 < high <= 255 and low >= 0 else "undo the normalisation: the model's own is applied"
        message = f"a float image has values from {low:.3g} to {high:.3g}; expected 0 to 1: {hint}"
        raise BadImage(message)
    return np.clip(array.astype(np.float32), 0, 1)


def shrink(planes: Tensor, side: int) -> Tensor:
    """Return planes (C, H, W) scaled down to at most `side` pixels on their long side."""
    height, width = planes.shape[1:]
    scale = side / max(height, width)
    if scale >= 1:
        return planes
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return torch.nn.functional.interpolate(planes[None], size, mode="area")[0]


def show(planes: Tensor, display: Display) -> Image.Image:
    """Return planes (C, H, W) in [0, 1] as people see them.

    Raises
    ------
    BadImage
        If the display mapping does not fit the planes.
    """
    count, height, width = planes.shape
    if callable(display):
        try:
            shown = torch.as_tensor(display(planes.clone())).detach().float()
        except Exception as error:
            message = f"display= raised {type(error).__name__} for planes of the shape {tuple(planes.shape)}: {error}"
            raise BadImage(message) from error
        if tuple(shown.shape) != (3, height, width):
            message = (
                f"display= returned the shape {tuple(shown.shape)} for planes {tuple(planes.shape)}; expected "
                f"(3, {height}, {width}), in [0, 1]"
            )
            raise BadImage(message)
    else:
        if max(display) >= count:
            message = (
                f"the image has {count} channels, but display={tuple(display)} asks for channel {max(display)}; expected "
                f"indices from 0 to {count - 1}, or an image with at least {max(display) + 1} channels"
            )
            raise BadImage(message)
        shown = planes[list(display)]
    bytes_ = shown.nan_to_num().clamp(0, 1).mul(255).round().byte()
    return Image.fromarray(np.ascontiguousarray(bytes_.permute(1, 2, 0).cpu().numpy()))
