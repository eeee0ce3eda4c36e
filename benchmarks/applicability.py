"""Tries every method on every family of networks and writes down whether it works, equals a plainer one, or does not apply.

``python benchmarks/applicability.py`` writes docs/applicability.md (about ten minutes on two cores); with words, only the models
whose names hold one of them, to the screen.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from seeded_models import calibrate, check_gradient, photographs, seeded

import saliency_widget as sw
from saliency_widget.errors import NotApplicable

__all__ = ["MODELS", "Row", "main", "try_model"]

DOCS = Path(__file__).resolve().parent.parent / "docs" / "applicability.md"

_TORCHVISION = (
    *("alexnet", "vgg11", "vgg11_bn", "resnet18", "resnext50_32x4d", "wide_resnet50_2", "densenet121", "googlenet"),
    *("inception_v3", "squeezenet1_1", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5"),
    *(
        "efficientnet_b0",
        "efficientnet_v2_s",
        "regnet_y_400mf",
        "convnext_tiny",
        "vit_b_32",
        "swin_t",
        "swin_v2_t",
        "maxvit_t",
    ),
)
_TIMM = (
    *("vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224", "convnext_atto", "swin_tiny_patch4_window7_224"),
    *("efficientnet_b0", "mobilenetv3_small_100"),
)
_QUICK = {"steps": 2, "samples": 2, "channels": 4, "stride": 112, "window": 112}
"""Parameters for as little work as shows that a method runs."""


def _vit() -> Any:
    from transformers import ViTConfig, ViTForImageClassification

    return ViTForImageClassification(
        ViTConfig(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128, num_labels=5)
    )


def _convnext() -> Any:
    from transformers import ConvNextConfig, ConvNextForImageClassification

    return ConvNextForImageClassification(
        ConvNextConfig(depths=[1, 1, 2, 1], hidden_sizes=[16, 32, 64, 96], num_labels=5)
    )


def _resnet() -> Any:
    from transformers import ResNetConfig, ResNetForImageClassification

    return ResNetForImageClassification(
        ResNetConfig(
            embedding_size=16, hidden_sizes=[16, 32, 64, 64], depths=[1, 1, 1, 1], layer_type="basic", num_labels=5
        )
    )


_HF: dict[str, Callable[[], Any]] = {"ViT": _vit, "ConvNeXT": _convnext, "ResNet": _resnet}

MODELS: dict[str, Callable[[], sw.ImageModel]] = (
    {"demo/vgg": lambda: sw.load("demo/vgg")}
    | {f"torchvision/{name}": lambda name=name: sw.load(f"torchvision/{name}", weights=None) for name in _TORCHVISION}
    | {f"timm/{name}": lambda name=name: sw.load(f"timm/{name}", weights=None) for name in _TIMM}
    | {f"transformers/{name}": lambda make=make: sw.ImageModel(seeded(make)) for name, make in _HF.items()}
)


@dataclass
class Row:
    """What came of all methods on one model.

    Attributes
    ----------
    found : dict of str to str
        ``works``, ``equals``, ``no`` or ``fails`` by method.
    reasons : dict of str to str
        Why, by method, where there is something to say.
    """

    model: str
    seconds: float = 0.0
    found: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def try_model(name: str, methods: list[str] | None = None) -> Row:
    """Run all methods on one model, quickly."""
    began = time.perf_counter()
    model = MODELS[name]()
    pictures = photographs()
    if not name.startswith("demo/"):
        calibrate(model.module, [model.input(picture) for picture in pictures])
    check_gradient(torch.from_numpy(sw.explain(model, pictures[0]).attribution))
    row = Row(name)
    for method, card in sw.methods().items():
        if methods is not None and method not in methods:
            continue
        applies = card.applies(model)
        row.found[method] = applies.status
        if applies.reason:
            row.reasons[method] = applies.reason
        if applies.ok:
            _try(model, pictures[0], method, row)
    row.seconds = time.perf_counter() - began
    return row


def _try(model: sw.ImageModel, picture: Any, method: str, row: Row) -> None:
    params = {}
    for name, parameter in sw.methods()[method].parameters.items():
        if name in _QUICK and parameter.range is not None:
            params[name] = int(np.clip(_QUICK[name], parameter.range.minimum, parameter.range.maximum))
    try:
        attribution = sw.explain(model, picture, method=method, **params).attribution
    except NotApplicable as error:
        row.found[method], row.reasons[method] = "no", str(error)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        row.found[method], row.reasons[method] = "fails", f"{type(error).__name__}: {error}"
    else:
        if not np.isfinite(attribution).all() or not attribution.any():
            row.found[method], row.reasons[method] = "fails", "the map is empty or not finite"


_CELLS = {"works": "yes", "equals": "=", "no": "no", "fails": "**fails**"}


def table(rows: list[Row]) -> str:
    """Return what works everywhere, the table of the rest, and the reasons, as Markdown."""
    everywhere = [m for m in rows[0].found if all(row.found[m] == "works" for row in rows)]
    rest = [m for m in rows[0].found if m not in everywhere]
    listed = ", ".join(f"`{m}`" for m in everywhere)
    lines = [
        "| network | " + " | ".join(m.replace("_", " ") for m in rest) + " |",
        "|---|" + ":-:|" * len(rest),
        *(f"| {row.model} | " + " | ".join(_CELLS[row.found[m]] for m in rest) + " |" for row in rows),
    ]
    parts = [
        f"**On all {len(rows)} networks {len(everywhere)} of {len(rows[0].found)} methods work**: {listed}.",
        "The others:",
        "\n".join(lines),
        "## Reasons and reserves",
        "\n".join(_reasons(rows)),
    ]
    return "\n\n".join(parts)


def _reasons(rows: list[Row]) -> list[str]:
    """List each reason once, with the methods and the networks that it is given for."""
    models: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for method, reason in row.reasons.items():
            models.setdefault((method, reason), []).append(row.model)
    methods: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (method, reason), names in models.items():
        methods.setdefault((reason, tuple(names)), []).append(f"`{method}`")
    return [
        f"- {', '.join(found)}: {reason} ({', '.join(names)})"
        for (reason, names), found in sorted(methods.items(), key=lambda item: (item[1], item[0]))
    ]


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only models whose names hold one of these")
    words = parser.parse_args().words
    warnings.simplefilter("ignore")
    chosen = [name for name in MODELS if not words or any(word in name for word in words)]
    rows = []
    for name in chosen:
        rows.append(try_model(name))
        failed = [f"{m}: {rows[-1].reasons[m]}" for m, found in rows[-1].found.items() if found == "fails"]
        print(f"{name}: {rows[-1].seconds:.0f} s, {len(rows[-1].found)} methods; fails: {failed or 'none'}", flush=True)
    text = table(rows)
    if words:
        print(text)
        return
    head = (
        "# Which method works on which network\n\n"
        "Made by `python benchmarks/applicability.py`: every method is run, with few steps, on seeded networks (a head that\n"
        "is not zero, batch norm calibrated on photographs, the gradient's size checked). `sw.methods()` and the page say the\n"
        "same of your own model.\n\n"
        "**yes**: it works. **=**: it runs, and equals a plainer method. **no**: it does not apply.\n\n"
    )
    DOCS.write_text(head + text + "\n", encoding="utf-8")
    if any("fails" in row.found.values() for row in rows):
        parser.exit(1, "some methods fail\n")


if __name__ == "__main__":
    main()
