"""Image classifiers in the format of Hugging Face's transformers (an optional extra): from its hub's cache, or from a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from saliency_widget.errors import MissingWeights, ModelError
from saliency_widget.model.heads import HeadSpec, MultiLabel, Regression
from saliency_widget.model.image_model import ImageModel
from saliency_widget.model.recipe import Crop, Recipe, Resize
from saliency_widget.model.zoo import timm as timm_family
from saliency_widget.model.zoo.common import BROKEN, DEFAULT, first_line, installed, need, seeded, understood

__all__ = ["load", "names"]

_FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
"""Pillow's numbers, in which processors write down their interpolation."""

_SQUARED_FROM = 384
"""ConvNeXT's processor stretches to a square from this side on, and crops below it."""


def names() -> list[str]:
    """List the image classifiers that are in the hub's cache on this machine; nothing where transformers is missing."""
    if not installed("transformers") or not installed("huggingface_hub"):
        return []
    from huggingface_hub import constants

    folders = sorted(Path(constants.HF_HUB_CACHE).glob("models--*"))
    return [folder.name.removeprefix("models--").replace("--", "/") for folder in folders if _classifies(folder)]


def _classifies(folder: Path) -> bool:
    for file in folder.glob("snapshots/*/config.json"):
        try:
            config = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        kinds = config.get("architectures") if isinstance(config, dict) else None
        if any("ForImageClassification" in str(kind) for kind in kinds or ()):
            return True
    return False


def load(name: str, *, weights: str | None, **options: Any) -> ImageModel:
    """Load one; see :func:`saliency_widget.model.loading.load`. Code that comes with a model is never run."""
    transformers = need("transformers", "hf", f"hf/{name}")
    reference, place = _find(name)
    common = {"trust_remote_code": False}
    if weights not in {None, DEFAULT}:
        common["revision"] = weights  # type: ignore[assignment]
    config = _config(transformers, name, reference, common)
    processor = _processor(transformers, name, reference, common)
    auto = transformers.AutoModelForImageClassification
    notes = []
    try:
        with seeded():
            if weights is None:
                module = auto.from_config(config, trust_remote_code=False)
            else:
                module, report = auto.from_pretrained(reference, config=config, output_loading_info=True, **common)
                notes += _drawn(sorted(report["missing_keys"]))
    except OSError as error:
        raise _missing(name, error) from error
    except BROKEN as error:
        message = f"the weights of hf/{name} cannot be read ({first_line(error)}); delete {place} and download or save them again"
        raise MissingWeights(message) from error
    preprocess, note = understood(
        _readings(processor), _pipeline(processor), f"the {type(processor).__name__} of hf/{name}"
    )
    model = ImageModel(
        module.eval(),
        heads={"logits": _classes(config)},
        preprocess=preprocess,
        name=f"hf/{name}" if weights is not None else f"hf/{name} (untrained)",
        **options,
    )
    model.notes += [note, *notes]
    return model


