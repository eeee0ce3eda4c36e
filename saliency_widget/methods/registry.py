"""The registry of methods: what each is called, cites, takes and costs, and whether it makes sense for a model."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any, Literal, get_args

from saliency_widget.compute import ScoreFunction
from saliency_widget.errors import BadParameter, UnknownMethod, nearest
from saliency_widget.methods.cost import Bill, bill, units
from saliency_widget.methods.estimate import Estimate, Kind
from saliency_widget.methods.parameters import Parameter, parameters, validate
from saliency_widget.methods.stopping import LEAST
from saliency_widget.model import ImageModel

__all__ = ["FAMILIES", "Applies", "Family", "Method", "Sibling", "Unit", "Values", "get", "method", "methods"]

Family = Literal[
    "gradients",
    "noise",
    "paths",
    "regions",
    "cam",
    "perturbation",
    "relevance",
    "attention",
    "class model",
    "controls",
    "other",
]
FAMILIES: tuple[Family, ...] = get_args(Family)
"""Groups of methods, in the order in which the page lists them."""

Unit = Literal["gradients", "forwards", "pixels"]
"""What a method's work is counted in; ``pixels`` for one that asks the model nothing."""

Values = Literal["score", "rate", "squared rate", "relative"]
"""What a map's values are: score units, score units per unit of the input, the square of those, or bare numbers that can only
be compared within one map."""

_USUAL = (224, 224)
"""The size of a usual model's input."""

_log = logging.getLogger("saliency_widget")
_ENTRY_POINTS = "saliency_widget.methods"

Run = Callable[..., Iterator[Estimate]]
"""A method's function: takes the score function, the input and its parameters, yields ever better estimates."""


@dataclass(frozen=True)
class Applies:
    """Whether a method makes sense for a model, and if not, or not fully, why.

    Attributes
    ----------
    status : {"works", "equals", "no"}
        ``equals``: it runs, and gives what another, plainer method gives.
    reason : str or None
        Why, in words for people.
    """

    status: Literal["works", "equals", "no"] = "works"
    reason: str | None = None

    @classmethod
    def works(cls, reason: str | None = None) -> Applies:
        """It makes sense; `reason` may say with what reserve."""
        return cls("works", reason)

    @classmethod
    def equals(cls, other: str, why: str) -> Applies:
        """It gives what the method `other` gives, because of `why`."""
        return cls("equals", f"{why}: would equal {other}")

    @classmethod
    def no(cls, reason: str) -> Applies:
        """It cannot run, or would mean nothing."""
        return cls("no", reason)

    @property
    def ok(self) -> bool:
        """Whether it can be run."""
        return self.status != "no"

    def __bool__(self) -> bool:
        """Whether it can be run."""
        return self.ok


