"""Masks beside a picture: where in it the evidence is; reads them, checks their size, and packs them for the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from saliency_widget.errors import BadParameter
from saliency_widget.model import Picture
from saliency_widget.model.images import MAX_PIXELS, MAX_SIDE

__all__ = ["MOST_MASKS", "Masks", "packed", "read_masks"]

Masks = Mapping[str, NDArray[np.bool_]]

MOST_MASKS = 8
_LONGEST_NAME = 60
_SIDE = 512
"""Long side of a mask as the page has it."""
_HEAVIEST = 65_535
_BORDER = 255
"""Index of "no class" in a mask that is a picture with a palette."""


def read_masks(given: Any, picture: Picture, where: str) -> Masks:
    """Read one mask or several.

    Parameters
    ----------
    given : array, path, Pillow image, tensor, a mapping of such, or None
        (H, W) of the picture's own height and width. What is true counts; of whole numbers all but 0 (from 128 on where
        there are such), of floats in [0, 1] those from 0.5 on.
    picture : Picture
        Whose pixels they are of.
    where : str
        What it is called in an error, such as ``masks[3]``.

    Returns
    -------
    dict of str to ndarray of bool

    Raises
    ------
    BadParameter
    """
    if given is None:
        return {}
    named = given if isinstance(given, Mapping) else {"mask": given}
    if len(named) > MOST_MASKS:
        message = f"{where} has {len(named)} masks; at most {MOST_MASKS} can be shown of one picture"
        raise BadParameter(message)
    return {
        str(name)[:_LONGEST_NAME]: _read(one, picture, f"{where}[{name!r}]" if isinstance(given, Mapping) else where)
        for name, one in named.items()
        if one is not None
    }


def packed(masks: Masks) -> tuple[list[dict[str, Any]], bytes]:
    """Return masks as the page gets them.

    Returns
    -------
    list of dict
        ``name``, ``width`` and ``height`` of each, and how many `runs` it has.
    bytes
        The runs of all, one after the other, 16-bit little-endian: how many pixels, row by row, are outside, then inside,
        then outside again.
    """
    about, runs = [], []
    for name, mask in masks.items():
        small = _shrunk(mask)
        found = _runs(small)
        about.append({"name": name, "width": small.shape[1], "height": small.shape[0], "runs": len(found)})
        runs.append(found.astype("<u2").tobytes())
    return about, b"".join(runs)


def _read(given: Any, picture: Picture, where: str) -> NDArray[np.bool_]:
    array = _array(given, where)
    if array.ndim == 3 and 1 in {array.shape[0], array.shape[2]}:
        array = array[0] if array.shape[0] == 1 else array[:, :, 0]
    size = (picture.height, picture.width)
    if array.ndim != 2 or 0 in array.shape:
        message = f"{where} has the shape {array.shape}; expected (height, width) of its picture, {size}"
        raise BadParameter(message)
    inside = _inside(array, where)
    if inside.shape == size:
        return inside
    # A picture that was too large to be shown was scaled down, and its mask with it.
    scaled = max(size) == MAX_SIDE < max(inside.shape)
    if scaled and all(abs(a / max(inside.shape) * MAX_SIDE - b) <= 1 for a, b in zip(inside.shape, size, strict=True)):
        small = Image.fromarray(inside).resize((picture.width, picture.height), Image.Resampling.NEAREST)
        return np.asarray(small, dtype=bool)
    message = (
        f"{where} is {inside.shape[1]} x {inside.shape[0]} pixels, but its picture is {picture.width} x {picture.height}; "
        "expected a mask as large as its picture: resize it (nearest neighbour)"
    )
    raise BadParameter(message)


def _array(given: Any, where: str) -> NDArray[Any]:
    if isinstance(given, str | Path):
        try:
            with Image.open(Path(given).expanduser()) as file:
                return _array(file, where)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            message = f"{where} cannot be read from '{given}': {getattr(error, 'strerror', None) or error}"
            raise BadParameter(message) from error
    if isinstance(given, Image.Image):
        if given.width * given.height > MAX_PIXELS:
            message = f"{where} is too large to decode safely ({given.width} x {given.height})"
            raise BadParameter(message)
        upright = ImageOps.exif_transpose(given)
        if upright.mode == "P":
            index = np.asarray(upright)
            return np.where(index == _BORDER, 0, index) > 0
        return np.asarray(upright if upright.mode in {"1", "L", "I", "F", "I;16"} else upright.convert("L"))
    if isinstance(given, torch.Tensor):
        return given.detach().cpu().numpy()
    if isinstance(given, np.ndarray):
        return given
    message = (
        f"{where} was given as {type(given).__name__}; expected an array (H, W), a path, a Pillow image, or a mapping of "
        "names to such"
    )
    raise BadParameter(message)


def _inside(array: NDArray[Any], where: str) -> NDArray[np.bool_]:
    if array.dtype.kind == "b":
        return array.astype(bool)
    if array.dtype.kind in "ui":
        return array >= 128 if array.max() >= 128 else array > 0
    if array.dtype.kind == "f":
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            message = f"{where} has values from {array.min():g} to {array.max():g}; expected floats in [0, 1], or bool"
            raise BadParameter(message)
        return array >= 0.5
    message = f"{where} has the type {array.dtype}; expected bool, whole numbers, or floats in [0, 1]"
    raise BadParameter(message)


def _shrunk(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    side = _SIDE
    while True:
        small = mask
        if max(mask.shape) > side:
            scale = side / max(mask.shape)
            height, width = (max(1, round(n * scale)) for n in mask.shape)
            grey = Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BOX)
            small = np.asarray(grey) >= 128
        if len(_runs(small)) <= 16 * side or side <= 64:
            return small
        side //= 2


def _runs(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the lengths of the runs, none longer than 16 bits can say, beginning with one outside."""
    flat = mask.ravel()
    edges = np.flatnonzero(np.diff(flat.astype(np.int8))) + 1
    lengths = np.diff(np.concatenate([[0], edges, [len(flat)]]))
    if flat[0]:
        lengths = np.concatenate([[0], lengths])
    if lengths.max() <= _HEAVIEST:
        return lengths
    pieces: list[int] = []
    for length in lengths.tolist():
        rest = length
        while rest > _HEAVIEST:
            pieces += [_HEAVIEST, 0]
            rest -= _HEAVIEST
        pieces.append(rest)
    return np.array(pieces)
