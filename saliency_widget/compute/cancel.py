"""Stopping a computation from another thread, inside the network if need be; it runs nothing itself."""

from __future__ import annotations

import threading

__all__ = ["CancelToken", "Cancelled"]


class Cancelled(BaseException):
    """Raised inside a computation whose token was cancelled.

    It is no ``Exception``, as ``asyncio.CancelledError`` is none, so that an ``except Exception`` in a user's forward
    does not swallow it.
    """


class CancelToken:
    """A flag that one thread sets and a computation on another one looks at before each layer."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the computation to stop; it does at its next layer, forwards or backwards."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise :class:`Cancelled` if :meth:`cancel` was called."""
        if self._event.is_set():
            raise Cancelled
