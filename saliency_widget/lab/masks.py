"""Reading a mask, or several by name, for an experiment; it measures nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saliency_widget.errors import BadParameter

__all__ = ["as_masks"]

_UNNAMED = "mask"


def as_masks(given: Any, size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """Read masks in a picture's pixels.

    Parameters
    ----------
    given : array, tensor, PIL.Image.Image, or mapping of str to such
        Each of shape (H, W): bool, or numbers of which those above half of the largest are inside.
    size : (int, int)
        Width and height of the picture.

    Returns
    -------
    dict of str to numpy.ndarray
        Of bool, (H, W).

    Raises
    ------
    BadParameter
        If one is no mask, has another size, or holds nothing or everything.
    """
    named = dict(given) if isinstance(given, Mapping) else {_UNNAMED: given}
    if not named:
        message = "mask= names no mask; give an array (H, W), or a mapping of names to such"
        raise BadParameter(message)
    return {
        str(name): _mask(one, f"mask '{name}'" if name != _UNNAMED else "the mask", size) for name, one in named.items()
    }


def _mask(given: Any, where: str, size: tuple[int, int]) -> NDArray[np.bool_]:
    if isinstance(given, Image.Image):
        given = given.convert("L")
    try:
        array = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given)
    except Exception as error:
        message = f"{where} was given as {type(given).__name__}; expected an array (H, W)"
        raise BadParameter(message) from error
    if array.dtype.kind not in "buif" or array.ndim != 2:
        message = f"{where} has the shape {array.shape} and the type {array.dtype}; expected (H, W), of bool or numbers"
        raise BadParameter(message)
    width, height = size
    if array.shape != (height, width):
        message = (
            f"{where} has {array.shape[0]} rows and {array.shape[1]} columns, and the picture {height} and {width}; "
            "a mask lies on the picture's own pixels"
        )
        raise BadParameter(message)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        message = f"{where} holds NaN or infinity; expected bool, or numbers from 0"
        raise BadParameter(message)
    inside = array.astype(bool) if array.dtype.kind == "b" else array > array.max() / 2
    if not inside.any() or inside.all():
        held = "every pixel" if inside.all() else "no pixel"
        message = f"{where} holds {held}, so there is nothing to compare; expected a part of the picture"
        raise BadParameter(message)
    return inside
