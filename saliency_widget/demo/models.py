"""The built-in models by name: their networks with the trained weights that the package carries; nothing is trained here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import nn

import saliency_widget as sw
from saliency_widget.demo import networks
from saliency_widget.demo.building_task import BUILDINGS, HEADS
from saliency_widget.demo.builtin import SIZE, BuiltIn, Recipe, preprocess
from saliency_widget.demo.fish_scales.models import MODELS as FISH_SCALES
from saliency_widget.errors import ModelError

__all__ = ["BUILT_IN", "HEADS", "SIZE", "built_in", "load", "names", "network", "preprocess", "weights_file"]

_FOLDER = Path(__file__).parent / "weights"


def _of_buildings(make: Callable[[Mapping[str, int]], nn.Module], **recipe: Any) -> BuiltIn:
    """Return a model with a head for the style and one for the perspective."""
    sizes = {head: len(classes) for head, classes in HEADS.items()}
    return BuiltIn(partial(make, sizes), HEADS, BUILDINGS, Recipe(**recipe))


BUILT_IN: dict[str, BuiltIn] = {
    "vgg": _of_buildings(networks.vgg),
    "mobilenet": _of_buildings(networks.mobilenet, small=0.84, batch=32, rate=3e-3, precision="float32"),
    "inception": _of_buildings(networks.inception, epochs=5, small=0.8, batch=32, rate=2e-3),
    "efficientnet": _of_buildings(networks.efficientnet, small=0.84, batch=32, rate=2e-3, precision="float32"),
    **FISH_SCALES,
}


def names() -> list[str]:
    """List the built-in models."""
    return list(BUILT_IN)


def weights_file(name: str) -> Path:
    """Return the path of a model's weights."""
    return _FOLDER / f"{name}.safetensors"


def built_in(name: str) -> BuiltIn:
    """Return what there is to know about a built-in model.

    Raises
    ------
    SaliencyError
        If there is none of that name.
    """
    if name not in BUILT_IN:
        known = ", ".join(f"demo/{n}" for n in BUILT_IN)
        message = f"unknown built-in model 'demo/{name}'; the built-in models are {known}"
        raise sw.SaliencyError(message)
    return BUILT_IN[name]


def network(name: str) -> nn.Module:
    """Return an untrained network; there is a SaliencyError if there is none of that name."""
    return built_in(name).network()


def load(
    name: str, *, trained: bool = True, weights: str | os.PathLike[str] | None = None, **options: Any
) -> sw.ImageModel:
    """Return a built-in model.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    trained : bool
        Whether with the weights that the package carries, or as it was before its training.
    weights : path, optional
        A file of other weights, of a training of one's own: ``python -m saliency_widget.demo.train NAME --out FILE``.
    **options
        Of :class:`saliency_widget.ImageModel`.

    Raises
    ------
    ModelError
        If there is no such file, or it holds the weights of another network.
    """
    about = built_in(name)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(0)
        module = about.network()
    if trained:
        _fill(module, name, Path(weights or weights_file(name)).expanduser())
    shown = f"demo/{name}" if trained else f"demo/{name} (untrained)"
    return sw.ImageModel(module.eval(), heads=about.heads, preprocess=about.preprocess(), name=shown, **options)


def _fill(module: nn.Module, name: str, file: Path) -> None:
    try:
        state = safetensors.torch.load_file(file)
        module.load_state_dict(
            {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
        )
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        why = "there is no such file" if not file.exists() else f"{error}".partition("\n")[0].rstrip(":")
        message = (
            f"weights= was given as '{file}' for demo/{name}, and {why}; expected a file that "
            f"`python -m saliency_widget.demo.train {name} --out FILE` wrote, None for untrained weights, or nothing"
        )
        raise ModelError(message) from error
