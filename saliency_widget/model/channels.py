"""How many channels a module's input has, guessed from its first layer with weights; it runs nothing."""

from __future__ import annotations

import math

from torch import nn

__all__ = ["guess_channels"]

_SMALLEST_SIDE = 8
"""A linear layer on fewer grey pixels than this squared is more likely one on features."""


def guess_channels(module: nn.Module) -> int | None:
    """Return the channels that the first convolution takes, or the first linear layer on square patches.

    Parameters
    ----------
    module : nn.Module
        Looked at in the order in which its layers were made, which is nearly always the order in which they run.

    Returns
    -------
    int or None
        None where no layer tells.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and layer.in_channels > 0:  # 0: a lazy one that has not run
            return layer.in_channels
        if isinstance(layer, nn.Linear) and layer.in_features > 0:
            return _of_patches(layer.in_features)
    return None


def _of_patches(features: int) -> int | None:
    """Return 3 or 1 where so many features are a square patch of that many channels."""
    if features % 3 == 0 and math.isqrt(features // 3) ** 2 == features // 3:
        return 3
    side = math.isqrt(features)
    return 1 if side * side == features and side >= _SMALLEST_SIDE else None
