"""Output heads: which of a model's outputs they are, what kind each is, and how its classes are called; it runs no model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from saliency_widget.errors import ModelError, nearest
from saliency_widget.model.outputs import flatten, has_names

__all__ = [
    "Ending",
    "Head",
    "HeadSpec",
    "MultiLabel",
    "Prediction",
    "Regression",
    "check_spec",
    "find_heads",
    "own_spec",
]

Ending = Literal["softmax", "log_softmax", "sigmoid"]


@dataclass(frozen=True)
class Regression:
    """Says that a head gives a value, such as an age, and not classes.

    Parameters
    ----------
    unit : str or None
        The value's unit, shown beside it.
    """

    unit: str | None = None


@dataclass(frozen=True)
class MultiLabel:
    """Says that the outputs of a head are labels of which any number may hold, each with a sigmoid of its own.

    Parameters
    ----------
    classes : sequence of str or None
        The labels' names; None where they have none.

    Examples
    --------
    >>> MultiLabel(["hat", "glasses", "beard"]).classes
    ('hat', 'glasses', 'beard')
    """

    classes: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Check the names."""
        if self.classes is not None:
            object.__setattr__(self, "classes", _names(self.classes, "the labels of sw.MultiLabel"))


HeadSpec = Sequence[str] | Regression | MultiLabel | None


@dataclass(frozen=True)
class Head:
    """One named output.

    Attributes
    ----------
    name : str
        Its name, as used in targets.
    kind : {"classes", "labels", "value"}
        Whether it scores classes that exclude each other, or labels of which any number may hold, or gives one value.
    size : int
        Number of scores.
    classes : tuple of str or None
        Names of the classes or labels, or None where nobody named them.
    unit : str or None
        Unit of a value.
    key : str
        Where it stands in the flattened output of the model.
    ending : {"softmax", "log_softmax", "sigmoid"} or None
        What its outputs have gone through already, so that they are no logits.
    noted : str or None
        What a user should know about the head, in a sentence.
    """

    name: str
    kind: Literal["classes", "labels", "value"]
    size: int
    classes: tuple[str, ...] | None = None
    unit: str | None = None
    key: str = ""
    ending: Ending | None = None
    noted: str | None = None

    def class_name(self, index: int) -> str | int:
        """Return the name of class `index`, or the index itself where the classes have no names."""
        return self.classes[index] if self.classes is not None else index

    def card(self) -> dict[str, Any]:
        """Return the head as the page needs it."""
        if self.kind == "value":
            return {"name": self.name, "kind": "value", "unit": self.unit}
        classes = self.classes or tuple(str(i) for i in range(self.size))
        return {"name": self.name, "kind": self.kind, "classes": list(classes), "noted": self.noted}


@dataclass(frozen=True)
class Prediction:
    """What one head says of an image.

    Attributes
    ----------
    classes : tuple of str or int, or None
        Names (or indices) of the classes or labels.
    logits, probabilities : numpy.ndarray or None
        Shape (K,), float32. Probabilities are the softmax of the logits; of labels, each its own sigmoid.
    value : float or None
        The value of a regression head.
    unit : str or None
        Its unit.
    """

    classes: tuple[str | int, ...] | None = None
    logits: Any = None
    probabilities: Any = None
    value: float | None = None
    unit: str | None = None

    @property
    def top(self) -> str | int | None:
        """The class or label with the largest logit, or None for a regression head."""
        return None if self.classes is None else self.classes[int(self.logits.argmax())]


def check_spec(given: Any) -> dict[str, HeadSpec] | None:
    """Return ``heads=`` as a dictionary, from a dictionary or a list of pairs.

    Raises
    ------
    ModelError
        If it is neither, names no head, or names one twice or by what cannot be a name.
    """
    if given is None:
        return None
    pairs = list(given.items()) if isinstance(given, Mapping) else given
    if not isinstance(pairs, list | tuple) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs
    ):
        message = (
            f"heads= was given as {type(given).__name__}; expected a dict such as {{'style': ['gothic', ...]}}, or a "
            "function that picks the scores out of what the model returns"
        )
        raise ModelError(message)
    if not pairs:
        message = "heads={} names no head; leave heads out to find them by running the model once"
        raise ModelError(message)
    odd = [name for name, _ in pairs if not isinstance(name, str) or ":" in name or not name.strip()]
    if odd:
        message = (
            f"a head was named {odd[0]!r}; a name is a text without a colon, since it ends at the first one in a target"
        )
        raise ModelError(message)
    _once([name for name, _ in pairs], "heads= names two heads '{}'; each needs a name of its own")
    return dict(pairs)


