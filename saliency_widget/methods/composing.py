"""Smoothing for any method: its whole run repeated at noisy copies of the picture, and the maps averaged; no method itself."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Annotated, Any

from torch import Tensor

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.moments import Moments
from saliency_widget.methods.parameters import Help, Range

__all__ = ["smoothed"]

_Run = Callable[..., Iterator[Estimate]]

_SAMPLES = Annotated[
    int,
    Range(1, 1000, log=True),
    Help("Whole runs that are averaged, each at a noisy copy of the picture; one is the method itself, without noise."),
]
_NOISE = Annotated[
    float,
    Range(0, 1, 0.01),
    Help("Standard deviation of the noise of each run, as a share of the input's range, where there is more than one."),
]


def smoothed(function: _Run) -> _Run:
    """Give a method's function the parameters `samples` and `noise` of SmoothGrad (Smilkov et al. 2017, arXiv:1706.03825).

    With one sample the function runs as it is. With more, each run is at the picture plus its own draw of noise, and the
    maps are averaged, those that come for free too. The quality is the standard error of the mean map over the finished
    runs, beside the figures of the run that goes on. While a run goes on, its map counts by the share of its work that is
    done if it is an estimate; a partial one does not count, except in the first run.

    To be put between ``@method`` and the function, whose cost is then multiplied by the samples:
    ``cost=lambda *, steps, samples, **_: steps * samples``.

    Parameters
    ----------
    function : callable
        A method's generator function that uses the input it is given and neither `f.x` nor parameters called `samples` or
        `noise`.

    Returns
    -------
    callable
        The same function with two more parameters in its signature.
    """

    @wraps(function)
    def run(f: ScoreFunction, x: Tensor, *, samples: int = 1, noise: float = 0.15, **params: Any) -> Iterator[Estimate]:
        if samples == 1:
            yield from function(f, x, **params)
            return
        sigma = noise * (x.max() - x.min())
        finished = _Finished()
        for index in range(samples):
            for estimate in function(f, x + sigma * f.noise(index), **params):
                yield finished.with_running(estimate, index, samples)

    plain = inspect.signature(function)
    hints = typing.get_type_hints(function, include_extras=True)
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
        for name, default, hint in (("samples", 1, _SAMPLES), ("noise", 0.15, _NOISE))
    ]
    own = [p.replace(annotation=hints.get(p.name, p.annotation)) for p in plain.parameters.values()]
    run.__signature__ = plain.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
    run.__annotations__ = hints | {"samples": _SAMPLES, "noise": _NOISE}
    return run


class _Finished:
    """The mean of the finished runs, and of those and the one that goes on."""

    def __init__(self) -> None:
        self._map = Moments()
        self._siblings: dict[str, Moments] = {}

    def with_running(self, estimate: Estimate, index: int, samples: int) -> Estimate:
        """Return the estimate of the mean map from all finished runs and the `index`-th, which has got as far as `estimate`."""
        if estimate.final:
            self._add(estimate)
            mean, siblings = self._map.mean, {name: moments.mean for name, moments in self._siblings.items()}
        elif index == 0:
            mean, siblings = estimate.attribution, dict(estimate.siblings)
        else:
            share = estimate.done / estimate.total if estimate.kind == "estimate" else 0.0
            mean = self._mixed(self._map, estimate.attribution, share)
            siblings = {
                name: self._mixed(moments, estimate.siblings[name], share)
                for name, moments in self._siblings.items()
                if name in estimate.siblings
            }
        errors = self._map.standard_error() if self._map.count else ()
        own = estimate.quality or ((),) * len(mean)
        return Estimate(
            mean,
            index * estimate.total + estimate.done,
            samples * estimate.total,
            kind=estimate.kind,
            quality=tuple((*first, *second) for first, second in zip(errors or ((),) * len(mean), own, strict=True)),
            siblings=siblings,
            comparable=estimate.final,
        )

    def _add(self, estimate: Estimate) -> None:
        self._map.add(estimate.attribution)
        for name, sibling in estimate.siblings.items():
            self._siblings.setdefault(name, Moments()).add(sibling)

    @staticmethod
    def _mixed(finished: Moments, running: Tensor, share: float) -> Tensor:
        return (finished.mean * finished.count + running * share) / (finished.count + share)