@dataclass(frozen=True)
class Sibling:
    """A method whose map comes for free from another one's run.

    Attributes
    ----------
    label, explain, cite : str
        As for :class:`Method`.
    values, family, check : optional
        As for :class:`Method`; the run's own where not given.
    """

    label: str
    explain: str
    cite: str
    values: Values | None = None
    family: Family | None = None
    check: Callable[[ImageModel], Applies] | None = None

    def changes(self) -> dict[str, Any]:
        """Return in what the method differs from the one whose run it shares."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}


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
    reads : {"gradients", "forwards", "pixels"}
        The unit of its work.
    cost : callable
        Takes the parameters (and ``size``, the input's height and width, if it names it), returns how many of those
        units a run takes for one target.
    values : {"rate", "score", "squared rate", "relative"}
        What the map's values are: score units per unit of the input; score units (multiplied by the input or a difference of
        it); the square of the former; bare numbers that can only be compared within one map.
    sibling_of : str or None
        The method whose run gives this one's map for free.
    family : str
        Its group in the page's list.
    layer : bool
        Whether it works at a layer of the network.
    extra : str or None
        The module that must be installed for it, which is the name of the optional extra too.
    converges : bool
        Whether its running estimates go steadily to the map of endless work, so that a run may stop by itself by how they
        change (measured in docs/stopping.md).
    """

    name: str
    label: str
    explain: str
    cite: str
    run: Run
    cost: Callable[..., int]
    reads: Unit = "gradients"
    kind: Kind = "estimate"
    values: Values = "rate"
    sibling_of: str | None = None
    check: Callable[[ImageModel], Applies] | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    family: Family = "other"
    layer: bool = False
    extra: str | None = None
    converges: bool = False

    def validate(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Check parameters and add the defaults; raises :class:`BadParameter`."""
        return validate(self.name, self.parameters, params)

    def applies(self, model: ImageModel) -> Applies:
        """Say whether the method makes sense for a model, with the reason if not.

        Parameters
        ----------
        model : ImageModel
            What depends on its layers is known after the first image.
        """
        if self.extra is not None and importlib.util.find_spec(self.extra) is None:
            return Applies.no(f"needs the package {self.extra}: pip install 'saliency-widget[{self.extra}]'")
        if self.layer and model.facts is not None and not model.facts.layers:
            return Applies.no("the network has no feature map or token grid that a layer could be chosen from")
        return Applies.works() if self.check is None else self.check(model)

    def units(self, params: Mapping[str, Any], size: tuple[int, int]) -> int:
        """Return how many units of work a run for one target takes.

        Parameters
        ----------
        params : mapping
            Every parameter of the method.
        size : (int, int)
            Height and width of the model's input.
        """
        return units(self.cost, params, size)

    @cached_property
    def bill(self) -> Bill | None:
        """The count in closed form, so that a page can say it before it asks for anything; None if it has none."""
        return bill(self.cost, self.parameters)

    @property
    def stops(self) -> bool:
        """Whether a run may stop by itself: its estimates go to the converged map, and come to more than a few."""
        defaults = {name: parameter.default for name, parameter in self.parameters.items()}
        return self.kind == "estimate" and self.converges and self.units(defaults, _USUAL) > LEAST

    def unit(self, score: str) -> str:
        """Return the unit of the map's values, given that of the score."""
        if self.reads == "pixels":
            return "no score: the model was not asked"
        rate = f"{score} per unit of input"
        return {"score": score, "rate": rate, "squared rate": f"({rate}) squared", "relative": "relative"}[self.values]

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
            "family": self.family,
            "layer": self.layer,
            "values": self.values,
            "sibling_of": self.sibling_of,
            "cost": None if self.bill is None else self.bill.card(),
            "stops": self.stops,
            "status": applies.status,
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
    family: Family = "other",
    reads: Unit = "gradients",
    kind: Kind = "estimate",
    values: Values = "rate",
    layer: bool = False,
    siblings: Mapping[str, Sibling] | None = None,
    check: Callable[[ImageModel], Applies] | None = None,
    extra: str | None = None,
    converges: bool = False,
) -> Callable[[Run], Run]:
    """Register a generator function as a method, under its own name.

    Parameters
    ----------
    label, explain, cite, cost, family, reads, kind, values, layer, check, extra, converges
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
            name=name,
            label=label,
            explain=explain,
            cite=cite,
            run=function,
            cost=cost,
            reads=reads,
            kind=kind,
            values=values,
            check=check,
            parameters=parameters(function),
            family=family,
            layer=layer,
            extra=extra,
            converges=converges,
        )
        _add(made)
        for other, sibling in (siblings or {}).items():
            _add(replace(made, name=other, sibling_of=name, **sibling.changes()))
        return function

    return register


def _add(made: Method) -> None:
    """Put a method into the registry; the same function may be registered again, as a notebook cell that is run again does."""
    known = _registry.get(made.name)
    if known is not None and (known.run.__module__, known.run.__qualname__) != (
        made.run.__module__,
        made.run.__qualname__,
    ):
        message = (
            f"a method named '{made.name}' exists already ({known.label}, of {known.run.__module__}); give the function "
            "another name"
        )
        raise BadParameter(message)
    _registry[made.name] = made


def methods() -> dict[str, Method]:
    """Return all methods by name, in the order in which the page lists them: by family, then as they were registered.

    Other packages add theirs by :func:`method`, when they are imported or by an entry point of the group
    ``saliency_widget.methods`` that names the module.
    """
    _load_entry_points()
    order = {family: place for place, family in enumerate(FAMILIES)}
    return dict(sorted(_registry.items(), key=lambda item: order[item[1].family]))


def get(name: str) -> Method:
    """Return one method.

    Raises
    ------
    UnknownMethod
        If there is none of that name, with the nearest one.
    """
    if name not in _registry:
        _load_entry_points()
    if name not in _registry:
        message = f"unknown method {name!r}; {nearest(str(name), _registry, limit=40)}"
        raise UnknownMethod(message)
    return _registry[name]


_loaded_entry_points: set[str] = set()


def _load_entry_points() -> None:
    """Import the modules that other packages name; one that fails must not take the others away."""
    for point in entry_points(group=_ENTRY_POINTS):
        if point.value not in _loaded_entry_points:
            _loaded_entry_points.add(point.value)
            try:
                point.load()
            except Exception as error:  # noqa: BLE001 - whatever somebody else's module raises
                _log.warning("the methods of %s (%s) could not be loaded: %s", point.name, point.value, error)
