"""Relevance: LRP and Deep Taylor by the rules of zennit, DeepLIFT by its own; the score is divided up layer by layer.

Layers with weights get zennit's rules. What has no weights (additions, pools, activations, gates) gets its rule at the call
of torch itself, so that a sum in a residual block needs nobody who knows that block. Attention has no rule here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules import activation

from saliency_widget.compute import ScoreFunction
from saliency_widget.errors import BadParameter, ModelError
from saliency_widget.methods.estimate import Estimate, Quality
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import Applies, method
from saliency_widget.methods.surgery.calls import POINTWISE, REARRANGING, SUMMING, Answer, Answers, no_copy
from saliency_widget.methods.surgery.passing import Weighed, passed, shared, to_the_signal
from saliency_widget.model import ImageModel
from saliency_widget.model.facts import Facts
from saliency_widget.model.merging import CONVOLUTIONS, WEIGHTED, Course, merge, own_parameters

__all__ = ["conserved", "deep_taylor", "has_rules", "lrp", "only_logits", "shares"]

Rule = Literal["epsilon_plus_flat", "epsilon", "gamma", "alpha_beta"]

_BAD_ERROR = 0.5
"""From this conservation error on, more than half of the score is lost in biases, or came from nowhere."""

_ADDING = frozenset({"add", "add_", "sub", "sub_", "__add__", "__iadd__", "__radd__", "__sub__", "__isub__"})
_MULTIPLYING = frozenset({"mul", "mul_", "div", "div_", "multiply", "__mul__", "__rmul__", "__imul__", "__truediv__"})
_ANSWERS: dict[str, Answer] = {
    **dict.fromkeys(POINTWISE | {"batch_norm"}, passed),
    **dict.fromkeys(SUMMING | _ADDING, shared),
    **dict.fromkeys(_MULTIPLYING, to_the_signal),
}

_NO_RULE = {
    "layer_norm": "layer normalisation",
    "softmax": "a softmax",
    "scaled_dot_product_attention": "attention",
    "multi_head_attention_forward": "attention",
}
_KINDS_WITHOUT_RULE = ("LayerNorm", "GroupNorm", "InstanceNorm2d", "RMSNorm", "LocalResponseNorm", "MultiheadAttention")
_PLAIN_ACTIVATIONS = frozenset({"ReLU", "ReLU6"})


def has_rules(model: ImageModel) -> Applies:
    """Say whether each part of a network has a rule by which relevance passes it."""
    facts = model.facts
    if facts is None:
        return Applies.works()
    if (obstacle := next(_obstacles(model, facts), None)) is not None:
        return Applies.no(obstacle)
    if odd := _no_rectifiers(facts):
        return Applies.works(
            f"relevance passes {', '.join(odd)} unchanged, as zennit has it; look at the conservation error"
        )
    return Applies.works()


def _no_rectifiers(facts: Facts) -> list[str]:
    kinds = sorted(set(facts.kinds) & (set(activation.__all__) - _PLAIN_ACTIVATIONS))
    known = {kind.lower() for kind in kinds}
    return kinds + sorted(set(facts.functions) & (POINTWISE - {"relu", "relu_", "relu6"}) - known)


def _obstacles(model: ImageModel, facts: Facts) -> Iterator[str]:
    """Yield what relevance cannot pass."""
    if (obstacle := no_copy(model)) is not None:
        yield obstacle
    if facts.opaque:
        yield f"the inside of '{facts.opaque[0]}' is compiled: its layers cannot follow other rules"
    if facts.attention:
        yield "no rule for attention; attnlrp has one"
    yield from (f"no rule for {kind}" for kind in _KINDS_WITHOUT_RULE if kind in facts.kinds)
    yield from (f"no rule for {called}" for function, called in _NO_RULE.items() if function in facts.functions)
    if model.heads and all(head.ending is not None for head in model.heads.values()):
        yield "the network ends in a softmax or a sigmoid; relevance divides up a logit"
    for name in facts.reused:
        if isinstance(model.shadow.get_submodule(name), WEIGHTED):
            yield f"layer '{name}' is called {facts.calls[name]} times; the rules know one input of each"


def has_relu_rules(model: ImageModel) -> Applies:
    """Say whether a network is one for Deep Taylor: nothing but rectifiers between its layers."""
    applies = has_rules(model)
    if applies.status == "works" and model.facts is not None and (odd := _no_rectifiers(model.facts)):
        return Applies.no(f"Deep Taylor supposes ReLUs; this network has {', '.join(odd)}")
    return applies


@method(
    label="LRP",
    explain="The score, handed back layer by layer: each unit gives what it got to those that it was made of, by their share.",
    cite="Bach et al. 2015, doi:10.1371/journal.pone.0130140; Kohlbrenner et al. 2020, arXiv:1910.09840",
    cost=lambda *, rule, epsilon, gamma: 1,  # noqa: ARG005
    family="relevance",
    values="score",
    check=has_rules,
    extra="zennit",
)
def lrp(
    f: ScoreFunction,
    x: Tensor,
    *,
    rule: Annotated[
        Rule, Help("How a layer divides up: the first one evenly, convolutions by what is positive, ...")
    ] = ("epsilon_plus_flat"),
    epsilon: Annotated[
        float,
        Range(1e-9, 10, log=True),
        Help("What absorbs relevance in dense layers: more gives fewer, stronger parts."),
    ] = 1e-6,
    gamma: Annotated[
        float, Range(0, 10, 0.05), Help("How much positive weights are favoured by the gamma rule.")
    ] = 0.25,
) -> Iterator[Estimate]:
    """Yield Layer-wise Relevance Propagation by zennit's rules (Bach et al. 2015).

    ``epsilon_plus_flat``: the first layer flat, convolutions z-plus, dense layers epsilon. ``epsilon``: epsilon everywhere.
    ``gamma`` and ``alpha_beta`` (2, 1): that rule in convolutions, epsilon in dense layers. Relevance begins as the logit
    itself, of a contrast as both logits with their signs, so that it adds up to the score as far as biases and rules let it:
    its quality is the conservation error. Batch norm is made one with the layer before it.
    """

    def choose(layer: nn.Module, *, first: bool) -> Any:
        from zennit.rules import AlphaBeta, Epsilon, Flat, Gamma, ZPlus

        if rule == "epsilon_plus_flat" and first:
            return Flat()
        if rule == "epsilon" or not isinstance(layer, CONVOLUTIONS):
            return Epsilon(epsilon=epsilon)
        return {"gamma": lambda: Gamma(gamma=gamma), "alpha_beta": AlphaBeta}.get(rule, ZPlus)()

    yield from shares(f, x, choose, "LRP")


@method(
    label="Deep Taylor",
    explain="The score, handed back layer by layer to what spoke for it alone, within the range that pixels can have.",
    cite="Montavon et al. 2017, arXiv:1512.02479",
    cost=lambda: 1,
    family="relevance",
    values="score",
    check=has_relu_rules,
    extra="zennit",
)
def deep_taylor(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield Deep Taylor decomposition: z-plus in every layer, z-box in the first one (arXiv:1512.02479).

    The box is what black and white are in the model's input. The paper supposes a positive score and biases that are not
    positive; where they are, they take their part, and the conservation error says how much.
    """
    low, high = (_course(f, f.baseline(name)).first for name in ("black", "white"))

    def choose(_layer: nn.Module, *, first: bool) -> Any:
        from zennit.rules import ZBox, ZPlus

        return ZBox(low=low, high=high) if first else ZPlus()

    yield from shares(f, x, choose, "Deep Taylor")


