"""Finding the layer that NaN or infinity came from, for the error message; used only after it has happened."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from saliency_widget.model import ImageModel

__all__ = ["blame"]


def blame(model: ImageModel, points: Tensor, select: Callable[[dict[str, Tensor]], Tensor]) -> str:
    """Say where the first value that is not finite comes from.

    Parameters
    ----------
    model : ImageModel
        The model that gave it.
    points : Tensor
        The inputs (n, C, h, w) that it gave it for.
    select : callable
        Takes the outputs of all heads, returns the scores (n, T).

    Returns
    -------
    str
        One sentence with the layer's name and what to look at.
    """
    broken = _first_forwards(model, points)
    if broken:
        return (
            f"the model gives NaN or infinity for this image, first in layer '{broken}'; check its weights and the range of "
            "the model's input"
        )
    broken = _first_backwards(model, points, select)
    where = f"layer '{broken}'" if broken else "the score itself"
    return (
        f"the scores are finite, but the gradient is NaN or infinite, first behind {where} on the way back; a square root, a "
        "logarithm or a division at zero does that"
    )


def _leaves(module: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name or type(layer).__name__, layer) for name, layer in module.named_modules() if not any(True for _ in layer.children())]


def _first_forwards(model: ImageModel, points: Tensor) -> str | None:
    found: list[str] = []

    def hook(name: str) -> Callable[[nn.Module, object, object], None]:
        def look(_layer: nn.Module, _inputs: object, output: object) -> None:
            if not found and isinstance(output, Tensor) and not torch.isfinite(output).all():
                found.append(name)

        return look

    handles = [layer.register_forward_hook(hook(name)) for name, layer in _leaves(model.shadow())]
    try:
        outputs = model.scores(points, grad=False)
    finally:
        for handle in handles:
            handle.remove()
    bad = [name for name, scores in outputs.items() if not torch.isfinite(scores).all()]
    return found[0] if found else (f"the output of head {bad[0]}" if bad else None)


def _first_backwards(model: ImageModel, points: Tensor, select: Callable[[dict[str, Tensor]], Tensor]) -> str | None:
    found: list[str] = []

    def hook(name: str) -> Callable[[nn.Module, object, object], None]:
        def look(_layer: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.requires_grad:
                output.register_hook(
                    lambda gradient: found.append(name) if not found and not torch.isfinite(gradient).all() else None
                )

        return look

    handles = [layer.register_forward_hook(hook(name)) for name, layer in _leaves(model.shadow())]
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():
            points = points.detach().requires_grad_()
            scores = select(model.scores(points, grad=True))
            torch.autograd.grad(scores.sum(), points, allow_unused=True)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else None
