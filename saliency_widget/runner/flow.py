"""Decides which frames may go to the pages, and when; pure: it sends nothing, and what time it is it is told.

``send()`` never blocks, so without this a slow page grows an unseen backlog: the server's memory with it, and every later
click waits behind it. What must hold, and is tested on random interleavings:

- at most `CREDIT` frames are unacknowledged; a page that is silent for `RESET` seconds gets new credit, and while another
  page answers it no longer counts;
- a running frame that may not go is dropped, so the next one to go is the newest; a final frame is kept until it may;
- each job's `end` goes out once, after its last frame, and at most `RESET` seconds after it was handed in.

A message reaches every page of the widget, so the slowest page that answers sets the pace for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["CREDIT", "INTERVAL", "RESET", "Flow", "Outgoing"]

CREDIT = 2
"""Frames in flight. Drawn frames a second measured with 1, 2, 3, 6: 17, 49, 51, 56."""

RESET = 2.0
"""Seconds of silence after which frames in flight count as lost."""

INTERVAL = 1 / 60
"""Seconds between two running frames: no screen shows more."""

_SLACK = 1e-3
"""Estimates that come at exactly the screen's rate must not lose every other frame to rounding."""

_MOST_PAGES = 16


@dataclass(frozen=True)
class Outgoing:
    """One thing to send now: a frame with its number, a job's end, a spare map, or the synced state."""

    what: Literal["frame", "end", "spare", "state"]
    content: Any = None
    seq: int = 0


@dataclass
class _Page:
    visible: bool
    settled: int
    """The newest frame that this page has acknowledged, or that was given up."""
    since: float
    """When its oldest frame in flight went out, or when it last acknowledged one."""
    silent: bool = False
    """Whether it has not acknowledged anything since its credit was reset."""


@dataclass(frozen=True)
class _Held:
    end: Any
    frame: Any


