"""What an experiment takes, and the same in closed form, so that a page can say it before it asks for anything; times nothing.

The form is found by asking the experiment's own ``cost`` and is kept only if it gives the same numbers wherever it was tried,
so there is one place that says what an experiment takes.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from saliency_widget.methods.parameters import Parameter

__all__ = ["CONTESTANTS", "Cost", "Term", "Work", "bill", "work"]

CONTESTANTS = "contestants"
"""What a cost is given besides the parameters, if it asks for it: how many maps are compared, controls included."""

_USUAL = 3
"""A map and two controls."""

_MOST = 5
"""Whole numbers that may count; a cost of more of them is taken to have no closed form."""

_TRIED = (1, 2, 5, 8)
"""Values of the whole numbers for which a cost is asked, as far as they allow them."""


@dataclass(frozen=True)
class Work:
    """How much an experiment takes.

    Attributes
    ----------
    forwards, gradients : int
        Points of which the score, or the score's gradient, is asked; without those of its maps.
    maps : int
        How often it makes the map of each method: a run of the method each.
    at_most : bool
        Whether a run may turn out to take less.
    """

    forwards: int = 0
    gradients: int = 0
    maps: int = 0
    at_most: bool = False


Cost = Callable[..., "int | Work"]
"""Takes the parameters, and `contestants` if it wants it; a bare number is one of forwards."""


@dataclass(frozen=True)
class Term:
    """A part of a sum: `times` the product of some parameters, where a choice is as `where` says.

    Attributes
    ----------
    times : int
    by : tuple of str
        Parameters of whole numbers, or ``"contestants"``.
    where : tuple of (str, object)
        A parameter and the value that it must have; none for a part that always counts.
    """

    times: int
    by: tuple[str, ...] = ()
    where: tuple[tuple[str, Any], ...] = ()

    def value(self, params: Mapping[str, Any]) -> int:
        """Return what it adds for some parameters; the page does the same."""
        counts = all(params[name] == value for name, value in self.where)
        return self.times * math.prod(params[name] for name in self.by) if counts else 0

    def card(self) -> dict[str, Any]:
        """Return it as the page needs it."""
        return {"times": self.times, "by": list(self.by), "where": dict(self.where)}


def work(cost: Cost, params: Mapping[str, Any], contestants: int = _USUAL) -> Work:
    """Return what an experiment's own `cost` says for all its parameters, and for so many maps that are compared."""
    wanted = {CONTESTANTS: contestants} if CONTESTANTS in inspect.signature(cost).parameters else {}
    found = cost(**params, **wanted)
    return found if isinstance(found, Work) else Work(found)


def bill(cost: Cost, parameters: Mapping[str, Parameter]) -> dict[str, Any] | None:
    """Find the closed form of a cost, as the page needs it.

    Parameters
    ----------
    cost : callable
        As an experiment states it.
    parameters : mapping of str to Parameter
        The experiment's parameters.

    Returns
    -------
    dict or None
        ``forwards``, ``gradients`` and ``maps``, a list of terms each, and ``at_most``; None if it has no such form: how much
        work it is will be known once it runs.
    """
    whole = [name for name, one in parameters.items() if one.kind == "int"]
    wanted = [CONTESTANTS] if CONTESTANTS in inspect.signature(cost).parameters else []
    names = [*whole, *wanted]
    if len(names) > _MOST:
        return None
    defaults = {name: one.default for name, one in parameters.items()} | dict.fromkeys(wanted, _USUAL)

    def asked(params: Mapping[str, Any]) -> Work:
        own = {name: value for name, value in params.items() if name != CONTESTANTS}
        return work(cost, own, int(params.get(CONTESTANTS, _USUAL)))

    try:
        switches = [
            name for name, one in parameters.items() if len({asked(p) for p in _switched(name, one, defaults)}) > 1
        ]
        sums = {
            kind.name: list(_terms(kind.name, names, switches, parameters, defaults, asked))
            for kind in fields(Work)[:3]
        }
        tried = list(_tried(names, switches, parameters, defaults))
        right = all(
            sum(term.value(params) for term in terms) == getattr(asked(params), kind)
            for kind, terms in sums.items()
            for params in tried
        )
        at_most = any(asked(params).at_most for params in tried)
    except ArithmeticError:  # such as a division by a parameter, which was asked for at 0
        return None
    if not right:
        return None
    return {kind: [term.card() for term in terms] for kind, terms in sums.items()} | {"at_most": at_most}


def _options(one: Parameter) -> Sequence[Any]:
    return (True, False) if one.kind == "bool" else one.choices


def _switched(name: str, one: Parameter, defaults: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the defaults with each option of a switch or a choice."""
    for value in _options(one):
        yield {**defaults, name: value}


def _settings(switches: Sequence[str], parameters: Mapping[str, Parameter]) -> Iterator[dict[str, Any]]:
    """Yield all combinations of the switches and choices that matter; one with nothing in it if none does."""
    for values in itertools.product(*(_options(parameters[name]) for name in switches)):
        yield dict(zip(switches, values, strict=True))


def _terms(
    kind: str,
    names: Sequence[str],
    switches: Sequence[str],
    parameters: Mapping[str, Parameter],
    defaults: Mapping[str, Any],
    asked: Callable[[Mapping[str, Any]], Work],
) -> Iterator[Term]:
    """Yield the sum that agrees with a cost wherever each whole number is 0 or 1: there is just one."""
    for setting in _settings(switches, parameters):

        def at(ones: Sequence[str], setting: Mapping[str, Any] = setting) -> int:
            zeros_and_ones = {name: int(name in ones) for name in names}
            found: int = getattr(asked({**defaults, **setting, **zeros_and_ones}), kind)
            return found

        for size in range(len(names) + 1):
            for by in itertools.combinations(names, size):
                parts = [some for count in range(size + 1) for some in itertools.combinations(by, count)]
                times = sum((-1) ** (size - len(some)) * at(some) for some in parts)
                if times:
                    yield Term(times, by, tuple(setting.items()))


def _tried(
    names: Sequence[str],
    switches: Sequence[str],
    parameters: Mapping[str, Parameter],
    defaults: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    values = [_values(parameters[name]) if name in parameters else (_USUAL, _USUAL + 4) for name in names]
    for setting in _settings(switches, parameters):
        for some in itertools.product(*values):
            yield {**defaults, **setting, **dict(zip(names, some, strict=True))}


def _values(one: Parameter) -> list[int]:
    low, high = (one.range.minimum, one.range.maximum) if one.range is not None else (-math.inf, math.inf)
    return sorted(value for value in {*_TRIED, int(one.default)} if low <= value <= high)
