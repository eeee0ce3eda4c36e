"""A method's parameters, read from its signature: what the page draws controls from; it runs no method."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from saliency_widget.errors import BadParameter, nearest

__all__ = ["Help", "Parameter", "Range", "parameters", "validate"]


@dataclass(frozen=True)
class Range:
    """The range of a number, ends included.

    Attributes
    ----------
    minimum, maximum : float
        The ends.
    step : float or None
        The step of its slider.
    log : bool
        Whether the slider is logarithmic.
    """

    minimum: float
    maximum: float
    step: float | None = None
    log: bool = False


@dataclass(frozen=True)
class Help:
    """What a parameter is, in one sentence for its user."""

    text: str


@dataclass(frozen=True)
class Parameter:
    """One typed parameter of a method.

    Attributes
    ----------
    name : str
        As in the function's signature.
    kind : {"int", "float", "choice", "bool"}
        Its type.
    default : int, float, str or bool
        Its default.
    help : str
        What it is.
    range : Range or None
        Of a number.
    choices : tuple of str
        Of a choice.
    """

    name: str
    kind: Literal["int", "float", "choice", "bool"]
    default: Any
    help: str = ""
    range: Range | None = None
    choices: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name for people."""
        return self.name.replace("_", " ").capitalize()

    def card(self) -> dict[str, Any]:
        """Return the parameter as the page needs it."""
        card: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "label": self.label,
            "help": self.help,
            "default": self.default,
        }
        if self.range is not None:
            card |= {"min": self.range.minimum, "max": self.range.maximum, "log": self.range.log}
            card |= {"step": self.range.step or (1 if self.kind == "int" else None)}
        if self.choices:
            card["choices"] = list(self.choices)
        return card

    def check(self, value: Any) -> Any:
        """Return the value in the parameter's type.

        Raises
        ------
        BadParameter
            If it has another type, or lies outside the range.
        """
        checked = self._typed(value)
        if checked is None:
            message = f"parameter '{self.name}' was given as {value!r}; expected {self._expected()}"
            raise BadParameter(message)
        return checked

    def _typed(self, value: Any) -> Any:
        """Return the value in the parameter's type, or None."""
        if self.kind == "choice":
            return value if value in self.choices else None
        if self.kind == "bool":
            return value if isinstance(value, bool) else None
        if isinstance(value, bool) or not hasattr(value, "__float__"):
            return None
        number = float(value)
        if not math.isfinite(number) or (self.kind == "int" and number != int(number)):
            return None
        if self.range is not None and not self.range.minimum <= number <= self.range.maximum:
            return None
        return int(number) if self.kind == "int" else number

    def _expected(self) -> str:
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        if self.kind == "bool":
            return "True or False"
        what = "a whole number" if self.kind == "int" else "a number"
        return what if self.range is None else f"{what} from {self.range.minimum:g} to {self.range.maximum:g}"


def parameters(function: Callable[..., Any]) -> dict[str, Parameter]:
    """Read the keyword-only parameters of a method's function.

    Parameters
    ----------
    function : callable
        Its keyword-only parameters have defaults and are annotated with ``int``, ``float``, ``bool`` or ``Literal``, where
        wanted inside ``Annotated[..., Range(...), Help(...)]``.

    Returns
    -------
    dict of str to Parameter

    Raises
    ------
    TypeError
        If a parameter has no default or another type.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    keyword_only = [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return {p.name: _parameter(p.name, hints.get(p.name), p.default) for p in keyword_only}


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    extras: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        extras = tuple(rest)
    limits = next((extra for extra in extras if isinstance(extra, Range)), None)
    help_ = next((extra.text for extra in extras if isinstance(extra, Help)), "")
    if default is inspect.Parameter.empty:
        message = f"parameter '{name}' of a method needs a default"
        raise TypeError(message)
    if get_origin(hint) is Literal:
        return Parameter(name, "choice", default, help_, choices=tuple(str(choice) for choice in get_args(hint)))
    kinds: dict[Any, Literal["int", "float", "bool"]] = {int: "int", float: "float", bool: "bool"}
    if hint not in kinds:
        message = f"parameter '{name}' of a method has the type {hint!r}; expected int, float, bool or Literal[...]"
        raise TypeError(message)
    return Parameter(name, kinds[hint], default, help_, limits)


def validate(method: str, known: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the parameters that a user gave, and add the defaults of the rest.

    Raises
    ------
    BadParameter
        If a name is unknown or a value does not fit.
    """
    for name in given:
        if name not in known:
            end = nearest(name, known) if known else "it has none"
            message = f"method '{method}' has no parameter '{name}'; {end}"
            raise BadParameter(message)
    return {name: p.check(given[name]) if name in given else p.default for name, p in known.items()}
