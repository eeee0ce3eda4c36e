"""Blur Integrated Gradients: the path from a blurred picture to the sharp one, which needs no baseline."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
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

__all__ = ["blur_ig", "blurred"]

_TRUNCATE = 4.0
"""The Gaussian ends this many standard deviations from its middle."""

_GRAIN = 0.5
"""A picture is taken to have no detail finer than a Gaussian of this many pixels, so that less blur changes nothing."""


@method(
    label="Blur IG",
    explain="Integrated gradients on the way from a blurred picture to the sharp one: which details carry the score.",
    cite="Xu et al. 2020, arXiv:2004.03383",
    cost=lambda *, steps, samples, **_: steps * samples,
    family="paths",
    multiplies=True,
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
        bool, Help("Whether the variance of the blur falls by equal parts, rather than its standard deviation.")
    ] = False,
    rule: Annotated[
        Literal["midpoint", "sharp_end"],
        Help("Where on its piece of the path a gradient is taken: in the middle, or at the sharper end."),
    ] = "midpoint",
) -> Iterator[Estimate]:
    """Yield the path integral of the gradient from the blurred picture to the sharp one (Xu et al. 2020, arXiv:2004.03383).

    The path is cut into pieces. Each piece's change of the picture, sharper end less blurrier end, is multiplied by the
    gradient at one point of the piece. The changes add up exactly to the picture less the blurred one, so a linear model
    is explained exactly by any number of steps; the paper and the reference implementation multiply a derivative
    with respect to sigma by the length of the piece, which has the same limit.

    A running map must weigh the pieces that were visited. A natural picture's spectrum falls as the square of the frequency,
    so it changes by about the same amount whenever sigma is doubled. Each piece therefore counts by the logarithm of its
    ends' ratio; the order of the visits is spread over that, and the sum is divided by what was seen of it. Its quality is
    the completeness error, relative to the change of the score from the blurred picture on.
    """
    shares = [i / steps for i in range(steps + 1)]
    sigmas = [max_sigma * (math.sqrt(share) if sqrt else share) for share in shares]
    middles = [(i + 0.5) / steps for i in range(steps)]
    points = [max_sigma * (math.sqrt(share) if sqrt else share) for share in middles] if rule == "midpoint" else sigmas
    pieces = [math.log((b + _GRAIN) / (a + _GRAIN)) for a, b in itertools.pairwise(sigmas)]
    weights = [piece / math.fsum(pieces) for piece in pieces]
    order = spread_order(steps, weights)
    total: Tensor | None = None
    ends: Tensor | None = None
    seen = 0.0
    done = 0
    for chunk in f.each(blurred(x, points[step]) for step in order):
        if total is None:
            total = torch.zeros_like(chunk.gradients[:, 0])
        for index in range(chunk.gradients.shape[1]):  # one by one: the sum must not depend on the chunk size
            step = order[done]
            total += chunk.gradients[:, index] * (blurred(x, sigmas[step]) - blurred(x, sigmas[step + 1]))
            seen += weights[step]
            done += 1
        if ends is None and (done > 1 or steps == 1):
            # After the first estimate, which nothing may delay.
            ends = f.scores(torch.stack([blurred(x, max_sigma), x]))
        attribution = total / seen if done < steps else total.clone()
        quality = tuple(() for _ in attribution) if ends is None else completeness(attribution, ends)
        yield Estimate(attribution, done, steps, quality=quality)


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
    down, across = (_matrix(size, sigma).to(picture) for size in picture.shape[-2:])
    return down @ picture @ across.T


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
