"""Reading whatever a user calls an image into one checked picture; it knows nothing of models."""

from __future__ import annotations

import hashlib
import io
import math
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from saliency_widget.errors import BadImage
from saliency_widget.model import planes
from saliency_widget.model.planes import COLOURS, Display

__all__ = ["MAX_PIXELS", "MAX_SIDE", "Picture", "read_image"]

MAX_PIXELS = 178_956_970
"""Images that claim more pixels than this are refused before they are decoded; Pillow's own limit."""

MAX_SIDE = 4096
"""Larger images are scaled down to this many pixels on their long side."""


_UNNAMED = "image"


@dataclass(frozen=True, eq=False)
class Picture:
    """An image that has been read: upright, at most `MAX_SIDE` pixels long, and as people see it RGB in 8 bits.

    Attributes
    ----------
    image : PIL.Image.Image
        The pixels as they are shown.
    label : str
        A short name for people, such as the file's.
    notes : tuple of str
        What had to be done to the image, in words for the user.
    exact : Tensor or None
        The pixels as the model gets them, (C, H, W) in [0, 1], where 8 bits would round them, or where the channels are
        no colours.
    path: str or None
        The file that it was read from, as the user named it.
    """

    image: Image.Image
    label: str = ""
    notes: tuple[str, ...] = field(default=())
    exact: Tensor | None = None
    path: str | None = None

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.image.width

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.image.height

    @property
    def channels(self) -> int:
        """How many channels the model gets: 3, or those of an image whose channels are no colours."""
        return 3 if self.exact is None else len(self.exact)

    @cached_property
    def id(self) -> str:
        """A hash of size and pixels: equal pictures have equal ids."""
        digest = hashlib.blake2b(digest_size=8)
        digest.update(f"{self.image.size}".encode())
        digest.update(self.image.tobytes() if self.exact is None else self.exact.numpy().tobytes())
        return digest.hexdigest()

    @property
    def tensor(self) -> Tensor:
        """The pixels as a float32 tensor (C, H, W) in [0, 1], made anew: it takes four times the picture's memory."""
        if self.exact is not None:
            return self.exact
        pixels = np.array(self.image)
        return torch.from_numpy(pixels).permute(2, 0, 1).float().div(255)


def read_image(image: Any, *, label: str = "", channels: int | None = None, display: Display | None = None) -> Picture:
    """Read an image of any kind.

    Parameters
    ----------
    image : path, bytes, PIL.Image.Image, numpy.ndarray, torch.Tensor or Picture
        Arrays are (H, W) or (H, W, C), uint8, uint16, bool, or float in [0, 1]; tensors are (C, H, W) or (H, W), uint8
        or float in [0, 1].
    label : str
        A short name for people; the file's name by default.
    channels : int, optional
        How many channels the model's input has. Four channels are red, green, blue and transparency unless it has four.
    display : (int, int, int) or callable, optional
        Which channels are shown as red, green and blue, or a function of the planes (C, H, W) that returns (3, H, W).
        Needed for arrays and tensors with two, or more than four, channels; where it is given, the channels of any array
        are kept as they are.

    Returns
    -------
    Picture
        Rotated as its EXIF says, transparency laid on white, 16 bits scaled to 8, scaled down if it is very large; its
        `notes` say so.

    Raises
    ------
    BadImage
        If it is empty, corrupt, of a shape, type or range that is no image, or larger than `MAX_PIXELS`.
    """
    if isinstance(image, Picture):
        return image
    if hasattr(image, "image") and isinstance(image.image, Image.Image):  # a demo Scene, or alike
        image = image.image
    if isinstance(image, Image.Image):
        return _from_pillow(image, label, channels=channels)
    if isinstance(image, str | Path):
        return _from_file(Path(image), label, channels)
    if isinstance(image, bytes | bytearray | memoryview):
        return _from_bytes(bytes(image), label, channels)
    if isinstance(image, Tensor):
        return _from_tensor(image, label, channels, display)
    if isinstance(image, np.ndarray):
        return _from_array(image, label, channels, display)
    message = (
        f"an image was given as {type(image).__name__}; expected a path, bytes, a Pillow image, an array (H, W[, C]) or a "
        "tensor (C, H, W)"
    )
    raise BadImage(message)


def _from_file(path: Path, label: str, channels: int | None) -> Picture:
    try:
        data = path.expanduser().read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        message = f"the image '{path}' cannot be read: {_why_unreadable(path, error)}"
        raise BadImage(message) from error
    return replace(_from_bytes(data, label or path.name, channels), path=str(path))


