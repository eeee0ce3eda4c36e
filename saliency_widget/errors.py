"""The errors that users meet, each with the code that travels to the page; it raises none of them itself."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

__all__ = [
    "BadImage",
    "BadMessage",
    "BadParameter",
    "Locked",
    "MissingWeights",
    "ModelError",
    "NotApplicable",
    "NotFinite",
    "OutOfMemory",
    "SaliencyError",
    "UnknownMethod",
    "UnknownTarget",
    "nearest",
]


class SaliencyError(ValueError):
    """Base of all errors of this package: says what was given, what was expected, and what to do.

    Attributes
    ----------
    code : str
        Short stable name of the kind of error, as in ``docs/protocol.md``.
    """

    code: ClassVar[str] = "internal"


class UnknownTarget(SaliencyError):
    """A head or a class that the model does not have."""

    code = "unknown_target"


class UnknownMethod(SaliencyError):
    """A method name that is not registered."""

    code = "unknown_method"


class BadParameter(SaliencyError):
    """A method parameter, or another argument, of the wrong name, type or range."""

    code = "bad_parameter"


class BadImage(SaliencyError):
    """An image that cannot be read, or cannot be used."""

    code = "unknown_image"


class BadMessage(SaliencyError):
    """A message from the page that does not follow the protocol."""

    code = "bad_message"


class ModelError(SaliencyError):
    """The user's model raised, or gave something that is not a score."""

    code = "model_error"


class MissingWeights(ModelError):
    """Pretrained weights that are neither on this machine nor within its reach."""


class NotFinite(ModelError):
    """NaN or infinity, with the layer it came from."""

    code = "not_finite"


class OutOfMemory(ModelError):
    """Not even a single gradient fits into the device's memory."""

    code = "out_of_memory"


class NotApplicable(SaliencyError):
    """A method that makes no sense for this model."""

    code = "not_applicable"


class Locked(SaliencyError):
    """A page asked to change what is locked for its reader."""

    code = "locked"


def nearest(given: str, known: Iterable[str], limit: int = 12) -> str:
    """Return the end of an error message: the nearest known name and the list of all.

    Parameters
    ----------
    given : str
        What the user wrote.
    known : iterable of str
        What would have been right.
    limit : int
        How many of the known names are listed.

    Returns
    -------
    str
        For example ``"did you mean 'gothic'? Known: gothic, neoclassical"``.
    """
    names = list(known)
    lowered = {name.lower(): name for name in names}
    close = difflib.get_close_matches(given.lower(), lowered, n=1, cutoff=0.5)
    hint = f"did you mean '{lowered[close[0]]}'? " if close else ""
    listed = ", ".join(names[:limit])
    more = f", ... ({len(names)} in all)" if len(names) > limit else ""
    return f"{hint}Known: {listed}{more}"
