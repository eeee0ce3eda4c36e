"""A map is worth looking at before it is done: it comes nearer to the converged one all the time, and is soon in order."""

from __future__ import annotations

import itertools

import pytest
from anytime import SEEDS, Truths, curve, estimating_methods

import saliency_widget as sw

CONVERGED = 100
SAMPLING = {"smoothgrad", "smoothgrad_squared", "vargrad", "expected_gradients", "rise"}
# What the steps that are left no longer change is the width of the default ones; XRAI ranks its regions anew at each estimate,
# and one place in that order is a jump of the map. IDGI rests on a few narrow pieces of the path, and waits for the last of them.
SLACK = {"xrai": 1.3, "idgi": 1.1}


@pytest.fixture(scope="module")
def model():
    return sw.load("demo/vgg")


@pytest.fixture(scope="module")
def image():
    return sw.demo.buildings(1, seed=SEEDS[0])[0].image


@pytest.fixture(scope="module")
def truths(model, image):
    return Truths(model, image, CONVERGED)


@pytest.mark.parametrize("method", estimating_methods())
def test_a_running_map_comes_nearer_to_the_converged_one_and_a_quarter_of_it_has_the_order(
    model, image, truths, method
):
    found = curve(model, image, method, truths[method])
    slack = SLACK.get(method, 1.02)
    assert all(later < slack * sooner for sooner, later in itertools.pairwise(found.errors)), found.errors
    # Blur IG's map is nearly all there after a tenth of the work.
    assert found.errors[-1] < (0.9 if method == "blur_ig" else 0.7) * found.errors[0], found.errors
    assert found.ranks[1] > (0.8 if method in SAMPLING else 0.95), found.ranks
