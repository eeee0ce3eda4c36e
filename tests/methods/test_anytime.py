"""A map is worth looking at before it is done: it comes nearer to the converged one all the time, and is soon in order."""

from __future__ import annotations

import itertools

import pytest

import saliency_widget as sw
from anytime import SEED, TARGET, curve, estimating_methods

CONVERGED = 200
SAMPLING = {"smoothgrad", "smoothgrad_squared", "vargrad", "expected_gradients", "rise"}


@pytest.fixture(scope="module")
def model():
    return sw.load("demo/vgg")


@pytest.fixture(scope="module")
def image():
    return sw.demo.buildings(1, seed=SEED)[0].image


@pytest.mark.parametrize("method", estimating_methods())
def test_a_running_map_comes_nearer_to_the_converged_one_and_a_quarter_of_it_has_the_order(model, image, method):
    long = {name: min(count, CONVERGED) for name, count in estimating_methods()[method].items()}
    truth = sw.explain(model, image, TARGET, method, seed=1, **long).attribution.sum(0)
    found = curve(model, image, method, truth)
    # Where the steps that are left change nothing, what remains is that a path in fifty parts is not one in two hundred.
    assert all(later < 1.02 * sooner for sooner, later in itertools.pairwise(found.errors)), found.errors
    assert found.errors[-1] < 0.7 * found.errors[0], found.errors
    assert found.ranks[1] > (0.8 if method in SAMPLING else 0.95), found.ranks
