"""What a map costs: forwards, ways back, copies of the network. The counts do not depend on the machine."""

from __future__ import annotations

import pytest
from torch import nn

import saliency_widget as sw
from costs import Costs
from runs import function, last
from saliency_widget.compute import chunks
from small_models import picture, two_heads


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
