"""Attention worked out in the open, wherever a network asks for it: in a module, in one fused call, or in a softmax of its own.

A fused call never shows its probabilities. Here they are computed step by step, equal but for rounding, so that a method can
see them, change the way back through them, or take a gradient with respect to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from saliency_widget.errors import ModelError
from saliency_widget.methods.surgery.calls import Answer, Answers

__all__ = ["Probabilities", "attention", "module_attention"]

Product = Callable[[Tensor, Tensor], Tensor]
Seen = Callable[[Tensor], Tensor]


def attention(see: Seen, product: Product = torch.matmul) -> Answer:
    """Return an answer to ``scaled_dot_product_attention``.

    Parameters
    ----------
    see : callable
        Takes the probabilities (..., L, S), returns what is used in their place.
    product : callable
        Multiplies two matrices.
    """

    def answer(_func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        return _attend(see, product, *args, **kwargs)

    return answer


def module_attention(see: Seen, product: Product = torch.matmul) -> Answer:
    """Return an answer to ``multi_head_attention_forward``, as ``nn.MultiheadAttention`` calls it; see :func:`attention`."""

    def answer(
        _func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Tensor, Tensor | None]:
        return _module(see, product, *args, **kwargs)

    return answer


class Probabilities(Answers):
    """Keeps the probabilities of each attention of one forward, and makes place for a gradient with respect to them.

    Parameters
    ----------
    sites : int
        How many there will be.

    Attributes
    ----------
    seen : list of Tensor
        The probabilities, each (N, heads, L, L), in the order of the forward.
    nudge : Tensor or None
        Shape (1, sites, heads, L, L): zeros that were added to them, for the gradient.
    """

    def __init__(self, sites: int) -> None:
        answers: dict[str, Answer] = {
            "scaled_dot_product_attention": attention(self._see),
            "multi_head_attention_forward": module_attention(self._see),
            "softmax": self._softmax,
        }
        super().__init__(answers)
        self._sites = sites
        self.seen: list[Tensor] = []
        self.nudge: Tensor | None = None

    def checked(self) -> tuple[Tensor, Tensor]:
        """Return the probabilities (sites, heads, L, L) of the first image, and the nudge.

        Raises
        ------
        ModelError
            If there were not as many as the first time.
        """
        if self.nudge is None or len(self.seen) != self._sites:
            message = f"the network attended {len(self.seen)} times and not {self._sites} times as with its first image"
            raise ModelError(message)
        return torch.stack([one[0] for one in self.seen]), self.nudge

    def _see(self, p: Tensor) -> Tensor:
        if p.dim() != 4 or p.shape[-1] != p.shape[-2]:
            return p  # one query that looks at all tokens: no attention of tokens among themselves
        if self.nudge is None:
            self.nudge = p.new_zeros(1, self._sites, *p.shape[1:]).requires_grad_()
        place = len(self.seen)
        self.seen.append(p.detach())
        if place >= self._sites or p.shape[1:] != self.nudge.shape[2:]:
            return p
        return p + self.nudge[:, place]

    def _softmax(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        p = func(*args, **kwargs)
        dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
        return self._see(p) if dim in {-1, p.dim() - 1} else p


def _attend(
    see: Seen,
    product: Product,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    if dropout_p > 0:
        message = f"the network drops attention at random (dropout_p={dropout_p:g}) in evaluation mode; it must not"
        raise ModelError(message)
    if enable_gqa:
        repeats = query.shape[-3] // key.shape[-3]
        key, value = (part.repeat_interleave(repeats, -3) for part in (key, value))
    weights = product(query, key.transpose(-2, -1)) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        ones = torch.ones(weights.shape[-2:], dtype=torch.bool, device=weights.device)
        weights = weights.masked_fill(~ones.tril(), -math.inf)
    if attn_mask is not None:
        weights = weights.masked_fill(~attn_mask, -math.inf) if attn_mask.dtype == torch.bool else weights + attn_mask
    return product(see(weights.softmax(-1)), value)


def _module(
    see: Seen,
    product: Product,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _embed_dim: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    _dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    odd = bias_k is not None or bias_v is not None or add_zero_attn or query.dim() != 3
    if odd or any(options.get(name) is not None for name in ("static_k", "static_v")) or options.get("training", True):
        message = "an nn.MultiheadAttention with added keys, without a batch or in training cannot be looked into"
        raise ModelError(message)
    if options.get("use_separate_proj_weight"):
        weights = [options[f"{name}_proj_weight"] for name in "qkv"]
    else:
        weights = list(in_proj_weight.chunk(3))  # type: ignore[union-attr]
    biases: list[Tensor | None] = [None] * 3 if in_proj_bias is None else list(in_proj_bias.chunk(3))

    def heads(tokens: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return (N, heads, L, channels per head) of tokens (L, N, C)."""
        made = F.linear(tokens, weight, bias)
        return made.view(*made.shape[:-1], num_heads, -1).permute(1, 2, 0, 3)

    q, k, v = (heads(*each) for each in zip((query, key, value), weights, biases, strict=True))
    mask = _mask(options, q, k)
    kept: list[Tensor] = []

    def note(p: Tensor) -> Tensor:
        kept.append(see(p))
        return kept[-1]

    mixed = _attend(note, product, q, k, v, mask)
    output = F.linear(mixed.permute(2, 0, 1, 3).flatten(2), out_proj_weight, out_proj_bias)
    if not options.get("need_weights", True):
        return output, None
    return output, kept[0].mean(1) if options.get("average_attn_weights", True) else kept[0]


def _mask(options: dict[str, Any], q: Tensor, k: Tensor) -> Tensor | None:
    """Return the masks of an ``nn.MultiheadAttention``, in which True hides, as one that is added."""
    total: Tensor | None = None
    mask, padding = options.get("attn_mask"), options.get("key_padding_mask")
    if mask is not None:
        mask = mask.unflatten(0, (len(q), -1)) if mask.dim() == 3 else mask
        total = _added(mask, q)
    if padding is not None:
        hidden = _added(padding, k)[:, None, None]
        total = hidden if total is None else total + hidden
    return total


def _added(mask: Tensor, like: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, dtype=like.dtype, device=like.device).masked_fill(mask, -math.inf)
