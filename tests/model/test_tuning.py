"""The faster copy of a network: it computes the same, follows every change of the weights, and is not used where it would not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import saliency_widget as sw
from runs import function, relative
from saliency_widget.model import tuning
from saliency_widget.model.fingerprint import digest
from small_models import keep

SIDE = 24
IMAGE = np.random.default_rng(1).random((SIDE, SIDE, 3), dtype=np.float32)


class Network(nn.Module):
    """Convolutions with batch norms behind them, one of which is looked at from two sides."""

    def __init__(self, flatten):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.norm = nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8)
            self.second, self.other = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
            self.head = nn.Linear(8 * 25, 4)
            for norm in (self.norm, self.other):
                norm.running_mean.normal_()
                norm.running_var.uniform_(0.5, 2)
                nn.init.normal_(norm.weight)
        self.pool = nn.AdaptiveAvgPool2d(5)
        self.flatten = flatten

    def forward(self, images):
        features = self.norm(self.first(images)).relu()
        seen = self.second(features)
        return self.head(self.flatten(self.pool(self.other(seen) + seen.tanh())))


def wrapped(flatten=lambda x: x.flatten(1), **options):
    model = sw.ImageModel(Network(flatten).eval(), preprocess=keep, device="cpu", **options)
    model.discover(IMAGE)
    return model


def tuned(model):
    model.refresh()
    return model.tuning.of(model, model.input(IMAGE))


def scores_of(model, points):
    return next(iter(model.scores(points, grad=False).values()))


def points_of(model, count=3):
    return torch.stack([model.input(IMAGE).roll(i, -1) for i in range(count)])


def test_a_batch_norm_is_merged_where_nobody_else_looks_at_what_it_gets():
    model = wrapped()
    kinds = {name: type(layer).__name__ for name, layer in tuned(model).shadow.named_modules()}
    assert (kinds["norm"], kinds["other"]) == ("Identity", "BatchNorm2d")
    assert model.tuning.changed == {"first"}


def test_the_faster_copy_gives_the_same_scores_and_gradients():
    model = wrapped()
    fast = tuned(model)
    assert fast is not model
    found = []
    for network in (model, fast):
        points = points_of(model).requires_grad_()
        scores = next(iter(network.scores(points, grad=True).values()))
        found.append((scores.detach(), *torch.autograd.grad(scores[:, 1].sum(), points)))
    for ours, theirs in zip(*found, strict=True):
        assert relative(ours, theirs) < 1e-5


def by_an_optimiser(network):
    optimiser = torch.optim.Adam(network.parameters(), 0.01, foreach=True)
    network(torch.rand(2, 3, SIDE, SIDE)).sum().backward()
    optimiser.step()


def by_data(network):
    network.first.weight.data[3, 1, 2, 0] += 0.5


def by_numpy(network):
    network.first.weight.detach().numpy()[0, 0, 0, 0] += 0.5


def by_turning_it_over(network):
    network.first.weight.data.copy_(network.first.weight.data.flip(-1))


def by_a_state_dict(network):
    network.load_state_dict(
        {name: value * 1.01 for name, value in network.state_dict().items() if value.is_floating_point()}, strict=False
    )


def by_its_statistics(network):
    network.norm.running_var.mul_(2)


@pytest.mark.parametrize(
    "change", [by_an_optimiser, by_data, by_numpy, by_turning_it_over, by_a_state_dict, by_its_statistics]
)
def test_a_change_of_the_weights_is_followed(change):
    model = wrapped()
    points = points_of(model)
    before = scores_of(tuned(model), points)
    change(model.module)
    after = scores_of(tuned(model), points)
    assert relative(after, scores_of(model, points)) < 1e-5
    assert relative(after, before) > 1e-4


def test_it_is_made_once_as_long_as_the_weights_stay():
    model = wrapped()
    assert tuned(model) is tuned(model)


def test_a_forward_that_wants_its_memory_in_order_gets_it_so_and_keeps_the_merged_norms():
    model = wrapped(lambda x: x.view(len(x), -1))
    fast = tuned(model)
    assert fast is not model
    assert isinstance(fast.shadow.norm, nn.Identity)
    assert fast.shadow.second.weight.is_contiguous()


class Peeking(Network):
    """One that uses the numbers in its layers for something else too."""

    def forward(self, images):
        return super().forward(images) * self.first.weight.square().sum()


def test_what_would_not_compute_the_same_is_left_out():
    model = sw.ImageModel(Peeking(lambda x: x.flatten(1)).eval(), preprocess=keep, device="cpu")
    model.discover(IMAGE)
    fast = tuned(model)
    assert isinstance(fast.shadow.norm, nn.BatchNorm2d)
    assert relative(scores_of(fast, points_of(model)), scores_of(model, points_of(model))) < 1e-5


def test_what_is_computed_to_the_last_digit_is_left_as_it_is():
    model = wrapped(precision="float64")
    assert tuned(model) is model


def test_the_first_point_goes_through_the_network_as_it_is_and_the_others_through_the_faster_copy(monkeypatch):
    model = wrapped()
    used = []
    scores = sw.ImageModel.scores

    def noted(self, points, *, grad):
        used.append((self is model, len(points)))
        return scores(self, points, grad=grad)

    f = function(model, IMAGE, ["head0:1"], chunk=3)
    f_points = [f.x * share for share in (0.2, 0.4, 0.6, 0.8, 1.0)]
    tuned(model)  # it is tried on a point of its own
    monkeypatch.setattr(sw.ImageModel, "scores", noted)
    list(f.each(f_points))
    assert used == [(True, 1), (False, 3), (False, 1)]


class Nested(nn.Module):
    """A convolution whose output two more layers hand on before the batch norm gets it."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.block, self.handed, self.norm = nn.Sequential(nn.Conv2d(3, 8, 3)), nn.Identity(), nn.BatchNorm2d(8)
            self.norm.running_var.uniform_(4, 9)
            self.head = nn.Linear(8, 4)

    def forward(self, images):
        return self.head(self.norm(self.handed(self.block(images))).relu().mean((2, 3)))


