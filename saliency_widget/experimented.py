"""The page's messages about experiments: which there are, and that one shall be made; checked as all others are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from saliency_widget.fields import LONGEST_TEXT, MOST_ITEMS, Fields, Plain

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
    target = args.inner("target")
    wanted = {
        "head": target.text("head"),
        "index": target.optional("index", "index"),
        "versus": target.optional("versus", "integer"),
    }
    target.finish()
    return Lab(
        req,
        args.text("experiment"),
        _params(args, "params"),
        args.text("image"),
        wanted,
        args.text("method"),
        _params(args, "method_params"),
        args.text("score"),
        args.optional("layer", "text"),
        args.integer("seed"),
        args.text("model") if "model" in args.names() else None,
    )


def _params(args: Fields, name: str) -> dict[str, Plain]:
    params = args.inner(name)
    names = params.names()
    if len(names) > MOST_ITEMS:
        args.refuse(name, names, f"at most {MOST_ITEMS} parameters")
    return {one[:LONGEST_TEXT]: params.plain(one) for one in names}
