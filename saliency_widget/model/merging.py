"""Which layers with weights a network calls, in which order, and which batch norm belongs to which.

A convolution and the batch norm behind it are one linear layer: relevance must see them as one, and one is faster than two. They
are found by what flows from where to where and not by the order in which a module lists its parts, which in a DenseNet means
nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

__all__ = ["CONVOLUTIONS", "WEIGHTED", "Course", "merge", "own_parameters", "tensors_in"]

CONVOLUTIONS = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip
WEIGHTED = (*CONVOLUTIONS, nn.Linear)
"""Layers that multiply by weights."""

_WEIGHTED_CALLS = frozenset(
    {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"}
)


class Course(TorchFunctionMode):
    """The course that one input takes through the layers with weights; used as `prepare` and `around` of a dry run.

    Attributes
    ----------
    order : list of str
        Names of the layers, in the order of the forward; a layer that is called twice is in it twice.
    first : Tensor or None
        What the first of them was given.
    altered : set of str
        Layers that do not use their weights as they are, such as those that standardise them on the way.
    """

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []
        self.first: Tensor | None = None
        self.altered: set[str] = set()
        self._made: dict[int, tuple[str, Tensor]] = {}
        self._handed: dict[int, set[str]] = {}
        self._uses: Counter[int] = Counter()
        self._norms: list[tuple[str, int | None]] = []
        self._weights: list[tuple[str, Tensor]] = []

    def prepare(self, module: nn.Module) -> None:
        """Put hooks on a copy of the network."""
        for name, layer in module.named_modules():
            if isinstance(layer, WEIGHTED):
                layer.register_forward_pre_hook(self._enters(name))
                layer.register_forward_hook(self._leaves(name))
            elif isinstance(layer, _BatchNorm):
                layer.register_forward_pre_hook(self._normalises(name))
            layer.register_forward_hook(self._hands_on(name))

    def around(self) -> AbstractContextManager[object]:
        """Return itself, to watch a forward."""
        return self

    def pairs(self) -> dict[str, str]:
        """Return for each batch norm that is one with a layer before it the name of that layer."""
        layers = Counter(self.order)
        norms = Counter(name for name, _ in self._norms)
        found = {}
        for norm, made in self._norms:
            if made is not None and self._uses[made] == 1 and norms[norm] == 1:
                layer = self._made[made][0]
                if layers[layer] == 1 and layer not in self.altered:
                    found[norm] = layer
        return found

    def outputs(self, layers: Collection[str]) -> frozenset[str]:
        """Return all modules whose output is the very tensor that one of the layers made: what holds it, or hands it on, too."""
        made = (id_ for id_, (name, _) in self._made.items() if name in layers)
        return frozenset(name for id_ in made for name in self._handed[id_])

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Note what a call uses, and let it be."""
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        given = [tensor for value in (*args, *kwargs.values()) for tensor in tensors_in(value)]
        if any(tensor.is_floating_point() for tensor in tensors_in(output)):
            self._uses.update({id(tensor): 1 for tensor in given})
        if getattr(func, "__name__", "") in _WEIGHTED_CALLS and self._weights:
            name, weight = self._weights[-1]
            if not any(tensor is weight for tensor in given):
                self.altered.add(name)
        return output

    def _enters(self, name: str) -> Callable[[nn.Module, Any], None]:
        def hook(layer: nn.Module, inputs: Any) -> None:
            if self.first is None:
                self.first = inputs[0].detach().clone()
            self.order.append(name)
            self._weights.append((name, layer.weight))  # type: ignore[arg-type]

        return hook

    def _leaves(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_layer: nn.Module, _inputs: Any, output: Any) -> None:
            self._weights.pop()
            self._made[id(output)] = (name, output)  # kept, so that no other tensor gets its id
            self._uses[id(output)] = 0
            self._handed[id(output)] = set()

        return hook

    def _hands_on(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_layer: nn.Module, _inputs: Any, output: Any) -> None:
            if id(output) in self._made:
                self._handed[id(output)].add(name)

        return hook

    def _normalises(self, name: str) -> Callable[[nn.Module, Any], None]:
        def hook(_layer: nn.Module, inputs: Any) -> None:
            # Looked up at once: an id means something only while its tensor is kept.
            self._norms.append((name, id(inputs[0]) if id(inputs[0]) in self._made else None))

        return hook


def merge(module: nn.Module, pairs: Mapping[str, str]) -> list[str]:
    """Make each batch norm one with its layer, in weights that are the copy's own.

    Parameters
    ----------
    module : nn.Module
        A private copy, whose weights are somebody else's and are not written.
    pairs : mapping of str to str
        Names of batch norms, and of the layer before each.

    Returns
    -------
    list of str
        The batch norms that could be merged, which do nothing any more.
    """
    merged = []
    with torch.no_grad():
        for norm_name, layer_name in pairs.items():
            norm: Any = module.get_submodule(norm_name)
            layer: Any = module.get_submodule(layer_name)
            if not _can_merge(norm, layer):
                continue
            mean, variance = norm.running_mean, norm.running_var
            scale = torch.rsqrt(variance + norm.eps)
            scale = scale if norm.weight is None else scale * norm.weight
            shift = -mean * scale
            shift = shift if norm.bias is None else shift + norm.bias
            across = isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
            shape = [1] * layer.weight.dim()
            shape[1 if across else 0] = -1
            bias = shift if layer.bias is None else layer.bias * scale + shift
            layer.weight = _own(layer.weight * scale.view(shape))
            layer.bias = _own(bias)
            norm.running_mean, norm.running_var = torch.zeros_like(mean), torch.ones_like(variance)
            norm.weight, norm.bias, norm.eps = _own(torch.ones_like(scale)), _own(torch.zeros_like(scale)), 0.0
            merged.append(norm_name)
    return merged


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors that a value is or, one level deep, holds."""
    if isinstance(value, Tensor):
        return [value]
    return [part for part in value if isinstance(part, Tensor)] if isinstance(value, list | tuple) else []


def own_parameters(layer: nn.Module) -> None:
    """Make the weights of a private copy's layer parameters again: the same numbers in the same place, without gradients."""
    for name, values in list(layer.named_parameters(recurse=False)):
        setattr(layer, name, _own(values.detach()))


def _can_merge(norm: Any, layer: Any) -> bool:
    grouped = isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d) and layer.groups > 1
    return not (norm.running_mean is None or norm.training or grouped)


def _own(values: Tensor | Any) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)
