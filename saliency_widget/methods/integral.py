"""The integral of maps over a path of which only some steps are known yet, in whatever order they come; no model."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Integral"]

_HELD = 256 * 2**20
"""Bytes of maps that may be kept for a running value; a run that would need more weighs the steps seen as the rule does."""


class Integral:
    """A weighted sum over the steps of a path, and its best guess while some of them are missing.

    A missing step's weight is shared by the known ones beside it. An equal share for all known ones, whose order is spread
    over the path but not perfectly, would leave three times the error after half of the steps. Once all are known the value
    is their plain weighted sum in the order in which they came. A map is kept only until its neighbours are known.

    Parameters
    ----------
    weights : sequence of float
        What each step counts, in the path's order.
    running : bool
        Whether its value is wanted before all steps are known; else no map is kept.
    """

    def __init__(self, weights: Sequence[float], *, running: bool = True) -> None:
        self._weights = list(weights)
        self._running = running
        self._until = [0.0]  # the weight of all steps before each
        for weight in self._weights:
            self._until.append(self._until[-1] + weight)
        self._known: list[int] = []
        self._maps: dict[int, Tensor] = {}
        self._shares: dict[int, float] = {}
        self._seen = 0.0
        self._sum: Tensor | None = None
        self._guess: Tensor | None = None

    def add(self, step: int, value: Tensor) -> None:
        """Add a step's map (T, C, h, w), once; it must not be written to afterwards."""
        if self._sum is None:
            self._sum = torch.zeros_like(value)
            if self._running and value.numel() * value.element_size() * len(self._weights) <= _HELD:
                self._guess = torch.zeros_like(value)
        self._sum.add_(value, alpha=self._weights[step])
        self._seen += self._weights[step]
        place = bisect.bisect(self._known, step)
        self._known.insert(place, step)
        if self._guess is None:
            return
        self._maps[step] = value
        self._shares[step] = 0.0
        for index in range(max(0, place - 1), min(len(self._known), place + 2)):
            self._share(self._guess, index)

    def value(self) -> Tensor:
        """Return the integral over the whole path, divided by the sum of all weights."""
        if self._sum is None:
            message = "an integral of no step at all was asked for its value"
            raise ValueError(message)
        if self._guess is None or len(self._known) == len(self._weights):
            return self._sum / self._seen
        return self._guess / self._until[-1]

    def _share(self, guess: Tensor, index: int) -> None:
        """Give a known step the weight of half of what is missing on either side of it; all of it at an end."""
        step = self._known[index]
        if step not in self._maps:
            return
        first, last = index == 0, index + 1 == len(self._known)
        before = self._until[step] - (0.0 if first else self._until[self._known[index - 1] + 1])
        after = (self._until[-1] if last else self._until[self._known[index + 1]]) - self._until[step + 1]
        share = before * (1 if first else 0.5) + self._weights[step] + after * (1 if last else 0.5)
        guess.add_(self._maps[step], alpha=share - self._shares[step])
        self._shares[step] = share
        left = step - 1 - (-1 if first else self._known[index - 1])
        right = (len(self._weights) if last else self._known[index + 1]) - step - 1
        if left == right == 0:  # nothing can change it any more
            del self._maps[step], self._shares[step]
