"""Stand-ins that make the runner's tests deterministic: a clock, an alarm, a page, small models."""

from __future__ import annotations


class FakeClock:
    """A clock that stands still unless it is told to go on."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds
