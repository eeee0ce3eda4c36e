"""A model that waits inside its forward until the test lets it go on; no tests here."""

from __future__ import annotations

import threading

from torch import nn

from small_models import TwoHeads

LONG = 20.0
"""Seconds that a test waits for something that takes none; only a broken one waits that long."""


class Gated(TwoHeads):
    """Waits inside its forward until the test lets it go on."""

    def __init__(self):
        super().__init__()
        self.gate = Gate()

    def forward(self, images):
        self.gate.pass_through()
        return super().forward(images)


class Gate(nn.Module):
    """Open until it is shut; a copy of a model shares it."""

    def __init__(self):
        super().__init__()
        self.open, self.reached = threading.Event(), threading.Event()
        self.open.set()
        self.error = None

    def __deepcopy__(self, memo):
        return self

    def pass_through(self):
        self.reached.set()
        if not self.open.wait(LONG):
            raise TimeoutError
        if self.error is not None:
            raise self.error
