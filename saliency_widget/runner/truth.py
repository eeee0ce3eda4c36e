"""What is true of a picture: labels as people write them, checked against a model's heads; it knows no picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from reprlib import repr as short
from typing import Any

import numpy as np
import torch

from saliency_widget.errors import BadParameter, nearest
from saliency_widget.model.heads import Head

__all__ = ["Offered", "Truth", "among", "as_list", "caption_of", "classes_of", "truth_of"]

Truth = Mapping[str, int | float | list[int]]
"""By head, the index of the true class, the true value, or the indices of all labels that are there, in their order."""


class Offered(dict[str, Any]):
    """Labels that a picture brings with it, and nobody gave: what does not fit the model is left out without a word."""


def as_list(labels: Any) -> Any:
    """Return an array or a tensor of labels as a list, a table of them as one of its rows; anything else as it is."""
    if not isinstance(labels, np.ndarray | torch.Tensor) or labels.ndim == 0:
        return labels
    return labels.tolist() if labels.ndim == 1 else list(labels)


def caption_of(label: Any) -> str:
    """Return a label as people read it; empty where it is a table of yes and no, which nobody reads."""
    if label is None:
        return ""
    if isinstance(label, Mapping):
        said = {head: caption_of(one) for head, one in label.items()}
        return ", ".join(f"{head}: {text}" for head, text in said.items() if text)
    if isinstance(label, list | tuple | set | frozenset):
        names = [str(one) for one in label if isinstance(one, str)]
        named = sorted(names) if isinstance(label, set | frozenset) else names
        return "" if len(names) < len(label) else " + ".join(named) or "none"
    if isinstance(label, np.ndarray | torch.Tensor):
        return str(label.item()) if _single(label) else ""
    return str(label)


def truth_of(label: Any, heads: Mapping[str, Head], where: str) -> Truth:
    """Check what somebody says is true of a picture.

    Parameters
    ----------
    label : mapping, str, int, float, list, array or None
        By head, the name or the index of a class, or a value; of a head of labels a list of those that are there, or a yes
        or no for each; alone, of the first head. None where nothing is known.
    heads : mapping of str to Head
        The model's.
    where : str
        What the label is called in an error, such as ``labels[3]``.

    Returns
    -------
    dict of str to int, float or list of int

    Raises
    ------
    BadParameter
    """
    if label is None or not heads:
        return {}
    if not isinstance(label, Mapping):
        label = {next(iter(heads)): label}
    found: dict[str, int | float | list[int]] = {}
    for name, one in label.items():
        if name not in heads:
            if isinstance(label, Offered):
                continue
            message = (
                f"{where} names the head {name!r}, which the model does not have; {nearest(str(name), tuple(heads))}"
            )
            raise BadParameter(message)
        if one is None:
            continue
        try:
            found[name] = _one(one, heads[name], where)
        except BadParameter:
            if not isinstance(label, Offered):
                raise
    return found


def classes_of(classes: Sequence[str], head: Head) -> list[int] | None:
    """Return which classes of a head the classes of a data set are; None if they are others.

    By name where they are called the same; by place where none is, but they are as many.
    """
    known = {name: index for index, name in enumerate(head.classes or ())}
    if all(name in known for name in classes):
        return [known[name] for name in classes]
    if not any(name in known for name in classes) and len(classes) == head.size:
        return list(range(head.size))
    return None


def among(label: Any, classes: Sequence[str], places: Sequence[int], head: Head) -> Any:
    """Return which of a head's labels a data set says are there, a yes or no for each; what makes no sense as it is.

    Parameters
    ----------
    label : int, sequence or array
        One of the data set's classes, or several, as for :func:`truth_of`.
    classes : sequence of str
        The data set's.
    places : sequence of int
        Which labels of the head these are.
    head : Head
    """
    own = Head(head.name, "labels", len(classes), tuple(classes))
    try:
        one = isinstance(label, int | np.integer) or getattr(label, "ndim", None) == 0
        some = [_index(int(label), own, "")] if one else _labels(label, own, "")
    except BadParameter:
        return label  # whoever checks it against the head says what is wrong
    there = {places[index] for index in some}
    return [index in there for index in range(head.size)]


def _one(given: Any, head: Head, where: str) -> int | float | list[int]:
    given = _plain(given)
    if head.kind == "value":
        return _value(given, head, where)
    if head.kind == "labels":
        return _labels(given, head, where)
    if isinstance(given, str) or (isinstance(given, int) and not isinstance(given, bool)):
        return _index(given, head, where)
    several = isinstance(given, list | tuple | set | frozenset | np.ndarray | torch.Tensor)
    advice = "; a head of which several may hold is declared as sw.MultiLabel([...])" if several else ""
    message = (
        f"{where} is {short(given)} ({type(given).__name__}) for the head '{head.name}'; expected a class's name or "
        f"index{advice}"
    )
    raise BadParameter(message)


def _value(given: Any, head: Head, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, Real) or not math.isfinite(given):
        unit = f" in {head.unit}" if head.unit else ""
        message = (
            f"{where} is {short(given)} for the head '{head.name}'; expected a number, its true value{unit}, or None where "
            "nobody knows it"
        )
        raise BadParameter(message)
    return float(given)


def _index(given: str | int, head: Head, where: str) -> int:
    """Return the index of a class, or of a label, from its name or its index."""
    word, words = ("label", "labels") if head.kind == "labels" else ("class", "classes")
    if isinstance(given, int):
        if not 0 <= given < head.size:
            last = f"the {words} 0 to {head.size - 1}" if head.size > 1 else f"one {word} alone"
            message = f"{where} is {word} {given} of the head '{head.name}', which has {last}"
            raise BadParameter(message)
        return given
    if head.classes is not None and given in head.classes:
        return head.classes.index(given)
    known = nearest(given, head.classes) if head.classes else f"its {words} have no names, so give 0 to {head.size - 1}"
    message = f"{where} is {given!r}, which is no {word} of the head '{head.name}'; {known}"
    raise BadParameter(message)


def _labels(given: Any, head: Head, where: str) -> list[int]:
    """Return which labels are there: given by name or index, or as a yes or no for each."""
    if isinstance(given, str | int | float):
        # Of one label alone a number says whether it is there.
        given = [bool(given)] if head.size == 1 and given in (0, 1) else [given]
    array = isinstance(given, np.ndarray | torch.Tensor) and given.ndim == 1
    if not array and not isinstance(given, list | tuple | set | frozenset):
        message = f"{where} is {short(given)} ({type(given).__name__}) for the head '{head.name}'; {_expected(head)}"
        raise BadParameter(message)
    parts = given.tolist() if array else [_plain(one) for one in given]
    flags = not isinstance(given, set | frozenset) and all(
        isinstance(one, int | float) and one in (0, 1) for one in parts
    )
    if flags and len(parts) == head.size:
        # Indices come once each, and are no fractions.
        if array or len(set(parts)) < len(parts) or not all(type(one) is int for one in parts):
            return [index for index, there in enumerate(parts) if there]
        message = (
            f"{where} is {parts} for the head '{head.name}', which has {head.size} labels: are these indices, or a no and a "
            "yes? Give names or, for each label, True or False"
        )
        raise BadParameter(message)
    if not all(isinstance(one, str | int) and not isinstance(one, bool) for one in parts):
        message = f"{where} is {short(parts)} for the head '{head.name}'; {_expected(head)}"
        raise BadParameter(message)
    return sorted({_index(one, head, where) for one in parts})


def _expected(head: Head) -> str:
    some = [head.class_name(index) for index in range(min(2, head.size))]
    return (
        f"expected a list of the labels that are there, such as {some} ([] for none), or a yes or no for each of its "
        f"{head.size} labels"
    )


def _plain(given: Any) -> Any:
    """Return the number in an array or a tensor of one; anything else as it is."""
    one = isinstance(given, np.generic | np.ndarray | torch.Tensor) and _single(given)
    return given.item() if one else given


def _single(given: Any) -> bool:
    return int(np.prod(tuple(given.shape))) == 1
