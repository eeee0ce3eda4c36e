"""What is explained: a class of a head, one class rather than another, all outputs of a head at once, or a value.

It computes nothing.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from saliency_widget.errors import UnknownTarget, nearest
from saliency_widget.model.heads import Head

__all__ = ["ALL", "Target", "resolve"]

ALL = -1
"""The index that stands for all outputs of a head at once."""

_ALL_NAMED = "*"
_VERSUS = " versus "


@dataclass(frozen=True)
class Target:
    """One target of an explanation.

    Parameters
    ----------
    head : str
        Name of the output head.
    cls : str, int or None
        Name or index of the class or label; ``"*"`` for all outputs of the head at once, None for the value of a regression
        head.
    versus : str, int or None
        The other class of a contrast: "`cls` rather than `versus`".

    Attributes
    ----------
    index, versus_index : int or None
        The classes' places in the head's output, -1 for all of them; set once a model has resolved the target.
    """

    head: str
    cls: str | int | None = None
    versus: str | int | None = None
    index: int | None = None
    versus_index: int | None = None

    def __str__(self) -> str:
        """Return the canonical text, which every place that takes a target accepts."""
        if self.cls is None:
            return self.head
        contrast = "" if self.versus is None else f"{_VERSUS}{self.versus}"
        return f"{self.head}:{self.cls}{contrast}"

    def wire(self) -> dict[str, Any]:
        """Return the target as the page knows it: names of heads, indices of classes."""
        return {"head": self.head, "index": self.index, "versus": self.versus_index}


def resolve(given: Any, heads: Mapping[str, Head], top: Mapping[str, int] | None = None) -> Target:
    """Turn any accepted spelling of a target into a :class:`Target` with its indices set.

    Parameters
    ----------
    given : None, str, int, tuple, dict or Target
        ``None`` (top class of the first head), ``"head:class"``, ``"head:index"``, ``"head:*"``, ``"head"``,
        ``("head", cls)``, a target as the page sends it, or, for a model with one head, a class alone.
    heads : mapping of str to Head
        The model's heads.
    top : mapping of str to int, optional
        The top class of each classification head for the image at hand; needed where `given` names no class.

    Returns
    -------
    Target

    Raises
    ------
    UnknownTarget
        If there is no such head or class, with the nearest name; or if a class is needed and none was given.
    """
    target = _parse(given, heads)
    head = _head(target.head, heads)
    if head.kind == "value":
        if target.cls not in (None, 0, _ALL_NAMED) or target.versus is not None:
            message = (
                f"head '{head.name}' gives a value, not classes, so there is no class {target.cls!r}; "
                f"use the target '{head.name}'"
            )
            raise UnknownTarget(message)
        return Target(head.name)
    if target.cls is None:
        if top is None or head.name not in top:
            message = f"target '{head.name}' names no class and no image was given to find the top one; add ':class'"
            raise UnknownTarget(message)
        target = replace(target, cls=top[head.name])
    index = _class_index(target.cls, head)
    versus = None if target.versus is None else _class_index(target.versus, head)
    if versus is not None and ALL in {index, versus}:
        message = (
            f"a contrast needs two classes of head '{head.name}', but '{_ALL_NAMED}' stands for all of its outputs; "
            f"use '{head.name}:{_ALL_NAMED}' alone"
        )
        raise UnknownTarget(message)
    if versus == index:
        message = f"a contrast needs two classes of head '{head.name}', but both are {head.class_name(index)!r}"
        raise UnknownTarget(message)
    return Target(
        head.name,
        _ALL_NAMED if index == ALL else head.class_name(index),
        None if versus is None else head.class_name(versus),
        index,
        versus,
    )


def _parse(given: Any, heads: Mapping[str, Head]) -> Target:
    """Split a spelling into head, class and contrast, without looking the class up."""
    first = next(iter(heads))
    if isinstance(given, Target):
        return Target(given.head, given.cls if given.cls is not None else _all_or(given.index), given.versus)
    if given is None:
        return Target(first)
    if isinstance(given, Mapping) and "head" in given:
        return Target(str(given["head"]), _all_or(given.get("index")), given.get("versus"))
    if isinstance(given, tuple) and len(given) in {2, 3}:
        return Target(*given)
    if hasattr(given, "__index__") and not isinstance(given, bool):
        _only_head(given, heads)
        return Target(first, operator.index(given))
    if isinstance(given, str):
        return _parse_text(given, heads)
    message = (
        f"a target was given as {type(given).__name__} ({given!r}); expected 'head:class', 'head', ('head', class), "
        "sw.Target(head, class, versus=other) or None"
    )
    raise UnknownTarget(message)


def _all_or(index: Any) -> Any:
    """Return an index as a class; the one that stands for all outputs by its name, as -1 is no place to people."""
    return _ALL_NAMED if isinstance(index, int) and index == ALL else index


def _parse_text(text: str, heads: Mapping[str, Head]) -> Target:
    """Read ``head:class``, ``head`` or, for a model with one head, ``class``."""
    name, colon, cls = text.partition(":")
    if colon and name.strip() in heads:
        return _contrast(name.strip(), cls.strip(), heads)
    if text.strip() in heads:
        return Target(text.strip())
    if len(heads) == 1 and (not colon or _is_class(text, next(iter(heads.values())))):
        return _contrast(next(iter(heads)), text.strip(), heads)
    if text.strip() == _ALL_NAMED:
        first = next(iter(heads))
        message = f"target '*' names no head, but the model has {len(heads)}: {', '.join(heads)}; write '{first}:*'"
        raise UnknownTarget(message)
    owners = [head.name for head in heads.values() if not colon and _is_class(text, head)]
    if owners:
        message = f"'{text}' is a class of head '{owners[0]}': write '{owners[0]}:{text}'"
        raise UnknownTarget(message)
    _head(name.strip(), heads)
    raise AssertionError  # _head has raised


def _contrast(name: str, cls: str, heads: Mapping[str, Head]) -> Target:
    """Read ``class`` or ``class versus other``."""
    if not cls:
        message = f"target '{name}:' ends at the colon; write '{name}:class' or '{name}' for its top class"
        raise UnknownTarget(message)
    one, versus, other = cls.partition(_VERSUS)
    if versus and not _is_class(cls, heads[name]):
        return Target(name, one.strip(), other.strip())
    return Target(name, cls)


def _is_class(text: str, head: Head) -> bool:
    return head.classes is not None and text.strip() in head.classes


def _only_head(given: object, heads: Mapping[str, Head]) -> None:
    if len(heads) > 1:
        example = f"{next(iter(heads))}:{given}"
        message = (
            f"target {given!r} names no head, but the model has {len(heads)}: {', '.join(heads)}; write '{example}'"
        )
        raise UnknownTarget(message)


def _head(name: str, heads: Mapping[str, Head]) -> Head:
    if name in heads:
        return heads[name]
    message = f"unknown head '{name}'; {nearest(name, heads)}"
    raise UnknownTarget(message)


def _class_index(cls: Any, head: Head) -> int:
    """Find a class by its name, else by its index; all of them by ``*``, unless a class has that very name."""
    if isinstance(cls, str):
        if head.classes is not None and cls in head.classes:
            return head.classes.index(cls)
        if cls == _ALL_NAMED:
            return ALL
        if not re.fullmatch(r"-?\d+", cls):
            known = head.classes or tuple(str(i) for i in range(head.size))
            message = f"unknown class '{cls}' for head '{head.name}'; {nearest(cls, known)}"
            raise UnknownTarget(message)
        cls = int(cls)
    try:
        index = operator.index(cls)
    except TypeError:
        message = (
            f"a class of head '{head.name}' was given as {type(cls).__name__} ({cls!r}); expected a name or an index"
        )
        raise UnknownTarget(message) from None
    if not 0 <= index < head.size:
        message = f"class {index} of head '{head.name}' does not exist; it has {head.size}, numbered from 0 to {head.size - 1}"
        raise UnknownTarget(message)
    return index
