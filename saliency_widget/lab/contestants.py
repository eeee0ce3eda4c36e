"""The maps that are put to a test beside each other: those of the methods, and controls that know no model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from saliency_widget.lab.bench import Bench
from saliency_widget.lab.finding import Role
from saliency_widget.methods import Method, get
from saliency_widget.plan import Plan

__all__ = ["CONTROLS", "Contestant", "contestants"]

CONTROLS = {"edges": "edge detector", "random": "random map"}
"""Methods that every map is compared with, and what they are called here."""


@dataclass(frozen=True, eq=False)
class Contestant:
    """One map.

    Attributes
    ----------
    name : str
        The method's.
    label : str
        For people.
    role : {"main", "control"}
    method : Method
    params : mapping of str to object
    layer : str or None
    attribution : numpy.ndarray
        Shape (C, h, w).
    heat : numpy.ndarray
        Its channels added up, (h, w), float64.
    """

    name: str
    label: str
    role: Role
    method: Method
    params: Mapping[str, Any]
    layer: str | None
    attribution: NDArray[Any]
    heat: NDArray[np.float64]

    def contributions(self, difference: Tensor) -> NDArray[np.float64]:
        """Return what each pixel (h, w) is said to add to the score, given how far the input is from what would replace it.

        A map of rates, score for each unit of the input, is multiplied by that difference (C, h, w); all others say it as they
        are.
        """
        if self.method.values != "rate" or self.method.layer or self.role == "control":
            return self.heat
        steps = difference.detach().double().cpu().numpy()
        found: NDArray[np.float64] = (self.attribution * steps).sum(0)
        return found

    @property
    def in_score_units(self) -> bool:
        """Whether what :meth:`contributions` says is in units of the score, and not on a scale of its own."""
        whole = self.method.layer or self.method.family == "regions" or self.method.reads != "gradients"
        return self.method.values in {"rate", "score"} and not whole

    def again(self, b: Bench, point: Tensor) -> NDArray[Any]:
        """Return the same method's map at another input."""
        return b.run(self.method, self.params, self.layer, point=point)


def contestants(b: Bench, *, controls: bool = True) -> Iterator[Contestant]:
    """Yield the maps of a bench's methods, and then those of the controls that are not among them."""
    named: list[tuple[str, Role, Plan | None]] = [(plan.method.name, _role(plan), plan) for plan in b.plans]
    if controls:
        taken = {name for name, _, _ in named}
        named += [(name, "control", None) for name in CONTROLS if name not in taken]
    for name, role, plan in named:
        method = get(name)
        params = plan.params if plan is not None else method.validate({})
        layer = None if plan is None else plan.layer
        attribution = b.run(method, params, layer)
        label = CONTROLS.get(name, method.label)
        heat = attribution.sum(0, dtype=np.float64)
        yield Contestant(name, label, role, method, params, layer, attribution, heat)


def _role(plan: Plan) -> Role:
    return "control" if plan.method.reads == "pixels" else "main"
