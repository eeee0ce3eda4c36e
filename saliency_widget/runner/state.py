"""The values of the synced traits, made from a model, its pictures and its predictions; it keeps none of them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from saliency_widget._version import __version__
from saliency_widget.compute import SCORES
from saliency_widget.errors import SaliencyError
from saliency_widget.methods import methods
from saliency_widget.model import ImageModel, Picture, Prediction
from saliency_widget.runner.frames import Frame
from saliency_widget.runner.truth import Truth

__all__ = ["IDLE", "base_picture", "card", "failure", "image_card", "predictions", "result", "thumbnail"]

IDLE: dict[str, Any] = {"state": "idle", "code": None, "message": None}

_BASE_SIDE = 1024
"""Long side of the picture as the page shows it: a saved notebook holds it."""

_SMALL_SIDE = 128
_QUALITIES = (75, 60, 30)
"""The first that makes it small enough; nearly always the first of all."""

_MOST = 64_000
"""Bytes of it that leave room for all else where a saved notebook may grow by 300 kB (``tests/widget/test_mimebundle.py``)."""

_EFFORT = 2
"""20 ms for a photograph; Pillow's own choice takes twice as long for 6 % less."""

_QUICK_QUALITY = 85
_THUMB_SIDE = 128
_THUMB_QUALITY = 82
_DIGITS = 7
"""What a float32 holds; a thousand classes are half as many bytes so."""


def card(model: ImageModel, revision: str) -> dict[str, Any]:
    """Return what the page needs to know about a model and about the methods."""
    return {
        "model": model.name,
        "version": __version__,
        "revision": revision,
        "heads": [head.card() for head in model.heads.values()],
        "methods": [method.card(model) for method in methods().values()],
        "layers": _layers(model),
        "scores": list(SCORES),
        "notes": list(model.notes),
    }


def _layers(model: ImageModel) -> list[dict[str, Any]]:
    """Return the layers at which a method can work; none is known before the first image."""
    facts = model.facts
    return [] if facts is None else [layer.card(facts.default_layer) for layer in facts.layers]


def image_card(model: ImageModel, picture: Picture, label: str = "", truth: Truth | None = None) -> dict[str, Any]:
    """Return what the page needs to know about a picture, without its pixels."""
    geometry = model.geometry(picture)
    return {
        "id": picture.id,
        "label": label or picture.label,
        "width": picture.width,
        "height": picture.height,
        "box": [float(edge) for edge in geometry.box],
        "input": list(geometry.input_size),
        "notes": list(picture.notes),
        "truth": dict(truth or {}),
    }


def base_picture(picture: Picture, *, quick: bool = False) -> bytes:
    """Return a picture as the page draws it under the map.

    Parameters
    ----------
    picture : Picture
    quick : bool
        A JPEG, which is made in a few milliseconds, for pictures that move; else a WebP, which takes a third of its bytes, and is
        made coarser where that is above 64 kB.
    """
    image = picture.image
    if max(image.size) > _BASE_SIDE:
        image = image.copy()
        image.thumbnail((_BASE_SIDE, _BASE_SIDE), Image.Resampling.BICUBIC if quick else Image.Resampling.LANCZOS)
    # A small one is drawn pixel by pixel, where the usual thrift would show.
    small = max(image.size) <= _SMALL_SIDE
    if quick:
        return _saved(image, "JPEG", quality=100 if small else _QUICK_QUALITY, subsampling=0 if small else 2)
    for quality in _QUALITIES:
        data = _saved(image, "WEBP", lossless=small, quality=quality, method=_EFFORT)
        if small or len(data) <= _MOST:
            break
    return data


def _saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def thumbnail(picture: Picture) -> bytes:
    """Return a small JPEG of a picture, for a strip of them."""
    small = picture.image
    if max(small.size) > _THUMB_SIDE:
        scale = _THUMB_SIDE / max(small.size)
        size = (max(1, round(small.width * scale)), max(1, round(small.height * scale)))
        small = small.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    return _saved(small, "JPEG", quality=_THUMB_QUALITY)


def predictions(picture: Picture, said: Mapping[str, Prediction]) -> dict[str, Any]:
    """Return what the model says of a picture, as JSON can carry it."""
    return {"image": picture.id, "heads": {name: _prediction(one) for name, one in said.items()}}


def _prediction(said: Prediction) -> dict[str, Any]:
    if said.logits is None:
        return {"value": said.value}
    return {"logits": _short(said.logits), "probabilities": _short(said.probabilities)}


def _short(numbers: Any) -> list[float]:
    return [float(f"{number:.{_DIGITS}g}") for number in numbers.tolist()]


def failure(error: SaliencyError) -> dict[str, Any]:
    """Return the status after a job that failed."""
    return {"state": "error", "code": error.code, "message": str(error)}


def result(job: int, frame: Frame, args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the synced values of a finished map."""
    meta = {**frame.meta, "job": job, "image": args["image"], "args": dict(args)}
    return {"result": meta, "result_data": frame.data}