def find_heads(output: Any, spec: Mapping[str, HeadSpec] | None) -> dict[str, Head]:
    """Find a model's heads in one of its outputs, and name them.

    Parameters
    ----------
    output : object
        What ``module(input)`` returned for one image.
    spec : mapping of str to (sequence of str, Regression, MultiLabel or None), optional
        The user's names. By key for outputs with names (which narrows them), by position otherwise.

    Returns
    -------
    dict of str to Head
        In the order of `spec`, else of the output.

    Raises
    ------
    ModelError
        If a named head is not there, the counts differ, or names do not fit a head's classes.
    """
    with torch.no_grad():
        parts = flatten(output)
    # A target's head ends at the first colon, so a key's own colons have to go.
    keys = {key: key.replace(":", "_") for key in parts}
    if spec is None or has_names(output):
        advice = (
            "the model returns two heads that would be called '{}'; return them by other names from a function, select="
        )
        _once(list(keys.values()), advice)
    by_name = {name: key for key, name in keys.items()}
    if spec is None:
        return {name: _head(name, key, parts[key], None) for name, key in by_name.items()}
    if has_names(output):
        for name in spec:
            if name not in by_name:
                message = f"heads= names '{name}', which the model does not return; {nearest(name, by_name)}"
                raise ModelError(message)
        chosen = [by_name[name] for name in spec]
    else:
        if len(spec) != len(parts):
            message = (
                f"heads= names {len(spec)} heads ({', '.join(spec)}), but the model returns {len(parts)}; name each one, "
                "in the order in which the model returns them"
            )
            raise ModelError(message)
        chosen = list(parts)
    return {name: _head(name, key, parts[key], spec[name]) for name, key in zip(spec, chosen, strict=True)}


def own_spec(module: nn.Module, output: Any) -> dict[str, HeadSpec] | None:
    """Return the names that a module has for its heads itself, as one made by :func:`saliency_widget.demo.two_heads` has.

    Parameters
    ----------
    module : nn.Module
        Its attribute `heads` is read, not its properties: a dictionary as ``heads=`` takes it. Layers of that name tell nothing.
    output : object
        What it returned for one image.

    Returns
    -------
    dict of str to (sequence of str, Regression or MultiLabel), or None
        None where there is no such dictionary, or one that does not name each head of the output: nobody has asked for it, so
        it may have been meant for something else.
    """
    given = vars(module).get("heads")
    if not isinstance(given, Mapping) or any(spec is None for spec in given.values()):
        return None
    try:
        spec = check_spec(given)
        named = len(find_heads(output, spec))
    except ModelError:
        return None
    return spec if named == len(flatten(output)) else None


def _once(names: Sequence[str], says: str) -> None:
    """Raise for a name that comes twice."""
    for name, times in Counter(names).items():
        if times > 1:
            raise ModelError(says.format(name))


def _head(name: str, key: str, scores: Tensor, spec: HeadSpec) -> Head:
    """Make one head from its scores (N, K) and the user's word on it."""
    size = scores.shape[1]
    if isinstance(spec, Regression) or (spec is None and size == 1):
        if size != 1:
            message = f"head '{name}' was declared a regression, but has {size} outputs; expected 1"
            raise ModelError(message)
        return Head(name, "value", 1, unit=spec.unit if isinstance(spec, Regression) else None, key=key)
    kind: Literal["classes", "labels"] = "labels" if isinstance(spec, MultiLabel) else "classes"
    names = spec.classes if isinstance(spec, MultiLabel) else spec
    if names is None:
        return Head(name, kind, size, key=key)
    classes = _names(names, f"the classes of head '{name}'")
    if len(classes) != size:
        word = "output" if size == 1 else "outputs"
        count = f"{len(classes)} class name" + ("s were" if len(classes) != 1 else " was")
        message = f"head '{name}' has {size} {word}, but {count} given: {', '.join(classes[:8])}"
        raise ModelError(message)
    if size == 1 and kind == "classes":
        # Nothing to be told from, so its probability can only be its own.
        noted = "One class alone is taken as a label: its probability is the sigmoid of its logit."
        return Head(name, "labels", size, classes, key=key, noted=noted)
    repeated = {cls for cls, times in Counter(classes).items() if times > 1}
    if repeated:
        # ImageNet itself has two cranes and two maillots, so repeated names get their index and stay usable.
        classes = tuple(f"{cls} ({i})" if cls in repeated else cls for i, cls in enumerate(classes))
    return Head(name, kind, size, classes, key=key)


def _names(given: Any, whose: str) -> tuple[str, ...]:
    """Check a list of names of classes."""
    listed = not isinstance(given, str) and isinstance(given, Sequence)
    if not listed or not all(isinstance(name, str) for name in given):
        message = f"{whose} must be a list of names, sw.MultiLabel([...]) or sw.Regression(unit=...); got {given!r}"
        raise ModelError(message)
    return tuple(given)