def shares(f: ScoreFunction, x: Tensor, choose: Callable[..., Any], asked_by: str) -> Iterator[Estimate]:
    """Yield the relevance of the input under the rules that are chosen.

    Parameters
    ----------
    f : ScoreFunction
    x : Tensor
    choose : callable
        Takes a layer with weights, and whether it is the first, returns a hook of zennit.
    asked_by : str
        The method's name for errors.
    """
    only_logits(f, asked_by)
    course = _course(f, x)
    if not course.order:
        message = f"{asked_by} divides up relevance at layers with weights, and the network has called none"
        raise ModelError(message)
    twice = {name for name in course.order if course.order.count(name) > 1} | course.altered
    if twice:
        message = (
            f"{asked_by} has no rule for layer '{min(twice)}', which is called twice or changes its weights on the way"
        )
        raise ModelError(message)
    ruled = [0]

    def prepare(module: nn.Module) -> None:
        merge(module, course.pairs())
        for place, name in enumerate(course.order):
            layer = module.get_submodule(name)
            own_parameters(layer)  # zennit puts others in their place for a moment
            choose(layer, first=place == 0).register(layer)
            layer.register_forward_pre_hook(lambda *_: _count(ruled, 1))
            layer.register_forward_hook(lambda *_: _count(ruled, -1))

    with f.rules(prepare, lambda: _Rules(ruled, asked_by), Weighed.apply) as g:
        for chunk in g.each([x]):
            relevance = chunk.gradients[:, 0]
            yield Estimate(relevance, 1, 1, quality=conserved(relevance, chunk.scores[0]))


def conserved(relevance: Tensor, scores: Tensor) -> tuple[tuple[Quality, ...], ...]:
    """Compare each map's sum with its score."""
    figures = []
    for total, score in zip(relevance.flatten(1).sum(1).tolist(), scores.tolist(), strict=True):
        error = abs(total - score) / max(abs(score), torch.finfo(torch.float32).tiny)
        text = f"conservation error {100 * error:.2g} %" if error < 10 else "conservation error above 1000 %"
        figures.append((Quality("conservation_error", error, text, bad=error > _BAD_ERROR),))
    return tuple(figures)


def only_logits(f: ScoreFunction, asked_by: str) -> None:
    """Refuse what is no sum of the network's outputs.

    Raises
    ------
    BadParameter
        If another score than the logit is asked for, or the logit is not what the network returns.
    """
    for target in f.targets:
        head = f.heads[target.head]
        if head.kind == "value":
            continue
        if f.score != "logit":
            message = f"{asked_by} divides up a logit, and the score was given as {f.score!r}; use score='logit'"
            raise BadParameter(message)
        if head.ending is not None:
            message = (
                f"{asked_by} divides up a logit, and head '{head.name}' ends in a {head.ending}, which has no rule; give the "
                "module without it"
            )
            raise BadParameter(message)


def _course(f: ScoreFunction, x: Tensor) -> Course:
    """Watch one input go through the network."""
    course = Course()
    with f.rules(course.prepare, course.around) as dry:
        dry.scores(x[None])
    return course


class _Rules(Answers):
    """The rules of all that has no weights; what a layer with weights does is zennit's business."""

    def __init__(self, ruled: list[int], asked_by: str) -> None:
        super().__init__(_ANSWERS, REARRANGING, asked_by)
        self._ruled = ruled

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Answer a call, except inside of a layer that has a rule as a whole."""
        if self._ruled[0]:
            return func(*args, **(kwargs or {}))
        return super().__torch_function__(func, types, args, kwargs)


def _count(ruled: list[int], step: int) -> None:
    ruled[0] += step
