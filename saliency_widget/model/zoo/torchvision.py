"""Torchvision's classification models, with the preprocessing and the class names of their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch

from saliency_widget.errors import MissingWeights, ModelError, nearest
from saliency_widget.model.image_model import ImageModel
from saliency_widget.model.recipe import Crop, Recipe, Resize
from saliency_widget.model.zoo.common import BROKEN, first_line, seeded, understood

__all__ = ["load", "names"]

_WITH_AUXILIARY_HEADS = {"googlenet", "inception_v3"}


def names() -> list[str]:
    """List the classification models of the installed torchvision."""
    from torchvision import models

    return [str(name) for name in models.list_models(module=models)]


def load(name: str, *, weights: str | None, **options: Any) -> ImageModel:
    """Load one of them; see :func:`saliency_widget.model.loading.load`."""
    from torchvision import models

    _check(name)
    choices = models.get_model_weights(name)
    if weights is not None and weights not in choices.__members__:
        message = f"torchvision/{name} has no weights '{weights}'; {nearest(weights, choices.__members__)}"
        raise ModelError(message)
    chosen = choices.DEFAULT if weights is None else choices[weights]
    # Untrained, these two would warn of their initialisation, and have heads that are for training alone.
    bare = {"aux_logits": False, "init_weights": True} if name in _WITH_AUXILIARY_HEADS else {}
    try:
        with seeded():
            module = models.get_model(name, weights=chosen) if weights else models.get_model(name, weights=None, **bare)
    except (URLError, OSError) as error:
        raise _missing(name, chosen.url, error) from error
    except BROKEN as error:
        raise _broken(name, chosen.url, error) from error
    transform = chosen.transforms()
    preprocess, note = understood(_readings(transform), transform, f"the weights' transform of torchvision/{name}")
    model = ImageModel(
        module.eval(),
        heads={"class": chosen.meta["categories"]},
        preprocess=preprocess,
        name=f"torchvision/{name}" if weights else f"torchvision/{name} (untrained)",
        **options,
    )
    model.notes.append(note)
    return model


def _check(name: str) -> None:
    from torchvision import models

    known = names()
    if name in known:
        return
    if name.startswith("quantized_") and name in models.list_models(module=models.quantization):
        message = (
            f"torchvision/{name} computes in 8-bit integers, which have no gradient, so nothing could be explained; load "
            f"the network that it was made from: sw.load('torchvision/{name.removeprefix('quantized_')}')"
        )
        raise ModelError(message)
    if name in models.list_models():
        message = f"torchvision/{name} is no model for classifying images; those are {nearest(name, known)}"
        raise ModelError(message)
    message = f"torchvision has no classification model '{name}'; {nearest(name, known)}"
    raise ModelError(message)


def _readings(transform: Any) -> list[Recipe]:
    """Say what a transform of torchvision's presets does; nothing if it is another kind."""
    try:
        side, part = int(transform.resize_size[0]), int(transform.crop_size[0])
        resize = Resize(side, side, "cover", str(transform.interpolation.value))
        return [Recipe(resize, Crop(part, part), tuple(transform.mean), tuple(transform.std))]
    except (AttributeError, IndexError, TypeError):
        return []


def _cached(url: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name


def _missing(name: str, url: str, error: Exception) -> MissingWeights:
    return MissingWeights(
        f"the pretrained weights of torchvision/{name} are not on this machine and could not be downloaded ({error}). On a "
        f"machine with a connection download {url}, and put the file here: {_cached(url)}. To go on with an untrained "
        f'network: sw.load("torchvision/{name}", weights=None)'
    )


def _broken(name: str, url: str, error: Exception) -> MissingWeights:
    return MissingWeights(
        f"the weights file of torchvision/{name} cannot be read ({first_line(error)}); delete {_cached(url)} and download "
        f"it again from {url}"
    )
