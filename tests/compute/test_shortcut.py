"""What lies before a layer is computed once; what comes out is what the whole network gives."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import saliency_widget as sw
from runs import function, relative
from saliency_widget.compute.shortcut import behind
from small_models import keep, picture

CALLS: list[str] = []


class Part(nn.Module):
    """A convolution that says when it is asked."""

    def __init__(self, name, channels=4):
        super().__init__()
        self.name = name
        self.conv = nn.Conv2d(3 if name == "stem" else channels, 4, 3, padding=1)

    def forward(self, images):
        CALLS.append(self.name)
        return self.conv(images).relu()


class Network(nn.Module):
    """A stem, two parts, and a way around them; `join` says how the way around comes back."""

    def __init__(self, join=torch.add, *, inplace=False, twice=False):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.stem, self.one, self.two = Part("stem"), Part("one"), Part("two")
            self.head = nn.Linear(8 if join is not torch.add else 4, 3)
        self.join, self.inplace, self.twice = join, inplace, twice

    def forward(self, images):
        features = self.stem(images)
        if self.inplace:
            features.mul_(2)
        found = self.one(features)
        found = self.two(self.two(found) if self.twice else found)
        return self.head(self.join(found, features).mean((2, 3)))


def concatenated(one, other):
    return torch.cat([one, F.avg_pool2d(other, 3, 1, 1)], 1)


def wrapped(*args, **options):
    model = sw.ImageModel(Network(*args, **options), preprocess=keep, device="cpu", precision="float64")
    model.discover(picture())
    return model


def ablations(model, layer, count=6):
    """Return the scores without each of the first channels, by the layer's function, and who was asked meanwhile."""
    f = function(model, picture(), ["0"])
    at = f.at(layer)
    activations = next(iter(at.each([f.x]))).activations[0]
    changed = [activations * (torch.arange(4) != k % 4)[:, None, None] * (1 + k) for k in range(count)]
    CALLS.clear()
    return changed, torch.cat([chunk.scores for chunk in at.scored(f.x, changed)])[:, 0], list(CALLS)


def by_hand(model, layer, changed):
    network = model.module.eval().double()
    found = []
    for activations in changed:
        handle = network.get_submodule(layer).register_forward_hook(lambda _m, _i, _o, a=activations: a[None])
        found.append(network(model.input(picture())[None])[0, 0].detach())
        handle.remove()
    return torch.stack(found)


@pytest.mark.parametrize("join", [torch.add, concatenated])
@pytest.mark.parametrize("layer", ["stem", "one", "two"])
def test_scores_behind_a_layer_are_those_of_the_whole_network(layer, join):
    model = wrapped(join)
    changed, found, _ = ablations(model, layer)
    assert relative(found, by_hand(model, layer, changed)) < 1e-12


def test_what_comes_before_is_asked_once_however_many_changes_there_are():
    _, _, few = ablations(wrapped(), "one", 4)
    _, _, many = ablations(wrapped(), "one", 24)
    assert few.count("stem") == many.count("stem") <= 3
    assert few.count("one") == many.count("one") <= 3
    assert many.count("two") > few.count("two")


def test_each_change_is_a_forward_all_the_same():
    f = function(wrapped(), picture(), ["0"])
    at = f.at("one")
    activations = next(iter(at.each([f.x]))).activations[0]
    before = f.forwards
    list(at.scored(f.x, [activations] * 7))
    assert f.forwards - before == 7


@pytest.mark.parametrize("options", [{"inplace": True}, {"twice": True}])
def test_a_network_that_writes_into_features_or_calls_a_part_twice_gives_the_same_too(options):
    model = wrapped(**options)
    changed, found, _ = ablations(model, "one")
    assert relative(found, by_hand(model, "one", changed)) < 1e-12


def test_a_network_that_cannot_be_cut_is_used_as_a_whole():
    class Turned(Network):
        def forward(self, images):
            features = self.stem(images).transpose(0, 1)  # the first dimension is no longer that of the pictures
            return self.head(
                self.two(self.one(features.transpose(0, 1))).mean((2, 3)) + features.mean((0, 2, 3))[:, None]
            )

    model = sw.ImageModel(Turned(), preprocess=keep, device="cpu")
    model.discover(picture())
    f = function(model, picture(), ["0"])
    cut = behind(model, f.x, "one")
    points = f.x[None].expand(3, *f.x.shape)
    name = next(iter(model.heads))
    assert relative(cut.scores(points, grad=False)[name], model.scores(points, grad=False)[name]) < 1e-5
