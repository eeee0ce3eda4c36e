"""Turns an estimate into what the page draws, 16-bit maps or 8-bit pictures, and what they say; it sends nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from saliency_widget.errors import NotFinite
from saliency_widget.methods import Estimate
from saliency_widget.model import Target
from saliency_widget.plan import Plan

__all__ = ["Frame", "colours", "encode", "quantise"]

_FULL = 32767
"""The largest integer of a frame; -32768 is not used, so that the scale is the same on both sides of zero."""


@dataclass(frozen=True)
class Frame:
    """The maps of all targets of a run at one moment.

    Attributes
    ----------
    meta : dict
        The fields of a `frame` message but for `job` and `seq`.
    data : bytes
        Of kind ``map``: little-endian int16, T x h x w; times the target's scale it is the heatmap. Of kind ``picture``:
        T x h x w x RGB, a byte each.
    """

    meta: dict[str, Any]
    data: bytes


def encode(plan: Plan, estimate: Estimate, *, final: bool, ms: float, key: str) -> Frame:
    """Make a frame of an estimate.

    Parameters
    ----------
    plan : Plan
        The run.
    estimate : Estimate
        One of its estimates.
    final : bool
        Whether it is the last one.
    ms : float
        Milliseconds since the job was accepted.
    key : str
        The run's key, ``plan.key(revision)``.

    Raises
    ------
    NotFinite
        If the map holds NaN or infinity.
    """
    pictured = estimate.kind == "picture"
    scales, data = colours(plan, estimate.attribution) if pictured else quantise(estimate.attribution)
    quality = estimate.quality or tuple(() for _ in scales)
    meta = {
        "kind": "picture" if pictured else "map",
        "targets": [target.wire() for target in plan.targets],
        "names": [str(target) for target in plan.targets],
        "method": plan.method.name,
        "shape": list(estimate.attribution.shape[2:]),
        "scales": scales,
        "done": estimate.done,
        "total": estimate.total,
        "unit": plan.method.reads,
        "final": final,
        "ms": ms,
        "quality": [[figure.card() for figure in figures if math.isfinite(figure.value)] for figures in quality],
        "scores": list(plan.scores),
        "score_unit": "" if pictured else _unit(plan),
        "empty": [
            None if scale else _nothing(plan, target) for scale, target in zip(scales, plan.targets, strict=True)
        ],
        "precision": plan.precision,
        "key": key,
    }
    return Frame(meta, data)


def colours(plan: Plan, pictures: Tensor) -> tuple[list[float], bytes]:
    """Reduce pictures that a method made, in the model's input, to bytes of colour.

    Parameters
    ----------
    plan : Plan
        The run, whose model knows what its input means.
    pictures : Tensor
        Shape (T, C, h, w), floating.

    Returns
    -------
    scales : list of float
        1 / 255 for each picture.
    data : bytes
        T x h x w x RGB.

    Raises
    ------
    NotFinite
        If there is NaN or infinity.
    """
    with torch.no_grad():
        shares = plan.model.to_pixels(pictures)
        finite = torch.isfinite(pictures).all() & torch.isfinite(shares).all()
        levels = (shares.clamp(0, 1) * 255).round().to(torch.uint8).movedim(1, -1).contiguous()
        # What is finite goes in the same copy: on a GPU each look waits for the device.
        host = torch.cat([finite.to(torch.uint8)[None], levels.flatten()]).cpu().numpy()
    if not host[0]:
        message = "the picture holds NaN or infinity, so it cannot be drawn; try the score 'logit', or smaller steps"
        raise NotFinite(message)
    return [1 / 255] * len(pictures), host[1:].tobytes()


def quantise(attribution: Tensor) -> tuple[list[float], bytes]:
    """Reduce an attribution to 16-bit heatmaps: channels summed, one scale for each target.

    All is computed where the attribution lies, and one tensor is copied from there.

    Parameters
    ----------
    attribution : Tensor
        Shape (T, C, h, w), floating.

    Returns
    -------
    scales : list of float
        Largest magnitude of each heatmap / 32767; 0 for a map of zeros.
    data : bytes
        Little-endian int16, T x h x w.

    Raises
    ------
    NotFinite
        If there is NaN or infinity.
    """
    with torch.no_grad():
        maps = attribution.sum(1) if attribution.dtype == torch.float64 else attribution.float().sum(1)
        peaks = maps.abs().amax((1, 2))
        # By the peak, not by the scale: that of a very faint map is too small for its own type.
        shares = maps / peaks.where(peaks > 0, 1)[:, None, None]
        packed = torch.cat([peaks.view(torch.int16), (shares * _FULL).round().to(torch.int16).flatten()])
    host = packed.cpu().numpy()
    split = host.size - maps.numel()
    found = host[:split].view(np.float64 if maps.dtype == torch.float64 else np.float32)
    if not np.isfinite(found).all():
        message = "the map holds NaN or infinity, so it cannot be drawn; try the score 'logit', or precision='float64'"
        raise NotFinite(message)
    return [float(peak) / _FULL for peak in found], host[split:].astype("<i2", copy=False).tobytes()


def _unit(plan: Plan) -> str:
    """Return the unit of the maps' values; targets of several kinds share one only if it is the same."""
    units = {_score_unit(plan, target) for target in plan.targets}
    return plan.method.unit(units.pop() if len(units) == 1 else "score")


def _score_unit(plan: Plan, target: Target) -> str:
    head = plan.model.heads[target.head]
    if head.kind == "value":
        return head.unit or "value"
    if head.kind == "labels" and plan.score == "log_softmax":
        return "log sigmoid"  # each label's probability is its own
    return plan.score.replace("_", " ")


def _nothing(plan: Plan, target: Target) -> str:
    """Say why there is nothing to draw."""
    if plan.method.reads == "pixels":
        return f"{plan.method.label} is zero everywhere for this picture"
    why = f"{plan.method.label} is zero everywhere: no small change of any pixel changes the score of {target}"
    return f"{why}; a saturated score does that, so try the score 'logit'" if plan.score != "logit" else why
