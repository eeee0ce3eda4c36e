"""Counts what is done with the small network: forwards, ways back, copies; no tests here."""

from __future__ import annotations

import torch

from saliency_widget.model.shadow import Altered, Shadow
from small_models import TwoHeads


class Costs:
    """Counts what is done with all copies of the small network, from its first layer's point of view."""

    def __init__(self, monkeypatch):
        self.points = self.calls = self.backwards = self.copies = 0
        forward, grad = TwoHeads.forward, torch.autograd.grad

        def counting(network, images):
            self.calls += 1
            self.points += len(images)
            return forward(network, images)

        def going_back(*args, **options):
            self.backwards += 1
            return grad(*args, **options)

        monkeypatch.setattr(TwoHeads, "forward", counting)
        monkeypatch.setattr(torch.autograd, "grad", going_back)
        for made in (Shadow, Altered):
            monkeypatch.setattr(made, *self._copying(made))

    def _copying(self, made):
        name = "_make" if made is Shadow else "__init__"
        original = getattr(made, name)

        def counting(*args, **options):
            self.copies += 1
            return original(*args, **options)

        return name, counting

    def of(self, call):
        self.points = self.calls = self.backwards = self.copies = 0
        call()
        return {"points": self.points, "calls": self.calls, "backwards": self.backwards, "copies": self.copies}
