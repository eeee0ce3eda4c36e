"""Reads the records of the original experiment and says what came of them: means, intervals and paired differences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from experiment_cases import HEADS
from numpy.typing import NDArray
from scene_parts import PARTS
from scipy.stats import norm, t  # type: ignore[import-untyped, unused-ignore]

__all__ = ["BOTH", "Figures", "Interval", "Values", "difference", "interval", "mean_of"]

BOTH = "both"
"""In place of a head: the mean of the two at each scene."""

Values = Mapping[int, float]
"""One number for each scene, by its seed."""

_DRAWS = 4000
_FEWEST = 6
"""With fewer scenes no difference is called sure."""


@dataclass(frozen=True)
class Interval:
    """A mean over scenes with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float
    count: int

    @property
    def half(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out zero, on more than a few scenes."""
        return self.count >= _FEWEST and (self.low > 0 or self.high < 0)

    def short(self, digits: int = 2) -> str:
        """Return mean and half width."""
        return f"{self.mean:.{digits}f} ± {self.half:.{digits}f}"

    def full(self, digits: int = 2) -> str:
        """Return the mean and both ends."""
        return f"{self.mean:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


@cache
def _draws(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).integers(0, count, (_DRAWS, count))


def interval(numbers: Iterable[float]) -> Interval | None:
    """Return the mean of numbers and its 95 % bootstrap interval; None where there is none.

    The quantiles are those of Hesterberg's expanded percentile interval (arXiv:1411.5279), since the plain one is too narrow for
    few scenes.
    """
    values = np.array(list(numbers), np.float64)
    if not len(values):
        return None
    means = values[_draws(len(values))].mean(1)
    low, high = np.quantile(means, _ends(len(values)))
    return Interval(float(values.mean()), float(low), float(high), len(values))


@cache
def _ends(count: int) -> tuple[float, float]:
    """Return the quantiles of the bootstrap's means at which the interval ends."""
    if count == 1:
        return 0.0, 1.0
    low = float(norm.cdf(-t.ppf(0.975, count - 1) * np.sqrt(count / (count - 1))))
    return low, 1 - low


def difference(one: Values, other: Values) -> dict[int, float]:
    """Return by how much one is above the other, at each scene that both have."""
    return {seed: one[seed] - other[seed] for seed in one if seed in other}


def mean_of(several: Iterable[Values]) -> dict[int, float]:
    """Return the mean of several at each scene that all of them have."""
    known = list(several)
    shared = set.intersection(*(set(one) for one in known)) if known else set()
    return {seed: float(np.mean([one[seed] for one in known])) for seed in sorted(shared)}


class Figures:
    """All that was written down, by model, map, head and what was measured.

    Parameters
    ----------
    records : iterable of mapping
        As ``original_experiment.measure`` returns them.
    """

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self._found: dict[tuple[str, str, str, str], dict[int, float]] = {}
        self._right: dict[tuple[str, str], dict[int, float]] = {}
        self._costs: dict[tuple[str, str], dict[int, list[float]]] = {}
        self.scenes: dict[str, set[int]] = {}
        self.maps: set[str] = set()
        for record in records:
            self.scenes.setdefault(record["tier"], set()).add(record["seed"])
            for model, found in record["models"].items():
                self._add(record["seed"], model, found)

    @classmethod
    def read(cls, path: Path) -> Figures:
        """Read them from a file with a record in each line."""
        with path.open() as lines:
            return cls(map(json.loads, lines))

    def _add(self, seed: int, model: str, found: Mapping[str, Any]) -> None:
        for head, right in found["right"].items():
            self._right.setdefault((model, head), {})[seed] = float(right)
        for run, cost in found["costs"].items():
            self._costs.setdefault((model, run), {})[seed] = cost
        for name, heads in found["maps"].items():
            self.maps.add(name)
            for head, numbers in heads.items():
                several = {key: value for key, value in numbers.items() if key != "parts"}
                several |= dict(zip(PARTS, numbers["parts"], strict=True)) if "parts" in numbers else {}
                for key, value in several.items():
                    if value is not None:
                        self._found.setdefault((model, name, head, key), {})[seed] = value

    def values(self, model: str, name: str, head: str, key: str) -> dict[int, float]:
        """Return one figure of one map at each scene.

        Parameters
        ----------
        model, name : str
            The architecture and the map.
        head : str
            A head, or ``"both"``.
        key : str
            What was measured; also ``"contrast"``: how much more of its weight the map has in its head's mask than the other
            head's map has in the same mask; ``"beyond chance"``: rank accuracy less the mask's share of the picture; ``"gain"``:
            the area under the curve of insertion less that of deletion.
        """
        if head == BOTH:
            return mean_of(self.values(model, name, one, key) for one in HEADS)
        if key == "contrast":
            other = HEADS[1 - HEADS.index(head)]
            return difference(self.values(model, name, head, "own"), self.values(model, name, other, "other"))
        if key == "beyond chance":
            return difference(self.values(model, name, head, "rank"), self.values(model, name, head, "size"))
        if key == "gain":
            return difference(self.values(model, name, head, "insertion"), self.values(model, name, head, "deletion"))
        return self._found.get((model, name, head, key), {})

    def of(self, model: str, name: str, head: str, key: str) -> Interval | None:
        """Return the mean of one figure with its interval; None where there is none."""
        return interval(self.values(model, name, head, key).values())

    def accuracy(self, model: str, head: str) -> Interval | None:
        """Return the share of the scenes that a head gets right."""
        return interval(self._right.get((model, head), {}).values())

    def seconds(self, model: str, run: str) -> float | None:
        """Return the median of the processor's seconds of a run, for both heads together."""
        found = self._costs.get((model, run), {})
        return float(np.median([cost[2] for cost in found.values()])) if found else None

    def work(self, model: str, run: str) -> tuple[int, int] | None:
        """Return the usual number of forwards and of gradients of a run, for both heads together."""
        found = list(self._costs.get((model, run), {}).values())
        return (int(np.median([c[0] for c in found])), int(np.median([c[1] for c in found]))) if found else None
