"""timm's models (an optional extra), with the preprocessing of their data config and timm's names of ImageNet's classes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch

from saliency_widget.errors import MissingWeights, ModelError, nearest
from saliency_widget.model.image_model import ImageModel
from saliency_widget.model.recipe import Crop, Recipe, Resize
from saliency_widget.model.zoo.common import BROKEN, DEFAULT, first_line, installed, need, seeded, understood

__all__ = ["load", "names", "readings"]

_FILES = {".safetensors", ".pth", ".pt", ".bin", ".tar"}


def names(*, tags: bool = False) -> list[str]:
    """List timm's architectures, or, with `tags`, each of their pretrained weights; nothing where timm is missing."""
    if not installed("timm"):
        return []
    timm = need("timm", "timm", "timm")
    return [str(name) for name in timm.list_models(pretrained=tags)]


def load(name: str, *, weights: str | None, **options: Any) -> ImageModel:
    """Load one of them; see :func:`saliency_widget.model.loading.load`."""
    timm = need("timm", "timm", f"timm/{name}")
    name, file = _choose(timm, name, weights)
    trained = weights is not None
    overlay = {"pretrained_cfg_overlay": {"state_dict": _read(file, name)}} if file else {}
    try:
        with seeded():
            module = timm.create_model(name, pretrained=trained, **overlay).eval()
    except OSError as error:
        raise _missing(timm, name, error) from error
    except BROKEN as error:
        raise _broken(timm, name, file, error) from error
    data = timm.data.resolve_model_data_config(module)
    preprocess, note = understood(readings(data), _pipeline(timm, data), f"the data config of timm/{name}")
    classes, source = _classes(timm, module)
    model = ImageModel(
        module,
        heads={"class" if _count(module) else "feature": classes},
        preprocess=preprocess,
        name=f"timm/{name}" if trained else f"timm/{name} (untrained)",
        **options,
    )
    model.notes += [note, *source]
    return model


def readings(data: Mapping[str, Any]) -> list[Recipe]:
    """Say what timm's evaluation transform does for a data config."""
    try:
        channels, height, width = data["input_size"]
        tall, wide = (math.floor(side / data["crop_pct"]) for side in (height, width))
        interpolation, mean = str(data["interpolation"]), tuple(data["mean"])
        mode = data.get("crop_mode") or "center"
        fill = tuple(round(255 * value) / 255 for value in mean) if mode == "border" else (0.0,)
        resize = {
            "squash": Resize(tall, wide, "stretch", interpolation),
            "border": Resize(tall, wide, "contain", interpolation, "round"),
            "center": Resize(tall, wide, "cover", interpolation, "floor" if tall == wide else "round"),
        }[mode]
        recipe = Recipe(
            resize, Crop(height, width, fill=fill), mean, tuple(data["std"]), "L" if channels == 1 else "RGB"
        )
    except (KeyError, TypeError, ValueError):
        return []
    return [recipe] if len(mean) == channels else []


def _pipeline(timm: Any, data: Mapping[str, Any]) -> Any:
    transform = timm.data.create_transform(**data, is_training=False)
    grey = data["input_size"][0] == 1
    return lambda picture: transform(picture.convert("L") if grey else picture)


def _choose(timm: Any, name: str, weights: str | None) -> tuple[str, Path | None]:
    """Check the name, and find which weights are meant: the name with their tag, or a file."""
    architecture, _, tag = name.partition(".")
    known = timm.list_models()
    if architecture not in known and not timm.is_model(architecture):
        message = f"timm has no model '{architecture}'; {nearest(architecture, known)}"
        raise ModelError(message)
    if weights is not None and (Path(weights).suffix in _FILES or len(Path(weights).parts) > 1):
        return name, Path(weights).expanduser()
    if weights not in {None, DEFAULT, tag}:
        tag, name = str(weights), f"{architecture}.{weights}"
    tags = [found.partition(".")[2] for found in timm.list_models(f"{architecture}.*", pretrained=True)]
    if weights is not None and not tags:
        message = f"timm has no pretrained weights for {architecture}; sw.load('timm/{architecture}', weights=None) is untrained"
        raise MissingWeights(message)
    if tag and tag not in tags:
        message = f"timm/{architecture} has no weights '{tag}'; {nearest(tag, tags)}"
        raise ModelError(message)
    return name, None


def _read(file: Path, name: str) -> dict[str, Any]:
    """Read a file of weights without running code that may be in it."""
    import safetensors.torch

    try:
        if file.suffix == ".safetensors":
            return safetensors.torch.load_file(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        message = f"the weights of timm/{name} were to come from {file}: {error.strerror or error}; check the path"
        raise MissingWeights(message) from error
    except BROKEN as error:
        message = f"the weights file {file} cannot be read ({first_line(error)}); download or save it again"
        raise MissingWeights(message) from error
    nested = [state[key] for key in ("state_dict", "model") if isinstance(state, dict) and key in state]
    found: dict[str, Any] = nested[0] if nested else state
    return found


def _count(module: Any) -> int:
    return int(getattr(module, "num_classes", 0) or 0)


def _classes(timm: Any, module: Any) -> tuple[list[str] | None, list[str]]:
    """Name the classes as timm does, and say where the names are from."""
    count = _count(module)
    if not count:
        return None, ["this network has no classifier: its outputs are features, numbered and without names"]
    config = getattr(module, "pretrained_cfg", None) or {}
    labels, words = config.get("label_names"), config.get("label_descriptions")
    if labels:
        named = [str(words[label]) for label in labels] if isinstance(words, dict) else list(map(str, words or labels))
        if len(named) == count:
            return named, []
    subset = timm.data.infer_imagenet_subset(module)
    if subset is None:
        return None, [f"timm does not name the {count} classes of this network, so they go by their numbers"]
    named = [str(words) for words in timm.data.ImageNetInfo(subset).label_descriptions()]
    source = [f"class names: timm's {subset}, which it goes by for {count} classes"] if len(named) == count else []
    return named if source else None, source


def _place(timm: Any, name: str) -> tuple[str, str]:
    """Return where the weights of a model are on the internet, and where on this machine."""
    config = timm.get_pretrained_cfg(name)
    if config.hf_hub_id:
        from huggingface_hub import constants

        repository, _, revision = config.hf_hub_id.partition("@")
        file = config.hf_hub_filename or "model.safetensors"
        folder = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
        return f"https://huggingface.co/{repository}/resolve/{revision or 'main'}/{file}", str(folder)
    return config.url, str(Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(config.url).path).name)


def _missing(timm: Any, name: str, error: Exception) -> MissingWeights:
    url, place = _place(timm, name)
    return MissingWeights(
        f"the pretrained weights of timm/{name} are not on this machine and could not be downloaded ({first_line(error)}). "
        f"On a machine with a connection download {url}, and load the file by its path: "
        f'sw.load("timm/{name}", weights="path/to/{Path(urlparse(url).path).name}"); timm itself keeps it in {place}. To go '
        f'on with an untrained network: sw.load("timm/{name}", weights=None)'
    )


def _broken(timm: Any, name: str, file: Path | None, error: Exception) -> MissingWeights:
    if file is not None:
        return MissingWeights(
            f"the weights in {file} do not fit timm/{name} ({first_line(error)}); check the model's name"
        )
    url, place = _place(timm, name)
    return MissingWeights(
        f"the weights of timm/{name} cannot be read ({first_line(error)}); delete {place} and download {url} again"
    )
