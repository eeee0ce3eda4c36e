"""Findings that Python code hands to a widget while it goes on computing: the newest is told, and each map is sent once."""

from __future__ import annotations

import itertools
import threading
import weakref
from typing import TYPE_CHECKING

from saliency_widget.runner.experimenting import TELL_S, Pixels, packed, pixels_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from saliency_widget.lab import Finding
    from saliency_widget.runner.outbox import Alarm
    from saliency_widget.runner.session import Session

__all__ = ["Showing"]


class Showing:
    """What Python shows in one widget's pages beside the followed map: a training that is watched, or any other finding.

    It takes findings from any thread, as often as one likes, and waits for no page. Of those that come faster than the pages
    are told the newest counts.

    Parameters
    ----------
    session : Session
        Its lock guards what is kept here; it is not held while pixels are packed.
    alarm : callable
        For tests.
    """

    def __init__(self, session: Session, alarm: Alarm) -> None:
        self._session = session
        self._alarm = alarm
        self._newest: Finding | None = None
        self._sent: Finding | None = None
        self._keys: dict[Pixels, int] = {}
        self._numbers = itertools.count(1)
        self._told = float("-inf")
        self._call_off: Callable[[], None] | None = None
        self._turn = threading.Lock()  # taken before the session's: what is sent refers to what was sent before

    def show(self, finding: Finding) -> None:
        """Show a finding in place of the one before: at once, or as soon as the pages may be told again."""
        if self._session.holding(lambda: self._due(finding)):
            self._tell()

    def again(self) -> None:
        """Have all of it sent once more: there is a page that has not seen it from the start."""

        def forget() -> None:
            self._sent = None
            if self._newest is not None:
                self._wind()

        self._session.holding(forget)

    def _due(self, finding: Finding) -> bool:
        self._newest = finding
        due = self._session.clock() >= self._told + TELL_S
        if not due:
            self._wind()
        return due

    def _take(self) -> tuple[Finding | None, Finding | None]:
        newest, sent = self._newest, self._sent
        self._told, self._sent = self._session.clock(), newest
        return newest, sent

    def _tell(self) -> None:
        with self._turn:
            newest, sent = self._session.holding(self._take)
            if newest is None or newest is sent:
                return
            known = {} if sent is None else self._keys
            card, data = packed(newest, known, None if sent is None else sent.seen)
            keys = {}
            for position, told in zip(newest.positions, card["positions"], strict=True):
                here = pixels_of(position)
                keys[here] = told["key"] = self._keys.get(here) or next(self._numbers)
            self._keys = keys
            self._session.say("finding", {"job": None, "image": "", "found": card}, data)

    def _wind(self) -> None:
        if self._call_off is not None:
            return
        here = weakref.ref(self)  # an alarm must not keep a closed widget's session alive

        def ring() -> None:
            showing = here()
            if showing is not None:
                showing._call_off = None  # noqa: SLF001 - our own
                showing._tell()  # noqa: SLF001

        self._call_off = self._alarm(max(0.0, self._told + TELL_S - self._session.clock()), ring)
