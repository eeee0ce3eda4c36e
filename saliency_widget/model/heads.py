"""Output heads: finding them in whatever a model returns, and naming their classes; it runs no model."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from saliency_widget.errors import ModelError, nearest

__all__ = ["Head", "HeadSpec", "Prediction", "Regression", "find_heads", "flatten"]


@dataclass(frozen=True)
class Regression:
    """Says that a head gives a value, such as an age, and not classes.

    Parameters
    ----------
    unit : str or None
        The value's unit, shown beside it.
    """

    unit: str | None = None


HeadSpec = Sequence[str] | Regression | None


@dataclass(frozen=True)
class Head:
    """One named output.

    Attributes
    ----------
    name : str
        Its name, as used in targets.
    kind : {"classes", "value"}
        Whether it scores classes or gives one value.
    size : int
        Number of scores.
    classes : tuple of str or None
        Names of the classes, or None where nobody named them.
    unit : str or None
        Unit of a value.
    key : str
        Where it stands in the flattened output of the model.
    """

    name: str
    kind: Literal["classes", "value"]
    size: int
    classes: tuple[str, ...] | None = None
    unit: str | None = None
    key: str = ""

    def class_name(self, index: int) -> str | int:
        """Return the name of class `index`, or the index itself where the classes have no names."""
        return self.classes[index] if self.classes is not None else index

    def card(self) -> dict[str, Any]:
        """Return the head as the page needs it."""
        if self.kind == "value":
            return {"name": self.name, "kind": "value", "unit": self.unit}
        classes = self.classes or tuple(str(i) for i in range(self.size))
        return {"name": self.name, "kind": "classes", "classes": list(classes), "noted": None}


@dataclass(frozen=True)
class Prediction:
    """What one head says of an image.

    Attributes
    ----------
    classes : tuple of str or int, or None
        Names (or indices) of the classes.
    logits, probabilities : numpy.ndarray or None
        Shape (K,), float32; probabilities are the softmax of the logits.
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
        """The class with the largest logit, or None for a regression head."""
        return None if self.classes is None else self.classes[int(self.logits.argmax())]


def flatten(output: Any, count: int = 1) -> dict[str, Tensor]:
    """Give a name to every score tensor in what a model returned.

    Parameters
    ----------
    output : Tensor, sequence, mapping, named tuple or dataclass
        What ``module(input)`` returned.
    count : int
        How many images it was given.

    Returns
    -------
    dict of str to Tensor
        Tensors of shape (N, K) by name: dictionary keys, field names, or ``head0``, ``head1``, ...; what is no score
        (not floating, or of another rank) is left out where the output has names for its parts.

    Raises
    ------
    ModelError
        If there is nothing that could be a score.
    """
    found: dict[str, Tensor] = {}
    skipped: list[str] = []
    for name, value in _parts(output).items():
        scores = _as_scores(value, count)
        if scores is None:
            skipped.append(f"{name}: {_shape(value)}")
        else:
            found[name] = scores
    mixed = [f"{name}: {tuple(scores.shape)}" for name, scores in found.items() if len(scores) != count]
    if mixed:
        message = (
            f"the model was given {count} images and returned scores for another number ({'; '.join(mixed)}); its outputs "
            "must have one row for each image, and no image may change another one's scores"
        )
        raise ModelError(message)
    if found:
        return found
    if any(isinstance(v, Tensor) and v.dim() == 4 for v in _parts(output).values()):
        message = (
            f"the model returns maps, not scores ({'; '.join(skipped)}), as for segmentation; wrap it in a module that "
            "reduces each map to a score, e.g. `scores = maps.mean((2, 3))` or the sum over a region"
        )
        raise ModelError(message)
    message = (
        f"the model returned nothing that could be a score: {'; '.join(skipped) or type(output).__name__}; expected "
        "tensors of shape (N, classes) or (N,), alone, in a tuple or list, in a dict, or in a dataclass"
    )
    raise ModelError(message)


