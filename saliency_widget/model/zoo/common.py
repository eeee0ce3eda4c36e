"""What the families share: missing extras, seeded weights, and a preprocessing that is understood or called as it is."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import safetensors
import torch
from PIL import Image
from torch import Tensor

from saliency_widget.errors import ModelError
from saliency_widget.model.recipe import Recipe, agrees

__all__ = ["BROKEN", "DEFAULT", "first_line", "installed", "need", "seeded", "understood"]

DEFAULT = "DEFAULT"
"""The weights that a family itself would choose."""

BROKEN = (
    RuntimeError,
    ValueError,
    KeyError,
    EOFError,
    pickle.UnpicklingError,
    safetensors.SafetensorError,  # type: ignore[attr-defined,unused-ignore] # some versions' stubs lack it
)
"""What libraries raise for a file of weights that is damaged, or that is of another network."""


def installed(module: str) -> bool:
    """Tell whether a module could be imported, without importing it."""
    return importlib.util.find_spec(module) is not None


def need(module: str, extra: str, name: str) -> Any:
    """Import a module that an optional extra brings.

    Raises
    ------
    ModelError
        If it is not installed, with the command that installs it.
    """
    if not installed(module):
        message = f"'{name}' needs the package {module}, which is not installed: pip install 'saliency-widget[{extra}]'"
        raise ModelError(message)
    return importlib.import_module(module)


@contextmanager
def seeded() -> Iterator[None]:
    """Make what is drawn within the same each time, and leave the user's own draws what they were."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(0)
        yield


def first_line(error: BaseException) -> str:
    """Return the first line of what a library says, cut to a readable length."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def understood(
    readings: Iterable[Recipe], pipeline: Callable[[Image.Image], Any], whose: str
) -> tuple[Callable[[Any], Any], str]:
    """Choose the reading of a library's preprocessing that does what the library does, or else the library's own.

    Parameters
    ----------
    readings : iterable of Recipe
        What the preprocessing may be, by its parameters; the likeliest first.
    pipeline : callable
        The library's own: takes a Pillow image, returns the model's input (C, h, w).
    whose : str
        How a person knows the pipeline.

    Returns
    -------
    (callable, str)
        What to give to the model, and a sentence for its notes.

    Raises
    ------
    ModelError
        If the pipeline does not make one tensor (C, h, w) of an image.
    """
    for recipe in readings:
        if agrees(recipe, pipeline):
            return recipe, f"preprocessing, as {whose} says: {recipe}"
    try:
        made = pipeline(Image.new("RGB", (320, 240), "grey"))
    except Exception as error:
        message = f"{whose} cannot make the model's input from an image: {type(error).__name__}: {first_line(error)}"
        raise ModelError(message) from error
    if not isinstance(made, Tensor) or made.dim() != 3 or not made.is_floating_point():
        given = f"a {made.dtype} tensor {tuple(made.shape)}" if isinstance(made, Tensor) else type(made).__name__
        message = (
            f"{whose} makes {given} of an image, not a float tensor (C, h, w), so no map of pixels can be made of it"
        )
        raise ModelError(message)

    def as_it_is(image: Any) -> Any:
        if isinstance(image, Tensor):
            # A library may take a float tensor and scale it a second time, so it is asked for what it is made for.
            message = f"{whose} is called with Pillow images only"
            raise TypeError(message)
        return pipeline(image)

    return as_it_is, f"preprocessing: {whose} is called as it is, since it does something else than its parameters tell"
