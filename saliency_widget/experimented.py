"""The page's messages about experiments: which there are, and that one shall be made; checked as all others are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from saliency_widget.fields import LONGEST_TEXT, MOST_ITEMS, Fields, Plain, target

__all__ = ["Experiments", "Lab", "experiments", "lab"]


@dataclass(frozen=True)
class Experiments:
    """A page wants to know which experiments there are."""

    page: str


@dataclass(frozen=True)
class Lab:
    """Make an experiment with the model, on a picture; `method` and what follows it are those of the map that is looked at.

    `methods` are compared with it, by their default parameters; `other` is the id of a second picture.
    """

    req: dict[str, Any]
    experiment: str
    params: dict[str, Plain]
    image: str
    target: dict[str, Any]
    method: str
    method_params: dict[str, Plain]
    score: str
    layer: str | None
    seed: int
    model: str | None
    methods: tuple[str, ...] | None = None
    other: str | None = None


def experiments(fields: Fields) -> Experiments:
    """Read a message of the type ``experiments``."""
    return Experiments(fields.text("page"))


def lab(req: dict[str, Any], args: Fields) -> Lab:
    """Read the arguments of a request of kind ``lab``.

    Raises
    ------
    BadMessage
    """
    return Lab(
        req,
        args.text("experiment"),
        args.plains("params"),
        args.text("image"),
        target(args.inner("target")),
        args.text("method"),
        args.plains("method_params"),
        args.text("score"),
        args.optional("layer", "text"),
        args.integer("seed"),
        args.text("model") if "model" in args.names() else None,
        _names(args, "methods") if "methods" in args.names() else None,
        args.text("other") if "other" in args.names() else None,
    )


def _names(args: Fields, name: str) -> tuple[str, ...]:
    """Take out a list of texts, none of them empty or long."""
    value = args.take(name)
    fits = isinstance(value, list) and len(value) <= MOST_ITEMS
    if not fits or not all(isinstance(one, str) and 0 < len(one) <= LONGEST_TEXT for one in value):
        args.refuse(name, value, f"a list of at most {MOST_ITEMS} texts of 1 to {LONGEST_TEXT} characters")
    return tuple(value)
