"""What a map costs: forwards, ways back, copies of the network. The counts do not depend on the machine."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import saliency_widget as sw
from runs import function, last
from saliency_widget.compute import chunks
from saliency_widget.model.shadow import Altered, Shadow
from small_models import TwoHeads, picture, two_heads


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


@pytest.fixture
def costs(monkeypatch):
    return Costs(monkeypatch)


def explain(model, method, target="style:gothic", **params):
    return lambda: sw.explain(model, picture(), target, method, **params)


# The first point alone, then chunks of eight; the prediction is one forward more where the map does not begin with the picture.
@pytest.mark.parametrize(
    ("method", "params", "points", "calls", "backwards"),
    [
        ("gradient", {}, 1, 1, 1),
        ("grad_cam", {}, 1, 1, 1),
        ("smoothgrad", {"samples": 17}, 1 + 17, 1 + 3, 3),
        ("integrated_gradients", {"steps": 17}, 1 + 17 + 2, 1 + 3 + 2, 3),
        ("occlusion", {"window": 6, "stride": 6}, 1 + 5, 1 + 2, 0),
    ],
)
def test_a_run_costs_what_it_says_and_from_the_second_on_no_copy(method, params, points, calls, backwards, costs):
    model = two_heads()
    explain(model, method, **params)()
    model.kept.drop()
    assert costs.of(explain(model, method, **params)) == {
        "points": points, "calls": calls, "backwards": backwards, "copies": 0,
    }  # fmt: skip


def test_many_targets_share_their_forwards(costs):
    model, targets = two_heads(), ["style:0", "style:1", "style:2", "age"]
    explain(model, "smoothgrad", targets, samples=17)()
    found = costs.of(explain(model, "smoothgrad", targets, samples=17))
    assert (found["points"], found["backwards"]) == (1 + 17, 3 * len(targets))


def test_a_chunk_is_as_large_as_its_memory_allows_and_the_same_in_each_run(monkeypatch):
    model = two_heads()
    explain(model, "smoothgrad", "age", samples=11)()  # makes the faster copy
    sizes = []
    linear = nn.Linear.forward
    monkeypatch.setattr(nn.Linear, "forward", lambda layer, x: sizes.append(len(x)) or linear(layer, x))
    # In float32, each layer's output in its own place: the first layers on 12 x 8 pixels, the others on a quarter of them.
    held = 4 * (12 * 8 * (6 + 6 + 6) + 6 * 4 * (6 + 8 + 8) + 3 + 1)
    monkeypatch.setattr(chunks, "_CPU_BYTES", 3.5 * held)
    runs = []
    for _ in range(2):
        sizes.clear()
        last(function(model, picture(), ["age"]), "smoothgrad", samples=11, noise=0.1)
        runs.append(sizes[::2])  # there are two heads
    assert runs[0] == runs[1] == [1, 2, 4, 4]  # of three that fit two; the copy without a batch norm holds less
