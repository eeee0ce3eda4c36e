"""Methods that add up gradients along a path from a baseline to the picture: Integrated Gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor

from saliency_widget.compute import Baseline, ScoreFunction
from saliency_widget.methods.estimate import Estimate, Quality
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import method

__all__ = ["integrated_gradients", "spread_order"]

_BAD_ERROR = 0.05
"""From this completeness error on, the map does not add up to what it claims to explain."""


@method(
    label="Integrated gradients",
    explain="The gradients on the way from a baseline to the picture, added up: the pixels' shares of the score's change.",
    cite="Sundararajan et al. 2017, arXiv:1703.01365",
    cost=lambda *, steps, baseline: steps,  # noqa: ARG005
    multiplies=True,
)
def integrated_gradients(
    f: ScoreFunction,
    x: Tensor,
    *,
    steps: Annotated[int, Range(1, 1000, log=True), Help("Points on the path from the baseline to the picture.")] = 50,
    baseline: Annotated[Baseline, Help("The picture without evidence, from which the path starts.")] = "black",
) -> Iterator[Estimate]:
    """Yield Integrated Gradients by the midpoint rule (Sundararajan et al. 2017, arXiv:1703.01365).

    The steps are visited in an order that spreads over the path from the start, so that the mean of those seen is an
    estimate of the whole integral. Its quality is the completeness error: how far the map's sum is from the difference
    of the scores at the picture and at the baseline, relative to that difference.
    """
    start = f.baseline(baseline)
    difference = x - start
    order = spread_order(steps)
    total: Tensor | None = None
    ends: Tensor | None = None
    done = 0
    for chunk in f.each(start + ((step + 0.5) / steps) * difference for step in order):
        if total is None:
            total = torch.zeros_like(chunk.gradients[:, 0])
        for index in range(chunk.gradients.shape[1]):  # one by one: the sum must not depend on the chunk size
            total += chunk.gradients[:, index]
        done += chunk.gradients.shape[1]
        if ends is None and (done > 1 or steps == 1):
            # After the first estimate, which nothing may delay.
            ends = f.scores(torch.stack([start, x]))
        attribution = total / done * difference
        yield Estimate(
            attribution,
            done,
            steps,
            quality=tuple(() for _ in attribution) if ends is None else _completeness(attribution, ends),
        )


def spread_order(count: int) -> list[int]:
    """Return 0 ... count - 1 in an order in which every beginning is spread evenly (van der Corput's sequence).

    It starts in the middle, then at the quarters, and so on: the bits of the position, reversed.
    """
    bits = max(1, (count - 1).bit_length())
    fractions = (int(f"{i:0{bits}b}"[::-1], 2) / (1 << bits) for i in (*range(1, 1 << bits), 0))
    return list(dict.fromkeys(int(fraction * count) for fraction in fractions))


def _completeness(attribution: Tensor, ends: Tensor) -> tuple[tuple[Quality, ...], ...]:
    """Compare each map's sum with the difference of the scores at the path's ends."""
    explained = (ends[1] - ends[0]).tolist()
    figures = []
    for total, change in zip(attribution.flatten(1).sum(1).tolist(), explained, strict=True):
        error = abs(total - change) / max(abs(change), torch.finfo(torch.float32).tiny)
        text = f"completeness error {100 * error:.2g} %" if error < 10 else "completeness error above 1000 %"
        figures.append((Quality("completeness_error", error, text, bad=error > _BAD_ERROR),))
    return tuple(figures)
