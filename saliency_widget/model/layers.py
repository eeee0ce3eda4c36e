"""Layers at which a method can work: feature maps and token grids, told apart by their shape; it runs no model."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

__all__ = ["Layer", "recognise"]

_MOST_PREFIX = 16
"""Class tokens, distillation tokens and registers together; DINOv2 has five, no published network more than this."""

_EXACT = 1e-9
_SAME_ASPECT = 0.2
"""How far the logarithm of a grid's aspect may be from that of the input: one row of padding on a small grid."""


@dataclass(frozen=True)
class Layer:
    """One layer whose output lies over the image as a grid.

    Attributes
    ----------
    name : str
        As in ``module.named_modules()``.
    kind : {"map", "tokens"}
        A feature map (N, K, h, w) or (N, h, w, K), or tokens (N, prefix + h w, K).
    channels, height, width : int
        Of the grid.
    prefix : int
        Tokens before those of the image: class token, registers.
    channels_last : bool
        Whether a feature map has its channels at the end, as Swin's.
    """

    name: str
    kind: Literal["map", "tokens"]
    channels: int
    height: int
    width: int
    prefix: int = 0
    channels_last: bool = False

    def grid(self, output: Tensor) -> Tensor:
        """Return the layer's output as a grid (n, K, h, w)."""
        if self.kind == "tokens":
            tokens = output[:, self.prefix :].transpose(1, 2)
            return tokens.reshape(len(output), self.channels, self.height, self.width)
        return output.movedim(-1, 1) if self.channels_last else output

    def put(self, output: Tensor, grid: Tensor) -> Tensor:
        """Return the layer's output with its grid (n, K, h, w) replaced; prefix tokens stay as they are."""
        if self.kind == "tokens":
            tokens = output.clone()
            tokens[:, self.prefix :] = grid.flatten(2).transpose(1, 2)
            return tokens
        return grid.movedim(1, -1) if self.channels_last else grid

    def card(self, default: str | None) -> dict[str, Any]:
        """Return the layer as the page needs it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "channels": self.channels,
            "height": self.height,
            "width": self.width,
            "default": self.name == default,
        }


def recognise(
    name: str, shape: Sequence[int], size: tuple[int, int], grids: Sequence[tuple[int, int]] = ()
) -> Layer | None:
    """Tell whether an output of this shape lies over the image as a grid, and how.

    Parameters
    ----------
    name : str
        The layer's name.
    shape : sequence of int
        Of its output for one image, the batch included.
    size : (int, int)
        Height and width of the model's input.
    grids : sequence of (int, int)
        Grids of the feature maps seen before it, newest last: tokens usually are one of them, flattened.

    Returns
    -------
    Layer or None
        None where it is no grid, or one of a single row or column.
    """
    if shape[0] != 1:
        return None  # windows, or heads, folded into the batch
    if len(shape) == 4:
        return _feature_map(name, (shape[1], shape[2], shape[3]), size)
    # A single channel is a pooled vector, on its side.
    return _tokens(name, shape[1], shape[2], size, grids) if len(shape) == 3 and shape[2] > 1 else None


def _feature_map(name: str, shape: tuple[int, int, int], size: tuple[int, int]) -> Layer | None:
    first = _misfit(shape[1], shape[2], size)
    last = _misfit(shape[0], shape[1], size)
    if min(first, last) == math.inf:
        return None
    if last < first:  # a tie goes to PyTorch's own order
        return Layer(name, "map", shape[2], shape[0], shape[1], channels_last=True)
    return Layer(name, "map", shape[0], shape[1], shape[2])


def _tokens(
    name: str, length: int, channels: int, size: tuple[int, int], grids: Sequence[tuple[int, int]]
) -> Layer | None:
    for prefix in range(_MOST_PREFIX + 1):
        for height, width in reversed(grids):
            if height * width == length - prefix and _misfit(height, width, size) < math.inf:
                return Layer(name, "tokens", channels, height, width, prefix)
    # The input's own aspect first: 30 tokens of a square image are 5 x 5 and five others rather than 5 x 6.
    for tolerance, prefix in itertools.product((_EXACT, _SAME_ASPECT), range(_MOST_PREFIX + 1)):
        height = round(math.sqrt(max(0, length - prefix) * size[0] / size[1]))
        width = (length - prefix) // height if height else 0
        if height * width == length - prefix and _misfit(height, width, size) < tolerance:
            return Layer(name, "tokens", channels, height, width, prefix)
    return None


def _misfit(height: int, width: int, size: tuple[int, int]) -> float:
    """Say how unlike the input's a grid's aspect is; infinite where it cannot be a grid over the image."""
    if not (1 < height <= size[0] and 1 < width <= size[1]):
        return math.inf
    return abs(math.log((width / height) / (size[1] / size[0])))
