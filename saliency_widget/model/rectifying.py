"""Which calls of torch rectify: nothing below zero, the number itself above it, up to a cap where there is one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["cap"]

_CAPS = {"relu": math.inf, "relu_": math.inf, "relu6": 6.0}
_HARDTANH = frozenset({"hardtanh", "hardtanh_"})
"""A ReLU6 that is a module calls this one too; it rectifies where its lower edge is zero."""


def cap(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> float | None:
    """Return where a call stops rising, if it rectifies.

    Parameters
    ----------
    name : str
        The function, as torch spells it: ``"relu"`` stands for ``torch.relu``, ``Tensor.relu`` and ``functional.relu``.
    args, kwargs
        What it is called with.

    Returns
    -------
    float or None
        Infinity for a ReLU, 6 for a ReLU6, the upper edge of a hardtanh whose lower edge is 0; None for anything else.
    """
    if name not in _HARDTANH:
        return _CAPS.get(name)
    low = kwargs.get("min_val", args[1] if len(args) > 1 else -1.0)
    high = kwargs.get("max_val", args[2] if len(args) > 2 else 1.0)
    return float(high) if low == 0 else None