@dataclass
class Flow:
    """The state of the traffic between one session and its pages.

    Every method that may free something to be sent returns it, in order.

    Parameters
    ----------
    clock : callable
        Returns the time in seconds.
    """

    clock: Callable[[], float]
    seq: int = 0
    _pages: dict[str, _Page] = field(default_factory=dict)
    _last: float = float("-inf")
    _held: _Held | None = None
    _latest: Any = None
    _spares: list[Any] = field(default_factory=list)
    _dirty_since: float | None = None

    # -- the pages ----------------------------------------------------------------------------------------------------

    def hello(self, page: str, *, visible: bool) -> list[Outgoing]:
        """Meet a page, or meet it again: it has full credit."""
        self._pages.pop(page, None)
        while len(self._pages) >= _MOST_PAGES:
            # Pages that crashed never say goodbye; the one that was met first is the likeliest to be gone.
            self._pages.pop(next(iter(self._pages)))
        self._pages[page] = _Page(visible, self.seq, self.clock())
        return self._release()

    def visible(self, page: str, *, on: bool) -> list[Outgoing]:
        """Note that a page was shown or hidden."""
        if on or page not in self._pages:
            return self.hello(page, visible=on)  # what it missed while it was hidden is not held against it
        self._pages[page].visible = False
        return self._release()

    def bye(self, page: str) -> list[Outgoing]:
        """Forget a page."""
        self._pages.pop(page, None)
        return self._release()

    def ack(self, page: str, seq: int) -> list[Outgoing]:
        """Settle all frames up to `seq`, painted or dropped."""
        known = self._pages.get(page)
        if known is None:
            return self.hello(page, visible=True)  # its hello was lost
        known.silent = False
        if seq > known.settled:
            known.settled = min(seq, self.seq)
            known.since = self.clock()
        return self._release()

    # -- what is sent -------------------------------------------------------------------------------------------------

    def wants_frame(self) -> bool:
        """Whether a running frame would go out now; asked before one is made."""
        self._expire()
        if self._dirty_since is not None or self._spares:
            return False  # these go first, or an unbroken stream would hold them back: bars of another picture
        return self.clock() - self._last >= INTERVAL - _SLACK and self._has_credit(final=False)

    def frame(self, content: Any) -> list[Outgoing]:
        """Send a running frame, or drop it."""
        return [self._count(content)] if self.wants_frame() else []

    def latest(self, content: Any) -> list[Outgoing]:
        """Send a running frame, or keep it until it may go: none may follow it for a while. A newer one, or None, replaces it."""
        self._latest = content
        return self._release()

    def repeat(self, content: Any) -> list[Outgoing]:
        """Send a running frame again for a page that has just come, however fast they follow each other."""
        self._expire()
        return [self._count(content)] if self._has_credit(final=False) else []

    def finish(self, end: Any, frame: Any = None) -> list[Outgoing]:
        """Send a job's end, after its final frame if it has one."""
        if frame is None:
            return [Outgoing("end", end)]
        before = self.overtaken()
        self._held = _Held(end, frame)
        return before + self._release()

    def overtaken(self) -> list[Outgoing]:
        """Note that a newer job was accepted: nobody waits for the held frame any more, only for its end."""
        self._spares.clear()
        held, self._held, self._latest = self._held, None, None
        return [] if held is None else [Outgoing("end", held.end)]

    def spare(self, content: Any) -> list[Outgoing]:
        """Send something that can do without being sent, once all is quiet."""
        self._spares.append(content)
        return self._release()

    def changed(self) -> list[Outgoing]:
        """Send the synced state: the newest only, once the pages have settled, and at least every `RESET` seconds."""
        if self._dirty_since is None:
            self._dirty_since = self.clock()
        return self._release()

    def tick(self) -> list[Outgoing]:
        """Send what has become due; called at `deadline`, or later."""
        return self._release()

    def deadline(self) -> float | None:
        """When :meth:`tick` should be called, if nothing else happens before; None if nothing waits."""
        due = []
        if self._held is not None or self._dirty_since is not None:
            due = [page.since + RESET for page in self._gate(final=True) if page.settled < self.seq]
        if self._dirty_since is not None:
            due.append(self._dirty_since + RESET)
        if self._latest is not None and self._dirty_since is None and self._gate(final=False):
            late = [p.since + RESET for p in self._gate(final=False) if self.seq - p.settled >= CREDIT]
            due.append(min(late, default=self._last + INTERVAL))
        return min(due, default=None)

    # -- the rules ----------------------------------------------------------------------------------------------------

    def _expire(self) -> None:
        """Give new credit to pages that have been silent for too long."""
        now = self.clock()
        for page in self._pages.values():
            if page.settled < self.seq and now - page.since >= RESET:
                page.settled, page.since, page.silent = self.seq, now, True

    def _gate(self, *, final: bool) -> list[_Page]:
        """Return the pages that must have credit before a frame goes out."""
        pages = [page for page in self._pages.values() if page.visible]
        if final and not pages:
            pages = list(self._pages.values())
        return [page for page in pages if not page.silent] or pages

    def _has_credit(self, *, final: bool) -> bool:
        gate = self._gate(final=final)
        return bool(gate) and all(self.seq - page.settled < CREDIT for page in gate)

    def _count(self, content: Any) -> Outgoing:
        now = self.clock()
        for page in self._pages.values():
            if page.settled == self.seq:
                page.since = now
        self.seq += 1
        self._last = now
        return Outgoing("frame", content, self.seq)

    def _release(self) -> list[Outgoing]:
        """Take out what may go now, in order."""
        self._expire()
        now = self.clock()
        out: list[Outgoing] = []
        held = self._held
        # Nothing is sent while a frame is held, so whoever has no credit now has it within the reset.
        if held is not None and (not self._pages or self._has_credit(final=True)):
            self._held = None
            if self._pages:
                out.append(self._count(held.frame))
            out.append(Outgoing("end", held.end))
        settled = self._held is None and all(page.settled == self.seq for page in self._gate(final=True))
        if settled:
            out += [Outgoing("spare", content) for content in self._spares if self._pages]
            self._spares.clear()
        if self._dirty_since is not None and (settled or now - self._dirty_since >= RESET):
            self._dirty_since = None
            out.append(Outgoing("state"))
        if self._latest is not None and self.wants_frame():
            content, self._latest = self._latest, None
            out.append(self._count(content))
        return out
