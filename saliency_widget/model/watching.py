"""Looking on while a network runs: what is called before each layer, and who sees a layer's output; it runs nothing itself.

All of it belongs to the calling thread. The shadow puts the hooks on its copy that call what is here.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

__all__ = ["Watch", "alone", "current_check", "put_hooks", "tapped", "tapping", "watched"]

_local = threading.local()


class Watch:
    """What looks on while a network runs; the way back of a forward asks the watch that the forward had.

    Attributes
    ----------
    check : callable
        Called before each layer; what it raises ends the run there. It may be another one on the way back.
    held : int
        Bytes of the layers' outputs from which a gradient can be taken: about what the way back needs, or more.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self.check = check
        self.held = 0


class watched:  # noqa: N801 - reads as a verb: with watched(check)
    """While it lasts, `check` is called before each layer of any shadow that this thread runs, forwards and backwards.

    What `check` raises ends the run there: this is how a cancelled job stops inside the network. Entered, it is the watch.

    Parameters
    ----------
    check : callable, optional
        Takes nothing, returns nothing. That of the watch which is there already where not given.
    """

    def __init__(self, check: Callable[[], None] | None = None) -> None:
        self._watch = Watch(check or current_check())

    def __enter__(self) -> Watch:
        """Begin to watch."""
        self._before = getattr(_local, "watch", None)
        _local.watch = self._watch
        return self._watch

    def __exit__(self, *_: object) -> None:
        """Put back what was watched before."""
        _local.watch = self._before


def current_check() -> Callable[[], None]:
    """Return what is called before each layer on this thread; what does nothing where nobody watches."""
    watch: Watch | None = getattr(_local, "watch", None)
    return _nothing if watch is None else watch.check


def _nothing() -> None:
    pass


class tapped:  # noqa: N801 - reads as a verb: with tapped("layer4", hook)
    """While it lasts, `hook` sees the output of one layer of any shadow that this thread runs, and may replace it.

    Parameters
    ----------
    name : str
        The layer's name.
    hook : callable
        Takes the output, returns what goes on in its place.
    """

    def __init__(self, name: str, hook: Callable[[Any], Any]) -> None:
        self._tap = (name, hook)

    def __enter__(self) -> None:
        """Begin to look."""
        self._before = getattr(_local, "tap", None)
        _local.tap = self._tap

    def __exit__(self, *_: object) -> None:
        """Put back what was looked at before."""
        _local.tap = self._before


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """While it lasts, nobody looks at a layer and nobody stops a run of this thread, for a run that is nobody's job."""
    before = vars(_local).copy()
    vars(_local).clear()
    try:
        yield
    finally:
        vars(_local).update(before)


@contextlib.contextmanager
def tapping(module: nn.Module) -> Iterator[None]:
    """Put the hook of :class:`tapped` on a copy for one forward."""
    tap = getattr(_local, "tap", None)
    if tap is None:
        yield
        return
    name, hook = tap
    handle = module.get_submodule(name).register_forward_hook(lambda _layer, _inputs, output: hook(output))
    try:
        yield
    finally:
        handle.remove()


def put_hooks(module: nn.Module) -> list[RemovableHandle]:
    """Put the hooks on a module by which a run can be cancelled inside of it."""
    handles = []
    for layer in module.modules():
        if not any(True for _ in layer.children()) and not isinstance(layer, torch.jit.ScriptModule):
            handles += [layer.register_forward_pre_hook(_check_before), layer.register_forward_hook(_check_behind)]
    return handles


def _check_before(_layer: nn.Module, _inputs: object) -> None:
    watch: Watch | None = getattr(_local, "watch", None)
    if watch is not None:
        watch.check()


def _check_behind(_layer: nn.Module, inputs: tuple[object, ...], output: object) -> None:
    watch: Watch | None = getattr(_local, "watch", None)
    if watch is not None and isinstance(output, Tensor) and output.requires_grad:
        watch.held += 0 if inputs and output is inputs[0] else output.nbytes  # what works in place holds nothing more
        # The backward pass of a GPU runs on another thread, so the watch itself travels, not the thread's variable.
        output.register_hook(lambda _gradient: watch.check())  # type: ignore[no-untyped-call]
