"""What an experiment finds, in one shape for all of them: curves, places of a slider, numbers, a reading; it computes none."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from saliency_widget.errors import BadParameter, nearest
from saliency_widget.model import Prediction, Target

__all__ = ["Curve", "Finding", "Number", "Position", "Role"]

Role = Literal["main", "reference", "control"]
"""What a line or a map is: measured on the model, what it would be if some claim held, or a map that knows no model."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a plot.

    Attributes
    ----------
    label : str
        What it is of.
    x, y : numpy.ndarray
        Shape (n,), float64; `x` does not fall.
    x_unit, y_unit : str
        What the axes show, with units.
    panel : str
        Curves of one panel are drawn on the same axes.
    lower, upper : numpy.ndarray or None
        A band around it, shape (n,).
    role : {"main", "reference", "control"}
        How it is to be read.
    """

    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    x_unit: str = ""
    y_unit: str = ""
    panel: str = ""
    lower: NDArray[np.float64] | None = None
    upper: NDArray[np.float64] | None = None
    role: Role = "main"

    def card(self) -> dict[str, Any]:
        """Return the curve as the page needs it; a value that is not finite is None."""
        bands = {name: _plain(band) for name in ("lower", "upper") if (band := getattr(self, name)) is not None}
        return {
            "label": self.label,
            "x": _plain(self.x),
            "y": _plain(self.y),
            "x_unit": self.x_unit,
            "y_unit": self.y_unit,
            "panel": self.panel,
            "role": self.role,
            **bands,
        }


@dataclass(frozen=True)
class Number:
    """One figure.

    Attributes
    ----------
    name : str
        Stable name, such as ``"smallest_epsilon"``.
    value : float or None
        None where there is none, which `means` then explains.
    means : str
        What it is, in a few plain words.
    unit : str
        Of the value; empty for a bare number.
    """

    name: str
    value: float | None
    means: str
    unit: str = ""

    @property
    def text(self) -> str:
        """The figure for people."""
        if self.value is None:
            return "none"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.value:.3g}{unit}"

    def card(self) -> dict[str, Any]:
        """Return the figure as the page needs it."""
        return {"name": self.name, "value": self.value, "text": self.text, "means": self.means, "unit": self.unit}


@dataclass(frozen=True, eq=False)
class Position:
    """One place of the slider, and what is seen there.

    Attributes
    ----------
    label : str
        What the slider says there.
    value : float
        The number that it stands for.
    maps : mapping of str to numpy.ndarray
        Attributions (C, h, w), signed, in the pixels of the model's input.
    pictures : mapping of str to numpy.ndarray
        Pictures (h, w, 3), uint8, in the pixels of the model's input.
    says : mapping of str to Prediction
        What every head says there; empty where nobody asked.
    numbers : tuple of Number
    """

    label: str
    value: float
    maps: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    pictures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    says: Mapping[str, Prediction] = field(default_factory=dict)
    numbers: tuple[Number, ...] = ()

    def number(self, name: str) -> float | None:
        """Return the value of one of its figures."""
        return _number(self.numbers, name)

    def card(self) -> dict[str, Any]:
        """Return the place as the page needs it, but for the pixels: of these only the names and shapes."""
        return {
            "label": self.label,
            "value": self.value,
            "maps": [{"label": label, "shape": list(one.shape)} for label, one in self.maps.items()],
            "pictures": [{"label": label, "shape": list(one.shape)} for label, one in self.pictures.items()],
            "says": {head: _said(said) for head, said in self.says.items()},
            "numbers": [number.card() for number in self.numbers],
        }


@dataclass(frozen=True, eq=False)
class Finding:
    """What an experiment has found so far.

    Attributes
    ----------
    experiment : str
        Its name.
    target : Target
        Of what.
    reading : str
        What it shows, in one line.
    caveat : str
        What it does not show.
    done, total : int
        The work done, and all there was to do, in evaluations of the network.
    curves : tuple of Curve
    positions : tuple of Position
        In the order of the slider.
    slider : str
        What the slider changes.
    numbers : tuple of Number
    seen : numpy.ndarray or None
        The picture as the model sees it, (h, w, 3), uint8: the maps lie over it.
    params : mapping of str to object
        The experiment's parameters.
    """

    experiment: str
    target: Target
    reading: str
    caveat: str
    done: int
    total: int
    curves: tuple[Curve, ...] = ()
    positions: tuple[Position, ...] = ()
    slider: str = ""
    numbers: tuple[Number, ...] = ()
    seen: NDArray[np.uint8] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return experiment, target, progress and numbers in one line."""
        numbers = "".join(f", {number.name} {number.text}" for number in self.numbers)
        return f"Finding({self.experiment}, {self.target}, {self.done}/{self.total}{numbers})"

    def _repr_png_(self) -> bytes:
        """Return what a notebook shows at a cell's end: the figure of :meth:`plot`."""
        drawn: bytes = self.plot()._repr_png_()
        return drawn

    @property
    def progress(self) -> float:
        """The share of the work that is done, in (0, 1]."""
        return self.done / self.total

    @property
    def final(self) -> bool:
        """Whether this is the last one of its run."""
        return self.done >= self.total

    def number(self, name: str) -> float | None:
        """Return the value of one figure, None where it has none.

        Raises
        ------
        BadParameter
            If there is no such figure.
        """
        return _number(self.numbers, name)

    def curve(self, label: str, panel: str | None = None) -> Curve:
        """Return a curve by its label, and its panel where several have one of that label.

        Raises
        ------
        BadParameter
            If there is no such curve.
        """
        for curve in self.curves:
            if curve.label == label and panel in {None, curve.panel}:
                return curve
        message = f"there is no curve {label!r}; {nearest(label, [curve.label for curve in self.curves])}"
        raise BadParameter(message)

    def position(self, label: str) -> Position:
        """Return a place of the slider by its label.

        Raises
        ------
        BadParameter
            If there is no such place.
        """
        for position in self.positions:
            if position.label == label:
                return position
        message = f"there is no position {label!r}; {nearest(label, [p.label for p in self.positions], limit=40)}"
        raise BadParameter(message)

    def plot(self, positions: int = 6) -> Any:
        """Draw the curves, and the maps and pictures of some places of the slider.

        Parameters
        ----------
        positions : int
            How many places at most, evenly chosen, the first and the last among them.

        Returns
        -------
        matplotlib.figure.Figure
            Made without pyplot, so nothing has to be closed.
        """
        return importlib.import_module("saliency_widget.lab.figure").draw(self, positions)

    def card(self) -> dict[str, Any]:
        """Return all of it as the page needs it, but for the pixels."""
        return {
            "experiment": self.experiment,
            "target": self.target.wire(),
            "reading": self.reading,
            "caveat": self.caveat,
            "done": self.done,
            "total": self.total,
            "slider": self.slider,
            "curves": [curve.card() for curve in self.curves],
            "positions": [position.card() for position in self.positions],
            "numbers": [number.card() for number in self.numbers],
            "params": dict(self.params),
        }


def _number(numbers: tuple[Number, ...], name: str) -> float | None:
    for number in numbers:
        if number.name == name:
            return number.value
    message = f"there is no number {name!r}; {nearest(name, [number.name for number in numbers], limit=40)}"
    raise BadParameter(message)


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _said(said: Prediction) -> dict[str, Any]:
    """Return the most likely class of a head, or its value."""
    if said.value is not None:
        return {"value": said.value, "unit": said.unit}
    return {"top": said.top, "probability": float(said.probabilities.max())}
