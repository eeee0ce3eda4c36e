"""Integrated Gradients and IDGI against closed forms, under every rule, and the order in which their steps are visited."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import saliency_widget as sw
from runs import estimates, function, last, relative
from saliency_widget.errors import BadParameter
from saliency_widget.methods.paths import important_direction
from saliency_widget.methods.steps import quadrature, spread_order
from small_models import Linear, keep, picture, two_heads

RULES = ["midpoint", "trapezoid", "gauss_legendre"]


class Product(nn.Module):
    """The product of two pixels, red: the first and the last of the picture."""

    def forward(self, images):
        return (images[:, 0, 0, 0] * images[:, 0, -1, -1])[:, None]


class Hidden(nn.Module):
    """One hidden layer: four units that switch on at a quarter, at the middle, ... of the way from black to `x`."""

    switches = (0.0, 0.25, 0.5, 0.75)

    def __init__(self, x):
        super().__init__()
        generator = torch.Generator().manual_seed(2)
        weight = torch.rand(4, x.numel(), generator=generator, dtype=torch.float64)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(-(weight @ x.flatten()) * torch.tensor(self.switches, dtype=torch.float64))
        self.out = nn.Parameter(torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64))

    def forward(self, images):
        hidden = (images.flatten(1) @ self.weight.T + self.bias).relu()
        return (hidden @ self.out)[:, None]


def wrapped(module):
    return sw.ImageModel(module, preprocess=keep, device="cpu", precision="float64")


def pixels():
    return function(wrapped(Linear()), picture(), [0]).x


@pytest.mark.parametrize("rule", RULES)
def test_a_linear_model_is_explained_exactly_by_every_rule(rule):
    model = wrapped(Linear())
    f = function(model, picture(), [0, 1])
    exact = model.module.weight.detach().numpy() * f.x.numpy()
    for steps in (2, 5, 33):
        np.testing.assert_allclose(last(f, "integrated_gradients", steps=steps, rule=rule), exact, rtol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_the_path_starts_at_the_baseline_that_was_asked_for(rule):
    model = wrapped(Linear())
    f = function(model, picture(), [0])
    weight = model.module.weight[0].detach()
    for baseline in ("white", "mean", "blur", "noise"):
        found = last(f, "integrated_gradients", steps=3, rule=rule, baseline=baseline)[0]
        assert relative(found, weight * (f.x - f.baseline(baseline))) < 1e-12


def test_idgi_of_a_linear_model_shares_out_the_score_by_the_squared_weights():
    model = wrapped(Linear())
    f = function(model, picture(), [0, 1])
    weight = model.module.weight.detach().numpy()
    score = (weight * f.x.numpy()).sum((1, 2, 3), keepdims=True)
    share = weight**2 / (weight**2).sum((1, 2, 3), keepdims=True)
    for steps in (1, 4):
        np.testing.assert_allclose(last(f, "idgi", steps=steps), share * score, rtol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_a_product_is_shared_in_halves_by_integrated_gradients_and_crosswise_by_idgi(rule):
    # On the way t * (a, b) the gradient is t * (b, a): its integral times (a, b) is (a b / 2, a b / 2). IDGI shares out
    # 2 t a b dt in proportion to b^2 and a^2 all the way.
    f = function(wrapped(Product()), picture(), [0])
    a, b = float(f.x[0, 0, 0]), float(f.x[0, -1, -1])
    e = estimates(f, "integrated_gradients", steps=6, rule=rule)[-1]
    both = e.attribution[0, 0]
    assert float(both[0, 0]) == pytest.approx(a * b / 2, rel=1e-12)
    assert float(both[-1, -1]) == pytest.approx(a * b / 2, rel=1e-12)
    assert float(e.attribution.abs().sum()) == pytest.approx(a * b, rel=1e-12)
    shared = e.siblings["idgi"][0, 0]
    assert float(shared[0, 0]) == pytest.approx(a * b * b**2 / (a**2 + b**2), rel=1e-12)
    assert float(shared[-1, -1]) == pytest.approx(a * b * a**2 / (a**2 + b**2), rel=1e-12)


def test_a_hidden_layer_that_switches_between_the_steps_is_explained_exactly():
    # Between two switches the gradient is constant, so each quarter of the way counts with its own gradient.
    x = pixels()
    module = Hidden(x)
    f = function(wrapped(module), picture(), [0])
    weight, out = module.weight.detach(), module.out.detach()
    quarters = [((out * (torch.arange(4) <= quarter)) @ weight).reshape(x.shape) for quarter in range(4)]
    exact = sum(gradient * x / 4 for gradient in quarters)
    shared = sum((g * x).sum() / 4 * g.square() / g.square().sum() for g in quarters)
    for steps in (4, 12, 40):
        e = estimates(f, "integrated_gradients", steps=steps)[-1]
        assert relative(e.attribution[0], exact) < 1e-12
        assert relative(e.siblings["idgi"][0], shared) < 1e-12
        assert e.quality[0][0].value < 1e-12


def test_idgi_adds_up_to_the_same_sum_as_integrated_gradients():
    f = function(two_heads(torch.float64), picture(), ["style:gothic", "age"])
    for e in estimates(f, "integrated_gradients", steps=17):
        ours, free = e.attribution.sum((1, 2, 3)), e.siblings["idgi"].sum((1, 2, 3))
        torch.testing.assert_close(ours, free, rtol=1e-10, atol=1e-14)


def test_idgi_has_the_limit_of_the_papers_own_formula():
    f = function(two_heads(torch.float64), picture(), ["style:gothic"])
    start, steps = f.baseline("black"), 1600
    points = [start + i / steps * (f.x - start) for i in range(steps + 1)]
    chunks = list(f.each(points))
    scores = torch.cat([c.scores for c in chunks])[:, 0]
    gradients = torch.cat([c.gradients[0] for c in chunks])
    squares = gradients.square() / gradients.square().sum((1, 2, 3), keepdim=True)
    paper = (squares[:-1] * scores.diff()[:, None, None, None]).sum(0)
    assert relative(last(f, "idgi", steps=400)[0], paper) < 0.01


def test_the_important_direction_of_tiny_and_of_no_gradients_is_finite():
    tiny = torch.full((2, 1, 2, 2), 1e-30)
    tiny[1] = 0
    shared = important_direction(tiny, torch.ones(1, 2, 2))
    np.testing.assert_allclose(shared[0], 1e-30, rtol=1e-5)
    assert shared[1].abs().max() == 0


def test_gauss_legendre_needs_fewer_steps_than_the_other_rules_on_a_smooth_path():
    class Smooth(Linear):
        def forward(self, images):
            return super().forward(images).tanh()

    f = function(wrapped(Smooth(dtype=torch.float64)), picture(), [0])
    truth = last(f, "integrated_gradients", steps=400, rule="gauss_legendre")
    error = {rule: relative(last(f, "integrated_gradients", steps=20, rule=rule), truth) for rule in RULES}
    assert error["gauss_legendre"] < 0.01 * min(error["midpoint"], error["trapezoid"])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("count", [2, 3, 10, 77])
def test_a_rules_weights_add_up_to_one_and_its_places_lie_on_the_path(rule, count):
    places, weights = quadrature(rule, count)
    assert len(places) == len(weights) == count
    assert sum(weights) == pytest.approx(1)
    assert min(weights) > 0
    assert places == sorted(places)
    np.testing.assert_allclose(np.dot(weights, places), 0.5)
    assert (places[0], places[-1]) == (0, 1) if rule == "trapezoid" else 0 < places[0] < places[-1] < 1


def test_the_trapezoid_rule_with_one_step_is_refused():
    with pytest.raises(BadParameter, match="expected at least 2"):
        sw.explain(two_heads(), picture(), "style", "integrated_gradients", steps=1, rule="trapezoid")


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 50, 64, 100, 1000])
@pytest.mark.parametrize("rule", RULES)
def test_the_order_visits_each_step_once_and_spreads_over_the_path_from_the_start(rule, count):
    if rule == "trapezoid" and count == 1:
        return
    places, weights = quadrature(rule, count)
    order = spread_order(count, weights)
    assert sorted(order) == list(range(count))
    assert abs(places[order[0]] - 0.5) <= max(weights)
    for seen in (count // 10, count // 4, count // 2):
        if seen >= 4:
            gaps = np.diff([0, *sorted(places[i] for i in order[:seen]), 1])
            assert gaps.max() <= 2.5 / seen + 2 * max(weights)


def test_from_eight_steps_on_a_full_round_is_spread_evenly():
    for seen in (8, 16, 32):
        assert set(np.diff(sorted(spread_order(64)[:seen]))) == {64 // seen}


def test_the_order_of_unequal_pieces_begins_with_the_one_that_counts_most():
    assert spread_order(5, [0.05, 0.05, 0.05, 0.8, 0.05])[0] == 3
    assert spread_order(3, [1e-9, 1, 1e-9])[0] == 1


@pytest.mark.parametrize("method", ["integrated_gradients", "idgi"])
@pytest.mark.parametrize("rule", RULES)
def test_a_running_estimate_is_one_of_the_final_map(method, rule):
    f = function(two_heads(torch.float64), picture(), ["style:gothic", "age"])
    run = estimates(f, method, steps=64, rule=rule)
    final = run[-1].attribution
    errors = [relative(next(e for e in run if e.done >= share * 64).attribution, final) for share in (0.1, 0.25, 0.5)]
    assert errors[0] < 0.5
    assert errors[1] < 0.3
    assert errors[2] < 0.2


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
def test_maps_depend_neither_on_the_chunk_size_nor_on_the_other_targets(rule, chunk):
    model = two_heads(torch.float64)
    targets = ["style:gothic", "style:greek_roman", "age"]
    together = estimates(function(model, picture(), targets, chunk=chunk), "integrated_gradients", steps=19, rule=rule)[
        -1
    ]
    for t, target in enumerate(targets):
        alone = estimates(function(model, picture(), [target], chunk=5), "integrated_gradients", steps=19, rule=rule)[
            -1
        ]
        assert relative(together.attribution[t], alone.attribution[0]) < 1e-10
        assert relative(together.siblings["idgi"][t], alone.siblings["idgi"][0]) < 1e-10
