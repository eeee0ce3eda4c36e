"""Score-CAM and Ablation-CAM: class activation maps whose weights are measured by forwards, one channel after the other.

The channels are visited in the order of how much they can matter. The weights of those that are still to come are guessed
from the gradient at the layer, so that every running map is an estimate of the final one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.cams import needs_layer, weighted
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import method

__all__ = ["ablation_cam", "score_cam"]


@method(
    label="Score-CAM",
    explain="Each feature map of a layer is laid over the picture as a mask; the better the score of what it shows, the more it "
    "counts in the sum.",
    cite="Wang et al. 2019, arXiv:1910.01279",
    cost=lambda *, channels: 1 + channels,
    family="cam",
    reads="forwards",
    values="relative",
    layer=True,
    check=needs_layer,
)
def score_cam(
    f: ScoreFunction,
    x: Tensor,
    *,
    channels: Annotated[
        int,
        Range(1, 4096, log=True),
        Help("How many of the layer's channels are tried, the most active first; the others' weights are guessed."),
    ] = 512,
) -> Iterator[Estimate]:
    """Yield the feature maps' sum, weighted by the softmax of the scores that they leave as masks (arXiv:1910.01279).

    A mask is a channel's feature map, enlarged bilinearly and stretched to [0, 1]; what it hides is 0 in the model's input.
    The paper takes the score of an empty picture off each score, which the softmax over channels undoes, so it is left out. A
    channel that is the same everywhere is no mask and has no weight.

    The scores of channels that are not tried yet, or never because of `channels`, are read off a straight line fitted to
    those that were: score against the HiResCAM evidence that the mask leaves. With all channels tried (the paper's and
    other libraries' way) nothing is guessed.
    """
    chunk = next(iter(f.at().each([x])))
    activations = chunk.activations[0]
    alive = activations.amax((1, 2)) > activations.amin((1, 2))
    tried = [k for k in _order(activations.abs().sum((1, 2))) if alive[k]][:channels]
    if not tried:
        yield Estimate(torch.zeros_like(chunk.gradients[:, 0, :1]), 1, 1)
        return
    # How much of the evidence each mask leaves, at the layer's own resolution.
    evidence = (activations * chunk.gradients[:, 0]).sum(1)
    line = _Line(torch.einsum("thw,khw->tk", evidence, _stretched(activations)))
    size = (int(x.shape[1]), int(x.shape[2]))
    for found in f.scored(x * mask(activations[k], size) for k in tried):
        for scores in found.scores:
            line.add(tried[line.count], scores)
        weights = line.values().masked_fill(~alive, -torch.inf).softmax(1)
        yield Estimate(weighted(weights, activations), 1 + line.count, 1 + len(tried))


@method(
    label="Ablation-CAM",
    explain="Each feature map of a layer, weighted by how much the score falls when it is set to zero, summed. The paper's ReLU "
    'is the display\'s sign "positive".',
    cite="Desai & Ramaswamy 2020, WACV",
    cost=lambda *, channels: 1 + channels,
    family="cam",
    reads="forwards",
    values="relative",
    layer=True,
    check=needs_layer,
)
def ablation_cam(
    f: ScoreFunction,
    x: Tensor,
    *,
    channels: Annotated[
        int,
        Range(1, 4096, log=True),
        Help(
            "How many of the layer's channels are set to zero, the weightiest first; the others' weights are guessed."
        ),
    ] = 2048,
) -> Iterator[Estimate]:
    """Yield the feature maps' sum, each weighted by the fall of the score without it (Desai & Ramaswamy, WACV 2020).

    The paper divides the fall by the score itself. That is the same factor in all places; where the score is negative it would
    turn the whole map's sign, and near zero it says nothing, so it is left out: the weights are in the score's units. A
    channel is set to zero whatever its sign (pytorch-grad-cam puts a very negative number in place of a channel of a layer
    that is not rectified). Prefix tokens stay as they are.

    The weight of a channel that is not tried yet, or never because of `channels`, is the first-order one: activation times
    gradient, summed. Channels whose first-order weight is large come first. With all of them tried, as in the paper and in
    other libraries, no gradient enters the map.
    """
    at = f.at()
    chunk = next(iter(at.each([x])))
    activations = chunk.activations[0]
    weights = (activations * chunk.gradients[:, 0]).sum((2, 3))
    shares = weights.abs() / weights.abs().sum(1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)
    tried = _order(shares.amax(0))[:channels]

    def ablated() -> Iterator[Tensor]:
        for k in tried:
            others = activations.clone()
            others[k] = 0
            yield others

    count = 0
    total = 1 + len(tried)
    yield Estimate(weighted(weights, activations), 1, total)
    for found in at.scored(x, ablated()):
        for scores in found.scores:
            weights[:, tried[count]] = chunk.scores[0] - scores
            count += 1
        yield Estimate(weighted(weights, activations), 1 + count, total)


def mask(activation: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a channel's activation (h, w) as a mask of `size`, from 0 to 1."""
    large = interpolate(activation[None, None], size, mode="bilinear", align_corners=False)
    return _stretched(large[0])[0]


def _stretched(activations: Tensor) -> Tensor:
    """Return activations (K, h, w) stretched to [0, 1], each channel by itself; one that is the same everywhere becomes 0."""
    low, high = activations.amin((1, 2), keepdim=True), activations.amax((1, 2), keepdim=True)
    return (activations - low) / torch.where(high > low, high - low, 1)


def _order(importance: Tensor) -> list[int]:
    """Return the channels, the most important first."""
    order: list[int] = importance.argsort(descending=True, stable=True).tolist()
    return order


class _Line:
    """Values (T, K) of which some are known, the rest on a straight line through those, over a number that all have.

    Parameters
    ----------
    places : Tensor
        That number, (T, K).
    """

    def __init__(self, places: Tensor) -> None:
        self._places = places
        self._known: list[int] = []
        self._values: list[Tensor] = []

    @property
    def count(self) -> int:
        """How many are known."""
        return len(self._known)

    def add(self, index: int, values: Tensor) -> None:
        """Take the values (T,) at one index."""
        self._known.append(index)
        self._values.append(values)

    def values(self) -> Tensor:
        """Return all values; a guess never lies outside of what was seen."""
        known = torch.stack(self._values, 1)
        places = self._places[:, self._known]
        middle, centre = known.mean(1, keepdim=True), places.mean(1, keepdim=True)
        spread = (places - centre).square().sum(1, keepdim=True)
        slope = ((places - centre) * (known - middle)).sum(1, keepdim=True) / torch.where(spread > 0, spread, 1)
        guesses = middle + slope * (self._places - centre)
        guesses = guesses.clamp(known.amin(1, keepdim=True), known.amax(1, keepdim=True))
        guesses[:, self._known] = known
        return guesses
