"""A reduced precision is used where it was measured to give the same map, and nowhere else."""

from __future__ import annotations

import pytest
import torch

import saliency_widget as sw
from fake_pages import Desk
from saliency_widget import trial
from saliency_widget.errors import BadParameter
from saliency_widget.model.precision import Verdict
from saliency_widget.plan import prepare
from small_models import Linear, keep, picture, two_heads

GOOD = Verdict(1.0, 1.0, 2.0, good=True)
BAD = Verdict(0.5, 0.5, 2.0, good=False)
IMAGE = picture(24, 24)
MANY = {"method": "smoothgrad", "params": {"samples": 12, "noise": 0.1}}


def noted(model, verdict, **params):
    plan = prepare(model, IMAGE, "age", MANY["method"], params=MANY["params"] | params)
    model.precisions.note(plan.run, plan.total, model.revision(), verdict)


def explained(model, **params):
    return sw.explain(model, IMAGE, "age", MANY["method"], **(MANY["params"] | params))


def test_nothing_is_reduced_that_was_not_measured():
    assert explained(two_heads()).precision == "float32"


def test_a_good_verdict_is_followed_and_said_and_a_bad_one_is_not():
    model = two_heads()
    noted(model, GOOD)
    reduced = explained(model)
    assert reduced.precision == "bfloat16"
    noted(model, BAD)
    whole = explained(model)
    assert whole.precision == "float32"
    distance = abs(reduced.attribution - whole.attribution).max() / abs(whole.attribution).max()
    assert 1e-5 < distance < 0.1  # it was computed in another precision indeed


def test_a_verdict_holds_for_the_method_with_its_parameters_and_for_the_weights():
    model = two_heads()
    noted(model, GOOD)
    assert explained(model, noise=0.2).precision == "float32"
    with torch.no_grad():
        model.module.age.weight.add_(1)
    assert explained(model).precision == "float32"


def test_what_is_good_for_some_gradients_is_good_for_more_and_what_is_not_is_not_for_fewer():
    model = two_heads()
    noted(model, GOOD)
    assert [explained(model, samples=n).precision for n in (11, 13)] == ["float32", "bfloat16"]
    noted(model, BAD, samples=20)
    plan = prepare(model, IMAGE, "age", MANY["method"], params=MANY["params"])
    known = [model.precisions.verdict(plan.run, n, model.revision()) for n in (11, 20, 40, 41)]
    assert known == [BAD, BAD, BAD, GOOD]  # the newest measurement that says anything


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_precision_that_was_asked_for_is_obeyed(precision):
    model = two_heads(precision=precision)
    noted(model, GOOD)
    assert explained(model).precision == precision
    with pytest.raises(BadParameter, match="precision='auto'"):
        sw.measure_precision(model, IMAGE, "age", MANY["method"], **MANY["params"])


def test_where_nothing_can_be_reduced_nothing_says_that_it_was(monkeypatch):
    monkeypatch.setattr(trial, "LEAST_SPEED", 0.0)
    model = sw.ImageModel(Linear(24, 24, torch.float32), preprocess=keep, device="cpu")  # has no faster copy
    assert not sw.measure_precision(model, IMAGE, "0", MANY["method"], **MANY["params"]).good
    assert sw.explain(model, IMAGE, "0", MANY["method"], **MANY["params"]).precision == "float32"


def test_a_method_of_one_gradient_has_nothing_to_choose():
    with pytest.raises(BadParameter, match="gradients"):
        sw.measure_precision(two_heads(), IMAGE, "age", "gradient")


def test_measuring_computes_both_maps_and_remembers_what_came_of_it():
    model = two_heads()
    verdict = sw.measure_precision(model, IMAGE, "age", MANY["method"], **MANY["params"])
    assert 0.5 < verdict.cosine < 1
    assert verdict.speed > 0
    assert verdict.good == (verdict.rank >= 0.99 and verdict.cosine >= 0.995 and verdict.speed >= 1.15)
    assert explained(model).precision == ("bfloat16" if verdict.good else "float32")


@pytest.mark.parametrize(
    ("off", "speed", "good"),
    [(1e-3, 2.0, True), (0.03, 2.0, True), (0.3, 2.0, False), (1e-3, 1.1, False), (0.0, 2.0, False)],
)
def test_a_verdict_asks_for_both_agreement_and_speed(off, speed, good):
    generator = torch.Generator().manual_seed(0)
    whole = torch.randn(2, 3, 16, 16, generator=generator)
    reduced = whole.clone()
    reduced[1] += off * torch.randn(3, 16, 16, generator=generator)  # of several targets each has to agree
    assert trial.compare(whole, reduced, speed).good is good


def test_scores_alone_are_never_reduced():
    model = two_heads()
    noted(model, GOOD)
    plan = prepare(model, IMAGE, "age", "integrated_gradients", params={"steps": 12})
    model.precisions.note(plan.run, plan.total, model.revision(), GOOD)
    reduced = sw.explain(model, IMAGE, "age", "integrated_gradients", steps=12)
    whole = sw.explain(two_heads(precision="float32"), IMAGE, "age", "integrated_gradients", steps=12)
    assert (reduced.precision, whole.precision) == ("bfloat16", "float32")
    assert reduced.score_value == whole.score_value


def test_the_page_measures_when_idle_and_a_map_that_it_has_is_not_computed_again(monkeypatch):
    monkeypatch.setattr(trial, "LEAST_SPEED", 0.0)
    monkeypatch.setattr(trial, "LEAST_RANK", 0.0)
    monkeypatch.setattr(trial, "LEAST_COSINE", 0.0)
    desk = Desk(two_heads(), idle=True)
    desk.click("age", **MANY)
    desk.run()
    first = desk.session.explanations[0]
    key = desk.port.frames[-1]["key"]
    assert first.precision == "float32"
    desk.click("age", have=key, **MANY)
    desk.run()
    assert desk.port.ends()[2] == "unchanged"
    desk.click("style:gothic", **(MANY | {"params": MANY["params"]}), seed=5)
    desk.run()
    assert desk.session.explanations[0].precision == "bfloat16"
