"""RISE: the score of randomly masked copies of the picture; what tends to be shown when the score is high gets the credit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from saliency_widget.compute import Baseline, ScoreFunction, noise
from saliency_widget.methods.estimate import Estimate, Quality
from saliency_widget.methods.moments import Moments
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import method

__all__ = ["mask", "rise"]

_HALF = 0.5
"""The probability at which a mask and its complement are equally likely."""


@method(
    label="RISE",
    explain="The average of many random masks, each weighted by the score of the picture seen through it.",
    cite="Petsiuk et al. 2018, arXiv:1806.07421",
    cost=lambda *, samples, cells, p, baseline: samples,  # noqa: ARG005
    family="perturbation",
    reads="forwards",
    values="score",
)
def rise(
    f: ScoreFunction,
    x: Tensor,
    *,
    samples: Annotated[int, Range(2, 8000, log=True), Help("How many masked pictures are looked at.")] = 512,
    cells: Annotated[int, Range(2, 32), Help("Cells of a mask along each side of the picture.")] = 7,
    p: Annotated[float, Range(0.05, 0.95, 0.05), Help("Probability that a cell of a mask shows the picture.")] = 0.5,
    baseline: Annotated[Baseline, Help("What is seen where a mask hides the picture.")] = "mean",
) -> Iterator[Estimate]:
    """Yield the mean of score x mask / p, less the mean score (Petsiuk et al. 2018, arXiv:1806.07421).

    The paper's map is the expected score given that the pixel is shown. Its level says nothing of the pixel, so the mean
    score of all masked pictures is taken off: what is left is how much higher the score is with the pixel shown than on
    average, in the score's own units, and zero for a pixel that does not matter. It is computed as the sample covariance of
    score and mask over p, whose expected value is exactly that at any number of samples. Its quality is the map's standard
    error, relative to the map.
    """
    hidden = f.baseline(baseline)
    height, width = x.shape[1:]
    masks: dict[int, Tensor] = {}

    def points() -> Iterator[Tensor]:
        for i in range(samples):
            masks[i] = mask(f.seed, i, (height, width), cells, p).to(x)
            yield hidden + masks[i] * (x - hidden)

    sums = _Covariance(_block(cells), p)
    done = 0
    for chunk in f.scored(points()):
        for scores in chunk.scores:  # one by one: the sums must not depend on the chunk size
            sums.add(scores, masks.pop(done))
            done += 1
        if done > 1:
            yield Estimate(sums.value()[:, None] / p, done, samples, quality=sums.quality())


def mask(seed: int, index: int, size: tuple[int, int], cells: int, p: float) -> Tensor:
    """Return the `index`-th mask (h, w), float32, in [0, 1]; in each pixel its expected value is `p`.

    A coarse grid, one cell larger than the picture, whose cells are 1 with probability `p`, independently of each other,
    enlarged bilinearly and shifted by a random part of a cell. It is drawn on the CPU, so that all devices see the same
    masks.

    Each mask by itself is as in the paper. Where `p` is 0.5, those of one block are chosen to complement each other: they
    share their shift and one random pattern of cells, half of which each mask turns over, for each cell by its own column
    of a Hadamard matrix. The columns are orthogonal, so that over a block no cell takes credit for another one: on the
    built-in model a quarter of the samples gives about what all of them give with independent masks.
    """
    count = (cells + 1) ** 2
    length = _block(cells)
    block, row = divmod(index, length)
    complement = p == _HALF
    draws = noise.uniform(seed, block if complement else index, (3 + count,))
    shown = draws[3:] < p
    if complement:
        first = int(draws[2] * (length - 1))  # a random column for each cell, though neighbours keep to neighbours
        columns = (1 + (first + cell) % (length - 1) for cell in range(count))
        shown ^= torch.tensor([(row & column).bit_count() % 2 == 1 for column in columns])
    height, width = (-(-side // cells) for side in size)
    large = interpolate(
        shown.float().view(1, 1, cells + 1, cells + 1),
        ((cells + 1) * height, (cells + 1) * width),
        mode="bilinear",
        align_corners=False,
    )
    top, left = int(draws[0] * height), int(draws[1] * width)
    return large[0, 0, top : top + size[0], left : left + size[1]]


def _block(cells: int) -> int:
    """Return how many masks make a block: a power of two above the number of cells, as the first column splits nothing."""
    return 1 << ((cells + 1) ** 2).bit_length()


class _Covariance:
    """The covariance of T scores and a mask, and its standard error from how far the blocks of masks disagree."""

    def __init__(self, block: int, p: float) -> None:
        self._block, self._p = block, p
        self._shift: Tensor | None = None
        self._whole, self._part = _Sums(), _Sums()
        self._blocks = Moments()

    def add(self, scores: Tensor, mask: Tensor) -> None:
        """Add the scores (T,) of one masked picture, and its mask (h, w)."""
        if self._shift is None:
            self._shift = scores  # sums of the scores' distance from the first one keep their digits
        a = (scores - self._shift)[:, None, None]
        self._whole.add(a, mask)
        self._part.add(a, mask)
        if self._part.count == self._block:
            self._blocks.add(self._part.covariance()[:, None])
            self._part = _Sums()

    def value(self) -> Tensor:
        """Return the covariance, (T, h, w), without bias."""
        return self._whole.covariance() / (1 - _overlap(self._whole.count, self._block, self._p))

    def quality(self) -> tuple[tuple[Quality, ...], ...]:
        """Return the relative standard error for each target; nothing before the second block is complete."""
        return self._blocks.standard_error() if self._blocks.count else ()


def _overlap(count: int, block: int, p: float) -> float:
    """Return by which share the covariance of `count` samples falls short, as their own mean is taken off (Bessel's correction).

    It is 1 / count for independent masks. A mask that complements the others of its block has the correlation
    -1 / (block - 1) with each of them, so a whole block falls short by nothing.
    """
    if p != _HALF:
        return 1 / count
    blocks, rest = divmod(count, block)
    return sum(n * size * (1 - (size - 1) / (block - 1)) for n, size in ((blocks, block), (1, rest))) / count**2


class _Sums:
    """Running sums of scores, masks and their products."""

    def __init__(self) -> None:
        self.count = 0
        self._scores = self._masks = self._products = torch.zeros(())

    def add(self, scores: Tensor, mask: Tensor) -> None:
        """Add scores (T, 1, 1) and a mask (h, w)."""
        first = self.count == 0
        self._scores = scores if first else self._scores + scores
        self._masks = mask if first else self._masks + mask
        self._products = scores * mask if first else self._products.addcmul(scores, mask)
        self.count += 1

    def covariance(self) -> Tensor:
        """Return the covariance (T, h, w) of what was added."""
        return (self._products - self._scores * self._masks / self.count) / self.count
