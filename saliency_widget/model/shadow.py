"""A private copy of a user's module that shares its weights, so that the module itself is never touched.

It scores nothing. What a forward writes (running statistics, counters, a list of activations) it writes into the copy.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from saliency_widget.errors import ModelError, NotApplicable
from saliency_widget.model.fingerprint import checksum, layout, tensors
from saliency_widget.model.guard import Guard
from saliency_widget.model.watching import put_hooks, tapping

__all__ = ["Altered", "Shadow"]

_MODULES_OWN = frozenset(vars(nn.Module()))
"""The attributes that every module has: its mode, its tensors, its hooks."""


class Shadow:
    """A copy of a module for this package's own use: in evaluation mode, without gradients for its weights.

    On the module's own device and dtype its weights share the originals' storage, so it costs milliseconds and follows every
    in-place update. Buffers are copies, as a forward may write to them. Elsewhere everything is a copy, compared by checksum.

    Parameters
    ----------
    module : nn.Module
        The user's module. Nothing of it is changed.
    device : torch.device or None
        Where the copy lives; None leaves each tensor where it is, for a network that spans several devices.
    dtype : torch.dtype or None
        The copy's floating type; None keeps each tensor's own.
    call : callable, optional
        How the copy is called: takes it and the points, returns its output.
    """

    def __init__(
        self,
        module: nn.Module,
        device: torch.device | None,
        dtype: torch.dtype | None = None,
        call: Callable[[nn.Module, Tensor], Any] | None = None,
    ) -> None:
        self._original = module
        self._call = call or nn.Module.__call__
        self.changes: list[Callable[[nn.Module], object]] = []
        self.guard: Guard | None = None
        self._device = device
        self._dtype = dtype
        self._changing = threading.Lock()
        self._running = threading.RLock()
        self._copy: nn.Module | None = None
        self._layout: tuple[object, ...] = ()
        self._revision = ""
        self._buffers: list[tuple[Tensor, Tensor]] = []

    def _guarded(self, error: Exception) -> nn.Module:
        """Work on the module itself, each forward of which is undone: the last resort."""
        name = type(self._original).__name__
        if not self._shares(tensors(self._original)):
            message = (
                f"the module {name} cannot be copied ({type(error).__name__}: {error}), so it cannot be computed on another "
                "device or in another precision; give it a __deepcopy__ that can, or leave device= and precision= out"
            )
            raise ModelError(message) from error
        self.guard = Guard(self._original)
        return self._original

    @property
    def module(self) -> nn.Module:
        """The copy, as it was when it was last refreshed."""
        return self._copy if self._copy is not None else self.refresh()

    def refresh(self) -> nn.Module:
        """Bring the copy up to date with the module, and return it; once before each run is enough.

        Raises
        ------
        ModelError
            If the module cannot be worked with.
        """
        # Tensors that are made inside somebody's inference_mode could never again be part of a gradient.
        with self._changing, torch.inference_mode(mode=False), torch.no_grad():
            if self._copy is None:
                _refuse(self._original)
            parts = list(tensors(self._original))
            found = layout(self._original, parts)
            revision = "" if self._shares(parts) else checksum(self._original)
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
        with self._running, self.guard or contextlib.nullcontext(), tapping(module), _checking(self.guard, module):
            # A copy of the input, since a first layer may work in place.
            return self._call(module, points.clone())

    def altered(
        self,
        prepare: Callable[[nn.Module], object] | None,
        around: Callable[[], AbstractContextManager[object]] | None,
    ) -> Altered:
        """Return a copy of the copy that shares its weights and is changed.

        Parameters
        ----------
        prepare : callable or None
            Changes the module that it is given, once.
        around : callable or None
            Returns a context manager that is entered around every forward.
        """
        return Altered(self, prepare, around)

    def _shares(self, parts: Iterable[Tensor]) -> bool:
        # The inside of a scripted module is copied by TorchScript, tensors and all.
        scripted = any(isinstance(layer, torch.jit.ScriptModule) for layer in self._original.modules())
        return not scripted and all(
            tensor.device == self._place_of(tensor) and self._type_of(tensor) == tensor.dtype for tensor in parts
        )

    def _place_of(self, tensor: Tensor) -> torch.device:
        return self._device if self._device is not None else tensor.device

    def _type_of(self, tensor: Tensor) -> torch.dtype:
        return self._dtype if self._dtype is not None and tensor.is_floating_point() else tensor.dtype

    def _make(self) -> nn.Module:
        original = self._original
        _refuse(original)
        weights = {id(weight) for weight in original.parameters()}
        memo: dict[int, Any] = {}
        for tensor in tensors(original):
            placed = tensor.detach().to(self._place_of(tensor), self._type_of(tensor))
            memo[id(tensor)] = (
                placed if id(tensor) in weights or placed.data_ptr() != tensor.data_ptr() else placed.clone()
            )
        memo |= {id(value): value for layer in original.modules() for value in _uncopyable(layer, memo)}
        try:
            made = copy.deepcopy(original, memo)
        except Exception as error:  # noqa: BLE001 - whatever a module's own __deepcopy__ raises
            return self._guarded(error)
        with contextlib.suppress(NotImplementedError):  # an exported program has the mode it was exported in
            made.eval()
        self._buffers = [(tensor, memo[id(tensor)]) for tensor in tensors(original) if id(tensor) not in weights]
        put_hooks(made)
        for change in self.changes:
            change(made)
        return made


class Altered:
    """A shadow of a shadow for one run of one method, which may change it in any way; nobody else sees it.

    Parameters
    ----------
    shadow : Shadow
        Whose copy is copied; its weights are shared, its buffers are not.
    prepare, around
        As for :meth:`Shadow.altered`.
    """

    def __init__(
        self,
        shadow: Shadow | Altered,
        prepare: Callable[[nn.Module], object] | None,
        around: Callable[[], AbstractContextManager[object]] | None,
    ) -> None:
        if shadow.guard is not None:
            message = (
                "the module cannot be copied, and this method would have to change it; give it a __deepcopy__ that can"
            )
            raise NotApplicable(message)
        self._call: Callable[[nn.Module, Tensor], Any] = shadow._call  # noqa: SLF001 - of the same file
        self._around: Callable[[], AbstractContextManager[object]] = around or contextlib.nullcontext
        self.guard: Guard | None = None
        self._running = threading.RLock()
        with torch.inference_mode(mode=False), torch.no_grad():
            source = shadow.module
            weights = {id(weight) for weight in source.parameters()}
            memo: dict[int, Any] = {
                id(tensor): tensor.detach() if id(tensor) in weights else tensor.detach().clone()
                for tensor in tensors(source)
            }
            self.module: nn.Module = copy.deepcopy(source, memo)
        if prepare is not None:
            prepare(self.module)

    def altered(
        self,
        prepare: Callable[[nn.Module], object] | None,
        around: Callable[[], AbstractContextManager[object]] | None,
    ) -> Altered:
        """Return a copy of this copy, changed further; what goes around a forward goes around this one's too."""
        other = Altered(self, prepare, around)
        inner, outer = other._around, self._around

        @contextlib.contextmanager
        def both() -> Iterator[None]:
            with outer(), inner():
                yield

        other._around = both
        return other

    def refresh(self) -> nn.Module:
        """Return the copy; it lives for one run and does not change."""
        return self.module

    def run(self, points: Tensor) -> Any:
        """Run the copy forwards."""
        with self._running, tapping(self.module), self._around():
            return self._call(self.module, points.clone())


