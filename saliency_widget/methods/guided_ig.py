"""Guided Integrated Gradients: a path that first changes the pixels that hardly matter, so that noisy gradients are avoided."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor

from saliency_widget.compute import Baseline, ScoreFunction
from saliency_widget.methods.composing import smoothed
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.paths import completeness
from saliency_widget.methods.registry import method

__all__ = ["GuidedPath", "guided_ig"]

_CLOSE = 1e-9
"""Distances that agree to this share, or by this amount, are taken as equal."""


@method(
    label="Guided IG",
    explain="Integrated gradients on a path of the target's own, which changes those pixels first that matter least.",
    cite="Kapishnikov et al. 2021, arXiv:2106.09788",
    cost=lambda *, steps, samples, **_: steps * samples,
    family="paths",
    kind="partial",
    values="score",
)
@smoothed
def guided_ig(
    f: ScoreFunction,
    x: Tensor,
    *,
    steps: Annotated[int, Range(1, 1000, log=True), Help("Steps on the way from the baseline to the picture.")] = 50,
    fraction: Annotated[
        float,
        Range(0.01, 1, 0.01),
        Help("Share of the values, those with the smallest gradients, that a step may change."),
    ] = 0.25,
    max_dist: Annotated[
        float,
        Range(0, 1, 0.01),
        Help("How far a value may be from its place on the straight path: 0 is the straight path, 1 any path."),
    ] = 0.02,
    baseline: Annotated[Baseline, Help("The picture without evidence, from which the path starts.")] = "black",
) -> Iterator[Estimate]:
    """Yield Guided Integrated Gradients as far as the path has got (Kapishnikov et al. 2021, arXiv:2106.09788).

    Each step takes the gradient at the point where it is, and goes on until the L1 distance to the picture has shrunk by
    its share, changing the values with the smallest absolute gradients first. Where to go is known only from the gradient
    there, so the steps cannot be visited in another order: a running map is what the path has gathered until then, and no
    estimate of the final one. Each target has a path of its own; the paths advance in turns. The path is kept in double
    precision whatever the network's is. The quality of the last map is its completeness error: a value moves by up to
    twice `max_dist` at once, with the gradient before, so the error falls with `max_dist` and not with the steps alone.
    """
    start = f.baseline(baseline)
    exact = torch.float32 if x.device.type == "mps" else torch.float64  # Apple's GPUs have no double precision
    paths = [GuidedPath(start.to(exact), x.to(exact), steps, fraction, max_dist) for _ in f.targets]
    alone = [f.only(t) for t in range(len(f.targets))]
    total = steps * len(paths)
    for step in range(steps):
        for t, path in enumerate(paths):
            (chunk,) = alone[t].each([path.point.to(x.dtype)])
            path.advance(chunk.gradients[0, 0].to(exact))
            done = step * len(paths) + t + 1
            attribution = torch.stack([other.attribution for other in paths]).to(x.dtype)
            quality = () if done < total else completeness(attribution, f.scores(torch.stack([start, x])))
            yield Estimate(attribution, done, total, kind="partial", quality=quality)


class GuidedPath:
    """A path from a baseline to a picture that is led by the gradients along it.

    Parameters
    ----------
    start, end : Tensor
        The baseline and the picture, of one shape.
    steps : int
        In how many steps the L1 distance to the picture is taken down to 0, by equal parts.
    fraction : float
        Share of the values that are changed at once, those with the smallest absolute gradients.
    max_dist : float
        How far each value's place between its ends may be from the step's own.

    Attributes
    ----------
    point : Tensor
        Where the path has got to.
    attribution : Tensor
        The changes so far, each times the gradient at the beginning of its step.
    """

    def __init__(self, start: Tensor, end: Tensor, steps: int, fraction: float, max_dist: float) -> None:
        self.point = start.clone()
        self.attribution = torch.zeros_like(start)
        self._start, self._end = start, end
        self._steps, self._fraction, self._max_dist = steps, fraction, max_dist
        self._whole = float((end - start).abs().sum())
        self._step = 0

    def advance(self, gradient: Tensor) -> None:
        """Take the next step with the gradient at `point`."""
        self._step += 1
        before = self.point.clone()
        span = self._end - self._start
        place = self._step / self._steps
        lowest = self._start + max(place - self._max_dist, 0.0) * span
        highest = self._start + min(place + self._max_dist, 1.0) * span
        wanted = self._whole * (1 - place)
        # Nobody may be left behind; whoever moves from here on has got as far as the lower bound.
        behind = (self.point - lowest) * span.sign() < 0
        self.point = torch.where(behind, lowest, self.point)
        size = gradient.abs().flatten()
        rank = math.floor(self._fraction * (size.numel() - 1)) + 1
        while (distance := float((self.point - self._end).abs().sum())) > wanted:
            if math.isclose(distance, wanted, rel_tol=_CLOSE, abs_tol=_CLOSE):
                break
            # Who has got as far as allowed is out of the selection.
            size = torch.where((self.point == highest).flatten(), torch.inf, size)
            chosen = ((size <= size.kthvalue(rank).values) & size.isfinite()).view_as(self.point)
            room = float(((highest - self.point).abs() * chosen).sum())
            if room == 0:
                break  # only rounding is left to go
            share = (distance - wanted) / room
            target = highest if share > 1 else self.point + share * (highest - self.point)
            self.point = torch.where(chosen, target, self.point)
            if share <= 1:
                break
        self.attribution += (self.point - before) * gradient
