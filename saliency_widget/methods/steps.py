"""The steps of a path: where a quadrature rule puts them, what each counts, and in what order they are visited; no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from saliency_widget.errors import BadParameter

__all__ = ["Rule", "quadrature", "spread_order"]

Rule = Literal["midpoint", "trapezoid", "gauss_legendre"]

_START = 8
"""When the path's start is visited. Measured on the built-in model with 50 steps (rank correlation with the final map of
Integrated Gradients after a tenth and after a quarter): 0.977 and 0.996; started there 0.967 and 0.996, never sooner than
last 0.977 and 0.992, by the golden ratio 0.972 and 0.996, from left to right 0.37 and 0.68."""

_MOST_BITS = 14


def quadrature(rule: Rule, count: int) -> tuple[list[float], list[float]]:
    """Return the places of `count` steps on a path from 0 to 1, and the weight of each.

    Parameters
    ----------
    rule : {"midpoint", "trapezoid", "gauss_legendre"}
        ``midpoint``: the middles of equal pieces. ``trapezoid``: equal distances, both ends included, which count half.
        ``gauss_legendre``: exact for polynomials of degree ``2 * count - 1``, so the best rule for a smooth path.
    count : int
        At least 1; at least 2 for the trapezoid rule.

    Returns
    -------
    places, weights : list of float
        The places rise; the weights are positive and add up to 1.

    Raises
    ------
    BadParameter
        If the trapezoid rule is asked for with one step.
    """
    if rule == "midpoint":
        return [(i + 0.5) / count for i in range(count)], [1 / count] * count
    if rule == "trapezoid":
        if count < 2:
            message = f"the trapezoid rule was given {count} step; expected at least 2, one for each end of the path"
            raise BadParameter(message)
        whole = [1 / (count - 1)] * count
        return [i / (count - 1) for i in range(count)], [whole[0] / 2, *whole[1:-1], whole[0] / 2]
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (0.5 * (nodes + 1)).tolist(), (0.5 * weights).tolist()


def spread_order(count: int, weights: Sequence[float] | None = None) -> list[int]:
    """Return 0 ... count - 1 in an order in which every beginning is spread evenly (van der Corput's sequence).

    It starts in the middle, then at the quarters, and so on: the bits of the position, reversed. The start of the path,
    where that sequence begins, is visited eighth: a first estimate from there would be poor, and from then on it is missed.

    Parameters
    ----------
    count : int
        How many steps there are.
    weights : sequence of float, optional
        How long a piece of the path each step stands for, where they differ: the order is then spread over the path's
        length, so that a step that counts much comes early. All are positive.

    Returns
    -------
    list of int
    """
    lengths = np.ones(count) if weights is None else np.asarray(weights, dtype=float)
    ends = np.cumsum(lengths)
    # Fine enough to meet the shortest piece, within reason: what is not met comes last.
    shortest = float(lengths.min() / ends[-1])
    size = 1 << min(_MOST_BITS, max(1, int(np.ceil(-np.log2(shortest))), (count - 1).bit_length()))
    bits = size.bit_length() - 1
    positions = [*range(1, min(size, _START)), 0, *range(_START, size)]
    places = np.array([int(f"{i:0{bits}b}"[::-1], 2) for i in positions]) / size
    found = np.searchsorted(ends, places * ends[-1], side="right").clip(max=count - 1)
    return list(dict.fromkeys([*found.tolist(), *range(count)]))
