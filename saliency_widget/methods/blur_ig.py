"""Blur Integrated Gradients: the path from a blurred picture to the sharp one, which needs no baseline."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import torch
from torch import Tensor

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.composing import smoothed
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.paths import completeness
from saliency_widget.methods.registry import method
from saliency_widget.methods.steps import spread_order

__all__ = ["Pieces", "blur_ig", "blurred"]

_TRUNCATE = 4.0
"""The Gaussian ends this many standard deviations from its middle."""

_GRAIN = 0.5
"""A picture is taken to have no detail finer than a Gaussian of this many pixels, so that less blur changes nothing."""

_ANCHORS = 32
"""How many gradients are kept for running maps."""


@method(
    label="Blur IG",
    explain="Integrated gradients on the way from a blurred picture to the sharp one: which details carry the score.",
    cite="Xu et al. 2020, arXiv:2004.03383",
    cost=lambda *, steps, samples, **_: steps * samples,
    family="paths",
    values="score",
)
@smoothed
def blur_ig(
    f: ScoreFunction,
    x: Tensor,
    *,
    steps: Annotated[
        int, Range(1, 1000, log=True), Help("Points on the path from the blurred picture to the sharp one.")
    ] = 50,
    max_sigma: Annotated[
        float,
        Range(0.5, 200, log=True),
        Help("Standard deviation of the blur that the path starts from, in pixels of the model's input."),
    ] = 50.0,
    sqrt: Annotated[
        bool,
        Help("Whether the path starts from the square root of that instead, and sigma's square falls by equal parts."),
    ] = False,
    rule: Annotated[
        Literal["midpoint", "sharp_end"],
        Help("Where on its piece of the path a gradient is taken: in the middle, or at the sharper end."),
    ] = "midpoint",
) -> Iterator[Estimate]:
    """Yield the path integral of the gradient from the blurred picture to the sharp one (Xu et al. 2020, arXiv:2004.03383).

    The path is cut into pieces. Each piece's change of the picture, sharper end less blurrier end, is multiplied by the
    gradient at one point of the piece. The changes add up exactly to the picture less the blurred one, so a linear model
    is explained exactly by any number of steps; the paper and the authors' implementation multiply a derivative
    with respect to sigma by the length of the piece, which has the same limit.

    A natural picture's spectrum falls as the square of the frequency, so it changes by about the same amount whenever sigma
    is doubled. The order of the visits is spread over the logarithm of sigma accordingly. In a running map each gradient
    stands for the path halfway to its neighbours among those that are known, so that it is an integral over the whole path at
    any time. The quality is the completeness error, relative to the change of the score from the blurred picture on.
    """

    def sigma(share: float) -> float:
        return math.sqrt(share * max_sigma) if sqrt else share * max_sigma

    ends = [sigma(i / steps) for i in range(steps + 1)]
    points = [sigma((i + 0.5) / steps) for i in range(steps)] if rule == "midpoint" else ends[:-1]
    order = spread_order(steps, [math.log((b + _GRAIN) / (a + _GRAIN)) for a, b in itertools.pairwise(ends)])
    pieces = Pieces(lambda i: blurred(x, ends[i]), steps)
    scores: Tensor | None = None
    done = 0
    for chunk in f.each(blurred(x, points[step]) for step in order):
        for index in range(chunk.gradients.shape[1]):  # one by one: the sum must not depend on the chunk size
            pieces.add(order[done], chunk.gradients[:, index])
            done += 1
        if scores is None and (done > 1 or steps == 1):
            # After the first estimate, which nothing may delay.
            scores = f.scores(torch.stack([blurred(x, ends[-1]), x]))
        attribution = pieces.total()
        quality = tuple(() for _ in attribution) if scores is None else completeness(attribution, scores)
        yield Estimate(attribution, done, steps, quality=quality)


class Pieces:
    """The sum of gradients times changes along a path, of which only some gradients are known.

    Until `_ANCHORS` gradients are known, each stands for the path halfway to its neighbours. From then on those stay where they
    are, and every further one replaces the nearest of them on its own piece alone, so that no more need to be kept. Once
    all are known, each has been multiplied by the change over its own piece.

    Parameters
    ----------
    picture : callable
        Returns the picture (C, h, w) at the i-th cut of the path, 0 to `count`; piece i lies between the cuts i and i + 1, and
        its change is the picture at i less that at i + 1.
    count : int
        How many pieces there are.
    """

    def __init__(self, picture: Callable[[int], Tensor], count: int) -> None:
        self._picture = picture
        self._count = count
        self._gradients: dict[int, Tensor] = {}
        self._pictures: dict[int, Tensor] = {}
        self._sum: Tensor | None = None

    def add(self, piece: int, gradient: Tensor) -> None:
        """Add the gradient (T, C, h, w) of a piece; it must not be written to afterwards."""
        if len(self._gradients) < _ANCHORS:
            self._gradients[piece] = gradient
            return
        if self._sum is None:
            self._sum = self._by_anchors()
        places, cuts = self._cuts()
        anchor = self._gradients[places[bisect.bisect_right(cuts, piece) - 1]]
        self._sum += (gradient - anchor) * (self._picture(piece) - self._picture(piece + 1))

    def total(self) -> Tensor:
        """Return the sum (T, C, h, w) over the whole path."""
        return self._by_anchors() if self._sum is None else self._sum.clone()

    def _cuts(self) -> tuple[list[int], list[int]]:
        """Return the pieces whose gradients are kept, and where the path is divided among them."""
        places = sorted(self._gradients)
        return places, [0, *((a + b + 1) // 2 for a, b in itertools.pairwise(places)), self._count]

    def _by_anchors(self) -> Tensor:
        places, cuts = self._cuts()
        known = self._pictures
        self._pictures = {cut: known[cut] if cut in known else self._picture(cut) for cut in cuts}
        parts = (
            self._gradients[place] * (self._pictures[a] - self._pictures[b])
            for place, (a, b) in zip(places, itertools.pairwise(cuts), strict=True)
        )
        total = next(parts)
        for part in parts:
            total += part
        return total


def blurred(picture: Tensor, sigma: float) -> Tensor:
    """Return a picture blurred by a Gaussian, as ``scipy.ndimage.gaussian_filter`` does it with its defaults.

    The blur along each axis is a product with a matrix, whose cost does not grow with sigma.

    Parameters
    ----------
    picture : Tensor
        Shape (..., h, w); mirrored at its borders, each border pixel once more.
    sigma : float
        Standard deviation in pixels; 0 gives the picture itself.

    Returns
    -------
    Tensor
        Of the same shape, dtype and device.
    """
    if sigma == 0:
        return picture
    # In double precision, and rounded once: in single precision the sums' own rounding moves points across the network's bends.
    exact = torch.float32 if picture.device.type == "mps" else torch.float64
    down, across = (_matrix(size, sigma).to(picture.device, exact) for size in picture.shape[-2:])
    return (down @ picture.to(exact) @ across.T).to(picture.dtype)


def _matrix(size: int, sigma: float) -> Tensor:
    """Return the matrix (size, size) of a Gaussian blur of a row, mirrored at its ends."""
    reach = int(_TRUNCATE * sigma + 0.5)
    offsets = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-0.5 * (offsets.double() / sigma).square())
    kernel /= kernel.sum()
    places = (torch.arange(size)[:, None] + offsets).remainder(2 * size)
    places = torch.where(places < size, places, 2 * size - 1 - places)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    return matrix.scatter_add_(1, places, kernel.expand(size, -1))
