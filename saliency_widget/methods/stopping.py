"""When a run may stop by itself: its estimates' distances from each other say how far they still are from the converged map.

It knows no method, no model and no path: only running estimates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor

from saliency_widget.errors import BadParameter
from saliency_widget.methods.estimate import Estimate, Quality

__all__ = ["ESTIMATED_ERROR", "LEAST", "check_tolerance", "until_precise"]

ESTIMATED_ERROR = "estimated_error"
"""The name of the figure that an estimate bears at which a run stopped by itself."""

LEAST = 8
"""Units of work before which no run stops."""

_SPACING = 1.15
"""Estimates are kept whose work is at least this much more than that of the one kept before."""

_APART = 1.5
"""Two estimates are compared if the work of one is at least this much more than that of the other."""

_SLOWEST, _FASTEST = 0.25, 1.0
"""Between these powers of the work the error is believed to fall; independent samples have 1/2."""

_LASTING = 1.15
"""The estimated error must have been small enough since the work was this much less: once is by chance too often."""

_CAUTION = 1.15
"""The estimated error is multiplied by this (docs/stopping.md: how often it was too small)."""

_STANDARD, _COMPLETENESS = "standard_error", "completeness_error"
"""A method's own figures: the first is an error of the map; the second is none, as it may be small by chance, but no map is
precise in which it is large."""


def check_tolerance(tolerance: Any) -> float | None:
    """Return a tolerance as a number, or None for none.

    Raises
    ------
    BadParameter
        If it is no number between 0 and 1.
    """
    if tolerance is None:
        return None
    number = float(tolerance) if hasattr(tolerance, "__float__") and not isinstance(tolerance, bool) else -1.0
    if not 0 < number < 1:
        message = (
            f"tolerance was given as {tolerance!r}; expected a number above 0 and below 1, such as 0.05 for a relative error "
            "of 5 %, or None for a run that does not stop by itself"
        )
        raise BadParameter(message)
    return number


def until_precise(run: Iterator[Estimate], tolerance: float | None) -> Iterator[Estimate]:
    """Yield a run's estimates up to the first one that is precise enough, which is marked as the run's last.

    Parameters
    ----------
    run : iterator of Estimate
    tolerance : float or None
        The relative L2 error that each target's map may have; None leaves the run as it is.
    """
    if tolerance is None:
        yield from run
        return
    past = _Past()
    since: int | None = None
    for estimate in run:
        if estimate.kind == "estimate" and estimate.comparable and not estimate.final:
            errors = past.errors(estimate)
            past.keep(estimate)
            if not errors or max(errors) > tolerance:
                since = None
            elif since is None:
                since = estimate.done
            elif estimate.done >= _LASTING * since and max(_own(estimate, _COMPLETENESS), default=0) <= tolerance:
                yield _stopped(estimate, errors)
                return
        yield estimate


def _own(estimate: Estimate, name: str) -> list[float]:
    """Return each target's figure of that name, 0 where it has none; nothing where no target has any figure."""
    return [max((f.value for f in figures if f.name == name), default=0.0) for figures in estimate.quality]


def _stopped(estimate: Estimate, errors: list[float]) -> Estimate:
    """Return the estimate as the run's last one, with the figure that says so before the method's own."""
    own = estimate.quality or ((),) * len(errors)
    said = [
        Quality(ESTIMATED_ERROR, error, f"stopped by itself: estimated error {_percent(error)}") for error in errors
    ]
    return replace(estimate, stopped=True, quality=tuple((first, *rest) for first, rest in zip(said, own, strict=True)))


def _percent(error: float) -> str:
    return f"{100 * error:.2g} %" if error >= 0.001 else "below 0.1 %"


class _Past:
    """Some earlier estimates of a run, at growing distances, and what they say of the newest one's error."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, Tensor]] = []

    def keep(self, estimate: Estimate) -> None:
        """Remember an estimate, and forget those that nothing will be compared with any more."""
        if self._kept and estimate.done < _SPACING * self._kept[-1][0]:
            return
        self._kept.append((estimate.done, _judged(estimate).clone()))
        while len(self._kept) > 1 and self._kept[1][0] * 8 < estimate.done:
            del self._kept[0]

    def errors(self, estimate: Estimate) -> list[float]:
        """Return the estimated relative error of each target's map; empty where there is too little to judge by.

        The error is taken to fall as a power p of the work n, and what an estimate still changes to be independent of its
        change so far: then the distance between two estimates, d(m, n), is the root of e(m)^2 - e(n)^2. The estimates after
        about a quarter and a half of the work done so far give p, and the half's distance then gives e(n). It is no less than
        the method's own standard error.
        """
        if estimate.done < LEAST:
            return []
        half = self._nearest(estimate.done / 2, estimate.done)
        quarter = None if half is None else self._nearest(half[0] ** 2 / estimate.done, half[0])
        if half is None or quarter is None:
            return []
        newest = _judged(estimate)
        recent, before = _distances(newest, half[1]), _distances(half[1], quarter[1])
        norms = newest.flatten(1).double().norm(dim=1).tolist()
        works = quarter[0], half[0], estimate.done
        least = _own(estimate, _STANDARD) or [0.0] * len(norms)
        return [
            max(_error(works, first, second) / norm if norm > 0 else 0.0, known)
            for first, second, norm, known in zip(before, recent, norms, least, strict=True)
        ]

    def _nearest(self, work: float, later: int) -> tuple[int, Tensor] | None:
        """Return the kept estimate whose work is nearest to `work` as a ratio, and sufficiently less than `later`."""
        early = [kept for kept in self._kept if kept[0] * _APART <= later]
        return min(early, key=lambda kept: max(kept[0] / work, work / kept[0]), default=None)


def _judged(estimate: Estimate) -> Tensor:
    return estimate.attribution if estimate.gauge is None else estimate.gauge


def _distances(one: Tensor, other: Tensor) -> list[float]:
    found: list[float] = (one - other).flatten(1).double().norm(dim=1).tolist()
    return found


def _error(works: tuple[int, int, int], before: float, recent: float) -> float:
    """Return the error that is left, from the distances between estimates after three amounts of work."""
    first, half, last = works
    low, high = _SLOWEST, _FASTEST
    for _ in range(30):  # the ratio of the distances rises with the power
        power = (low + high) / 2
        ratio = (first ** (-2 * power) - half ** (-2 * power)) / (half ** (-2 * power) - last ** (-2 * power))
        low, high = (power, high) if before**2 > ratio * recent**2 else (low, power)
    return float(_CAUTION * recent / ((last / half) ** (2 * low) - 1) ** 0.5)