def _why_unreadable(path: Path, error: Exception) -> str:
    """Say why a file cannot be read, and what to do."""
    if re.match(r"[a-z]{2,}:/", str(path)):
        return "it is an address, not a file; download it and give its path or its bytes"
    if path.is_dir():
        return "it is a folder; give a list of its files, as sorted(Path(folder).glob('*.jpg')), or a torchvision ImageFolder"
    return f"{getattr(error, 'strerror', None) or error}; check the path"


def _from_bytes(data: bytes, label: str, channels: int | None) -> Picture:
    name = f"image '{label}'" if label else "image"
    if not data:
        message = f"the {name} is empty (0 bytes); save or download it again"
        raise BadImage(message)
    try:
        opened = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise _too_large(name, str(error)) from error
    except (UnidentifiedImageError, OSError, ValueError) as error:
        message = (
            f"the {name} is no image that Pillow can read ({len(data)} bytes); expected PNG, JPEG, WebP, TIFF, ..."
        )
        raise BadImage(message) from error
    size = opened.size
    # A JPEG can be decoded at a fraction of its size, so a poster costs no more memory than a photograph.
    opened.draft("RGB", (MAX_SIDE, MAX_SIDE))
    return _from_pillow(opened, label, said=size, channels=channels)


def _too_large(name: str, size: str) -> BadImage:
    return BadImage(
        f"the {name} is too large to decode safely ({size}); the limit is {MAX_PIXELS:,} pixels: scale it down"
    )


def _from_pillow(
    image: Image.Image, label: str, said: tuple[int, int] | None = None, channels: int | None = None
) -> Picture:
    """Bring a Pillow image, decoded or not, into the one form."""
    width, height = said or image.size
    if width < 1 or height < 1:
        message = f"the image has no pixels ({width} x {height})"
        raise BadImage(message)
    if width * height > MAX_PIXELS:
        raise _too_large(_UNNAMED, f"{width} x {height}")
    name = f"image '{label}'" if label else _UNNAMED
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        message = f"the {name} is corrupt: {error}; save or download it again"
        raise BadImage(message) from error
    notes = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        notes.append(f"the first of {frames} frames")
    upright = ImageOps.exif_transpose(image)
    if upright.size != image.size or upright.getexif() != image.getexif():
        notes.append("rotated as its EXIF data says")
    rgb, note = _to_rgb(upright)
    notes += [note] if note else []
    exact = None
    if channels == 4 and upright.mode in {"RGBA", "CMYK"}:
        notes.append(f"shown as it looks; the model gets its channels {', '.join(upright.mode)}")
        whole = torch.from_numpy(np.array(upright)).permute(2, 0, 1).float().div(255)
        exact = planes.shrink(whole, MAX_SIDE).contiguous()
    if max(rgb.size) > MAX_SIDE:
        scale = MAX_SIDE / max(rgb.size)
        size = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
        notes.append(f"scaled down from {rgb.width} x {rgb.height} to {size[0]} x {size[1]}")
        rgb = rgb.resize(size, Image.Resampling.BOX)
    return Picture(rgb.copy() if rgb is image else rgb, label, tuple(notes), exact)


