"""The registry of methods: what each is called, cites, takes and costs, and whether it makes sense for a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from saliency_widget.compute import ScoreFunction
from saliency_widget.errors import BadParameter, UnknownMethod, nearest
from saliency_widget.methods.estimate import Estimate, Kind
from saliency_widget.methods.parameters import Parameter, parameters, validate
from saliency_widget.model import ImageModel

__all__ = ["Applies", "Method", "Sibling", "get", "method", "methods"]


Run = Callable[..., Iterator[Estimate]]
"""A method's function: takes the score function, the input and its parameters, yields ever better estimates."""


@dataclass(frozen=True)
class Applies:
    """Whether a method makes sense for a model, and if not, or not fully, why."""

    ok: bool
    reason: str | None = None

    def __bool__(self) -> bool:
        """Whether it does."""
        return self.ok


@dataclass(frozen=True)
class Sibling:
    """A method whose map comes for free from another one's run.

    Attributes
    ----------
    label, explain, cite : str
        As for :class:`Method`.
    """

    label: str
    explain: str
    cite: str


@dataclass(frozen=True)
class Method:
    """An attribution method as people see it.

    Attributes
    ----------
    name : str
        As in ``method=``.
    label : str
        Its name for people.
    explain : str
        What it does, in one plain sentence.
    cite : str
        Authors, year, arXiv id.
    run : callable
        The generator function.
    parameters : dict of str to Parameter
        Its typed parameters, from the function's signature.
    kind : {"estimate", "partial", "picture"}
        What its running estimates are.
    reads : {"gradients", "forwards"}
        The unit of its work.
    cost : callable
        Takes the parameters, returns how many of those units a run takes.
    multiplies : bool
        Whether the attribution is in score units (multiplied by the input or a difference of it) rather than score units
        per unit of the input.
    sibling_of : str or None
        The method whose run gives this one's map for free.
    """

    name: str
    label: str
    explain: str
    cite: str
    run: Run
    cost: Callable[..., int]
    reads: Literal["gradients", "forwards"] = "gradients"
    kind: Kind = "estimate"
    multiplies: bool = False
    sibling_of: str | None = None
    check: Callable[[ImageModel], Applies] | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def validate(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Check parameters and add the defaults; raises :class:`BadParameter`."""
        return validate(self.name, self.parameters, params)

    def applies(self, model: ImageModel) -> Applies:
        """Say whether the method makes sense for a model, with the reason if not."""
        return Applies(ok=True) if self.check is None else self.check(model)

    def estimates(self, f: ScoreFunction, params: Mapping[str, Any]) -> Iterator[Estimate]:
        """Run the method: yield ever better estimates, each with the maps that came for free beside it."""
        for estimate in self.run(f, f.x, **params):
            if self.sibling_of is None:
                yield estimate
                continue
            others = {self.sibling_of: estimate.attribution} | dict(estimate.siblings)
            if self.name in others:
                yield replace(estimate, attribution=others.pop(self.name), siblings=others, quality=())
            elif estimate.final:
                message = f"'{self.name}' has no value for {dict(params)}; it needs more than one sample"
                raise BadParameter(message)

    def card(self, model: ImageModel) -> dict[str, Any]:
        """Return the method as the page needs it."""
        applies = self.applies(model)
        return {
            "name": self.name,
            "label": self.label,
            "explain": self.explain,
            "cite": self.cite,
            "kind": self.kind,
            "unit": self.reads,
            "sibling_of": self.sibling_of,
            "applies": applies.ok,
            "reason": applies.reason,
            "params": [parameter.card() for parameter in self.parameters.values()],
        }


_registry: dict[str, Method] = {}


def method(
    *,
    label: str,
    explain: str,
    cite: str,
    cost: Callable[..., int],
    reads: Literal["gradients", "forwards"] = "gradients",
    kind: Kind = "estimate",
    multiplies: bool = False,
    siblings: Mapping[str, Sibling] | None = None,
    check: Callable[[ImageModel], Applies] | None = None,
) -> Callable[[Run], Run]:
    """Register a generator function as a method, under its own name.

    Parameters
    ----------
    label, explain, cite, cost, reads, kind, multiplies, check
        As for :class:`Method`.
    siblings : mapping of str to Sibling, optional
        Methods whose maps the function's estimates carry in ``siblings``; each becomes a method of its own, with the
        same parameters and the same run.

    Returns
    -------
    callable
        A decorator that leaves the function as it is.
    """

    def register(function: Run) -> Run:
        name = function.__name__
        made = Method(
            name, label, explain, cite, function, cost, reads, kind, multiplies, None, check, parameters(function)
        )
        _registry[name] = made
        for other, sibling in (siblings or {}).items():
            _registry[other] = replace(
                made, name=other, label=sibling.label, explain=sibling.explain, cite=sibling.cite, sibling_of=name
            )
        return function

    return register


def methods() -> dict[str, Method]:
    """Return all methods by name, in the order in which the page lists them."""
    return dict(_registry)


def get(name: str) -> Method:
    """Return one method.

    Raises
    ------
    UnknownMethod
        If there is none of that name, with the nearest one.
    """
    if name not in _registry:
        message = f"unknown method {name!r}; {nearest(str(name), _registry, limit=40)}"
        raise UnknownMethod(message)
    return _registry[name]
