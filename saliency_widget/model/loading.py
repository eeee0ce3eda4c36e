"""Loading models by name: ``"demo/vgg"``, ``"torchvision/vgg16"``; each family's loader is imported when it is asked for."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch

from saliency_widget.errors import MissingWeights, ModelError, nearest
from saliency_widget.model.image_model import ImageModel

__all__ = ["load", "models"]

_DEMO = "saliency_widget.demo.models"


def load(
    name: str,
    *,
    weights: str | None = "DEFAULT",
    device: str | torch.device = "auto",
    precision: str = "auto",
) -> ImageModel:
    """Load a model by name, with its preprocessing and the names of its classes.

    Parameters
    ----------
    name : str
        ``"demo/..."`` for a built-in model, ``"torchvision/..."`` for any classification model of the installed
        torchvision; :func:`models` lists them.
    weights : str or None
        Which pretrained weights of torchvision's, by their name there (``"IMAGENET1K_V1"``); None for untrained ones.
    device, precision
        As for :class:`ImageModel`.

    Returns
    -------
    ImageModel

    Raises
    ------
    ModelError
        If there is no such model.
    MissingWeights
        If the weights are neither in the cache nor can be downloaded; the message says where to put the file.
    """
    family, slash, model = name.partition("/")
    loaders = {"demo": _load_demo, "torchvision": _load_torchvision}
    if not slash or family not in loaders:
        known = f"a name is family/model, with the families {', '.join(loaders)}; {nearest(name, models())}"
        message = f"unknown model '{name}'; {known}"
        raise ModelError(message)
    return loaders[family](model, weights=weights, device=device, precision=precision)


def models() -> list[str]:
    """List the names that :func:`load` takes."""
    demo = [f"demo/{name}" for name in importlib.import_module(_DEMO).names()]
    return demo + [f"torchvision/{name}" for name in _torchvision_names()]


def _load_demo(name: str, *, weights: str | None, **options: Any) -> ImageModel:
    model: ImageModel = importlib.import_module(_DEMO).load(name, trained=weights is not None, **options)
    return model


def _torchvision_names() -> list[str]:
    import torchvision

    return [str(name) for name in torchvision.models.list_models(module=torchvision.models)]


def _load_torchvision(name: str, *, weights: str | None, **options: Any) -> ImageModel:
    from torchvision import models as zoo

    known = _torchvision_names()
    if name not in known:
        message = f"torchvision has no classification model '{name}'; {nearest(name, known)}"
        raise ModelError(message)
    choices = zoo.get_model_weights(name)
    if weights is not None and weights not in choices.__members__:
        message = f"torchvision/{name} has no weights '{weights}'; {nearest(weights, choices.__members__)}"
        raise ModelError(message)
    chosen = choices.DEFAULT if weights is None else choices[weights]
    try:
        # Seeded, so that an untrained network is the same each time, and the user's own draws stay what they were.
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(0)
            module = zoo.get_model(name, weights=None if weights is None else chosen)
    except (URLError, OSError) as error:
        raise _missing(name, chosen.url, error) from error
    except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise _broken(name, chosen.url, error) from error
    return ImageModel(
        module,
        heads={"class": chosen.meta["categories"]},
        preprocess=chosen.transforms(),
        name=f"torchvision/{name}" if weights is not None else f"torchvision/{name} (untrained)",
        **options,
    )


def _cached(url: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name


def _missing(name: str, url: str, error: Exception) -> MissingWeights:
    path = _cached(url)
    return MissingWeights(
        f"the pretrained weights of torchvision/{name} are not on this machine and could not be downloaded ({error}). On a "
        f"machine with a connection download {url}, and put the file here: {path}. To go on with an untrained network: "
        f'sw.load("torchvision/{name}", weights=None)'
    )


def _broken(name: str, url: str, error: Exception) -> MissingWeights:
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return MissingWeights(
        f"the weights file of torchvision/{name} cannot be read ({reason}); delete {_cached(url)} and download it again "
        f"from {url}"
    )
