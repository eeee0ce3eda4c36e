"""Finding the layer that NaN or infinity came from, for the error message; used only after it has happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["broken_backwards", "broken_forwards"]


def broken_forwards(module: nn.Module, run: Callable[[], object]) -> str | None:
    """Return the name of the first layer whose output is not finite while `run` runs the module, or None."""
    found: list[str] = []

    def look(name: str, output: Tensor) -> None:
        if not found and not bool(torch.isfinite(output).all()):
            found.append(name)

    with _looking(module, look):
        run()
    return found[0] if found else None


def broken_backwards(module: nn.Module, run: Callable[[], object]) -> str | None:
    """Return the name of the first layer, on the way back, whose output's gradient is not finite, or None."""
    found: list[str] = []

    def look(name: str, output: Tensor) -> None:
        def hook(gradient: Tensor) -> None:
            if not found and not bool(torch.isfinite(gradient).all()):
                found.append(name)

        if output.requires_grad:
            output.register_hook(hook)  # type: ignore[no-untyped-call]

    with _looking(module, look):
        run()
    return found[0] if found else None


@contextmanager
def _looking(module: nn.Module, look: Callable[[str, Tensor], None]) -> Iterator[None]:
    """While it lasts, show the output of every layer of a module that has no layers inside."""

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def show(_layer: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                look(name, output)

        return show

    leaves = [(name, layer) for name, layer in module.named_modules() if not any(True for _ in layer.children())]
    handles = [layer.register_forward_hook(hook(name or type(layer).__name__)) for name, layer in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
