"""A run that stops by itself: when it does, when it must not, and what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import saliency_widget as sw
from runs import function, relative
from saliency_widget.errors import BadParameter
from saliency_widget.methods import Estimate, Quality, methods, until_precise
from saliency_widget.methods.stopping import LEAST
from saliency_widget.plan import prepare
from small_models import Linear, keep, picture, two_heads

SIZE = (1, 3, 16, 16)


def draws(count, spread, seed=0, targets=1):
    """Running means of independent draws around a map of ones."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn((count, targets, *SIZE[1:]), generator=generator, dtype=torch.float64)
    spreads = torch.as_tensor(spread, dtype=torch.float64).expand(targets)[:, None, None, None]
    means = (1 + spreads * noise).cumsum(0) / torch.arange(1, count + 1)[:, None, None, None, None]
    return [Estimate(mean, i + 1, count) for i, mean in enumerate(means)]


def falling(count, power):
    """Maps whose error falls as a power of the work, with a fresh direction for each change."""
    errors = [(i + 1.0) ** -power for i in range(count)]
    sizes = [*np.sqrt(-np.diff(np.square(errors))), errors[-1]]
    generator = torch.Generator().manual_seed(1)
    steps = torch.stack([float(size) * torch.randn(SIZE, generator=generator, dtype=torch.float64) for size in sizes])
    left = steps.flip(0).cumsum(0).flip(0)
    return [Estimate(1 + one, i + 1, count) for i, one in enumerate(left)]


def stop(estimates, tolerance):
    return list(until_precise(iter(estimates), tolerance))[-1]


def error(estimate):
    return relative(estimate.attribution, torch.ones_like(estimate.attribution))


@pytest.mark.parametrize("tolerance", [0.05, 0.1, 0.2])
def test_the_mean_of_independent_draws_stops_when_its_error_is_what_was_asked_for_and_not_much_later(tolerance):
    found = [stop(draws(2000, 1.0, seed), tolerance) for seed in range(20)]
    assert all(last.stopped and last.final for last in found)
    assert sum(error(last) <= tolerance for last in found) >= 18
    for last in found:
        assert last.done < 2.5 / tolerance**2
        assert last.quality[0][0].value == pytest.approx(error(last), rel=0.4)


@pytest.mark.parametrize("power", [0.5, 0.75, 1.0])
def test_how_fast_the_error_falls_is_found_from_the_run(power):
    last = stop(falling(800, power), 0.07)
    assert last.stopped
    assert error(last) <= 0.07
    assert last.quality[0][0].value == pytest.approx(1.15 * error(last), rel=0.3)


def test_all_targets_must_be_precise():
    alone = stop(draws(2000, 0.2), 0.05)
    both = stop(draws(2000, [0.2, 1.0], targets=2), 0.05)
    assert alone.done < 50
    assert both.done > 300
    assert [figures[0].name for figures in both.quality] == ["estimated_error"] * 2
    assert both.quality[0][0].value < both.quality[1][0].value <= 0.05


def test_what_is_not_precise_enough_in_time_is_left_as_it_is():
    run = draws(100, 1.0)
    assert list(until_precise(iter(run), 0.05)) == run


def test_without_a_tolerance_every_estimate_is_handed_on_untouched():
    run = draws(100, 0.0)
    assert list(until_precise(iter(run), None)) == run


def test_no_run_stops_before_a_few_evaluations_however_still_it_stands():
    last = stop([Estimate(torch.ones(SIZE), i + 1, 50) for i in range(50)], 0.05)
    assert LEAST <= last.done < 2 * LEAST


def test_a_map_that_is_by_chance_where_it_was_after_half_of_the_work_does_not_stop():
    run = draws(64, 1.0)
    chance = [Estimate(run[19 if 17 <= i < 22 or 39 <= i < 43 else i].attribution, i + 1, 64) for i in range(64)]
    assert stop(chance[:40], 0.05).done == 40
    assert not stop(chance, 0.05).stopped


@pytest.mark.parametrize("name", ["completeness_error", "standard_error"])
def test_the_methods_own_figures_must_be_within_the_tolerance_too(name):
    def run(value):
        figure = ((Quality(name, value, ""),),)
        return [Estimate(torch.ones(SIZE), i + 1, 50, quality=figure) for i in range(50)]

    assert stop(run(0.04), 0.05).stopped
    assert stop(run(0.04), 0.05).quality[0][0].value == (0.04 if name == "standard_error" else 0)
    assert [figure.name for figure in stop(run(0.04), 0.05).quality[0]] == ["estimated_error", name]
    assert not stop(run(0.06), 0.05).stopped


@pytest.mark.parametrize("changes", [{"kind": "partial"}, {"kind": "picture"}, {"comparable": False}])
def test_what_is_no_estimate_or_says_that_it_cannot_be_compared_never_stops(changes):
    assert not stop([Estimate(torch.ones(SIZE), i + 1, 50, **changes) for i in range(50)], 0.05).stopped


def test_a_map_of_zeros_is_precise():
    assert stop([Estimate(torch.zeros(SIZE), i + 1, 50) for i in range(50)], 0.05).done < 50


