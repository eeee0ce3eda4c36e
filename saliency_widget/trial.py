"""Whether a reduced precision gives the same map: measured on the finished map, never assumed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from saliency_widget.compute import CancelToken
from saliency_widget.errors import BadParameter
from saliency_widget.model.precision import Verdict
from saliency_widget.plan import Plan, prepare

__all__ = ["LEAST_COSINE", "LEAST_RANK", "LEAST_SPEED", "compare", "may_reduce", "measure_precision", "trial"]

LEAST_RANK = 0.99
LEAST_COSINE = 0.995
LEAST_SPEED = 1.15
"""What is gained must be more than what a busy machine makes look like a gain."""

_LEAST_GRADIENTS = 8
"""A map of fewer gradients has nothing to average the rounding over."""


def measure_precision(
    model: Any, image: Any, target: Any = None, method: str = "integrated_gradients", **params: Any
) -> Verdict:
    """Compute a map in float32 and in bfloat16, and let later maps of its kind use bfloat16 if that is as good and faster.

    From then on :func:`explain`, :func:`stream` and the widget use bfloat16 for this model, as long as its weights stay as they
    are, and for this method with these parameters or more steps; ``Explanation.precision`` says so. The widget measures by
    itself when it is idle.

    Parameters
    ----------
    model : ImageModel
        Made with ``precision="auto"``, the default.
    image, target, method, **params
        As for :func:`explain`.

    Returns
    -------
    Verdict
        Rank correlation (at least 0.99 is asked), cosine (at least 0.995), speed (at least 1.15 times), and whether it is used.

    Raises
    ------
    BadParameter
        If the model was made with another precision, or no such map can be computed in a reduced one.
    """
    tolerance = params.pop("tolerance", None)
    options = {name: params.pop(name) for name in ("score", "layer", "seed") if name in params}
    plan = replace(prepare(model, image, target, method, params=params, tolerance=tolerance, **options), reduced=False)
    if not may_reduce(plan):
        message = (
            f"the precision of '{method}' on {plan.model.name} cannot be chosen: that takes a model made with precision='auto', "
            f"weights in float32, and a method of at least {_LEAST_GRADIENTS} gradients on the network as it is"
        )
        raise BadParameter(message)
    for _ in trial(plan):
        pass
    verdict = plan.model.precisions.verdict(plan.run, plan.total, plan.model.revision())
    if verdict is None:
        message = "the weights changed while the precision was measured; measure again when they stand still"
        raise BadParameter(message)
    return verdict


def may_reduce(plan: Plan) -> bool:
    """Whether a plan is one whose precision may be chosen."""
    return (
        plan.model.precisions.free
        and plan.model.device.type in {"cpu", "cuda"}
        and plan.method.reads == "gradients"
        and plan.method.kind != "picture"
        and plan.total >= _LEAST_GRADIENTS
    )


def trial(plan: Plan, cancel: CancelToken | None = None) -> Iterator[None]:
    """Run a plan in both precisions, compare, and note the verdict; between two steps others may compute.

    Parameters
    ----------
    plan : Plan
        In float32.
    cancel : CancelToken, optional
    """
    model, weights = plan.model, plan.model.revision()
    reduced = replace(plan, reduced=True, ready=[])
    for one in (plan, reduced):  # the first points make the faster copies, which is not to be timed
        for estimate in one.estimates(cancel):
            yield
            if estimate.done > 1:
                break
    times, maps = [], []
    for one in (plan, reduced):
        last, spent, began = None, 0.0, time.perf_counter()
        for last in one.estimates(cancel):  # noqa: B007 - the last one counts
            spent += time.perf_counter() - began
            yield
            began = time.perf_counter()
        if last is None:
            return
        times.append(spent + time.perf_counter() - began)
        maps.append(last.attribution)
    if model.revision() == weights:
        model.precisions.note(plan.run, plan.total, weights, compare(maps[0], maps[1], times[0] / max(times[1], 1e-9)))


def compare(whole: Tensor, reduced: Tensor, speed: float) -> Verdict:
    """Compare finished maps (T, C, h, w) in the two precisions, channels summed as they are drawn."""
    pairs = [(_flat(one), _flat(other)) for one, other in zip(whole, reduced, strict=True)]
    rank = min(_correlation(_ranks(one), _ranks(other)) for one, other in pairs)
    cosine = min(_cosine(one, other) for one, other in pairs)
    # Where a network has no faster copy, or the method works on one of its own, nothing was reduced, and nothing may say so.
    differs = not torch.equal(whole, reduced)
    good = differs and rank >= LEAST_RANK and cosine >= LEAST_COSINE and speed >= LEAST_SPEED
    return Verdict(rank, cosine, speed, good)


def _flat(attribution: Tensor) -> NDArray[Any]:
    values: NDArray[Any] = attribution.detach().to(torch.float64).sum(0).flatten().cpu().numpy()
    return values


def _cosine(one: NDArray[Any], other: NDArray[Any]) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0


def _correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    return _cosine(one - one.mean(), other - other.mean())


def _ranks(values: NDArray[Any]) -> NDArray[Any]:
    # Equal values get different ranks, which can only lower the correlation: a map of many zeros may be refused for nothing.
    ranks = np.empty(len(values))
    ranks[values.argsort(kind="stable")] = np.arange(len(values))
    return ranks
