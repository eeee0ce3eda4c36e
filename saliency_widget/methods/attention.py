"""Methods that read a transformer's attention: rollout, gradient times attention, LeGrad; on the grid of its tokens.

Where the class token is read, its row of the attention is taken; where the head pools tokens, the mean of the rows that it
reads. Which rows those are is measured, by the gradient of the score at the last attention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from saliency_widget.compute import ScoreFunction
from saliency_widget.compute.chunks import chunked
from saliency_widget.errors import ModelError, NotFinite
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.parameters import Help
from saliency_widget.methods.registry import Applies, method
from saliency_widget.methods.surgery.attending import Probabilities
from saliency_widget.methods.surgery.calls import no_copy
from saliency_widget.model import ImageModel
from saliency_widget.model.facts import Attention, Facts, first_tensor
from saliency_widget.model.layers import Layer

__all__ = ["attends", "attention_rollout", "blocks", "gradient_attention", "legrad"]


def attends(model: ImageModel) -> Applies:
    """Say whether all tokens of a network attend to all others, on a grid."""
    if model.facts is None:
        return Applies.works()
    obstacle = no_copy(model) or next(_obstacles(model.facts), None)
    return Applies.works() if obstacle is None else Applies.no(obstacle)


def _obstacles(facts: Facts) -> Iterator[str]:
    """Yield what keeps attention from being followed from the pixels to the head."""
    if facts.opaque:
        yield f"the inside of '{facts.opaque[0]}' is compiled: its attention, if it has any, cannot be seen"
    if not facts.attention:
        yield "no attention in the network"
    if any(site.windowed for site in facts.attention):
        yield "windowed attention: no token sees the whole picture, so there is nothing to follow from row to row"
    if len({site.tokens for site in facts.attention}) > 1:
        yield "the number of tokens changes on the way, so that attention cannot be followed from layer to layer"
    if _grid(facts) is None:
        yield "the tokens lie on no grid over the picture"


def has_blocks(model: ImageModel) -> Applies:
    """Say whether, besides, each attention has a block of its own whose output the head can be given."""
    applies = attends(model)
    if applies.ok and model.facts is not None and len(blocks(model.facts)) < len(model.facts.attention):
        return Applies.no("the attentions do not lie in blocks of their own, whose outputs could be given to the head")
    return applies


@method(
    label="Attention rollout",
    explain="Where the tokens that the head reads have looked, layer by layer multiplied up; the same for every class.",
    cite="Abnar & Zuidema 2020, arXiv:2005.00928",
    cost=lambda *, heads: 1,  # noqa: ARG005
    family="attention",
    values="relative",
    check=attends,
)
def attention_rollout(
    f: ScoreFunction,
    x: Tensor,
    *,
    heads: Annotated[Literal["mean", "max", "min"], Help("How the heads of a layer are made one.")] = "mean",
) -> Iterator[Estimate]:
    """Yield attention rollout (arXiv:2005.00928): the product over layers of half the attention and half the identity.

    It does not look at the class: two classes of one head have the same map. Shares of attention, no score units.
    """
    for p, gradients in _differentiated(f, x):
        fused = p.mean(1) if heads == "mean" else p.amax(1) if heads == "max" else p.amin(1)
        rolled = torch.eye(p.shape[-1]).to(p)
        for layer in fused:
            mixed = layer + torch.eye(len(layer)).to(p)
            rolled = (mixed / mixed.sum(-1, keepdim=True)) @ rolled
        yield Estimate(torch.stack([_map(f, rolled, _read(g[-1])) for g in gradients]), 1, 1)


@method(
    label="Gradient x attention",
    explain="Attention weighted by its gradient, what speaks for the score only, followed from layer to layer.",
    cite="Chefer et al. 2021, arXiv:2103.15679",
    cost=lambda: 1,
    family="attention",
    values="relative",
    check=attends,
)
def gradient_attention(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield the relevance of self-attention of Chefer et al. 2021 (arXiv:2103.15679)."""
    for p, gradients in _differentiated(f, x):
        maps = []
        for g in gradients:
            relevance = torch.eye(p.shape[-1]).to(p)
            for weighted in (g * p).clamp_min(0).mean(1):
                relevance = relevance + weighted @ relevance
            maps.append(_map(f, relevance, _read(g[-1])))
        yield Estimate(torch.stack(maps), 1, 1)


