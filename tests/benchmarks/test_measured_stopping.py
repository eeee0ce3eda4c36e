"""The measurement of how good the estimated errors are: what it counts, on the built-in model."""

from __future__ import annotations

import math

import pytest
from stopping import SEEDS, TARGETS, Case, stops

import saliency_widget as sw


@pytest.fixture(scope="module")
def found():
    image = sw.demo.buildings(1, seed=SEEDS[0])[0].image
    case = Case("integrated_gradients", {"steps": 34}, {"steps": 40}, (0.001, 0.5))
    return list(stops(sw.load("demo/vgg"), image, case))


def test_each_target_tolerance_and_map_of_the_run_is_looked_at(found):
    assert len(found) == len(TARGETS) * 2 * 2
    assert {stop.method for stop in found} == {"integrated_gradients", "idgi"}


def test_a_run_that_never_was_precise_enough_goes_to_its_end_and_claims_nothing(found):
    for stop in found:
        if stop.tolerance == 0.001:
            assert (stop.stopped, stop.done) == (False, 34)
            assert math.isnan(stop.estimated)


def test_the_true_error_is_within_a_wide_tolerance_where_the_run_stopped(found):
    early = [stop for stop in found if stop.method == "integrated_gradients" and stop.tolerance == 0.5]
    assert all(stop.stopped and stop.done < 34 for stop in early)
    assert all(0 < stop.true <= 0.5 and stop.rank > 0.9 for stop in early)
