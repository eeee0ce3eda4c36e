"""Says whether two maps are the same but for what float32 rounds; it computes none.

Two ways of computing the same map in float32 differ where a ReLU is near its bend: a gradient falls to one side or to the other.
How far depends on the network, so that two numbers are asked of two maps, and both have to be good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLOAT32", "Agreement", "Tolerance", "compare"]


@dataclass(frozen=True)
class Tolerance:
    """From where on two maps count as the same.

    Attributes
    ----------
    rank : float
        The smallest rank correlation (Spearman's).
    distance : float
        The largest relative L2 distance.
    """

    rank: float
    distance: float

    def __str__(self) -> str:
        """Return the rule in words."""
        return f"rank correlation >= {self.rank:g}, relative L2 distance <= {self.distance:g}"


FLOAT32 = Tolerance(rank=0.995, distance=0.05)
"""With four steps on the six networks: a rank correlation of 0.9991 or more, a distance of 0.021 or less. Another rule, path or
draw of the noise is far outside: 0.03 and 1.4 with four steps."""


@dataclass(frozen=True)
class Agreement:
    """What came of a comparison."""

    rank: float
    distance: float

    def within(self, tolerance: Tolerance) -> bool:
        """Say whether two maps are the same."""
        return self.rank >= tolerance.rank and self.distance <= tolerance.distance

    def __str__(self) -> str:
        """Return the figures in words."""
        return f"rank correlation {self.rank:.4f}, relative L2 distance {self.distance:.1e}"


def compare(ours: NDArray[Any], theirs: NDArray[Any]) -> Agreement:
    """Compare two maps of the same shape.

    Maps that are not finite, or that say nothing since they are the same everywhere, agree with none.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if ours.shape != theirs.shape:
        message = f"maps of different shapes cannot be compared: ours {ours.shape}, theirs {theirs.shape}"
        raise ValueError(message)
    a, b = ours.astype(np.float64).ravel(), theirs.astype(np.float64).ravel()
    size = float(np.linalg.norm(b))
    if not (np.isfinite(a).all() and np.isfinite(b).all() and np.ptp(a) > 0 and np.ptp(b) > 0):
        return Agreement(0.0, float("inf"))
    return Agreement(float(np.corrcoef(_ranks(a), _ranks(b))[0, 1]), float(np.linalg.norm(a - b)) / size)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value, the mean of their ranks where several are equal."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means = ends - (counts + 1) / 2
    ranks: NDArray[np.float64] = means[inverse]
    return ranks
