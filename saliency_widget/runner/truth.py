"""What is true of a picture: labels as people write them, checked against a model's heads; it knows no picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from saliency_widget.errors import BadParameter, nearest

if TYPE_CHECKING:
    from saliency_widget.model.heads import Head

__all__ = ["Offered", "Truth", "as_list", "caption_of", "classes_of", "truth_of"]

Truth = Mapping[str, int | float]
"""By head, the index of the true class, or the true value."""


class Offered(dict[str, Any]):
    """Labels that a picture brings with it, and nobody gave: what does not fit the model is left out without a word."""


def as_list(labels: Any) -> Any:
    """Return an array or a tensor of labels as a list; anything else as it is."""
    return labels.tolist() if isinstance(labels, np.ndarray | torch.Tensor) and labels.ndim == 1 else labels


def caption_of(label: Any) -> str:
    """Return a label as people read it."""
    if label is None:
        return ""
    if isinstance(label, Mapping):
        return ", ".join(f"{head}: {cls}" for head, cls in label.items() if cls is not None)
    return str(label)


def truth_of(label: Any, heads: Mapping[str, Head], where: str) -> Truth:
    """Check what somebody says is true of a picture.

    Parameters
    ----------
    label : mapping, str, int, float or None
        By head, the name or the index of a class, or a value; alone, of the first head. None where nothing is known.
    heads : mapping of str to Head
        The model's.
    where : str
        What the label is called in an error, such as ``labels[3]``.

    Returns
    -------
    dict of str to int or float

    Raises
    ------
    BadParameter
    """
    if label is None or not heads:
        return {}
    if not isinstance(label, Mapping):
        label = {next(iter(heads)): label}
    found: dict[str, int | float] = {}
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


def _one(given: Any, head: Head, where: str) -> int | float:
    given = given.item() if isinstance(given, np.generic | np.ndarray | torch.Tensor) and _single(given) else given
    if head.kind == "value":
        if isinstance(given, bool) or not isinstance(given, Real):
            message = f"{where} is {given!r} for the head '{head.name}'; expected a number, its true value"
            raise BadParameter(message)
        return float(given)
    if isinstance(given, int) and not isinstance(given, bool):
        if not 0 <= given < head.size:
            message = f"{where} is class {given} of the head '{head.name}', which has the classes 0 to {head.size - 1}"
            raise BadParameter(message)
        return given
    if isinstance(given, str):
        if head.classes is not None and given in head.classes:
            return head.classes.index(given)
        known = (
            nearest(given, head.classes) if head.classes else f"its classes have no names, so give 0 to {head.size - 1}"
        )
        message = f"{where} is {given!r}, which is no class of the head '{head.name}'; {known}"
        raise BadParameter(message)
    message = (
        f"{where} is {given!r} ({type(given).__name__}) for the head '{head.name}'; expected a class's name or index"
    )
    raise BadParameter(message)


def _single(given: Any) -> bool:
    return int(np.prod(tuple(given.shape))) == 1
