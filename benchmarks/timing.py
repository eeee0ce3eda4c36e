"""Measures several ways of doing the same thing in turns, and says how many times as long each took; it knows no library.

The machine is busy one minute and idle the next, so that seconds of different minutes cannot be compared. What is compared runs
in turns, A B C A B C, and each round gives one ratio: the figures are the median of these ratios and their quartiles.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

__all__ = ["Budget", "Clock", "Figure", "Run", "best_of", "figure", "geometric_mean", "in_turns", "ratios", "stopwatch"]

Run = Callable[[], object]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Figure:
    """The median of several numbers and their quartiles."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Budget:
    """How many rounds are measured.

    Attributes
    ----------
    seconds : float
        What all rounds of one comparison should take together.
    fewest, most : int
        The rounds that there are at least, whatever they take, and at most.
    warm : int
        Rounds before them, which are left out.
    """

    seconds: float = 60.0
    fewest: int = 3
    most: int = 25
    warm: int = 1


def figure(numbers: Iterable[float]) -> Figure:
    """Return the median and the quartiles of numbers.

    Raises
    ------
    ValueError
        If there are none.
    """
    values = np.array(list(numbers), dtype=float)
    if not len(values):
        message = "there is no median of no numbers"
        raise ValueError(message)
    lower, median, upper = (float(value) for value in np.quantile(values, (0.25, 0.5, 0.75)))
    return Figure(median, lower, upper)


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> Figure:
    """Return how many times as long theirs took as ours, round by round.

    Raises
    ------
    ValueError
        If they have not run in the same rounds.
    """
    return figure(a / b for a, b in zip(theirs, ours, strict=True))


def geometric_mean(numbers: Iterable[float]) -> float:
    """Return the geometric mean of positive numbers."""
    return float(np.exp(np.mean(np.log(list(numbers)))))


def stopwatch(device: str = "cpu") -> Clock:
    """Return a clock in seconds that first waits for what the device still has to do."""
    if device == "cpu":
        return time.perf_counter

    def clock() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return clock


def in_turns(
    runs: Mapping[str, Run], budget: Budget | None = None, clock: Clock = time.perf_counter
) -> dict[str, tuple[float, ...]]:
    """Run each in turns, and return the seconds that each took in each round.

    Parameters
    ----------
    runs : mapping of str to callable
        By name; they run in this order. What they return is dropped before the next one starts.
    budget : Budget, optional
        How many rounds; rounds go on until the time is spent, or would be by the next one.
    clock : callable
        Returns seconds.

    Returns
    -------
    dict of str to tuple of float
        As many for each.
    """
    budget = budget or Budget()
    for _ in range(budget.warm):
        for run in runs.values():
            run()
    found: dict[str, list[float]] = {name: [] for name in runs}
    began, rounds, longest = clock(), 0, 0.0
    while rounds < budget.fewest or (rounds < budget.most and clock() - began + longest <= budget.seconds):
        start = clock()
        for name, run in runs.items():
            found[name].append(_seconds(run, clock))
        longest = max(longest, clock() - start)
        rounds += 1
    return {name: tuple(seconds) for name, seconds in found.items()}


def best_of(make: Callable[[int], Run], sizes: Sequence[int], clock: Clock = time.perf_counter) -> tuple[int, Run]:
    """Run what `make` returns for each size once, and return the quickest with its size.

    What ends within a second is run three times, of which the quickest counts.

    Parameters
    ----------
    make : callable
        Takes a size, such as that of a batch, returns what is run.
    sizes : sequence of int
        At least one.
    clock : callable
        Returns seconds.
    """
    found = {}
    for size in sizes:
        run = make(size)
        seconds = _seconds(run, clock)
        again = 2 if seconds < 1 else 0
        found[size] = min([seconds, *(_seconds(run, clock) for _ in range(again))])
    best = min(found, key=found.__getitem__)
    return best, make(best)


def _seconds(run: Run, clock: Clock) -> float:
    """Return how long one run takes; the garbage of the one before is collected outside of it."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        start = clock()
        run()
        return clock() - start
    finally:
        if enabled:
            gc.enable()
