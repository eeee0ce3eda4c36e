"""Methods that add up gradients along the straight path from a baseline to the picture: Integrated Gradients and IDGI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor

from saliency_widget.compute import Baseline, ScoreFunction
from saliency_widget.methods.composing import smoothed
from saliency_widget.methods.estimate import Estimate, Quality
from saliency_widget.methods.integral import Integral
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import Sibling, method
from saliency_widget.methods.steps import Rule, quadrature, spread_order

__all__ = ["completeness", "important_direction", "integrated_gradients", "spread_order"]

_BAD_ERROR = 0.05
"""From this completeness error on, the map does not add up to what it claims to explain."""


@method(
    label="Integrated gradients",
    explain="The gradients on the way from a baseline to the picture, added up: the pixels' shares of the score's change.",
    cite="Sundararajan et al. 2017, arXiv:1703.01365",
    cost=lambda *, steps, samples, **_: steps * samples,
    family="paths",
    values="score",
    converges=True,
    siblings={
        "idgi": Sibling(
            "IDGI",
            "Integrated gradients that share out each step's change of the score along the gradient alone, which leaves out "
            "the noise of the path's own direction.",
            "Yang et al. 2023, arXiv:2303.14242",
        )
    },
)
@smoothed
def integrated_gradients(
    f: ScoreFunction,
    x: Tensor,
    *,
    steps: Annotated[int, Range(1, 1000, log=True), Help("Points on the path from the baseline to the picture.")] = 50,
    baseline: Annotated[Baseline, Help("The picture without evidence, from which the path starts.")] = "black",
    rule: Annotated[
        Rule,
        Help(
            "Where the points lie: in the middles of equal pieces, at equal distances with both ends, or where Gauss put them."
        ),
    ] = "midpoint",
) -> Iterator[Estimate]:
    """Yield Integrated Gradients (Sundararajan et al. 2017, arXiv:1703.01365), and IDGI from the same steps.

    The steps are visited in an order that spreads over the path from the start, and each of those seen stands for the path
    halfway to its neighbours, so that the sum is an estimate of the whole integral. Its quality is the completeness error: how
    far the map's sum is from the difference of the scores at the picture and at the baseline, relative to that difference.

    IDGI (Yang et al. 2023, arXiv:2303.14242) shares out the score's change d over a step in proportion to the squared
    gradient, ``d * g^2 / sum(g^2)``. The paper takes d from the scores at the step's ends and g from its beginning. Here
    both belong to the same point: d is the gradient times the step, ``weight * sum(g * (x - baseline))``. The two have the
    same limit. This one needs no neighbour, so that any part of the steps gives an estimate; it takes no further forwards; and
    its map has the very sum of the map of Integrated Gradients, so it is complete where that one is.
    """
    start = f.baseline(baseline)
    difference = x - start
    places, weights = quadrature(rule, steps)
    order = spread_order(steps, weights)
    mean, shared = Integral(weights, running=f.running), Integral(weights, running=f.running)
    ends: Tensor | None = None
    done = 0
    for chunk in f.each(start + places[step] * difference for step in order):
        for index in range(chunk.gradients.shape[1]):  # one by one: the sum must not depend on the chunk size
            mean.add(order[done], chunk.gradients[:, index])
            shared.add(order[done], important_direction(chunk.gradients[:, index], difference))
            done += 1
        if ends is None and (done > 1 or steps == 1):
            # After the first estimate, which nothing may delay.
            ends = f.scores(torch.stack([start, x]))
        attribution = mean.value() * difference
        yield Estimate(
            attribution,
            done,
            steps,
            quality=tuple(() for _ in attribution) if ends is None else completeness(attribution, ends),
            siblings={"idgi": shared.value()},
        )


def important_direction(gradients: Tensor, difference: Tensor) -> Tensor:
    """Share out the change of the scores over a step in proportion to the squared gradients.

    Parameters
    ----------
    gradients : Tensor
        Shape (T, C, h, w), at one point of the path.
    difference : Tensor
        Shape (C, h, w), the step.

    Returns
    -------
    Tensor
        Shape (T, C, h, w); each target's map adds up to its gradient times the step, or to 0 where the gradient is 0.
    """
    largest = gradients.abs().amax((1, 2, 3), keepdim=True)
    # By the largest first: the squares of small gradients would vanish in single precision.
    squares = (gradients / torch.where(largest > 0, largest, 1)).square()
    change = (gradients * difference).sum((1, 2, 3), keepdim=True)
    whole = squares.sum((1, 2, 3), keepdim=True)
    return squares * (change / torch.where(whole > 0, whole, 1))


def completeness(attribution: Tensor, ends: Tensor) -> tuple[tuple[Quality, ...], ...]:
    """Compare each map's sum with the difference of the scores (2, T) at the path's start and end."""
    explained = (ends[1] - ends[0]).tolist()
    figures = []
    for total, change in zip(attribution.flatten(1).sum(1).tolist(), explained, strict=True):
        error = abs(total - change) / max(abs(change), torch.finfo(torch.float32).tiny)
        text = f"completeness error {100 * error:.2g} %" if error < 10 else "completeness error above 1000 %"
        figures.append((Quality("completeness_error", error, text, bad=error > _BAD_ERROR),))
    return tuple(figures)