@method(
    label="LeGrad",
    explain="How each layer's attention would have to change to raise the score that its own tokens would get.",
    cite="Bousselham et al. 2024, arXiv:2404.03214",
    cost=lambda: 1,
    family="attention",
    values="relative",
    check=has_blocks,
)
def legrad(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield LeGrad (arXiv:2404.03214): the positive gradient of each layer's own score at its attention, averaged.

    A layer's own score is what the head says of that block's output, given to it in the place of the last one's. Averaged
    over heads, rows and layers; not rescaled to [0, 1], as the paper does for drawing.
    """
    chain = blocks(f.facts)
    for _, gradients in _differentiated(f, x, chain):
        yield Estimate(torch.stack([_map(f, g.clamp_min(0).mean((0, 1)), None) for g in gradients]), 1, 1)


def blocks(facts: Facts) -> tuple[str, ...]:
    """Return the name of each attention's block: the outermost module that holds no other attention.

    A network with one attention has one block, whose output is the last one's anyway: its attention stands for it.
    """
    names = [site.name for site in facts.attention]
    if len(names) == 1:
        return (names[0],)
    found = []
    for name in names:
        others = [other for other in names if other != name]
        parts = name.split(".")
        scopes = [".".join(parts[: n + 1]) for n in range(len(parts))]
        alone = [s for s in scopes if not any(other == s or other.startswith(f"{s}.") for other in others)]
        if names.count(name) == 1 and alone:
            found.append(alone[0])
    return tuple(found)


def _differentiated(f: ScoreFunction, x: Tensor, chain: tuple[str, ...] = ()) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield once the probabilities (sites, heads, L, L), and the gradients (T, sites, heads, L, L) of the scores at them.

    Parameters
    ----------
    f : ScoreFunction
    x : Tensor
    chain : tuple of str
        Blocks, where each attention is to be held against the score of its own block's output.
    """
    sites = len(f.facts.attention)
    watch: list[Probabilities] = []

    def around() -> AbstractContextManager[object]:
        watch[:] = [Probabilities(sites)]
        return watch[0]

    with f.rules(_Chain(chain).prepare if len(chain) > 1 else None, around) as g:
        points = x.expand(max(1, len(chain)), *x.shape) if chain else x[None]

        def run() -> tuple[Tensor, Tensor]:
            with g.passing(points) as (scores, _, _):
                p, nudge = watch[0].checked()
                return p, g.gradients_of(scores, nudge)

        # As a chunk of one, since that says what to do when memory runs out.
        for p, gradients in chunked(g.pace, [x], lambda _start, _points: g.differentiate(run)):
            if not bool(torch.isfinite(p).all() & torch.isfinite(gradients).all()):
                message = "the attention of this image, or the gradient at it, is NaN or infinite; check the network's weights"
                raise NotFinite(message)
            yield p, gradients[:, 0]


class _Chain:
    """Gives the outputs of all blocks to the head, as if they were pictures of a batch.

    The batch that the network is given has as many copies of the picture as there are blocks; the first block takes one of
    them, so that the blocks run once. Each block is cut off from the one before, so that no gradient goes past it.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._outputs: list[Tensor] = []

    def prepare(self, module: nn.Module) -> None:
        """Put the hooks on a private copy."""
        for place, name in enumerate(self._names):
            block = module.get_submodule(name)
            block.register_forward_pre_hook(self._before(first=place == 0))
            block.register_forward_hook(self._behind(last=place == len(self._names) - 1))

    def _before(self, *, first: bool) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
        def hook(_block: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            if not inputs or not isinstance(inputs[0], Tensor):
                message = "LeGrad needs blocks that take their tokens as the first argument"
                raise ModelError(message)
            if first:
                self._outputs.clear()
            tokens = inputs[0][:1] if first else inputs[0]
            return (tokens.detach(), *inputs[1:])

        return hook

    def _behind(self, *, last: bool) -> Callable[[nn.Module, Any, Any], Any]:
        def hook(_block: nn.Module, _inputs: Any, output: Any) -> Any:
            tokens = first_tensor(output)
            if tokens is None:
                message = f"LeGrad needs blocks that return tokens; one returns {type(output).__name__}"
                raise ModelError(message)
            self._outputs.append(tokens)
            if not last:
                return output
            every = torch.cat(self._outputs)
            return every if isinstance(output, Tensor) else type(output)((every, *output[1:]))

        return hook


def _read(gradient: Tensor) -> Tensor:
    """Return which rows of the last attention (heads, L, L) the score reads; all, if it reads none."""
    rows = gradient.abs().sum((0, 2)) > 0
    return rows if bool(rows.any()) else ~rows


def _map(f: ScoreFunction, relevance: Tensor, rows: Tensor | None) -> Tensor:
    """Return the mean of some rows, of all where none are named, on the tokens' grid, (1, h, w)."""
    layer = _grid(f.facts)
    if layer is None:
        message = "the tokens of this network lie on no grid over the picture"
        raise ModelError(message)
    row = (relevance if rows is None else relevance[rows]).mean(0)
    return row[layer.prefix :].reshape(1, layer.height, layer.width)


def _grid(facts: Facts) -> Layer | None:
    """Return a layer whose tokens are those that attend."""
    sites: tuple[Attention, ...] = facts.attention
    fits = (
        layer
        for layer in facts.layers
        if layer.kind == "tokens" and sites and layer.prefix + layer.height * layer.width == sites[0].tokens
    )
    return next(fits, None)
