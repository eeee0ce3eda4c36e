"""A private copy of a user's module that shares its weights, so that the module itself is never touched; it scores nothing."""

from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from saliency_widget.errors import ModelError

__all__ = ["Shadow", "checksum", "watched"]

_SAMPLES = 512
"""How many values of each tensor go into the checksum."""

_local = threading.local()


class Shadow:
    """A copy of a module for this package's own use: in evaluation mode, without gradients for its weights.

    On the module's own device and dtype the copy shares the weights' storage, so it costs milliseconds and follows every
    in-place update. Elsewhere it holds a copy of its own, compared by checksum before use.

    Parameters
    ----------
    module : nn.Module
        The user's module. Nothing of it is changed.
    device : torch.device
        Where the copy lives.
    dtype : torch.dtype or None
        The copy's floating type; None keeps the module's.
    """

    def __init__(self, module: nn.Module, device: torch.device, dtype: torch.dtype | None = None) -> None:
        self._original = module
        self._device = device
        self._dtype = dtype
        self._lock = threading.Lock()
        self._copy: nn.Module | None = None
        self._layout: tuple[object, ...] = ()
        self._revision = ""

    def module(self) -> nn.Module:
        """Return the copy, made anew if the module's tensors were replaced (or, where it shares none, changed)."""
        with self._lock:
            layout = _layout(self._original)
            shares = self._shares()
            revision = "" if shares else checksum(self._original)
            if self._copy is None or layout != self._layout or revision != self._revision:
                self._copy = self._make()
                self._layout, self._revision = layout, revision
            return self._copy

    def _shares(self) -> bool:
        return all(
            tensor.device == self._device
            and (self._dtype is None or not tensor.is_floating_point() or tensor.dtype == self._dtype)
            for tensor in _tensors(self._original)
        )

    def _place(self, tensor: Tensor) -> Tensor:
        """Return the tensor itself where it already lies right, else a copy."""
        return tensor.to(self._device, self._dtype if tensor.is_floating_point() else None)

    def _make(self) -> nn.Module:
        memo = {id(tensor): self._place(tensor.detach()) for tensor in _tensors(self._original)}
        try:
            made = copy.deepcopy(self._original, memo)
        except Exception as error:
            kind = type(self._original).__name__
            message = (
                f"the module {kind} cannot be copied ({type(error).__name__}: {error}); give it a __deepcopy__ that can"
            )
            raise ModelError(message) from error
        made.eval()
        for layer in made.modules():
            if not any(True for _ in layer.children()):
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


def _check_before(_layer: nn.Module, _inputs: object) -> None:
    check = getattr(_local, "check", None)
    if check is not None:
        check()


def _check_behind(_layer: nn.Module, _inputs: object, output: object) -> None:
    check = getattr(_local, "check", None)
    if check is not None and isinstance(output, Tensor) and output.requires_grad:
        # The backward pass of a GPU runs on another thread, so the check itself travels, not the thread's variable.
        output.register_hook(lambda _gradient: check())  # type: ignore[no-untyped-call]


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    """Yield all tensors of a module, also plain attributes (weight normalisation keeps its weight in one)."""
    yield from module.parameters()
    yield from module.buffers()
    for layer in module.modules():
        yield from (value for value in vars(layer).values() if isinstance(value, Tensor))


def _layout(module: nn.Module) -> tuple[object, ...]:
    """Say which layers, settings and tensors a module has and where they lie, without reading a tensor."""
    layers = tuple((name, id(layer), _settings(layer)) for name, layer in module.named_modules())
    return layers, tuple((tensor.data_ptr(), tuple(tensor.shape), tensor.dtype) for tensor in _tensors(module))


def _settings(layer: nn.Module) -> tuple[object, ...]:
    """Return a layer's plain attributes, such as a temperature; not its mode, which the copy has for itself."""
    return tuple(
        (name, value)
        for name, value in vars(layer).items()
        if name != "training" and isinstance(value, bool | int | float | str | None)
    )


def checksum(module: nn.Module) -> str:
    """Return a short hash of values sampled from all weights and buffers.

    Version counters miss fused optimisers, ``.data`` and NumPy writes; values do not.

    Parameters
    ----------
    module : nn.Module
        The module to look at; nothing of it is changed.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=8)
    by_device: dict[torch.device, list[Tensor]] = {}
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            if tensor.numel() and not tensor.is_meta:
                flat = tensor.detach().reshape(-1) if tensor.is_contiguous() else tensor.detach().flatten()
                step = max(1, flat.numel() // _SAMPLES)
                by_device.setdefault(tensor.device, []).append(flat[::step].double())
        for values in by_device.values():
            digest.update(torch.cat(values).cpu().numpy().tobytes())
    return digest.hexdigest()