def test_where_a_gauge_is_given_it_is_what_is_looked_at():
    moving = draws(50, 1.0)
    still = [Estimate(e.attribution, e.done, e.total, gauge=torch.ones(SIZE)) for e in moving]
    assert stop(still, 0.05).stopped
    jumping = [Estimate(torch.ones(SIZE), e.done, e.total, gauge=e.attribution) for e in moving]
    assert not stop(jumping, 0.05).stopped


# -- through explain() ------------------------------------------------------------------------------------------------


def test_a_linear_models_map_stops_early_and_says_so():
    model = sw.ImageModel(Linear(), preprocess=keep, device="cpu")
    e = sw.explain(model, picture(), 0, "integrated_gradients", steps=200, tolerance=0.05)
    assert LEAST <= e.done < 30
    assert e.total == 200
    assert e.progress == 1
    assert e.stopped
    assert e.quality[0].name == "estimated_error"
    assert "stopped by itself: estimated error" in repr(e)
    whole = sw.explain(model, picture(), 0, "integrated_gradients", steps=200)
    assert not whole.stopped
    assert relative(e.attribution, whole.attribution) < 1e-5


def test_a_stream_ends_with_what_explain_returns():
    given = (two_heads(torch.float64), picture(), ["style:gothic", "age"], "smoothgrad")
    options = {"samples": 1000, "noise": 0.05, "tolerance": 0.1}
    *_, last = sw.stream(*given, **options)
    once = sw.explain(*given, **options)
    assert last[0].stopped
    assert last[0].done < 1000
    for one, other in zip(last, once, strict=True):
        assert np.array_equal(one.attribution, other.attribution)
        assert (one.done, one.progress) == (other.done, 1)
        assert one.siblings.keys() == {"smoothgrad_squared", "vargrad"}


def test_a_saved_explanation_remembers_that_it_stopped(tmp_path):
    model = sw.ImageModel(Linear(), preprocess=keep, device="cpu")
    e = sw.explain(model, picture(), 0, "integrated_gradients", tolerance=0.05)
    again = sw.Explanation.load(e.save(tmp_path / "map.npz"))
    assert (again.stopped, again.done, again.progress) == (True, e.done, 1)


@pytest.mark.parametrize("method", ["smoothgrad", "smoothgrad_squared", "vargrad"])
def test_a_sibling_stops_by_its_own_error(method):
    plan = prepare(two_heads(torch.float64), picture(), "style:gothic", method, params={"samples": 1000}, tolerance=0.1)
    *_, last = plan.estimates()
    *_, truth = prepare(plan.model, picture(), "style:gothic", method, params={"samples": 1000}, seed=9).estimates()
    assert last.stopped
    assert 0 < relative(last.attribution, truth.attribution) < 0.13


def test_a_smoothed_run_is_judged_by_its_finished_runs_not_by_the_first_one():
    options = {"steps": 12, "samples": 100, "noise": 0.1}
    e = sw.explain(
        two_heads(torch.float64), picture(), "style:gothic", "integrated_gradients", **options, tolerance=0.1
    )
    assert e.stopped
    assert e.done % 12 == 0
    assert e.done >= 4 * 12
    truth = sw.explain(two_heads(torch.float64), picture(), "style:gothic", "integrated_gradients", **options, seed=5)
    assert relative(e.attribution, truth.attribution) < 0.13


@pytest.mark.parametrize("method", [name for name, one in methods().items() if one.kind == "estimate"])
def test_an_impossible_tolerance_changes_no_method(method):
    model = two_heads(torch.float64)
    if not methods()[method].applies(model):
        return
    plain = sw.explain(model, picture(), "style:gothic", method)
    strict = sw.explain(model, picture(), "style:gothic", method, tolerance=1e-12)
    assert plain.done == plain.total
    assert np.array_equal(plain.attribution, strict.attribution) or strict.stopped


@pytest.mark.parametrize("wrong", [0, -0.1, 1, 5, True, "5 %", float("nan"), [0.05]])
def test_a_bad_tolerance_is_refused_with_one_sentence(wrong):
    with pytest.raises(BadParameter, match=r"tolerance was given as .*; expected a number above 0 and below 1"):
        sw.explain(two_heads(), picture(), "age", tolerance=wrong)


@pytest.mark.parametrize("method", ["occlusion", "rise", "blur_ig", "score_cam"])
def test_a_method_of_which_the_rule_was_not_seen_to_be_true_never_stops(method):
    e = sw.explain(two_heads(torch.float64), picture(), "style:gothic", method, tolerance=0.9)
    assert not e.stopped
    assert e.done == e.total


def test_the_key_of_a_map_holds_its_tolerance():
    model = two_heads()
    keys = {prepare(model, picture(), "age", tolerance=t).key("r") for t in (None, 0.05, 0.1)}
    assert len(keys) == 3


def test_which_methods_can_stop_is_on_their_cards():
    model = two_heads()
    function(model, picture(), ["age"])
    cards = {name: one.card(model)["stops"] for name, one in methods().items()}
    assert cards["integrated_gradients"]
    assert cards["vargrad"]
    assert not cards["gradient"]
    assert not cards["guided_ig"]
