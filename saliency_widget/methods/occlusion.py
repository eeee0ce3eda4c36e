"""Occlusion: a window of the picture is hidden, place after place, and the change of the score is what the window was worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor

from saliency_widget.compute import Baseline, ScoreFunction
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import method

__all__ = ["Windows", "occlusion", "refining_order"]

_NEARNESS = 6
"""Power of the distance by which a window that was not looked at yet is guessed from those that were."""


class Windows:
    """The places of a square window that slides over a picture with a stride, and what they share.

    The first window starts in the corner; the last one of a row or column is the first that reaches the border, and is cut
    off there.

    Parameters
    ----------
    height, width : int
        Of the picture.
    window : int
        Side of the window; at most the picture's own side is used.
    stride : int
        Step from one place to the next. No pixel may be left out, so at most the window's side is used.

    Attributes
    ----------
    rows, columns : list of slice
        The windows' extent along each axis; each row is combined with each column.
    """

    def __init__(self, height: int, width: int, window: int, stride: int) -> None:
        self.rows = _intervals(height, window, stride)
        self.columns = _intervals(width, window, stride)
        self._down, self._across = _coverage(self.rows, height), _coverage(self.columns, width)

    def __len__(self) -> int:
        """How many windows there are."""
        return len(self.rows) * len(self.columns)

    def spread(self, values: Tensor) -> Tensor:
        """Return maps (T, h, w): in each pixel the mean of the values (T, rows, columns) of all windows that cover it."""
        return self._down.to(values) @ values @ self._across.to(values).T


@method(
    label="Occlusion",
    explain="How much the score falls when a window of the picture is hidden, for windows all over the picture.",
    cite="Zeiler & Fergus 2013, arXiv:1311.2901",
    cost=lambda *, size, window, stride, baseline: 1 + len(Windows(size[0], size[1], window, stride)),  # noqa: ARG005
    family="perturbation",
    reads="forwards",
    values="score",
)
def occlusion(
    f: ScoreFunction,
    x: Tensor,
    *,
    window: Annotated[
        int, Range(1, 512, log=True), Help("Side of the hidden window, in pixels of the model's input.")
    ] = 32,
    stride: Annotated[
        int,
        Range(1, 256, log=True),
        Help("Step from one window to the next, in pixels; at most the window's side, so that no pixel is left out."),
    ] = 16,
    baseline: Annotated[Baseline, Help("What the window shows instead of the picture.")] = "mean",
) -> Iterator[Estimate]:
    """Yield the mean change of the score over the windows that hide a pixel (Zeiler & Fergus 2013, arXiv:1311.2901).

    The change is the score of the picture less the score with the window hidden, in the score's own units: positive where
    hiding a window takes evidence away. In the final map each pixel has the mean over all windows that cover it (the
    convention of captum). The windows are visited from coarse to fine, so that any beginning is spread over the whole
    picture; the running map is the final formula with the windows that are still to come guessed from their neighbours.
    """
    places = Windows(x.shape[1], x.shape[2], window, stride)
    rows, columns = len(places.rows), len(places.columns)
    order = refining_order(rows, columns)
    hidden = f.baseline(baseline)

    def points() -> Iterator[Tensor]:
        yield x
        for row, column in order:
            where = (slice(None), places.rows[row], places.columns[column])
            point = x.clone()
            point[where] = hidden[where]
            yield point

    guess = _Guess(rows, columns)
    whole: Tensor | None = None
    done = 0
    for chunk in f.scored(points()):
        for scores in chunk.scores:  # one by one: the sum must not depend on the chunk size
            if whole is None:
                whole = scores
            else:
                guess.add(*order[done - 1], whole - scores)
            done += 1
        if done > 1:
            yield Estimate(places.spread(guess.values())[:, None], done, 1 + len(places))


def refining_order(rows: int, columns: int) -> list[tuple[int, int]]:
    """Return all places of a grid, from coarse to fine: any beginning is spread evenly over it.

    The order is that of an ordered-dithering matrix (Bayer 1973), begun in the middle: first the places of a coarse grid,
    then those in the middles of its squares, then those of its sides, and so on with half the distance.
    """
    bits = max(rows, columns, 2) - 1
    levels = bits.bit_length()
    side = 1 << levels
    order = []
    for number in range(side * side):
        row = column = 0
        for level in range(levels):
            pair = number >> (2 * level)
            step = side >> (level + 1)
            # 0: stay; 1: across the diagonal; 2 and 3: the two that are left.
            row += step * ((pair ^ (pair >> 1)) & 1)
            column += step * (pair & 1)
        place = (row + rows // 2) % side, (column + columns // 2) % side
        if place[0] < rows and place[1] < columns:
            order.append(place)
    return order


class _Guess:
    """The values of all windows, as far as they are known; the others are weighted means of those, the near ones first."""

    def __init__(self, rows: int, columns: int) -> None:
        self._shape = (rows, columns)
        self._known: Tensor | None = None

    def add(self, row: int, column: int, values: Tensor) -> None:
        """Take the values (T,) of one window."""
        if self._known is None:
            self._known = values.new_zeros(len(values), *self._shape)
            self._sum = torch.zeros_like(self._known)
            self._weight = values.new_zeros(self._shape)
            self._missing = torch.ones(self._shape, dtype=torch.bool, device=values.device)
            self._rows, self._columns = (torch.arange(n, device=values.device) for n in self._shape)
        self._known[:, row, column] = values
        self._missing[row, column] = False
        squares = (self._rows[:, None] - row) ** 2 + (self._columns[None, :] - column) ** 2
        weight = squares.clamp_min(1).to(values.dtype) ** (-_NEARNESS / 2)
        self._sum += weight * values[:, None, None]
        self._weight += weight

    def values(self) -> Tensor:
        """Return the values of all windows, (T, rows, columns)."""
        if self._known is None:
            message = "no window has been looked at yet"
            raise RuntimeError(message)
        return torch.where(self._missing, self._sum / self._weight, self._known)


def _intervals(length: int, window: int, stride: int) -> list[slice]:
    """Return the extents of a window that slides along an axis."""
    window = min(window, length)
    stride = min(stride, window)
    places = 1 + -(-(length - window) // stride)
    return [slice(stride * i, min(stride * i + window, length)) for i in range(places)]


def _coverage(intervals: list[slice], length: int) -> Tensor:
    """Return, for each pixel of an axis, the share of each interval in the mean over those that cover it."""
    covered = torch.zeros(length, len(intervals), dtype=torch.float64)
    for column, interval in enumerate(intervals):
        covered[interval, column] = 1
    return covered / covered.sum(1, keepdim=True)
