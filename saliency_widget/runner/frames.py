"""Turns an estimate into what the page draws, 16-bit maps and what they say about themselves; it sends nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from saliency_widget.errors import NotFinite
from saliency_widget.explain import Plan
from saliency_widget.methods import Estimate
from saliency_widget.model import Target

__all__ = ["Frame", "encode", "quantise"]

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
        Little-endian int16, T x h x w; times the target's scale it is the heatmap.
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
    scales, data = quantise(estimate.attribution)
    quality = estimate.quality or tuple(() for _ in scales)
    meta = {
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
        "score_unit": _unit(plan),
        "empty": [
            None if scale else _nothing(plan, target) for scale, target in zip(scales, plan.targets, strict=True)
        ],
        "precision": str(plan.model.dtype).removeprefix("torch."),
        "key": key,
    }
    return Frame(meta, data)


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
    unit = units.pop() if len(units) == 1 else "score"
    return unit if plan.method.multiplies else f"{unit} per unit of input"


def _score_unit(plan: Plan, target: Target) -> str:
    head = plan.model.heads[target.head]
    return (head.unit or "value") if head.kind == "value" else plan.score.replace("_", " ")


def _nothing(plan: Plan, target: Target) -> str:
    """Say why there is nothing to draw."""
    why = f"{plan.method.label} is zero everywhere: no small change of any pixel changes the score of {target}"
    return f"{why}; a saturated score does that, so try the score 'logit'" if plan.score != "logit" else why
