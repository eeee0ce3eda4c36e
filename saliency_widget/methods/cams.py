"""Class activation maps from one forward and one backward to a layer: Grad-CAM, what came after it, and Finer-CAM.

All of them are sums over the layer's channels of activation times weight; they differ in the weight. The maps are signed and
lie on the layer's own grid. The ReLU that the papers put around the sum is a choice of display (sign "positive"), not made here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import Applies, Sibling, method
from saliency_widget.model import ImageModel, Target
from saliency_widget.model.targets import ALL

__all__ = ["cam", "finer_cam", "grad_cam", "needs_layer", "weighted"]

_SIGNED = "The paper's ReLU is the display's sign \"positive\"."


def needs_layer(model: ImageModel) -> Applies:
    """Say whether a network has a layer to work at, and what kind of grid it is where it is one of tokens."""
    if model.facts is None:
        return Applies.works()
    if model.facts.default_layer is None:
        return Applies.no("the network has no feature map or token grid that a layer could be chosen from")
    layer = model.facts.aliases[model.facts.default_layer]
    if layer.kind == "tokens":
        return Applies.works(f"its map has one value for each of {layer.height} x {layer.width} image tokens")
    return Applies.works()


def _made_for_relu(model: ImageModel) -> Applies:
    """As :func:`needs_layer`, with a reserve where activations may be negative."""
    applies = needs_layer(model)
    if not applies or model.facts is None or model.facts.relus:
        return applies
    return Applies.works(
        "its formula divides by sums of activations and was derived for ReLUs, which are not negative; this network has none"
    )


@method(
    label="Grad-CAM",
    explain=f"Each feature map of a layer, weighted by how much the score rises with it on average, summed. {_SIGNED}",
    cite="Selvaraju et al. 2016, arXiv:1610.02391",
    cost=lambda: 1,
    family="cam",
    values="score",
    layer=True,
    check=needs_layer,
    siblings={
        "grad_cam_pp": Sibling(
            "Grad-CAM++",
            "Grad-CAM that counts only where the score rises with a feature map, and a small spot as much as a large one. "
            + _SIGNED,
            "Chattopadhay et al. 2017, arXiv:1710.11063",
            check=_made_for_relu,
        ),
        "hires_cam": Sibling(
            "HiResCAM",
            "Each feature map times its own gradient, place by place, without averaging: what each place of the layer adds "
            f"to the score, if all behind it were linear. {_SIGNED}",
            "Draelos & Carin 2020, arXiv:2011.08891",
        ),
        "layer_cam": Sibling(
            "LayerCAM",
            "Each feature map times its own gradient, place by place, only where that gradient is positive; also for early "
            "layers.",
            "Jiang et al. 2021, IEEE Transactions on Image Processing 30, doi:10.1109/TIP.2021.3089943",
        ),
        "xgrad_cam": Sibling(
            "XGrad-CAM",
            "Grad-CAM with the average taken where the feature map is active: its sum is the first-order effect of taking "
            f"the layer away. {_SIGNED}",
            "Fu et al. 2020, arXiv:2008.02312",
            check=_made_for_relu,
        ),
    },
)
def grad_cam(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield Grad-CAM (Selvaraju et al. 2016, arXiv:1610.02391), and four maps of its kind from the same pass, beside it.

    With activations A and gradients G of the score with respect to them, at each place i of the grid:

    - Grad-CAM: the sum over channels of A_i times the mean of G.
    - Grad-CAM++: the weight is the sum over places of ReLU(G_i) / (2 + G_i sum(A)), nothing where G_i is 0; this is the
      paper's for a score behind an exponential, whose own factor is the same in all places and left out.
    - HiResCAM: the sum of A_i G_i.
    - LayerCAM: the sum of A_i ReLU(G_i).
    - XGrad-CAM: the weight is sum(A G) / sum(A), nothing where a channel's activations add up to 0.

    None is rectified around the sum: evidence against the score stays negative. The ReLUs of the weights in Grad-CAM++ and
    LayerCAM are part of their formulas. In a network that ends in global average pooling and a linear layer, Grad-CAM and
    HiResCAM at the last feature map are equal, and add up to the score without its bias.
    """
    for chunk in f.at().each([x]):
        activations, gradients = chunk.activations[0], chunk.gradients[:, 0]
        others = {
            "grad_cam_pp": weighted(_plus_plus(activations, gradients), activations),
            "hires_cam": (activations * gradients).sum(1, keepdim=True),
            "layer_cam": (activations * gradients.clamp_min(0)).sum(1, keepdim=True),
            "xgrad_cam": weighted(_axiomatic(activations, gradients), activations),
        }
        yield Estimate(cam(activations, gradients), 1, 1, siblings=others)


