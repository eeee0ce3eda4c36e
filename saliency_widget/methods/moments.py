"""The running mean and variance of maps that are added one by one, and the standard error that they give; no model."""

from __future__ import annotations

import torch
from torch import Tensor

from saliency_widget.methods.estimate import Quality

__all__ = ["Moments"]

_BAD_ERROR = 0.5
"""From this relative standard error on, a map is still mostly chance."""


class Moments:
    """The mean and the variance of maps (T, C, h, w), one at a time, so that they do not depend on the chunk size.

    Attributes
    ----------
    count : int
        How many maps were added.
    """

    def __init__(self) -> None:
        self.count = 0
        self._shift = torch.empty(0)
        self._first = torch.empty(0)
        self._second = torch.empty(0)

    def add(self, sample: Tensor) -> None:
        """Add one map; it is not kept, but must not be written to afterwards."""
        if self.count == 0:
            # Sums of deviations from the first map, not of the maps, keep the variance free of cancellation.
            self._shift = sample
            self._first = torch.zeros_like(sample)
            self._second = torch.zeros_like(sample)
        else:
            deviation = sample - self._shift
            self._first += deviation
            self._second.addcmul_(deviation, deviation)
        self.count += 1

    @property
    def mean(self) -> Tensor:
        """The mean of all maps."""
        return self._shift + self._first / self.count

    @property
    def variance(self) -> Tensor:
        """The sample variance; zero for a single map, which has none."""
        return ((self._second - self._first * self._first / self.count) / max(1, self.count - 1)).clamp_min(0)

    def standard_error(self) -> tuple[tuple[Quality, ...], ...]:
        """Return the norm of the mean map's standard error as a share of the map's own norm, for each target.

        Nothing is returned for a single map, whose error is unknown.
        """
        if self.count < 2:
            return tuple(() for _ in self._shift)
        noise = (self.variance.flatten(1).sum(1) / self.count).sqrt()
        norms = self.mean.flatten(1).norm(dim=1).clamp_min(torch.finfo(noise.dtype).tiny)
        return tuple(
            (Quality("standard_error", error, f"standard error {100 * error:.2g} %", bad=error > _BAD_ERROR),)
            for error in (noise / norms).tolist()
        )
