"""Figures about maps and scores as plain functions of arrays: what experiments count with; they ask no model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "area",
    "best_scale",
    "correlation",
    "cosine",
    "gini",
    "infidelity",
    "mass_inside",
    "points_inside",
    "rank_curve",
    "rank_inside",
    "similarity",
    "spearman",
    "unexplained",
]

_Values = NDArray[np.floating]


def correlation(one: _Values, other: _Values) -> float | None:
    """Return Pearson's correlation of two arrays of one size; None where one of them is constant."""
    a, b = (np.asarray(values, dtype=np.float64).ravel() - np.mean(values, dtype=np.float64) for values in (one, other))
    size = float(np.sqrt((a @ a) * (b @ b)))
    # What is left of a constant is rounding.
    flat = min(np.abs(a).max(initial=0), np.abs(b).max(initial=0)) == 0 or size == 0
    return None if flat else float(np.clip(a @ b / size, -1, 1))


def spearman(one: _Values, other: _Values) -> float | None:
    """Return Spearman's rank correlation, ties at their mean rank; None where one of them is constant."""
    from scipy.stats import rankdata  # type: ignore[import-untyped, unused-ignore]

    return correlation(rankdata(np.ravel(one)), rankdata(np.ravel(other)))


def cosine(one: _Values, other: _Values) -> float | None:
    """Return the cosine of the angle between two arrays; None where one of them is zero."""
    a, b = (np.asarray(values, dtype=np.float64).ravel() for values in (one, other))
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return None if size == 0 else float(np.clip(a @ b / size, -1, 1))


def similarity(one: _Values, other: _Values) -> float | None:
    """Return the structural similarity (Wang et al. 2004) of two maps (h, w), each divided by its own maximum.

    None for maps that are smaller than its window of 7 pixels, or zero.
    """
    from skimage.metrics import structural_similarity

    tops = float(np.max(one)), float(np.max(other))
    if min(one.shape) < 7 or min(tops) <= 0:
        return None
    return float(structural_similarity(one / tops[0], other / tops[1], data_range=1.0))  # type: ignore[no-untyped-call]


def gini(heat: _Values) -> float | None:
    """Return the Gini index of the magnitudes: 0 where all are equal, near 1 where few hold everything; None for zeros.

    As Chalasani et al. 2020 (arXiv:1810.06583) measure sparseness.
    """
    values = np.sort(np.abs(np.asarray(heat, dtype=np.float64)).ravel())
    total = float(values.sum())
    if total == 0:
        return None
    count = len(values)
    places = np.arange(1, count + 1)
    return float(1 - 2 * (values / total) @ ((count - places + 0.5) / count))


def area(shares: _Values, scores: _Values) -> float:
    """Return the area under a curve over shares from 0 to 1, by trapezoids."""
    return float(((scores[1:] + scores[:-1]) / 2) @ np.diff(shares))


def infidelity(predicted: _Values, change: _Values) -> float:
    """Return the mean squared distance of the change that a map predicts from the one that was seen (Yeh et al. 2019)."""
    return float(np.square(np.asarray(predicted, np.float64) - change).mean())


def best_scale(predicted: _Values, change: _Values) -> float:
    """Return the factor of the map that makes its infidelity smallest; 0 where it predicts nothing."""
    predicted = np.asarray(predicted, np.float64)
    size = float(predicted @ predicted)
    return float(predicted @ change) / size if size > 0 else 0.0


def unexplained(predicted: _Values, change: _Values) -> float | None:
    """Return the infidelity at the best scale as a share of the mean squared change, in [0, 1]; None if nothing changed."""
    change = np.asarray(change, np.float64)
    size = float(change @ change)
    if size == 0:
        return None
    return infidelity(best_scale(predicted, change) * np.asarray(predicted), change) * len(change) / size


def mass_inside(evidence: _Values, inside: NDArray[np.bool_]) -> float | None:
    """Return the share of the evidence (none of it negative) that lies inside a mask; None where there is none at all."""
    total = float(evidence.sum(dtype=np.float64))
    return float(evidence[inside].sum(dtype=np.float64)) / total if total > 0 else None


def rank_curve(evidence: _Values, inside: NDArray[np.bool_], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return, for each count, which share of so many strongest pixels lies inside; ties share what they hold.

    Parameters
    ----------
    evidence : numpy.ndarray
    inside : numpy.ndarray
        Of bool, of the same shape.
    counts : numpy.ndarray
        Whole numbers from 1, up to the number of pixels.
    """
    values, kinds, sizes = np.unique(-evidence.ravel(), return_inverse=True, return_counts=True)
    held = np.bincount(kinds.ravel(), weights=inside.ravel(), minlength=len(values))
    # Among pixels of one value none comes first: each holds the mean of them all.
    found = np.interp(counts, np.concatenate([[0], sizes.cumsum()]), np.concatenate([[0.0], held.cumsum()]))
    shares: NDArray[np.float64] = found / counts
    return shares


def rank_inside(evidence: _Values, inside: NDArray[np.bool_]) -> float:
    """Return which share of the strongest pixels, as many as the mask has, lies inside it (Arras et al. 2022)."""
    return float(rank_curve(evidence, inside, np.array([int(inside.sum())]))[0])


def points_inside(evidence: _Values, inside: NDArray[np.bool_], tolerance: float = 0.0) -> bool | None:
    """Return whether the strongest pixel lies inside, or as near to it as `tolerance` pixels; None where there is no evidence.

    The pointing game of Zhang et al. 2016 (arXiv:1608.00507). Of several strongest pixels the one nearest to their middle
    is taken, so that none comes first by its place alone.
    """
    top = float(evidence.max())
    if top <= 0:
        return None
    strongest = np.argwhere(evidence == top)
    middle = strongest[np.square(strongest - strongest.mean(0)).sum(1).argmin()]
    return float(np.square(np.argwhere(inside) - middle).sum(1).min()) <= tolerance**2
