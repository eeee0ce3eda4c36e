"""One small picture of an explanation, for where a notebook is read and no widget can run; it needs no matplotlib."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from saliency_widget import Explanation, methods

__all__ = ["png"]

_SIDE = 192
"""Pixels of the picture's long side: it lies in the notebook for good."""

_COLOURS = 48
"""An indexed picture with so many colours is a third of a full one, and looks like it at this size."""

_AGAINST, _FOR = (33, 102, 172), (178, 24, 43)
_INK, _FAINT, _PAPER = (27, 31, 36), (90, 96, 105), (255, 255, 255)
_TEXT = 12
_LINE = 16
_BAR = 8
_CLIP = 99.5


def png(explanation: Explanation, sign: str = "signed", *, smooth: float = 0.0) -> bytes:
    """Draw the map over its picture, with its scale and what it is of.

    Parameters
    ----------
    explanation : Explanation
    sign, smooth
        As for :meth:`Explanation.heatmap`.

    Returns
    -------
    bytes
        A PNG of at most about 60 kB.
    """
    found = methods().get(explanation.method)
    label = explanation.method if found is None else found.label
    if explanation.kind == "picture":
        made = Image.fromarray(explanation.rgb())
        made.thumbnail((_SIDE, _SIDE))
        return _paper(made, [label, str(explanation.target)], None)
    heat = explanation.on_image(sign, max_side=_SIDE, smooth=smooth)
    height, width = heat.shape
    picture = np.asarray(explanation.picture.image.resize((width, height), Image.Resampling.LANCZOS), dtype=np.float64)
    size = np.abs(np.nan_to_num(heat))
    limit = float(np.percentile(size, _CLIP)) or float(size.max())
    over = np.sqrt(np.clip(size / limit, 0, 1)) if limit > 0 else size
    grey = picture.mean(2, keepdims=True)
    ground = np.where(np.isnan(heat)[..., None], 0.45 * picture, 0.8 * grey + 0.2 * picture)
    colour = np.where((heat < 0)[..., None], _AGAINST, _FOR)
    alpha = 0.85 * over[..., None]
    drawn = Image.fromarray((ground * (1 - alpha) + colour * alpha).round().astype(np.uint8))
    return _paper(drawn, [label, str(explanation.target)], (limit, sign == "signed"))


def _paper(drawn: Image.Image, lines: list[str], scale: tuple[float, bool] | None) -> bytes:
    """Set a picture on white, with its title above and its scale below."""
    width = max(drawn.width, _SIDE // 2)
    below = 0 if scale is None else _BAR + _LINE + 6
    sheet = Image.new("RGB", (width, drawn.height + len(lines) * _LINE + below), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font: Any = ImageFont.load_default(_TEXT)
    for i, line in enumerate(lines):
        pen.text((2, i * _LINE), _cut(line, width, font), fill=_FAINT if i else _INK, font=font)
    top = len(lines) * _LINE
    sheet.paste(drawn, (0, top))
    if scale is not None:
        limit, signed = scale
        top += drawn.height + 4
        sheet.paste(Image.fromarray(_ramp(width, signed=signed)), (0, top))
        ends = [f"{-limit if signed else 0:.2g}", *(["0"] if signed else []), f"{limit:.2g}"]
        for i, text in enumerate(ends):
            room = width - pen.textlength(text, font=font)
            pen.text((room * i / (len(ends) - 1), top + _BAR), text, fill=_FAINT, font=font)
    file = io.BytesIO()
    sheet.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _ramp(width: int, *, signed: bool) -> NDArray[np.uint8]:
    place = np.linspace(-1 if signed else 0, 1, width)
    alpha = 0.85 * np.sqrt(np.abs(place))[:, None]
    row = 220 * (1 - alpha) + np.where(place[:, None] < 0, _AGAINST, _FOR) * alpha
    return np.repeat(row.round().astype(np.uint8)[None], _BAR, axis=0)


def _cut(text: str, width: int, font: Any) -> str:
    """Return a text as long as it fits."""
    if font.getlength(text) <= width - 4:
        return text
    while text and font.getlength(f"{text}...") > width - 4:
        text = text[:-1]
    return f"{text}..."
