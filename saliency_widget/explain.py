"""``explain()`` and ``stream()``: a job without a page."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from saliency_widget.plan import Plan, prepare

__all__ = ["explain", "stream"]


def explain(
    model: Any,
    image: Any,
    target: Any = None,
    method: str = "gradient",
    *,
    score: str = "logit",
    layer: str | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    **params: Any,
) -> Any:
    """Explain one target, or several, of an image.

    Parameters
    ----------
    model : ImageModel or nn.Module
        A raw module is wrapped; its heads are found by running it once.
    image : path, bytes, PIL.Image.Image, numpy.ndarray or torch.Tensor
        Arrays (H, W[, C]) of uint8 or of floats in [0, 1]; tensors (C, H, W) in [0, 1].
    target : None, str, int, tuple, Target, or a list of them
        ``"head:class"``, ``"head:index"``, ``"head"`` (its top class or its value), ``("head", cls)``,
        ``Target(head, cls, versus=other)``, or None for the top class of the first head.
    method : str
        A name from :func:`methods`.
    score : {"logit", "log_softmax", "probability"}
        The number whose gradient is taken.
    layer : str, optional
        For methods that work at a layer: its name; the last feature map by default. ``model.facts.layers`` lists them.
    seed : int
        Seed of all that is random.
    tolerance : float, optional
        Let a run stop by itself once the estimated relative error (L2) of each target's map is at most this, 0.05 for 5 %:
        ``e.stopped``, ``e.done`` and the first of ``e.quality`` say so. None, the default, does all the work.
    **params
        The method's parameters.

    Returns
    -------
    Explanation or list of Explanation
        A list where `target` is a list.

    Raises
    ------
    UnknownTarget, UnknownMethod, BadParameter, BadImage, ModelError, NotFinite, OutOfMemory, NotApplicable

    Examples
    --------
    >>> import saliency_widget as sw
    >>> scene = sw.demo.buildings(1, seed=7)[0]
    >>> e = sw.explain(sw.load("demo/vgg"), scene.image, target="style:gothic", method="integrated_gradients")
    >>> e.attribution.shape
    (3, 224, 224)
    """
    plan = prepare(
        model, image, target, method, score=score, layer=layer, seed=seed, tolerance=tolerance, params=params
    )
    began = time.perf_counter()
    (last,) = deque(plan.estimates(running=False), maxlen=1)
    found = plan.explanations(last, time.perf_counter() - began)
    return found if isinstance(target, list) else found[0]


def stream(
    model: Any,
    image: Any,
    target: Any = None,
    method: str = "gradient",
    *,
    score: str = "logit",
    layer: str | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    **params: Any,
) -> Iterator[Any]:
    """Yield ever better explanations of one target, or several, of an image; the last one is what `explain` returns.

    Parameters
    ----------
    model, image, target, method, score, layer, seed, tolerance, **params
        As for :func:`explain`, and checked before the first explanation is asked for.

    Yields
    ------
    Explanation or list of Explanation
        With `progress` from above 0 to 1. A list where `target` is a list.
    """
    plan = prepare(
        model, image, target, method, score=score, layer=layer, seed=seed, tolerance=tolerance, params=params
    )
    plan.put_back()  # who knows when the first estimate is asked for
    return _explanations(plan, as_list=isinstance(target, list))


def _explanations(plan: Plan, *, as_list: bool) -> Iterator[Any]:
    began = time.perf_counter()
    for estimate in plan.estimates():
        found = plan.explanations(estimate, time.perf_counter() - began)
        yield found if as_list else found[0]
