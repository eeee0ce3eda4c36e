"""A network that begins at a layer: what lies before it is computed once for an input, and not for each change of the layer.

Whether it gives what the whole network gives is tried before it is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from saliency_widget.errors import ModelError
from saliency_widget.model import ImageModel
from saliency_widget.model.watching import alone

__all__ = ["behind"]

_OFF = 1e-4
"""Largest distance of a score, relative to the largest, that other batch sizes may make."""


def behind(model: ImageModel, point: Tensor, layer: str) -> ImageModel:
    """Return a model that scores copies of one input with other outputs of a layer, and computes only what comes after it.

    Parameters
    ----------
    model : ImageModel
    point : Tensor
        The input, (C, h, w).
    layer : str
        A layer that is called once.

    Returns
    -------
    ImageModel
        The model itself, where the network cannot be cut there.
    """
    if not (model.batches and model.copies):
        return model
    record = _Record(layer)
    twice = point.expand(2, *point.shape)
    try:
        # What that looks at is not meant for this, and a cancel between two layers ends the next real forward as well.
        with alone():
            truth = model.altered(record.prepare).scores(point[None], grad=False)
            cut = model.altered(record.cut)
            found = cut.scores(twice, grad=False)
    except (ModelError, RuntimeError):
        # A forward may write into what it was given, which copies of one row do not allow.
        return model
    near = all(
        values.shape[1:] == truth[name].shape[1:]
        and bool((values - truth[name]).abs().max() <= _OFF * truth[name].abs().max())
        for name, values in found.items()
    )
    return cut if near else model


class _Record:
    """What the modules put out that have ended when a layer begins."""

    def __init__(self, layer: str) -> None:
        self._layer = layer
        self._begun = False
        self._calls: Counter[str] = Counter()
        self._outputs: dict[str, Any] = {}

    def prepare(self, network: nn.Module) -> None:
        """Put hooks on a private copy, for one forward."""
        for name, module in network.named_modules():
            if name:
                module.register_forward_pre_hook(self._enters(name))
                module.register_forward_hook(self._leaves(name))

    def cut(self, network: nn.Module) -> None:
        """Let the modules of another private copy return at once what was recorded."""
        known = {name for name, calls in self._calls.items() if calls == 1 and name in self._outputs}
        for name in known:
            host, _, own = name.rpartition(".")
            if host not in known:  # else the host is not asked, so that it asks nobody
                setattr(network.get_submodule(host), own, _Known(self._outputs[name]))

    def _enters(self, name: str) -> Callable[[nn.Module, Any], None]:
        def hook(_module: nn.Module, _inputs: Any) -> None:
            self._calls[name] += 1
            self._begun = self._begun or name == self._layer

        return hook

    def _leaves(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if not self._begun or name == self._layer:
                self._outputs[name] = _copied(output)

        return hook


class _Known(nn.Module):
    """A module that has its output already, for one row, and gives it for as many rows as it is asked for."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self._output = output

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Return the output for as many rows as the first tensor has."""
        rows = next(value.shape[0] for value in (*inputs, *named.values()) if isinstance(value, Tensor))
        return _repeated(self._output, rows)


def _copied(output: Any) -> Any:
    """Return a copy of an output, which somebody may write into later."""
    if isinstance(output, Tensor):
        return output.detach().clone()
    return type(output)(_copied(part) for part in output) if type(output) in {tuple, list} else output


def _repeated(output: Any, rows: int) -> Any:
    if isinstance(output, Tensor):
        if output.shape[:1] != (1,):
            message = "the first dimension of a layer's output is not that of the pictures"
            raise ModelError(message)
        return output.clone() if rows == 1 else output.expand(rows, *output.shape[1:])
    return type(output)(_repeated(part, rows) for part in output) if type(output) in {tuple, list} else output
