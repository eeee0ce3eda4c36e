"""Which of a model's maps may be computed in a reduced precision, as far as that was measured; it measures nothing."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import torch

__all__ = ["REDUCED", "Precisions", "Verdict"]

REDUCED = torch.bfloat16
"""Of float32's range, with 8 bits of its 24: sums stay in float32."""


@dataclass(frozen=True)
class Verdict:
    """What came of computing one finished map in both precisions.

    Attributes
    ----------
    rank : float
        Spearman's rank correlation of the two heatmaps; of several targets the lowest.
    cosine : float
        Their cosine.
    speed : float
        How many times as long the map took in float32.
    good : bool
        Whether the reduced precision is used from now on.
    """

    rank: float
    cosine: float
    speed: float
    good: bool

    def __str__(self) -> str:
        """Return it in one line."""
        said = "used" if self.good else "not used"
        return f"bfloat16 {said}: rank correlation {self.rank:.4f}, cosine {self.cosine:.4f}, {self.speed:.2f} times as fast"


class Precisions:
    """The verdicts on one model: for each method with its parameters, as long as the weights are what they were.

    What is found good for so many gradients is good for more, over which the rounding is averaged too; what is not good enough
    for so many is not for fewer, nor for up to twice as many.

    Parameters
    ----------
    free : bool
        Whether the precision may be chosen at all: the user said neither ``"float32"`` nor ``"float64"``.
    """

    def __init__(self, *, free: bool) -> None:
        self.free = free
        self._lock = threading.Lock()
        self._weights = ""
        self._verdicts: dict[str, list[tuple[int, Verdict]]] = {}

    @property
    def any(self) -> bool:
        """Whether anything is known."""
        return bool(self._verdicts)

    def verdict(self, run: str, gradients: int, weights: str) -> Verdict | None:
        """Return what is known of a run, by the newest measurement that says anything of it.

        Parameters
        ----------
        run : str
            The method with its parameters, but for how many gradients it takes.
        gradients : int
            How many that is.
        weights : str
            The model's checksum as it is now.
        """
        with self._lock:
            known = self._verdicts.get(run, []) if weights == self._weights else []
            fitting = (v for count, v in reversed(known) if (gradients >= count if v.good else gradients <= 2 * count))
            return next(fitting, None)

    def note(self, run: str, gradients: int, weights: str, verdict: Verdict) -> None:
        """Remember a verdict; those on other weights are forgotten."""
        with self._lock:
            if weights != self._weights:
                self._weights, self._verdicts = weights, {}
            self._verdicts.setdefault(run, []).append((gradients, verdict))
