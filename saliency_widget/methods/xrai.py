"""XRAI: which regions of the picture carry the score, by Integrated Gradients from black and from white."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.integral import Integral
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.regions import regions_of
from saliency_widget.methods.registry import method
from saliency_widget.methods.steps import quadrature, spread_order

__all__ = ["xrai"]

_SPACING = 1.15
"""The regions are ranked anew whenever this much more is done than the last time: each time is as dear as a few layers of a
network."""


@method(
    label="XRAI",
    explain="The picture's regions, from the most to the least important: integrated gradients, averaged where the picture "
    "itself is of one piece.",
    cite="Kapishnikov et al. 2019, arXiv:1906.02825",
    cost=lambda *, steps, min_pixels: 2 * steps,  # noqa: ARG005
    family="regions",
    values="score",
    converges=True,
)
def xrai(
    f: ScoreFunction,
    x: Tensor,
    *,
    steps: Annotated[
        int, Range(1, 1000, log=True), Help("Points on the path from black, and on that from white.")
    ] = 50,
    min_pixels: Annotated[
        int,
        Range(1, 1000, log=True),
        Help("A region that would add fewer pixels than this to those before is left out."),
    ] = 50,
) -> Iterator[Estimate]:
    """Yield the ranked regions of the picture (Kapishnikov et al. 2019, arXiv:1906.02825).

    The mean of Integrated Gradients from black and from white is taken at its largest channel in each pixel, as in the
    authors' own implementation. Then regions are taken one by one, always the one that adds the highest mean attribution,
    and each pixel gets the mean of what its region added: score units per pixel. The regions are those of the picture at
    the size of the model's input, and are found once. While the gradients come in, the regions are ranked by the estimate
    so far, more and more rarely, and at the end. A ranking may jump however little the attribution changes, so how precise
    a running map is shows by the attribution, averaged as far as all regions allow.
    """
    regions = regions_of(f.to_pixels(x[None])[0])
    starts = [f.baseline("black"), f.baseline("white")]
    places, _ = quadrature("midpoint", steps)
    integrals = [Integral([1.0] * steps, running=f.running) for _ in starts]
    plan = [(side, step) for step in spread_order(steps) for side in (0, 1)]
    ranked = averaged = torch.empty(0)
    total, done, last = len(plan), 0, 0
    for chunk in f.each(starts[side] + places[step] * (x - starts[side]) for side, step in plan):
        for index in range(chunk.gradients.shape[1]):  # one by one: the sum must not depend on the chunk size
            side, step = plan[done]
            integrals[side].add(step, chunk.gradients[:, index])
            done += 1
        # Where nobody looks at a running map, the first one does for all before the last.
        anew = done == total or (done >= _SPACING * last and (f.running or last == 0))
        if anew:
            last = done
            known = list(zip(integrals, starts, strict=True))[:done]  # the first gradient is of one side alone
            means = [integral.value() * (x - start) for integral, start in known]
            mean = sum(means[1:], start=means[0]) / len(means)
            pixels = mean.amax(1).double().cpu().numpy()
            ranked = _maps([regions.rank(one, min_pixels) for one in pixels], mean)
            averaged = _maps([regions.average(one) for one in pixels], mean)
        yield Estimate(ranked, done, total, comparable=anew, gauge=averaged)


def _maps(found: Sequence[NDArray[np.float64]], like: Tensor) -> Tensor:
    """Return maps (T, 1, h, w) of one (h, w) for each target."""
    return torch.from_numpy(np.stack(found))[:, None].to(like)
