"""Sends what the flow control lets go, in order, and wakes it when a page stays silent; it decides nothing itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from saliency_widget.runner.flow import Flow, Outgoing

__all__ = ["Alarm", "Outbox", "Port", "alarm"]

_log = logging.getLogger("saliency_widget")

Alarm = Callable[[float, Callable[[], None]], Callable[[], None]]
"""Takes seconds and what to call then; returns how to call it off."""


class Port(Protocol):
    """What a session needs of its widget. No method may wait, or take a lock but the session's."""

    def send(self, kind: str, fields: Mapping[str, Any], data: bytes | None = None) -> None:
        """Send a message of ``docs/protocol.md`` to all pages."""

    def write(self, state: Mapping[str, Any]) -> None:
        """Set synced values; nothing is sent yet, and nobody is told."""

    def sync(self) -> None:
        """Send the values written since the last time, in one message."""

    def resend(self) -> None:
        """Send all synced values once more."""

    def tell(self) -> None:
        """Tell who observes the values written since the last time; called without the lock, on the compute thread."""


def alarm(delay: float, call: Callable[[], None]) -> Callable[[], None]:
    """Call something after a while, on a thread of its own."""
    timer = threading.Timer(delay, call)
    timer.name = "saliency-alarm"
    timer.daemon = True
    timer.start()
    return timer.cancel


class Outbox:
    """All that a session sends to its pages goes through here.

    Usually an acknowledgement or the next estimate moves things on. Only a held `end`, or state that has not been synced,
    must not wait for a page that never answers; for these alone an alarm is set.

    Parameters
    ----------
    port : Port
    lock : context manager
        The session's lock (re-entrant); held whenever something is sent, so that the order is the flow's.
    clock, alarm : callable
        For tests.
    """

    def __init__(
        self,
        port: Port,
        lock: AbstractContextManager[Any],
        clock: Callable[[], float] = time.monotonic,
        alarm: Alarm = alarm,
    ) -> None:
        self.flow = Flow(clock)
        self._port = port
        self._lock = lock
        self._clock = clock
        self._alarm = alarm
        self._call_off: Callable[[], None] | None = None
        self._rings_at = float("inf")
        self._closed = False

    def send(self, outgoing: list[Outgoing]) -> None:
        """Send what the flow let go. The lock must be held since the flow was asked."""
        for item in outgoing:
            self._send(item)
        self._wind()

    def close(self) -> None:
        """Send the end that is still held, and nothing after it."""
        with self._lock:
            self.send(self.flow.overtaken())
            self._closed = True
            self._unwind()

    def say(self, kind: str, fields: Mapping[str, Any], data: bytes | None = None) -> None:
        """Send a message past the flow control, but in the same order."""
        self._try(lambda: self._port.send(kind, fields, data))

    def _send(self, item: Outgoing) -> None:
        if item.what == "end":
            self.say("end", item.content)
        elif item.what == "state":
            self._try(self._port.sync)
        else:
            fields, frame = item.content
            kind = "cache" if item.what == "spare" else "cell" if "args" in fields else "frame"
            more: dict[str, Any] = {} if kind == "cache" else {"seq": item.seq}
            if kind == "frame":
                more["shot"] = None
            self.say(kind, {**fields, **more, "kind": "map", **frame.meta}, frame.data)

    def _try(self, how: Callable[[], None]) -> None:
        if not self._closed:
            try:
                how()
            except Exception:  # noqa: BLE001 - a comm that is gone must not end the computation
                _log.exception("the page could not be told")

    def _wind(self) -> None:
        """Set the alarm for the flow's deadline, if it has one and no alarm rings before it."""
        if self._closed:
            return
        deadline = self.flow.deadline()
        if deadline is None or deadline >= self._rings_at:
            return
        self._unwind()
        self._rings_at = deadline
        self._call_off = self._alarm(max(0.0, deadline - self._clock()), self._ring)

    def _unwind(self) -> None:
        if self._call_off is not None:
            self._call_off()
        self._call_off, self._rings_at = None, float("inf")

    def _ring(self) -> None:
        with self._lock:
            self._unwind()
            self.send(self.flow.tick())
