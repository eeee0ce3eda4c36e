"""Undoing whatever a forward does to a module that cannot be copied; every other module is worked on by its copy."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Guard"]

_MODULES_OWN = frozenset(vars(nn.Module())) - {"training"}


class Guard:
    """Puts a module into evaluation mode for one forward, and then everything back to what it was.

    Between the two somebody else who looks at the module sees it in evaluation mode, which is why this is the last resort.

    Parameters
    ----------
    module : nn.Module
        The user's own.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def __enter__(self) -> None:
        """Remember modes, buffers and plain attributes, and switch to evaluation mode."""
        self._layers = list(self._module.modules())
        self._attributes = [_plain(layer) for layer in self._layers]
        self._buffers = [(buffer, buffer.detach().clone()) for buffer in self._module.buffers()]
        for layer in self._layers:
            layer.training = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put back what has changed."""
        for layer, before in zip(self._layers, self._attributes, strict=True):
            for name in set(_plain(layer)) - set(before):
                vars(layer).pop(name)
            vars(layer).update(before)
        with torch.no_grad():
            for buffer, values in self._buffers:
                if not _same(buffer, values):
                    buffer.copy_(values)


def _plain(layer: nn.Module) -> dict[str, Any]:
    """Return a layer's mode and attributes; containers as they are now, since a forward may append to them."""
    return {
        name: value.copy() if isinstance(value, list | dict | set) else value
        for name, value in vars(layer).items()
        if name not in _MODULES_OWN
    }


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and bool(torch.equal(one, other))
