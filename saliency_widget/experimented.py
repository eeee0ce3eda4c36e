"""The page's messages about experiments: which there are, and that one shall be made; checked as all others are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from saliency_widget.fields import Fields, Plain, target

__all__ = ["Experiments", "Lab", "experiments", "lab"]


@dataclass(frozen=True)
class Experiments:
    """A page wants to know which experiments there are."""

    page: str


@dataclass(frozen=True)
class Lab:
    """Make an experiment with the model, on a picture; `method` and what follows it are those of the map that is looked at."""

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
    )
