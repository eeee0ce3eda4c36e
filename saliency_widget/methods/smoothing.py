"""Methods that average over noisy copies of the input: SmoothGrad, its square and its variance, from one run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.estimate import Estimate, Quality
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import Sibling, method

__all__ = ["smoothgrad"]

_BAD_ERROR = 0.5
"""From this relative standard error on, the map is still mostly noise."""


@method(
    label="SmoothGrad",
    explain="The gradient averaged over many slightly noisy copies of the picture, so that its noise cancels out.",
    cite="Smilkov et al. 2017, arXiv:1706.03825",
    cost=lambda *, samples, noise: samples,  # noqa: ARG005
    siblings={
        "smoothgrad_squared": Sibling(
            "SmoothGrad squared",
            "The average of the squared gradients over noisy copies: where the score is sensitive, whatever the sign.",
            "Hooker et al. 2018, arXiv:1806.10758",
        ),
        "vargrad": Sibling(
            "VarGrad",
            "The variance of the gradient over noisy copies: where the model's answer to small changes is unsettled.",
            "Adebayo et al. 2018, arXiv:1810.03307",
        ),
    },
)
def smoothgrad(
    f: ScoreFunction,
    x: Tensor,
    *,
    samples: Annotated[int, Range(1, 1000, log=True), Help("How many noisy copies are averaged.")] = 50,
    noise: Annotated[
        float, Range(0, 1, 0.01), Help("Standard deviation of the noise, as a share of the input's range.")
    ] = 0.15,
) -> Iterator[Estimate]:
    """Yield the running mean of the gradient at noisy inputs (Smilkov et al. 2017, arXiv:1706.03825).

    Its siblings are the mean square (Hooker et al. 2018, arXiv:1806.10758) and the sample variance (Adebayo et al. 2018,
    arXiv:1810.03307) over the same draws. Its quality is the standard error of the mean map, relative to the map.
    """
    sigma = noise * (x.max() - x.min())
    shift: Tensor | None = None
    done = 0
    for chunk in f.each(x + sigma * f.noise(i) for i in range(samples)):
        if shift is None:
            # Sums of deviations from the first gradient, not of the gradients, keep the variance free of cancellation.
            shift = chunk.gradients[:, 0]
            first = torch.zeros_like(shift)
            second = torch.zeros_like(shift)
        for index in range(chunk.gradients.shape[1]):  # one by one: the sum must not depend on the chunk size
            deviation = chunk.gradients[:, index] - shift
            first += deviation
            second.addcmul_(deviation, deviation)
        done += chunk.gradients.shape[1]
        mean = shift + first / done
        variance = ((second - first * first / done) / max(1, done - 1)).clamp_min(0)
        yield Estimate(
            mean,
            done,
            samples,
            quality=_standard_error(mean, variance, done),
            siblings={"smoothgrad_squared": variance * ((done - 1) / done) + mean * mean}
            | ({"vargrad": variance} if done > 1 else {}),  # one sample has no variance, which is not one of zero
        )


def _standard_error(mean: Tensor, variance: Tensor, done: int) -> tuple[tuple[Quality, ...], ...]:
    """Return the norm of the map's standard error as a share of the map's own norm, for each target."""
    if done < 2:
        return tuple(() for _ in mean)
    errors = (variance.flatten(1).sum(1) / done).sqrt() / mean.flatten(1).norm(dim=1).clamp_min(
        torch.finfo(mean.dtype).tiny
    )
    return tuple(
        (Quality("standard_error", error, f"standard error {100 * error:.2g} %", bad=error > _BAD_ERROR),)
        for error in errors.tolist()
    )
