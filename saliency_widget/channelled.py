"""The message of a page that wants a map with its channels put together otherwise, checked as ``protocol`` checks all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from saliency_widget.fields import Fields

__all__ = ["WAYS", "Channels", "read"]

WAYS = ("max", "norm")
"""Besides the sum, as which every map comes."""


@dataclass(frozen=True)
class Channels:
    """Send a finished map again, its channels put together otherwise; `key` is the one that came with it."""

    req: dict[str, Any]
    key: str
    channels: str


def read(req: dict[str, Any], args: Fields) -> Channels:
    """Read the arguments of a request of kind ``channels``.

    Raises
    ------
    BadMessage
    """
    return Channels(req, args.text("key"), args.choice("channels", WAYS))