def _refuse(module: nn.Module) -> None:
    """Say why a module cannot be worked with, before it is tried."""
    traced = isinstance(module, torch.fx.GraphModule)  # its parts are functions by nature, and hold no original
    for name, layer in module.named_modules():
        where = f"'{name}' ({type(layer).__name__})" if name else type(layer).__name__
        replaced = None if isinstance(layer, torch.jit.ScriptModule) else vars(layer).get("forward")
        if not traced and replaced is not None and not isinstance(getattr(replaced, "__self__", None), nn.Module):
            message = (
                f"the forward of {where} was replaced by a plain function, which would run on the original and not on a "
                "copy; write it as the forward of a subclass"
            )
            raise ModelError(message)
        if any(tensor.is_meta for tensor in (*layer.parameters(recurse=False), *layer.buffers(recurse=False))):
            message = f"{where} is on the meta device, which holds no values; load its weights first"
            raise ModelError(message)
        if any(nn.parameter.is_lazy(weight) for weight in layer.parameters(recurse=False)):
            message = f"{where} is lazy and has no weights yet; run the module once on an image first"
            raise ModelError(message)


def _uncopyable(layer: nn.Module, memo: dict[int, Any]) -> Iterator[Any]:
    """Yield a layer's plain attributes that no copy can be made of, such as a lock or an open file: the copy shares them."""
    for name, value in vars(layer).items():
        if name not in _MODULES_OWN and not isinstance(value, bool | int | float | str | nn.Module):
            try:
                copy.deepcopy(value, dict(memo))
            except Exception:  # noqa: BLE001 - whatever an object's own __deepcopy__ raises
                yield value


@contextlib.contextmanager
def _checking(guard: Guard | None, module: nn.Module) -> Iterator[None]:
    """Let a run on the user's own module be cancelled too; a copy has its hooks already."""
    handles = [] if guard is None else put_hooks(module)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