def _parts(output: Any) -> dict[str, Any]:
    """Split an output into named parts."""
    if isinstance(output, Mapping):
        return {str(name): value for name, value in output.items()}
    if hasattr(output, "_fields"):
        return {name: getattr(output, name) for name in output._fields}
    if dataclasses.is_dataclass(output):
        return {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    if isinstance(output, list | tuple):
        return {f"head{i}": value for i, value in enumerate(output)}
    return {"head0": output}


def _as_scores(value: Any, count: int) -> Tensor | None:
    """Return a value as an (N, K) tensor of scores, or None if it is none."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return None
    if value.dim() == 0 and count == 1:
        return value.reshape(1, 1)
    if value.dim() == 1:
        # A forward that ends in squeeze() loses the batch where there is one image: (K,) is one image's K classes.
        return value[None] if count == 1 and len(value) != 1 else value[:, None]
    if value.dim() > 2 and all(size == 1 for size in value.shape[2:]):
        return value.flatten(1)
    return value if value.dim() == 2 else None


def _shape(value: Any) -> str:
    return f"{tuple(value.shape)} {value.dtype}" if isinstance(value, Tensor) else type(value).__name__


def find_heads(output: Any, spec: Mapping[str, HeadSpec] | None) -> dict[str, Head]:
    """Find a model's heads in one of its outputs, and name them.

    Parameters
    ----------
    output : object
        What ``module(input)`` returned for a dry run.
    spec : mapping of str to (sequence of str, Regression or None), optional
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
    if spec is None:
        return {(name := key.replace(":", "_")): _head(name, key, scores, None) for key, scores in parts.items()}
    if not spec:
        message = "heads={} names no head; leave heads out to find them by running the model once"
        raise ModelError(message)
    odd = [name for name in spec if not isinstance(name, str) or ":" in name or not name]
    if odd:
        message = (
            f"a head was named {odd[0]!r}; a name is a text without a colon, since it ends at the first one in a target"
        )
        raise ModelError(message)
    has_names = isinstance(output, Mapping) or hasattr(output, "_fields") or dataclasses.is_dataclass(output)
    if has_names:
        for name in spec:
            if name not in parts:
                message = f"heads= names '{name}', which the model does not return; {nearest(name, parts)}"
                raise ModelError(message)
        keys = list(spec)
    else:
        if len(spec) != len(parts):
            message = (
                f"heads= names {len(spec)} heads ({', '.join(spec)}), but the model returns {len(parts)}; name each one, "
                "in the order in which the model returns them"
            )
            raise ModelError(message)
        keys = list(parts)
    return {name: _head(name, key, parts[key], spec[name]) for name, key in zip(spec, keys, strict=True)}


def _head(name: str, key: str, scores: Tensor, spec: HeadSpec) -> Head:
    """Make one head from its scores (N, K) and the user's word on it."""
    size = scores.shape[1]
    if isinstance(spec, Regression) or (spec is None and size == 1):
        if size != 1:
            message = f"head '{name}' was declared a regression, but has {size} outputs; expected 1"
            raise ModelError(message)
        return Head(name, "value", 1, unit=spec.unit if isinstance(spec, Regression) else None, key=key)
    if spec is None:
        return Head(name, "classes", size, key=key)
    if isinstance(spec, str) or not isinstance(spec, Sequence) or not all(isinstance(cls, str) for cls in spec):
        message = f"the classes of head '{name}' must be a list of names, or sw.Regression(unit=...); got {spec!r}"
        raise ModelError(message)
    classes = tuple(spec)
    if len(classes) != size:
        message = (
            f"head '{name}' has {size} outputs, but {len(classes)} class names were given: {', '.join(classes[:8])}"
        )
        raise ModelError(message)
    repeated = {cls for cls, times in Counter(classes).items() if times > 1}
    if repeated:
        # ImageNet itself has two cranes and two maillots, so repeated names get their index and stay usable.
        classes = tuple(f"{cls} ({i})" if cls in repeated else cls for i, cls in enumerate(classes))
    return Head(name, "classes", size, classes, key=key)
