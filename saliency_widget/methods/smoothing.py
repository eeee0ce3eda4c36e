"""Methods that average over noisy copies of the input: SmoothGrad, its square and its variance, from one run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from torch import Tensor

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.moments import Moments
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import Sibling, method

__all__ = ["smoothgrad"]


@method(
    label="SmoothGrad",
    explain="The gradient averaged over many slightly noisy copies of the picture, so that its noise cancels out.",
    cite="Smilkov et al. 2017, arXiv:1706.03825",
    cost=lambda *, samples, noise: samples,  # noqa: ARG005
    family="noise",
    converges=True,
    siblings={
        "smoothgrad_squared": Sibling(
            "SmoothGrad squared",
            "The average of the squared gradients over noisy copies: where the score is sensitive, whatever the sign.",
            "Hooker et al. 2018, arXiv:1806.10758",
            values="squared rate",
        ),
        "vargrad": Sibling(
            "VarGrad",
            "The variance of the gradient over noisy copies: where the model's answer to small changes is unsettled.",
            "Adebayo et al. 2018, arXiv:1810.03307",
            values="squared rate",
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

    The draws are independent. Pairs of opposite draws would lower the error by 6 % at equal work on the built-in model,
    that of the square and of the variance not at all: not worth a standard error that has to know of them.

    Its siblings are the mean square (Hooker et al. 2018, arXiv:1806.10758) and the sample variance (Adebayo et al. 2018,
    arXiv:1810.03307) over the same draws. Its quality is the standard error of the mean map, relative to the map.
    """
    sigma = noise * (x.max() - x.min())
    moments = Moments()
    for chunk in f.each(x + sigma * f.noise(i) for i in range(samples)):
        for index in range(chunk.gradients.shape[1]):
            moments.add(chunk.gradients[:, index])
        done, mean, variance = moments.count, moments.mean, moments.variance
        yield Estimate(
            mean,
            done,
            samples,
            quality=moments.standard_error(),
            siblings={"smoothgrad_squared": variance * ((done - 1) / done) + mean * mean}
            | ({"vargrad": variance} if done > 1 else {}),  # one sample has no variance, which is not one of zero
        )
