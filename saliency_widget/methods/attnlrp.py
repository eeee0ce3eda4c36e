"""AttnLRP: relevance through a transformer, as the gradient under other rules times the input; it needs no other package.

Nothing is divided by a small number on the way: an activation, a normalisation and a product are each replaced by a linear
step with the same value, and then input x gradient is what the epsilon rule without epsilon gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from saliency_widget.compute import ScoreFunction
from saliency_widget.errors import ModelError
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.registry import Applies, method
from saliency_widget.methods.relevance import conserved, only_logits
from saliency_widget.methods.surgery.attending import attention, module_attention
from saliency_widget.methods.surgery.calls import REARRANGING, SUMMING, Answer, Answers, no_copy
from saliency_widget.model import ImageModel
from saliency_widget.model.facts import Facts

__all__ = ["attnlrp", "has_attention_rules"]

_ACTIVATIONS = frozenset({"gelu", "silu", "relu", "relu_", "leaky_relu", "hardswish", "mish"})
"""Activations that are zero at zero, so that each is its input times a factor."""

_KINDS_WITHOUT_RULE = ("GroupNorm", "InstanceNorm2d", "RMSNorm", "MaxPool2d", "Tanh", "Sigmoid", "ReLU6", "Hardtanh")
_OTHERS = frozenset({"sigmoid", "tanh", "elu", "selu", "hardtanh", "relu6", "hardsigmoid", "softplus", "normalize"})
_PLAIN = REARRANGING | SUMMING | {
    "add", "add_", "sub", "neg", "__add__", "__iadd__", "__radd__", "__sub__", "linear", "conv1d", "conv2d", "softmax",
    "masked_fill", "batch_norm", "interpolate", "repeat_interleave", "float", "type",
}  # fmt: skip
_HALVED = frozenset({"mul", "mul_", "__mul__", "__rmul__", "__imul__", "multiply"})
_MATRICES = frozenset({"matmul", "__matmul__", "bmm", "baddbmm", "einsum"})


def has_attention_rules(model: ImageModel) -> Applies:
    """Say whether a network is a transformer all of whose parts have a rule."""
    if model.facts is None:
        return Applies.works()
    if (obstacle := next(_obstacles(model, model.facts), None)) is not None:
        return Applies.no(obstacle)
    return Applies.works(
        "position embeddings and class tokens keep what they are due; the conservation error says how much"
    )


def _obstacles(model: ImageModel, facts: Facts) -> Iterator[str]:
    """Yield what has no rule."""
    if (obstacle := no_copy(model)) is not None:
        yield obstacle
    if facts.opaque:
        yield f"the inside of '{facts.opaque[0]}' is compiled: its layers cannot follow other rules"
    if not facts.attention:
        yield "no attention in the network; lrp is for convolutions"
    yield from (f"no rule for {kind}" for kind in _KINDS_WITHOUT_RULE if kind in facts.kinds)
    yield from (f"no rule for {function}" for function in sorted(_OTHERS & set(facts.functions)))
    if model.heads and all(head.ending is not None for head in model.heads.values()):
        yield "the network ends in a softmax or a sigmoid; relevance divides up a logit"


@method(
    label="AttnLRP",
    explain="The score, handed back through attention, normalisation and layers down to the pixels, each to its share.",
    cite="Achtibat et al. 2024, arXiv:2402.05602",
    cost=lambda: 1,
    family="attention",
    values="score",
    check=has_attention_rules,
)
def attnlrp(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield AttnLRP (arXiv:2402.05602) at the pixels, with the epsilon rule in linear layers and in the patch embedding.

    Products of two tensors give half to each factor; a softmax keeps its gradient; a layer norm counts its standard deviation
    as a constant, and an activation is its input times a constant. The map adds up to the score less what biases, position
    embeddings and the class token keep: its quality is that difference.
    """
    only_logits(f, "AttnLRP")
    with f.rules(around=_rules) as g:
        for chunk in g.each([x]):
            relevance = chunk.gradients[:, 0] * x
            yield Estimate(relevance, 1, 1, quality=conserved(relevance, chunk.scores[0]))


def halved(a: Tensor, b: Tensor) -> Tensor:
    """Return the matrix product, whose gradient is halved for each factor."""
    return _half(a) @ _half(b)


class _Half(torch.autograd.Function):
    """Goes on unchanged, and hands back half."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        """Return `x`."""
        return x.clone()

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        """Return half of what was given."""
        half: Tensor = gradient / 2
        return half


def _half(x: Tensor) -> Tensor:
    half: Tensor = _Half.apply(x) if x.requires_grad else x
    return half


def _rules() -> Answers:
    answers: dict[str, Answer] = {
        "scaled_dot_product_attention": attention(lambda p: p, halved),
        "multi_head_attention_forward": module_attention(lambda p: p, halved),
        "layer_norm": _layer_norm,
        **dict.fromkeys(_ACTIVATIONS, _times_a_constant),
        **dict.fromkeys(_HALVED | _MATRICES, _product),
        **dict.fromkeys(("div", "div_", "__truediv__"), _quotient),
    }
    return Answers(answers, _PLAIN, "AttnLRP")


def _layer_norm(_func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Answer a layer norm: the mean is taken off with its gradient, the standard deviation is a constant."""
    given = dict(zip(("input", "normalized_shape", "weight", "bias", "eps"), args, strict=False)) | kwargs
    x: Tensor = given["input"]
    dims = tuple(range(-len(tuple(given["normalized_shape"])), 0))
    centred: Tensor = x - x.mean(dims, keepdim=True)
    y: Tensor = centred * (centred.detach().square().mean(dims, keepdim=True) + given.get("eps", 1e-5)).rsqrt()
    weight: Tensor | None = given.get("weight")
    y = y if weight is None else y * weight
    bias: Tensor | None = given.get("bias")
    return y if bias is None else y + bias


def _times_a_constant(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Answer an activation: its input times what that was multiplied by."""
    x: Tensor = args[0] if args else kwargs["input"]
    with torch.no_grad():
        copy = x.detach().clone()
        y = func(copy, *args[1:], **{name: value for name, value in kwargs.items() if name != "input"})
        in_place = y.data_ptr() == copy.data_ptr()
        before = x.detach()
        factor = torch.where(before == 0, 0.0, y / torch.where(before == 0, 1.0, before))
    # The value is the activation's own to the last bit; the factor says only what goes back.
    product = x * factor
    output = product + (y - product).detach()
    return x.copy_(output) if in_place else output


def _product(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a product: of two tensors that depend on the picture, each gets half; a constant gets nothing."""
    depending = sum(isinstance(a, Tensor) and a.requires_grad for a in args)
    if depending < 2:
        return func(*args, **kwargs)
    if func.__name__ in {"baddbmm", "einsum"}:
        message = f"AttnLRP has no rule for '{func.__name__}' of several tensors that depend on the picture; use another method"
        raise ModelError(message)
    first = args[0].clone() if func.__name__.endswith("_") and not func.__name__.endswith("__") else args[0]
    return func(_half(first), _half(args[1]), *args[2:], **kwargs)


def _quotient(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a division by a constant, which is linear."""
    if len(args) > 1 and isinstance(args[1], Tensor) and args[1].requires_grad:
        message = "AttnLRP has no rule for a division by what depends on the picture; use another method"
        raise ModelError(message)
    return func(*args, **kwargs)
