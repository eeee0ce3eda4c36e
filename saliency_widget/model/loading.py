"""Loading models by name: ``"demo/vgg"``, ``"timm/resnet50"``; what each family knows is in `zoo`, imported when asked for."""

from __future__ import annotations

import fnmatch
import importlib
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch

from saliency_widget.errors import ModelError, nearest
from saliency_widget.model.image_model import ImageModel
from saliency_widget.model.zoo.common import DEFAULT

__all__ = ["how_loaded", "load", "models"]

_FAMILIES = ("demo", "torchvision", "timm", "hf")
_DEMO = "saliency_widget.demo.models"

_calls: WeakKeyDictionary[ImageModel, tuple[str, dict[str, Any]]] = WeakKeyDictionary()
"""By which name and options each model that is still alive was loaded."""


def load(
    name: str,
    *,
    weights: str | None = DEFAULT,
    device: str | torch.device = "auto",
    precision: str = "auto",
) -> ImageModel:
    """Load a model by name, with its preprocessing and the names of its classes.

    Parameters
    ----------
    name : str
        ``"demo/..."`` for a built-in model, ``"torchvision/..."`` for a classification model of the installed
        torchvision, ``"timm/..."`` for one of timm's, with or without the tag of its weights, and ``"hf/..."`` for an
        image classifier on Hugging Face's hub, or in a local folder; :func:`models` lists them.
    weights : str or None
        Which pretrained weights: torchvision's name of them (``"IMAGENET1K_V1"``), timm's tag (``"a1_in1k"``) or the path of a
        file for a model of timm's, the path of a file for a built-in one, a revision for one of the hub's. None for untrained
        ones, the same each time.
    device, precision
        As for :class:`ImageModel`.

    Returns
    -------
    ImageModel
        Its `notes` say how images are preprocessed.

    Raises
    ------
    ModelError
        If there is no such model, or the package that it comes from is not installed.
    MissingWeights
        If the weights are neither in the cache nor can be downloaded; the message says where to put the file.
    """
    family, _, model = name.partition("/") if isinstance(name, str) else ("", "", "")
    if family not in _FAMILIES or not model:
        known = nearest(f"{name}", [*_names("demo"), *_names("torchvision")])
        message = f"unknown model {name!r}; a name is family/model, with the families {', '.join(_FAMILIES)}; {known}"
        raise ModelError(message)
    loader: Callable[..., ImageModel] = _load_demo if family == "demo" else _room(family).load
    loaded = loader(model, weights=weights, device=device, precision=precision)
    options = {"weights": (weights, DEFAULT), "device": (str(device), "auto"), "precision": (precision, "auto")}
    _calls[loaded] = name, {key: value for key, (value, usual) in options.items() if value != usual}
    return loaded


def how_loaded(model: ImageModel) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the options with which :func:`load` gave a model; None if it came from elsewhere."""
    return _calls.get(model)


def models(pattern: str | None = None) -> list[str]:
    """List the names that :func:`load` takes and that can be known without a network.

    Parameters
    ----------
    pattern : str, optional
        A family (``"torchvision"``), a pattern with stars (``"*/vit_*"``), or a part of a name (``"convnext"``). With a dot
        in it, as in ``"timm/resnet50.*"``, it finds the tags of timm's weights too.

    Returns
    -------
    list of str
        The built-in ones first, then torchvision's, timm's if it is installed (more than a thousand), and what is in
        the cache of Hugging Face's hub.
    """
    if pattern is None:
        return [name for family in _FAMILIES for name in _names(family)]
    wanted = f"{pattern}/*" if pattern in _FAMILIES else pattern if set(pattern) & set("*?[") else f"*{pattern}*"
    first = wanted.partition("/")[0] if "/" in wanted else "*"
    families = [family for family in _FAMILIES if fnmatch.fnmatchcase(family, first)]
    found = [name for family in families for name in _names(family, tags="." in pattern)]
    return [name for name in found if fnmatch.fnmatchcase(name, wanted)]


def _names(family: str, *, tags: bool = False) -> list[str]:
    room = importlib.import_module(_DEMO) if family == "demo" else _room(family)
    found = room.names()
    if tags and family == "timm":
        found = [*found, *room.names(tags=True)]
    return [f"{family}/{name}" for name in found]


def _room(family: str) -> Any:
    return importlib.import_module(f"saliency_widget.model.zoo.{family}")


def _load_demo(name: str, *, weights: str | None, **options: Any) -> ImageModel:
    file = None if weights == DEFAULT else weights
    model: ImageModel = importlib.import_module(_DEMO).load(name, trained=weights is not None, weights=file, **options)
    return model
