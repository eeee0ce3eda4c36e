"""The integral over a path of which only some steps are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from saliency_widget.methods import integral
from saliency_widget.methods.integral import Integral
from saliency_widget.methods.steps import quadrature, spread_order

RULES = ["midpoint", "trapezoid", "gauss_legendre"]


def maps(places, function):
    return [torch.full((1, 1, 1, 1), function(place), dtype=torch.float64) for place in places]


def by_hand(weights, known, values):
    """Each missing step's weight goes in halves to the known steps on either side, at an end to the last one."""
    total = 0.0
    for step, weight in enumerate(weights):
        before = [k for k in known if k <= step]
        after = [k for k in known if k >= step]
        beside = {max(before, default=None), min(after, default=None)} - {None}
        total += weight * sum(float(values[k]) for k in beside) / len(beside)
    return total / sum(weights)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("count", [2, 7, 50])
def test_a_missing_steps_weight_is_shared_by_the_known_ones_beside_it(rule, count):
    places, weights = quadrature(rule, count)
    values = maps(places, lambda t: t**3 - t)
    found = Integral(weights)
    known = []
    for step in spread_order(count, weights):
        found.add(step, values[step])
        known.append(step)
        assert float(found.value()) == pytest.approx(by_hand(weights, known, values), rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("limit", [0, 2**30])
def test_all_steps_give_the_plain_weighted_sum_in_their_order_bit_for_bit(limit, monkeypatch):
    monkeypatch.setattr(integral, "_HELD", limit)
    places, weights = quadrature("gauss_legendre", 20)
    values = [torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(i)) for i in range(20)]
    order = spread_order(20, weights)
    plain, seen = torch.zeros_like(values[0]), 0.0
    found = Integral(weights)
    for step in order:
        plain.add_(values[step], alpha=weights[step])
        seen += weights[step]
        found.add(step, values[step])
        if limit == 0:
            assert torch.equal(found.value(), plain / seen)
    assert torch.equal(found.value(), plain / seen)
    assert places


def test_half_of_the_steps_are_far_nearer_to_the_whole_than_their_equal_share():
    places, weights = quadrature("midpoint", 50)
    values = maps(places, lambda t: np.exp(3 * t))
    found = Integral(weights)
    seen = spread_order(50)[:25]
    for step in seen:
        found.add(step, values[step])
    whole = float(sum(values)) / 50
    equal = float(sum(values[step] for step in seen)) / 25
    assert abs(float(found.value()) - whole) < 0.2 * abs(equal - whole)


def test_only_maps_that_may_still_count_more_are_kept():
    found = Integral([1.0] * 64)
    most = 0
    for step in spread_order(64):
        found.add(step, torch.ones(1, 1, 1, 1))
        most = max(most, len(found._maps))
    assert most <= 40
    assert found._maps == {}


def test_where_only_the_end_is_wanted_no_map_is_kept_and_the_end_is_the_same():
    _, weights = quadrature("gauss_legendre", 20)
    values = [torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(i)) for i in range(20)]
    watched, unwatched = Integral(weights), Integral(weights, running=False)
    for step in spread_order(20, weights):
        watched.add(step, values[step])
        unwatched.add(step, values[step])
        assert unwatched._maps == {}
    assert torch.equal(watched.value(), unwatched.value())


def test_an_integral_of_nothing_has_no_value():
    with pytest.raises(ValueError, match="no step"):
        Integral([1.0]).value()
