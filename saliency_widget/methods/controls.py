"""Controls: maps that never look at the model. A method whose map resembles one of them may explain no more than it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import method

__all__ = ["edges", "plain_input", "random"]

_CITE = "Adebayo et al. 2018, arXiv:1810.03292"
_REACH = 3.0
"""The Gaussian ends at this many sigmas."""


@method(
    label="Edge detector (control)",
    explain="The edges of the picture. It does not look at the model at all: whatever looks like this may explain nothing.",
    cite=_CITE,
    cost=lambda: 1,
    family="controls",
    reads="pixels",
)
def edges(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield the strength of the edges in the model's input, by Scharr's filter: the same map for every target.

    A control (Adebayo et al. 2018, arXiv:1810.03292): maps of several methods resemble it, though it knows no model.
    """
    smooth, slope = x.new_tensor([3.0, 10.0, 3.0]) / 16, x.new_tensor([-1.0, 0.0, 1.0]) / 2
    kernels = torch.stack([torch.outer(smooth, slope), torch.outer(slope, smooth)])[:, None]
    slopes = conv2d(pad(x[:, None], (1, 1, 1, 1), mode="replicate"), kernels)
    yield _for_all(f, slopes.square().sum((0, 1)).sqrt())


@method(
    label="Random map (control)",
    explain="Smooth random noise. It does not look at the model, nor at the picture: a check should rate every method above it.",
    cite=_CITE,
    cost=lambda *, grain: 1,  # noqa: ARG005
    family="controls",
    reads="pixels",
)
def random(
    f: ScoreFunction,
    x: Tensor,
    *,
    grain: Annotated[
        float, Range(0, 64, 0.5), Help("Size of its spots in pixels; 0 draws every pixel on its own.")
    ] = 8.0,
) -> Iterator[Estimate]:
    """Yield a random map with mean 0 and standard deviation 1: the same one for every picture, model and target.

    A control (Adebayo et al. 2018, arXiv:1810.03292). It depends on the seed and on the size alone.
    """
    noise = f.noise(0).to(x)[0]
    if grain > 0:
        reach = max(1, round(_REACH * grain))
        places = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
        weights = torch.exp(-0.5 * (places / grain) ** 2)
        noise = _circular(_circular(noise, weights).T, weights).T
    noise = noise - noise.mean()
    yield _for_all(f, noise / noise.square().mean().sqrt().clamp_min(torch.finfo(noise.dtype).tiny))


@method(
    label="Plain input (control)",
    explain="The picture itself as a map. It does not look at the model at all: it shows what any map times the input shows.",
    cite=_CITE,
    cost=lambda: 1,
    family="controls",
    reads="pixels",
)
def plain_input(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield the model's input, its channels added up: the same map for every target.

    A control (Adebayo et al. 2018, arXiv:1810.03292) for methods that multiply by the input.
    """
    yield _for_all(f, x.sum(0))


def _for_all(f: ScoreFunction, heatmap: Tensor) -> Estimate:
    """Return one map (h, w) as that of all targets."""
    return Estimate(heatmap.expand(len(f.targets), 1, -1, -1), 1, 1)


def _circular(rows: Tensor, weights: Tensor) -> Tensor:
    """Filter each row (n, length), which goes on at its other end: so its deviation is the same everywhere."""
    reach = len(weights) // 2
    places = torch.arange(-reach, rows.shape[1] + reach, device=rows.device) % rows.shape[1]
    return conv2d(rows[:, places][:, None, None], weights[None, None, None])[:, 0, 0]