def _find(name: str) -> tuple[str, Path]:
    """Return what transformers calls the model, and where its files are: a folder, or the hub's cache."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder), folder
    if name.startswith((".", "/", "~")) or folder.is_absolute():
        message = f"there is no folder '{folder}'; a model is saved into one by model.save_pretrained(folder)"
        raise ModelError(message)
    return name, _cached(name)


def _cached(name: str) -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"


def _config(transformers: Any, name: str, reference: str, common: dict[str, Any]) -> Any:
    if Path(reference).is_dir() and not (Path(reference) / "config.json").exists():
        raise _missing(name, FileNotFoundError("it has no config.json"))
    try:
        config = transformers.AutoConfig.from_pretrained(reference, **common)
    except OSError as error:
        raise _missing(name, error) from error
    except (ValueError, KeyError) as error:
        message = (
            f"hf/{name} is no model that the installed transformers knows ({first_line(error)}); if it comes with code of "
            "its own, which is never run here, load it yourself and give the module to sw.ImageModel"
        )
        raise ModelError(message) from error
    if type(config) not in transformers.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING:
        message = (
            f"hf/{name} is a model of the type '{config.model_type}', for which transformers has no image classifier; for "
            "another task load it yourself and give a module that returns scores (N, K) to sw.ImageModel"
        )
        raise ModelError(message)
    return config


def _processor(transformers: Any, name: str, reference: str, common: dict[str, Any]) -> Any:
    try:
        return transformers.AutoImageProcessor.from_pretrained(reference, **common)
    except (OSError, ValueError, KeyError) as error:
        message = (
            f"hf/{name} says nothing of its preprocessing that can be read ({first_line(error)}); save the processor beside "
            "the model: processor.save_pretrained(folder)"
        )
        raise ModelError(message) from error


def _classes(config: Any) -> HeadSpec:
    """Name the classes by the config; None where it only numbers them."""
    problem = getattr(config, "problem_type", None)
    if problem == "regression" and config.num_labels == 1:
        return Regression()
    names = [str(config.id2label.get(index, index)) for index in range(config.num_labels)]
    known = None if names == [f"LABEL_{index}" for index in range(len(names))] else names
    return MultiLabel(known) if problem == "multi_label_classification" else known


def _drawn(missing: list[str]) -> list[str]:
    if not missing:
        return []
    shown = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
    return [
        f"these weights are not in the file and were drawn at random, so this model is not trained for its task: {shown}"
    ]


def _pipeline(processor: Any) -> Any:
    return lambda picture: processor(images=picture, return_tensors="pt")["pixel_values"][0]


def _readings(processor: Any) -> Iterator[Recipe]:
    """Say what an image processor may do, by its parameters: some kinds read the same ones in their own way."""
    data = getattr(processor, "data_config", None)  # a model of timm's, in a wrapper of transformers'
    if data is not None:
        yield from timm_family.readings(data)
        return
    try:
        colours, places = list(_colours(processor)), list(_places(processor))
    except (AttributeError, KeyError, TypeError, ValueError):
        return
    for resize, crop in places:
        for colour in colours:
            yield Recipe(resize, crop, **colour)


def _colours(processor: Any) -> Iterator[dict[str, Any]]:
    """Yield what may happen to the values."""
    scale = float(processor.rescale_factor) * 255 if processor.do_rescale else 255.0
    mean, std = _three(0.0), _three(1.0)
    if getattr(processor, "do_normalize", False):
        mean, std = _three(processor.image_mean), _three(processor.image_std)
    if getattr(processor, "rescale_offset", False):  # EfficientNet's: -1 to 1
        mean = _three([value + 1 for value in mean])
    if getattr(processor, "include_top", False):  # EfficientNet's: divided by the standard deviation a second time
        yield {"mean": mean, "std": _three([value * value for value in std]), "scale": scale}
    if getattr(processor, "do_flip_channel_order", False):
        yield {"channels": "BGR", "scale": scale}
        yield {"mean": mean, "std": std, "channels": "BGR", "scale": scale}
    yield {"mean": mean, "std": std, "scale": scale}
    # PP-LCNet's: turned round after it was normalised.
    yield {"mean": mean[::-1], "std": std[::-1], "channels": "BGR", "scale": scale}


def _places(processor: Any) -> Iterator[tuple[Resize | None, Crop | None]]:
    """Yield which part of the picture it may be, and how large."""
    crop = None
    if getattr(processor, "do_center_crop", False):
        wanted = _sizes(processor.crop_size)
        crop = Crop(wanted["height"], wanted["width"], "floor")
    if not processor.do_resize:
        yield None, crop
        return
    how = _interpolation(processor.resample)
    size = _sizes(processor.size)
    short, share = size.get("shortest_edge", 0), getattr(processor, "crop_pct", None)
    if share and short:
        larger = int(short / share)
        yield Resize(larger, larger, "cover", how), crop or Crop(short, short, "floor")
    if short >= _SQUARED_FROM and share:
        yield Resize(short, short, "stretch", how), crop
    if share and "height" in size:
        yield Resize(int(size["height"] / share), int(size["width"] / share), "cover", how), crop
    if getattr(processor, "resize_short", None):
        side = int(processor.resize_short)
        yield Resize(side, side, "cover", how, "round"), crop
    if short and "longest_edge" not in size:
        yield Resize(short, short, "cover", how), crop
        larger = int(256 / 224 * short)  # LeViT's
        yield Resize(larger, larger, "cover", how), crop
    if "height" in size:
        yield Resize(size["height"], size["width"], "stretch", how), crop
    if "max_height" in size:
        yield Resize(size["max_height"], size["max_width"], "contain", how), crop


def _sizes(size: Any) -> dict[str, int]:
    """Read a size, which is a mapping in some versions and an object with the same names in others."""
    known = ("height", "width", "shortest_edge", "longest_edge", "max_height", "max_width")
    found = size if isinstance(size, Mapping) else {key: getattr(size, key, None) for key in known}
    return {key: int(value) for key in known if (value := found.get(key)) is not None}


def _interpolation(resample: Any) -> str:
    value = getattr(resample, "value", resample)  # of torchvision's names, or of Pillow's numbers
    return str(value) if isinstance(value, str) else _FILTERS[int(value)]


def _three(values: Any) -> tuple[float, ...]:
    numbers = list(values) if isinstance(values, list | tuple) else [values]
    return tuple(float(value) for value in (numbers * 3 if len(numbers) == 1 else numbers))


def _missing(name: str, error: Exception) -> MissingWeights:
    if Path(name).expanduser().is_dir():
        return MissingWeights(
            f"the folder of hf/{name} is not complete ({first_line(error)}); save the model there with "
            "model.save_pretrained(folder)"
        )
    return MissingWeights(
        f"hf/{name} is not on this machine and could not be downloaded ({first_line(error)}). See whether "
        f"https://huggingface.co/{name} is its name; on a machine with a connection run `hf download {name}`, and copy what "
        f"it made to {_cached(name)}; or save it there with model.save_pretrained(folder) and "
        "processor.save_pretrained(folder), and load 'hf/<folder>'"
    )
