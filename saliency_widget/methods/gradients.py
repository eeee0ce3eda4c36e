"""The plain gradient and its product with the input: one forward and one backward each."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.registry import method

__all__ = ["gradient", "input_x_gradient"]


@method(
    label="Gradient",
    explain="How much the score would change if a pixel changed a little.",
    cite="Simonyan et al. 2013, arXiv:1312.6034",
    cost=lambda: 1,
    family="gradients",
)
def gradient(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield the gradient of the score with respect to the input (Simonyan et al. 2013, arXiv:1312.6034)."""
    for chunk in f.each([x]):
        yield Estimate(chunk.gradients[:, 0], 1, 1)


@method(
    label="Input x gradient",
    explain="The gradient times the input: what each pixel adds to the score, if the model were linear.",
    cite="Shrikumar et al. 2016, arXiv:1605.01713",
    cost=lambda: 1,
    family="gradients",
    values="score",
)
def input_x_gradient(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield the gradient times the (normalised) input (Shrikumar et al. 2016, arXiv:1605.01713)."""
    for chunk in f.each([x]):
        yield Estimate(chunk.gradients[:, 0] * x, 1, 1)
