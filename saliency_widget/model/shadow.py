"""A private copy of a user's module that shares its weights, so that the module itself is never touched.

It scores nothing. What a forward writes (running statistics, counters, a list of activations) it writes into the copy.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from saliency_widget.errors import ModelError
from saliency_widget.model.fingerprint import checksum, layout, tensors

__all__ = ["Shadow", "watched"]

_local = threading.local()


class Shadow:
    """A copy of a module for this package's own use: in evaluation mode, without gradients for its weights.

    On the module's own device and dtype its weights share the originals' storage, so it costs milliseconds and follows every
    in-place update. Buffers are copies, as a forward may write to them. Elsewhere everything is a copy, compared by checksum.

    Parameters
    ----------
    module : nn.Module
        The user's module. Nothing of it is changed.
    device : torch.device
        Where the copy lives.
    dtype : torch.dtype or None
        The copy's floating type; None keeps each tensor's own.
    """

    def __init__(self, module: nn.Module, device: torch.device, dtype: torch.dtype | None = None) -> None:
        self._original = module
        self._device = device
        self._dtype = dtype
        self._changing = threading.Lock()
        self._running = threading.RLock()
        self._copy: nn.Module | None = None
        self._layout: tuple[object, ...] = ()
        self._revision = ""
        self._buffers: list[tuple[Tensor, Tensor]] = []

    @property
    def module(self) -> nn.Module:
        """The copy, as it was when it was last refreshed."""
        return self._copy if self._copy is not None else self.refresh()

    def refresh(self) -> nn.Module:
        """Bring the copy up to date with the module, and return it; once before each run is enough.

        Raises
        ------
        ModelError
            If the module cannot be copied.
        """
        # Tensors that are made inside somebody's inference_mode could never again be part of a gradient.
        with self._changing, torch.inference_mode(mode=False), torch.no_grad():
            if self._copy is None:
                _refuse(self._original)
            found = layout(self._original)
            revision = "" if self._shares() else checksum(self._original)
            # Buffers that differ are not overwritten but replaced: another thread may be on its way back through them.
            same = all(torch.equal(ours, original) for original, ours in self._buffers) if not revision else True
            if self._copy is None or not same or found != self._layout or revision != self._revision:
                self._copy = self._make()
                self._layout, self._revision = found, revision
            return self._copy

    def run(self, points: Tensor) -> Any:
        """Run the copy forwards.

        One forward at a time: a module may keep activations in its attributes on the way, and ``explain()`` in a cell must not
        meet those of the compute thread.
        """
        module = self.module
        with self._running:
            # A copy of the input, since a first layer may work in place.
            return module(points.clone())

    def _shares(self) -> bool:
        return all(
            tensor.device == self._device and self._type_of(tensor) == tensor.dtype
            for tensor in tensors(self._original)
        )

    def _type_of(self, tensor: Tensor) -> torch.dtype:
        return self._dtype if self._dtype is not None and tensor.is_floating_point() else tensor.dtype

    def _make(self) -> nn.Module:
        original = self._original
        name = type(original).__name__
        _refuse(original)
        weights = {id(weight) for weight in original.parameters()}
        memo: dict[int, Any] = {}
        for tensor in tensors(original):
            placed = tensor.detach().to(self._device, self._type_of(tensor))
            memo[id(tensor)] = (
                placed if id(tensor) in weights or placed.data_ptr() != tensor.data_ptr() else placed.clone()
            )
        try:
            made = copy.deepcopy(original, memo)
        except Exception as error:
            message = (
                f"the module {name} cannot be copied ({type(error).__name__}: {error}); give it a __deepcopy__ that can"
            )
            raise ModelError(message) from error
        made.eval()
        self._buffers = [(tensor, memo[id(tensor)]) for tensor in tensors(original) if id(tensor) not in weights]
        for layer in made.modules():
            if not any(True for _ in layer.children()) and not isinstance(layer, torch.jit.ScriptModule):
                layer.register_forward_pre_hook(_check_before)
                layer.register_forward_hook(_check_behind)
        return made


class watched:  # noqa: N801 - reads as a verb: with watched(check)
    """While it lasts, `check` is called before each layer of any shadow that this thread runs, forwards and backwards.

    What `check` raises ends the run there: this is how a cancelled job stops inside the network.

    Parameters
    ----------
    check : callable
        Takes nothing, returns nothing.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def __enter__(self) -> None:
        """Begin to watch."""
        self._before = getattr(_local, "check", None)
        _local.check = self._check

    def __exit__(self, *_: object) -> None:
        """Put back what was watched before."""
        _local.check = self._before


def _refuse(module: nn.Module) -> None:
    """Say why a module cannot be worked with, before it is tried."""
    for name, layer in module.named_modules():
        where = f"'{name}' ({type(layer).__name__})" if name else type(layer).__name__
        replaced = None if isinstance(layer, torch.jit.ScriptModule) else vars(layer).get("forward")
        if replaced is not None and not isinstance(getattr(replaced, "__self__", None), nn.Module):
            message = (
                f"the forward of {where} was replaced by a plain function, which would run on the original and not on a "
                "copy; write it as the forward of a subclass"
            )
            raise ModelError(message)
        if any(nn.parameter.is_lazy(weight) for weight in layer.parameters(recurse=False)):
            message = f"{where} is lazy and has no weights yet; run the module once on an image first"
            raise ModelError(message)


def _check_before(_layer: nn.Module, _inputs: object) -> None:
    check = getattr(_local, "check", None)
    if check is not None:
        check()


def _check_behind(_layer: nn.Module, _inputs: object, output: object) -> None:
    check = getattr(_local, "check", None)
    if check is not None and isinstance(output, Tensor) and output.requires_grad:
        # The backward pass of a GPU runs on another thread, so the check itself travels, not the thread's variable.
        output.register_hook(lambda _gradient: check())  # type: ignore[no-untyped-call]
