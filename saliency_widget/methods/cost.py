"""A method's cost in closed form: what a page needs to count a run's work for any parameters; it times nothing.

The form is found by asking the method's own ``cost`` and is kept only if it gives the same number wherever it was tried, so
there is one place that says what a method costs.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saliency_widget.methods.parameters import Parameter

__all__ = ["Bill", "bill", "units"]

Cost = Callable[..., int]

_SIZES = ((32, 24), (7, 19))
"""Inputs (height, width) for which a cost is asked."""

_TRIED = (1, 2, 3, 8, 50)
"""Values of the whole-number parameters for which a cost is asked, as far as they allow them."""

_MOST = 3
"""Whole-number parameters that may count; a cost with more of them is taken to have no closed form."""


@dataclass(frozen=True)
class Bill:
    """How many units of work a run for one target takes: ``base + factor x`` the product of some parameters.

    Attributes
    ----------
    base, factor : int
        Whole numbers.
    by : tuple of str
        The parameters that multiply the work; none where it is always the same.
    slides : bool
        Whether `by` are the side of a window and its stride: then the factor is for each place of the window, which slides
        over the input until it reaches the border.
    """

    base: int
    factor: int
    by: tuple[str, ...] = ()
    slides: bool = False

    def units(self, params: Mapping[str, Any], size: tuple[int, int]) -> int:
        """Return the count for parameters and an input (height, width); the page does the same."""
        values = [params[name] for name in self.by]
        factors = [_places(length, *values) for length in size] if self.slides else values
        return self.base + self.factor * math.prod(factors)

    def card(self) -> dict[str, Any]:
        """Return it as the page needs it."""
        return {"base": self.base, "factor": self.factor, "by": list(self.by), "slides": self.slides}


def units(cost: Cost, params: Mapping[str, Any], size: tuple[int, int]) -> int:
    """Return what a method's own `cost` says for all its parameters and an input (height, width)."""
    wanted = {"size": size} if "size" in inspect.signature(cost).parameters else {}
    return cost(**params, **wanted)


def bill(cost: Cost, parameters: Mapping[str, Parameter]) -> Bill | None:
    """Find the closed form of a cost.

    Parameters
    ----------
    cost : callable
        As a method states it.
    parameters : mapping of str to Parameter
        The method's parameters.

    Returns
    -------
    Bill or None
        None if it has no such form: how much work it is will be known once it runs.
    """
    whole = [name for name, parameter in parameters.items() if parameter.kind == "int"]
    others = {name: p.default for name, p in parameters.items() if name not in whole}
    if len(whole) > _MOST:
        return None
    tried = [
        dict(zip(whole, values, strict=True)) | others
        for values in itertools.product(*(_values(parameters[name]) for name in whole))
    ]
    # A switch or a choice may double the work: no form says so.
    tried += [tried[0] | {name: value} for name in others for value in _switched(parameters[name])]

    def asked(params: Mapping[str, Any], size: tuple[int, int]) -> int:
        return units(cost, params, size)

    for form in _forms(whole, tried, asked):
        if all(form.units(params, size) == asked(params, size) for params in tried for size in _SIZES):
            return form
    return None


def _values(parameter: Parameter) -> list[int]:
    low, high = (
        (parameter.range.minimum, parameter.range.maximum) if parameter.range is not None else (-math.inf, math.inf)
    )
    return sorted(value for value in {*_TRIED, int(parameter.default)} if low <= value <= high)


def _switched(parameter: Parameter) -> Sequence[Any]:
    return (True, False) if parameter.kind == "bool" else parameter.choices


def _forms(whole: Sequence[str], tried: Sequence[dict[str, Any]], asked: Callable[..., int]) -> Iterator[Bill]:
    """Yield the forms that fit two of the values; which one fits all of them is for the caller to see."""
    first, last, size = tried[0], max(tried, key=lambda params: [params[name] for name in whole]), _SIZES[0]
    constant = asked(first, size)
    yield Bill(constant, 0)
    shapes = [
        *(Bill(0, 1, by) for count in range(1, len(whole) + 1) for by in itertools.combinations(whole, count)),
        *(Bill(0, 1, pair, slides=True) for pair in itertools.permutations(whole, 2)),
    ]
    for shape in shapes:
        few, many = sorted((shape.units(params, size), asked(params, size)) for params in (first, last))
        run = many[0] - few[0]
        if run > 0 and (many[1] - few[1]) % run == 0:
            factor = (many[1] - few[1]) // run
            yield Bill(few[1] - factor * few[0], factor, shape.by, slides=shape.slides)


def _places(length: int, window: int, stride: int) -> int:
    """How often a window fits along an axis: no pixel is left out, and the last one reaches the border."""
    window = min(window, length)
    return 1 + -(-(length - window) // min(stride, window))