@pytest.mark.parametrize("layer", ["block", "block.0", "handed"])
def test_whatever_hands_on_the_output_of_a_merged_layer_is_looked_at_in_the_network_as_it_is(layer):
    model = sw.ImageModel(Nested().eval(), preprocess=keep, device="cpu")
    model.discover(IMAGE)
    assert isinstance(tuned(model).shadow.norm, nn.Identity)
    f = function(model, IMAGE, ["head0:1"])
    truth = model.module.block(f.x[None])[0].detach()
    for _ in range(2):
        (chunk,) = f.at(layer).each([f.x])
        assert relative(chunk.activations[0], truth) < 1e-5


def test_weights_that_change_while_the_copy_is_tried_leave_no_verdict_behind(monkeypatch):
    model = wrapped()
    both = tuning._both

    def trained(network, points):
        found = both(network, points)
        model.module.first.weight.data.mul_(1.1)
        return found

    monkeypatch.setattr(tuning, "_both", trained)
    assert tuned(model) is model
    monkeypatch.undo()
    assert relative(scores_of(tuned(model), points_of(model)), scores_of(model, points_of(model))) < 1e-5
    assert tuned(model) is not model


def test_a_network_that_raises_on_the_way_back_is_left_as_it_is(monkeypatch):
    def broken(*_):
        raise RuntimeError("one of the variables was modified by an inplace operation")

    monkeypatch.setattr(tuning, "_both", broken)
    model = wrapped()
    assert tuned(model) is model


def test_a_layer_in_front_of_a_merged_norm_is_looked_at_in_the_network_as_it_is():
    model = wrapped()
    expected = model.module.first(model.input(IMAGE)[None])[0]
    f = function(model, IMAGE, ["head0:1"])
    for layer, truth in (("first", expected), ("norm", model.module.norm(expected[None])[0])):
        for _ in range(2):
            (chunk,) = f.at(layer).each([f.x])
            assert relative(chunk.activations[0], truth.detach()) < 1e-5


def test_a_digest_changes_with_any_value_and_with_places():
    values = torch.arange(5000, dtype=torch.float32).reshape(50, 100)
    changed = values.clone()
    changed[49, 99] += 1e-3
    others = [
        changed,
        values.flip(0),
        values.flip(1),
        values.clone().index_put_((torch.tensor(3), torch.tensor(4)), torch.tensor(0.0)),
    ]
    found = {digest([values]), *(digest([other]) for other in others)}
    assert len(found) == 1 + len(others)
    assert digest([values]) == digest([values.clone()])