def _to_rgb(image: Image.Image) -> tuple[Image.Image, str | None]:
    """Convert any Pillow mode to RGB, and say what was done if a person would want to know."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image, None
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        grey = np.asarray(image, dtype=np.float64)
        return _from_numbers(grey, {"I": "32-bit", "F": "float"}.get(image.mode, "16-bit"))
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        note = "transparent pixels laid on white" if rgba.getchannel("A").getextrema() != (255, 255) else None
        return Image.alpha_composite(white, rgba).convert("RGB"), note
    note = "converted from CMYK" if image.mode == "CMYK" else None
    return image.convert("RGB"), note


def _from_numbers(grey: np.ndarray[Any, Any], kind: str) -> tuple[Image.Image, str]:
    """Scale grey values of more than 8 bits by their type's range, never by their own.

    Pillow's 32-bit and float modes do not say theirs, so it is the first of 1 (floats), 255 and 65535 that they fit into.
    """
    if not np.isfinite(grey).all():
        message = f"the {kind} image holds NaN or infinity"
        raise BadImage(message)
    top = float(grey.max(initial=0.0))
    ranges = {"float": (1.0, 255.0), "32-bit": (255.0,)}.get(kind, ())
    full = next((end for end in ranges if top <= end), 65535.0)
    if top > full or grey.min(initial=0.0) < 0:
        message = f"the {kind} image has values from {grey.min():g} to {top:g}; expected 0 to {full:g}: scale it first"
        raise BadImage(message)
    bytes_ = np.round(grey * (255 / full)).astype(np.uint8)
    return Image.fromarray(bytes_).convert("RGB"), f"{kind} values scaled from 0..{full:g} to 8 bits"


def _from_tensor(tensor: Tensor, label: str, channels: int | None, display: Display | None) -> Picture:
    if tensor.dim() == 4 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.dim() not in {2, 3}:
        message = f"an image tensor has the shape {tuple(tensor.shape)}; expected (C, H, W) or (H, W){_of_a_batch(tensor.dim())}"
        raise BadImage(message)
    if tensor.is_floating_point():
        tensor = tensor.float()
    array = tensor.detach().cpu().numpy()
    if array.ndim == 3 and array.size and not _readable(array.shape[0], array.shape[2], channels, display):
        raise planes.refusal(array.shape, "tensor", channels)
    return _from_array(array.transpose(1, 2, 0) if array.ndim == 3 else array, label, channels, display)


def _of_a_batch(dimensions: int) -> str:
    return "; a batch is given as a list: list(batch)" if dimensions == 4 else ""


def _readable(count: int, other: int, channels: int | None, display: Display | None) -> bool:
    """Tell whether so many channels can be read; `other` is the extent at the other end of the shape."""
    if display is None:
        return count in COLOURS and not planes.are_planes(count, channels, display)
    return channels is None or count == channels or other != channels


def _from_array(
    array: np.ndarray[Any, Any], label: str, channels: int | None = None, display: Display | None = None
) -> Picture:
    if array.size == 0:
        message = f"the image is empty: its shape is {array.shape}"
        raise BadImage(message)
    if array.ndim not in {2, 3}:
        message = f"an image array has the shape {array.shape}; expected (H, W) or (H, W, C){_of_a_batch(array.ndim)}"
        raise BadImage(message)
    if array.ndim == 3 and not _readable(array.shape[2], array.shape[0], channels, display):
        raise planes.refusal(array.shape, "array", channels)
    if array.dtype.kind not in "buif":
        message = f"an image array has the type {array.dtype}; expected uint8, uint16, bool, or float in [0, 1]"
        raise BadImage(message)
    if math.prod(array.shape[:2]) > MAX_PIXELS:
        raise _too_large(_UNNAMED, f"{array.shape[1]} x {array.shape[0]}")
    if array.ndim == 3 and display is not None and planes.are_planes(array.shape[2], channels, display):
        return _from_planes(array, label, display)
    if array.dtype.kind == "f":
        return _from_floats(array, label)
    return _from_integers(array, label)


def _from_planes(array: np.ndarray[Any, Any], label: str, display: Display) -> Picture:
    """Read channels that are no colours: the model gets them as they are."""
    values, notes = planes.as_floats(array)
    whole = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))
    exact = planes.shrink(whole, MAX_SIDE).contiguous()
    if exact.shape != whole.shape:
        height, width = whole.shape[1:]
        notes += (f"scaled down from {width} x {height} to {exact.shape[2]} x {exact.shape[1]}",)
    return Picture(planes.show(exact, display), label, notes, exact)


def _from_integers(array: np.ndarray[Any, Any], label: str) -> Picture:
    notes: tuple[str, ...] = ()
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif array.dtype == np.uint16:
        array = np.round(array / 257).astype(np.uint8)
        notes = ("16-bit values scaled to 8 bits",)
    elif array.dtype != np.uint8:
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 255:
            message = (
                f"an image array of {array.dtype} has values from {low} to {high}; expected 0 to 255: scale it first"
            )
            raise BadImage(message)
        array = array.astype(np.uint8)
    array = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    picture = _from_pillow(Image.fromarray(np.ascontiguousarray(array)), label)
    return Picture(picture.image, label, notes + picture.notes)


def _from_floats(array: np.ndarray[Any, Any], label: str) -> Picture:
    """Read floats in [0, 1]; 8 bits are for the eye, the model gets them as they are."""
    values, _ = planes.as_floats(array)
    picture = _from_integers(np.round(values * 255).astype(np.uint8), label)
    channels = values.shape[2] if values.ndim == 3 else 1
    scaled = (picture.height, picture.width) != values.shape[:2]
    if channels == 4 or scaled or np.array_equal(np.round(values * 255) / np.float32(255), values):
        return picture
    colours = values.reshape(*values.shape[:2], channels).transpose(2, 0, 1)
    colours = colours if channels == 3 else colours.repeat(3, axis=0)
    return replace(picture, exact=torch.from_numpy(np.ascontiguousarray(colours)))