@method(
    label="Finer-CAM",
    explain="Grad-CAM of the target class against the classes that the model finds most like it, so that what they share "
    f"drops out. {_SIGNED}",
    cite="Zhang et al. 2025, arXiv:2501.11309",
    cost=lambda *, compared, strength: 1 + compared,  # noqa: ARG005
    family="cam",
    values="score",
    layer=True,
    check=needs_layer,
)
def finer_cam(
    f: ScoreFunction,
    x: Tensor,
    *,
    compared: Annotated[int, Range(1, 5), Help("How many of the most similar classes it is compared with.")] = 3,
    strength: Annotated[
        float, Range(0.0, 2.0, 0.1), Help("How much of the other classes' score is taken off; 0 is Grad-CAM.")
    ] = 1.0,
) -> Iterator[Estimate]:
    """Yield Grad-CAM of a class's score less `strength` times that of its nearest rivals (arXiv:2501.11309).

    The rivals are the classes whose logits are nearest to the target's. They count by their probabilities, which are taken
    as constants. A target that already is a contrast keeps the rival that it names; one that has none (the value of a
    regression head, all outputs of a head) is explained as it is, so its map is Grad-CAM's.
    """
    sums = _contrasts(f, x, compared, strength)
    terms = [target for one in sums for target, _ in one]
    for chunk in f.like(terms).at().each([x]):
        gradients = iter(chunk.gradients[:, 0])
        contrast = torch.stack([_total([factor * next(gradients) for _, factor in one]) for one in sums])
        yield Estimate(cam(chunk.activations[0], contrast), 1 + compared, 1 + compared)


def cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Return Grad-CAM (T, 1, h, w), signed, from activations (K, h, w) and gradients (T, K, h, w)."""
    return weighted(gradients.mean((2, 3)), activations)


def weighted(weights: Tensor, activations: Tensor) -> Tensor:
    """Return the sums (T, 1, h, w) of activations (K, h, w) by weights (T, K)."""
    return torch.einsum("tk,khw->thw", weights, activations)[:, None]


def _plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    """Return Grad-CAM++'s weights (T, K)."""
    # Second over (twice the second plus the sum of A times the third derivative), all three powers of G, divided by G squared.
    below = 2 + gradients * activations.sum((1, 2))[:, None, None]
    return torch.where(below == 0, 0, gradients.clamp_min(0) / below).sum((2, 3))


def _axiomatic(activations: Tensor, gradients: Tensor) -> Tensor:
    """Return XGrad-CAM's weights (T, K)."""
    sums = activations.sum((1, 2))
    return torch.where(sums == 0, 0, (gradients * activations).sum((2, 3)) / sums)


def _contrasts(f: ScoreFunction, x: Tensor, compared: int, strength: float) -> list[list[tuple[Target, float]]]:
    """Return, for each target, the scores that its contrast is a sum of, each with its factor."""
    alone = [target for target in f.targets if target.index not in {None, ALL} and target.versus_index is None]
    classes = [
        Target(head.name, head.class_name(i), index=i)
        for head in f.heads.values()
        if any(target.head == head.name for target in alone)
        for i in range(head.size)
    ]
    logits = (
        dict(zip(classes, f.like(classes, score="logit").scores(x[None])[0].tolist(), strict=True)) if classes else {}
    )
    return [_contrast(f, target, logits if target in alone else {}, compared, strength) for target in f.targets]


def _contrast(
    f: ScoreFunction, target: Target, logits: dict[Target, float], compared: int, strength: float
) -> list[tuple[Target, float]]:
    if target.versus_index is not None:
        name = f.heads[target.head].class_name
        one, other = (Target(target.head, name(i), index=i) for i in (target.index or 0, target.versus_index))
        return [(one, 1.0), (other, -strength)]
    own = logits.get(target, 0.0)
    others = [other for other in logits if other.head == target.head and other != target]
    nearest = sorted(others, key=lambda other: abs(logits[other] - own))[:compared]
    # In the proportion of their probabilities.
    shares = torch.tensor([logits[other] for other in nearest], dtype=torch.float64).softmax(0).tolist()
    return [(target, 1.0), *((other, -strength * share) for other, share in zip(nearest, shares, strict=True))]


def _total(terms: list[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
