"""How the largest synced values travel, and lie in a saved notebook: in few bytes. In Python they stay whole.

The page undoes it (``js/src/traits.ts`` and ``decode.ts``; ``docs/protocol.md``). Each function is of the trait of its name,
called when that is synced: of a result, after its job's last frame. No message is packed: frames are sent as they are.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

__all__ = ["LEVELS", "card", "colours", "predictions", "result_data", "roots"]

LEVELS = 2047
"""A saved map has so many values on each side of zero: 12 bits, as square roots of the share of the map's peak.

Of a map whose colour scale ends at half of its peak no value is off by more than a 1400th of that scale, a fifth of one of the
screen's 255 steps; no value becomes zero, or changes its sign.
"""

_FULL = 32767
_SMALL = 4096
"""A map of fewer values, and a picture of fewer pixels, is saved to its last bit: it takes 16 kB at most."""

_NAMED = ("heads", "methods", "layers", "models")
"""Of the card, what is left out where the page was told it already."""

_SAME = 1e-6
"""What probabilities may be off by for each 1 of the largest logit: seven digits of it are known (``state.predictions``)."""


def card(value: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card without what another one, which is packed with the page's code, says alike.

    Parameters
    ----------
    value : mapping
        The card.
    told : mapping
        The one that the page has from the start; empty where it has none.

    Returns
    -------
    dict
        Without those of `heads`, `methods`, `layers` and `models` that are the same. Where a method differs, all methods are
        there, each with its name and what differs from the one at the same place.
    """
    thin = {name: field for name, field in value.items() if name not in _NAMED or field != told.get(name)}
    if "methods" in thin:
        known = [*told.get("methods", ()), *[{} for _ in value["methods"]]]
        thin["methods"] = [_differs(*pair) for pair in zip(value["methods"], known, strict=False)]
    return thin


def _differs(method: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: field for name, field in method.items() if name == "name" or name not in known or field != known[name]
    }


def predictions(value: Mapping[str, Any], _widget: object = None) -> dict[str, Any]:
    """Return predictions with each head's logits packed, as float32 in base64, and what the probabilities follow from.

    Of classes `norm` is the logarithm of the sum of the exponentials; of labels, each with its own sigmoid, it is None. A model
    that ends in a softmax of its own may say something else: then both lists stay.
    """
    heads = {name: _scores(said) for name, said in value.get("heads", {}).items()}
    return {**value, "heads": heads} if heads else dict(value)


def _scores(said: Mapping[str, Any]) -> dict[str, Any]:
    if "logits" in said:
        logits, shares = (torch.tensor(said[name], dtype=torch.float64) for name in ("logits", "probabilities"))
        norm = float(logits.logsumexp(0))
        near = _SAME * (1 + logits.abs().max())
        ways = [((logits - norm).exp(), norm), (logits.sigmoid(), None)]
        for found, told in ways:
            if math.isfinite(norm) and bool((found - shares).abs().max() <= near):
                text = base64.b64encode(logits.numpy().astype("<f4").tobytes()).decode("ascii")
                return {"logits": text, "norm": told}
    return dict(said)


def result_data(value: bytes, result: Mapping[str, Any]) -> bytes:
    """Return the bytes of a finished result as they are saved; `result` says what they are."""
    if result.get("kind") == "map" and len(value) > 2 * _SMALL:
        return roots(np.frombuffer(value, "<i2"))
    if result.get("kind") == "picture" and len(value) > 3 * _SMALL:
        return colours(np.frombuffer(value, np.uint8).reshape(-1, *result["shape"], 3))
    return value


def colours(pictures: NDArray[np.uint8]) -> bytes:
    """Return pictures with the brightness of each pixel, and one colour for four of them, as a JPEG has it: half of the bytes.

    Parameters
    ----------
    pictures : numpy.ndarray
        Shape (T, h, w, 3), red, green and blue.

    Returns
    -------
    bytes
        Of each picture Y (h * w bytes), then Cb and Cr (half of h times half of w, both rounded up).
    """
    parts = []
    for picture in pictures:
        bright, *both = Image.fromarray(picture).convert("YCbCr").split()
        parts += [bright.tobytes(), *(plane.reduce(2).tobytes() for plane in both)]
    return b"".join(parts)


def roots(values: NDArray[np.int16]) -> bytes:
    r"""Return a map's values in 12 bits each.

    Parameters
    ----------
    values : numpy.ndarray
        int16, n of them, -32767 to 32767.

    Returns
    -------
    bytes
        With r = sign(v) round(2047 sqrt(\|v\| / 32767)): n bytes, r // 16 of each, signed; then n / 2 bytes, rounded up, with
        r % 16 of two values each, the first in the lower half.
    """
    found = _table()[values.astype(np.int32).ravel() + _FULL + 1]
    upper: NDArray[np.int8] = (found >> 4).astype(np.int8)
    lower: NDArray[np.uint8] = np.zeros(found.size + found.size % 2, np.uint8)
    lower[: found.size] = found & 15
    return upper.tobytes() + (lower[::2] | lower[1::2] << 4).tobytes()


@lru_cache(maxsize=1)
def _table() -> NDArray[np.int16]:
    values = np.arange(-_FULL - 1, _FULL + 1)
    size = np.sqrt(np.minimum(np.abs(values), _FULL) / _FULL)
    return (np.sign(values) * np.round(LEVELS * size)).astype(np.int16)
