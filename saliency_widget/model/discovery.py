"""What the first image shows of a model's outputs: its heads, what they end in, and whether it takes several images at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from saliency_widget.errors import ModelError, NotFinite
from saliency_widget.model.endings import find_endings
from saliency_widget.model.heads import Head, HeadSpec, Regression, find_heads, own_spec
from saliency_widget.model.outputs import flatten, left_out
from saliency_widget.model.refusals import broken_weights, is_out_of_memory

__all__ = ["Discovery", "outputs_of", "study"]

_SAME = 1e-2
"""How far an image's scores in a batch may be from those alone, as a share of the largest: half precision is that rough."""


@dataclass(frozen=True)
class Discovery:
    """What was found.

    Attributes
    ----------
    heads : dict of str to Head
    batches : bool
        Whether an image has the same scores in a batch as alone.
    skip : tuple of str
        Names of the modules that are to be left out of the copy, as they do nothing but a final softmax or sigmoid.
    notes : tuple of str
        What a user should know.
    """

    heads: dict[str, Head]
    batches: bool
    skip: tuple[str, ...]
    notes: tuple[str, ...]


def study(
    output: Any,
    spec: Mapping[str, HeadSpec] | None,
    run: Callable[[Tensor], Any],
    points: Tensor,
    module: nn.Module,
    *,
    private: bool,
) -> Discovery:
    """Find the heads in the output for one image, and look closer at them.

    Parameters
    ----------
    output : object
        What the model returned for `points`, with its graph.
    spec : mapping of str to HeadSpec, or None
        The user's names; the module's own count where there are none.
    run : callable
        Runs the model on inputs (n, C, h, w) without gradients.
    points : Tensor
        The model's input for the image, (1, C, h, w).
    module : nn.Module
        What `run` runs.
    private : bool
        Whether it is a copy, on which hooks may be put for a moment.

    Raises
    ------
    ModelError
        If what the model returns does not fit the heads that were named.
    NotFinite
        If it is not finite, because a weight is not.
    """
    spec = spec or own_spec(module, output)
    heads = find_heads(output, spec)
    parts = flatten(output)
    first = {name: parts[head.key] for name, head in heads.items()}
    if not all(bool(torch.isfinite(scores).all()) for scores in first.values()) and (weight := broken_weights(module)):
        raise NotFinite(weight)
    notes = []
    batches = _takes_batches(heads, first, run, points)
    if not batches:
        notes.append(
            "the network takes one image at a time, or lets images change each other's scores: maps take longer"
        )
    if odd := left_out(output):
        notes.append(f"what the model returns besides its scores is left out: {odd}")
    declared = {name for name, said in (spec or {}).items() if isinstance(said, Regression)}
    found = find_endings(
        heads, first, lambda one: outputs_of(run(one), heads, len(one)), points, module if private else None, declared
    )
    return Discovery(found.heads, batches, found.skip, (*notes, *found.notes))


def outputs_of(output: Any, heads: Mapping[str, Head], count: int) -> dict[str, Tensor]:
    """Return each head's outputs (N, K) from what the model returned for `count` inputs.

    Raises
    ------
    ModelError
        If a head is gone, or has not one row for each input.
    """
    parts = flatten(output, count, {head.key for head in heads.values()})
    for head in heads.values():
        if head.key not in parts:
            message = f"the model returned no head '{head.name}' this time, only {', '.join(parts)}; its outputs must not vary"
            raise ModelError(message)
    return {name: parts[head.key] for name, head in heads.items()}


def _takes_batches(
    heads: Mapping[str, Head], alone: Mapping[str, Tensor], run: Callable[[Tensor], Any], points: Tensor
) -> bool:
    """Tell whether an image has the same scores in a batch as alone; exported networks often take one image only."""
    try:
        both = outputs_of(run(torch.cat([points, points.roll(1, -1)])), heads, 2)
    except ModelError:
        return False
    except Exception as error:
        if is_out_of_memory(error):
            return True  # which is no refusal: fewer images at a time are tried where it matters
        raise
    return all(
        torch.allclose(both[name][:1], scores, rtol=_SAME, atol=_SAME * float(scores.abs().max()), equal_nan=True)
        for name, scores in ((name, scores.detach()) for name, scores in alone.items())
    )
