"""The built-in models by name: their networks with the trained weights that the package carries; nothing is trained here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torchvision.transforms import v2

import saliency_widget as sw
from saliency_widget.demo.drawing.picture import PERSPECTIVES, STYLES
from saliency_widget.demo.networks import NETWORKS, MultiHead

__all__ = ["HEADS", "SIZE", "load", "names", "preprocess", "weights_file"]

HEADS: dict[str, tuple[str, ...]] = {"style": STYLES, "perspective": PERSPECTIVES}
SIZE = 224

_FOLDER = Path(__file__).parent / "weights"
_MEAN, _STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def names() -> list[str]:
    """List the built-in models."""
    return list(NETWORKS)


def weights_file(name: str) -> Path:
    """Return the path of a model's weights."""
    return _FOLDER / f"{name}.safetensors"


def preprocess() -> v2.Compose:
    """Return what turns an image (3, H, W) in [0, 1] into the built-in models' input."""
    return v2.Compose([v2.Resize(SIZE, antialias=True), v2.CenterCrop(SIZE), v2.Normalize(_MEAN, _STD)])


def network(name: str) -> MultiHead:
    """Return an untrained network.

    Raises
    ------
    SaliencyError
        If there is none of that name.
    """
    if name not in NETWORKS:
        message = (
            f"unknown built-in model 'demo/{name}'; the built-in models are {', '.join(f'demo/{n}' for n in NETWORKS)}"
        )
        raise sw.SaliencyError(message)
    return NETWORKS[name]({head: len(classes) for head, classes in HEADS.items()})


def load(name: str, *, trained: bool = True, **options: Any) -> sw.ImageModel:
    """Return a built-in model.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    trained : bool
        Whether with the weights that the package carries, or as it was before its training.
    **options
        Of :class:`saliency_widget.ImageModel`.
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(0)
        module = network(name)
    if trained:
        state = safetensors.torch.load_file(weights_file(name))
        module.load_state_dict(
            {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
        )
    shown = f"demo/{name}" if trained else f"demo/{name} (untrained)"
    return sw.ImageModel(module.eval(), heads=HEADS, preprocess=preprocess(), name=shown, **options)
