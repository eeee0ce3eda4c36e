"""Occlusion by captum and by PAIR's `saliency`, fed with our settings; no tests here.

``ORACLES`` maps a method's name to a callable ``(module, x, target, settings)`` that returns a NumPy array (h, w). `module`
returns scores (N, K), `x` is one input (1, C, h, w), `target` the index of an output, `settings` our parameters and what
they came to: ``window``, ``stride`` and ``baseline`` (a tensor (1, C, h, w)). ``PAIR`` does the same for what PAIR's library
has: a stride of 1, and a baseline that is one number everywhere.

What of the peers is not taken over, and why:

- captum adds up in the model's precision, then rounds the sum to float32 before it divides by the number of windows that
  cover a pixel: its sums and its numbers of windows are taken apart, and divided in float64 here. It refuses a stride
  above the window and a window above the picture; ours are cut down to those.
- PAIR's does not divide: its maps fade towards the border, where fewer windows cover a pixel. Divided here.
- Neither has RISE, which is compared with closed forms on a linear model instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["ORACLES", "PAIR"]

Oracle = Callable[[nn.Module, Tensor, int, Mapping[str, Any]], NDArray[Any]]


def occlusion(module: nn.Module, x: Tensor, target: int, settings: Mapping[str, Any]) -> NDArray[Any]:
    """Return captum's Occlusion: the mean change of the score over the windows that cover a pixel."""
    sums = _captum(lambda images: module(images)[:, target], x, settings["baseline"], settings)
    ones = torch.ones_like(x)
    # The smallest pixel falls from 1 to 0 by any window at all.
    counts = _captum(lambda images: images.flatten(1).amin(1), ones, torch.zeros_like(x), settings)
    return sums / counts


def _captum(
    score: Callable[[Tensor], Tensor], x: Tensor, baseline: Tensor, settings: Mapping[str, Any]
) -> NDArray[Any]:
    from captum.attr import Occlusion

    peer = Occlusion(score)
    peer.use_weights = False  # the sum, neither rounded nor divided
    channels, window, stride = x.shape[1], settings["window"], settings["stride"]
    found = peer.attribute(
        x,
        sliding_window_shapes=(channels, window, window),
        strides=(channels, stride, stride),
        baselines=baseline,
    )
    sums: NDArray[Any] = found[0, 0].detach().numpy()  # the same for each channel
    return sums


def pair_occlusion(module: nn.Module, x: Tensor, target: int, settings: Mapping[str, Any]) -> NDArray[Any]:
    """Return PAIR's Occlusion, divided by the number of windows that cover a pixel."""
    from saliency.core import Occlusion
    from saliency.core.base import OUTPUT_LAYER_VALUES

    if settings["stride"] != 1:
        message = f"PAIR's Occlusion knows no stride but 1; got {settings['stride']}"
        raise ValueError(message)

    def call(batch: NDArray[Any], *_: Any, **__: Any) -> dict[str, NDArray[Any]]:
        images = torch.as_tensor(batch).movedim(-1, 1)
        return {OUTPUT_LAYER_VALUES: module(images)[:, target].detach().numpy()}

    def smallest(batch: NDArray[Any], *_: Any, **__: Any) -> dict[str, NDArray[Any]]:
        return {OUTPUT_LAYER_VALUES: batch.reshape(len(batch), -1).min(1)}

    pixels = x[0].movedim(0, -1).numpy()
    value = float(settings["baseline"].flatten()[0])
    sums = Occlusion().GetMask(pixels, call, size=settings["window"], value=value)
    counts = Occlusion().GetMask(np.ones_like(pixels), smallest, size=settings["window"], value=0)
    mean: NDArray[Any] = (sums / counts)[..., 0]
    return mean


ORACLES: dict[str, Oracle] = {"occlusion": occlusion}
PAIR: dict[str, Oracle] = {"occlusion": pair_occlusion}
