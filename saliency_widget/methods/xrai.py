"""XRAI: which regions of the picture carry the score, by Integrated Gradients from black and from white."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.regions import Regions, regions_of
from saliency_widget.methods.registry import method
from saliency_widget.methods.steps import quadrature, spread_order

__all__ = ["xrai"]

_RANKINGS = 20
"""How often the regions are ranked in a run: each time is as dear as a few layers of a network."""


@method(
    label="XRAI",
    explain="The picture's regions, from the most to the least important: integrated gradients, averaged where the picture "
    "itself is of one piece.",
    cite="Kapishnikov et al. 2019, arXiv:1906.02825",
    cost=lambda *, steps, min_pixels: 2 * steps,  # noqa: ARG005
    family="regions",
    values="score",
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
    so far, a limited number of times, and at the end.
    """
    regions = regions_of(f.to_pixels(x[None])[0])
    starts = [f.baseline("black"), f.baseline("white")]
    places, _ = quadrature("midpoint", steps)
    plan = [(side, step) for step in spread_order(steps) for side in (0, 1)]
    sums: list[Tensor] = []
    ranked = torch.empty(0)
    total, done, rankings = len(plan), 0, 0
    for chunk in f.each(starts[side] + places[step] * (x - starts[side]) for side, step in plan):
        sums = sums or [torch.zeros_like(chunk.gradients[:, 0]) for _ in starts]
        for index in range(chunk.gradients.shape[1]):  # one by one: the sum must not depend on the chunk size
            sums[plan[done][0]] += chunk.gradients[:, index]
            done += 1
        due = 1 + done * _RANKINGS // total
        if due > rankings or done == total:
            rankings = due
            counts = (done + 1) // 2, done // 2
            means = [
                gradients / count * (x - start)
                for gradients, count, start in zip(sums, counts, starts, strict=True)
                if count
            ]
            ranked = _ranked(regions, sum(means[1:], start=means[0]) / len(means), min_pixels)
        yield Estimate(ranked, done, total)


def _ranked(regions: Regions, attribution: Tensor, min_pixels: int) -> Tensor:
    """Return maps (T, 1, h, w) of the regions, from attributions (T, C, h, w)."""
    pixels = attribution.amax(1).double().cpu().numpy()
    maps = np.stack([regions.rank(one, min_pixels) for one in pixels])
    return torch.from_numpy(maps)[:, None].to(attribution)
