"""Experiments are listed, checked, streamed and stopped like methods are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated

import numpy as np
import pytest
import torch

import saliency_widget as sw
from saliency_widget.compute import Cancelled, CancelToken
from saliency_widget.methods import Help, Range
from small_models import picture

QUICK = {
    "taylor": {"steps": 2, "directions": 1},
    "shattered": {"steps": 3, "samples": 2, "layers": 1},
    "adversarial": {"steps": 2, "largest": 0.5},
    "randomise": {"most": 3},
    "faithfulness": {"steps": 3, "samples": 2, "neighbours": 1},
    "localisation": {},
    "class_model": {"steps": 2},
}


def options(name):
    mask = np.zeros((8, 12), bool)
    mask[:, :4] = True
    return QUICK[name] | ({"mask": mask} if name == "localisation" else {})


def same(one, other):
    assert json.dumps(one.card()) == json.dumps(other.card())
    for ours, theirs in zip(one.positions, other.positions, strict=True):
        for kind in ("maps", "pictures"):
            pairs = zip(getattr(ours, kind).values(), getattr(theirs, kind).values(), strict=True)
            assert all(np.array_equal(a, b) for a, b in pairs)


def test_every_experiment_says_what_it_is_cites_its_paper_and_prints_its_caveat():
    assert set(sw.lab.experiments()) == set(QUICK)
    assert next(iter(sw.lab.experiments())) == "taylor"  # with which the lessons begin
    for name, experiment in sw.lab.experiments().items():
        card = experiment.card()
        assert getattr(sw.lab, name) is experiment
        assert experiment.explain.endswith(".")
        assert "arXiv:" in experiment.cite
        assert len(experiment.caveat) > 80
        assert all(parameter["help"] for parameter in card["params"])
        assert experiment.units(experiment.validate({})) > 0
        json.dumps(card)


@pytest.mark.parametrize("name", QUICK)
def test_the_last_finding_of_a_stream_is_that_of_the_run(small, name):
    streamed = list(sw.lab.stream(name, small, picture(), "style:gothic", **options(name)))
    last = streamed[-1]
    assert last.final
    assert last.progress == 1
    assert [one.final for one in streamed[:-1]] == [False] * (len(streamed) - 1)
    assert all(one.done <= other.done for one, other in pairwise(streamed))
    assert {one.total for one in streamed} == {last.total}
    same(last, sw.lab.run(name, small, picture(), "style:gothic", **options(name)))


@pytest.mark.parametrize("name", QUICK)
def test_a_finding_can_be_read_sent_and_drawn(small, name):
    found = getattr(sw.lab, name)(small, picture(), "style:gothic", **options(name))
    assert found.reading.endswith(".")
    assert found.caveat == sw.lab.experiments()[name].caveat
    assert found.positions
    assert found.numbers
    assert name in repr(found)
    json.dumps(found.card(), allow_nan=False)
    assert found._repr_png_()[1:4] == b"PNG"
    assert found.plot(positions=0) is not None


@pytest.mark.parametrize("name", QUICK)
def test_an_experiment_that_is_stopped_leaves_nothing_behind(small, name):
    before = {key: value.clone() for key, value in small.module.state_dict().items()}
    random = torch.random.get_rng_state()
    truth = sw.explain(small, picture(), "style:gothic").attribution
    stream = sw.lab.stream(name, small, picture(), "style:gothic", **options(name))
    next(stream)
    stream.close()
    assert list(stream) == []
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    assert torch.equal(random, torch.random.get_rng_state())
    after = small.module.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    assert all(weight.grad is None and weight.requires_grad for weight in small.module.parameters())
    assert np.array_equal(sw.explain(small, picture(), "style:gothic").attribution, truth)


def test_a_token_stops_an_experiment_inside_the_network(small):
    token = CancelToken()
    stream = sw.lab.stream("taylor", small, picture(), "style:gothic", cancel=token)
    next(stream)
    token.cancel()
    with pytest.raises(Cancelled):
        next(stream)
    assert list(stream) == []


def test_the_callers_code_between_two_findings_may_take_gradients(small):
    for _ in sw.lab.stream("taylor", small, picture(), "style:gothic", steps=2, directions=1):
        x = torch.ones(1, requires_grad=True)
        (x * 2).backward()
        assert x.grad == 2


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("tailor", {}, "unknown experiment 'tailor'; did you mean 'taylor'"),
        ("taylor", {"step": 3}, "experiment 'taylor' has no parameter 'step'; did you mean 'steps'"),
        ("taylor", {"steps": 0}, "parameter 'steps' was given as 0; expected a whole number from 2 to 100"),
        ("taylor", {"method": "gradient"}, "experiment 'taylor' takes no method="),
        ("taylor", {"mask": np.ones((8, 12), bool)}, "experiment 'taylor' takes no mask="),
        ("taylor", {"target": ["style:gothic"]}, "looks at one target, but a list was given"),
        ("taylor", {"target": "style:gothik"}, "unknown class 'gothik' for head 'style'; did you mean 'gothic'"),
        ("randomise", {"method": ["gradient", "input_x_gradient"]}, "looks at one method"),
        ("faithfulness", {"method": []}, "looks at at least one method"),
        ("faithfulness", {"method": "class_appearance"}, "makes a picture, not an attribution"),
        ("faithfulness", {"method": "gradiant"}, "unknown method 'gradiant'"),
        ("localisation", {}, "compares with a mask; give mask="),
        ("localisation", {"mask": np.ones((12, 8), bool)}, "12 rows and 8 columns, and the picture 8 and 12"),
        ("localisation", {"mask": np.ones((8, 12), bool)}, "holds every pixel"),
        ("localisation", {"mask": np.zeros((8, 12))}, "holds no pixel"),
        ("localisation", {"mask": "left"}, "has the shape ()"),
        ("localisation", {"mask": {}}, "names no mask"),
        ("adversarial", {"target": "age"}, "gives a value, and an attack turns a class into another"),
        ("adversarial", {"target": "style:*"}, "all classes at once cannot be turned into another"),
    ],
)
def test_bad_input_gets_one_clear_error(small, name, given, says):
    given = {"target": "style:gothic"} | given
    with pytest.raises(sw.SaliencyError) as error:
        sw.lab.stream(name, small, picture(), **given)
    assert says in str(error.value)


def brightness(b, *, steps: Annotated[int, Range(2, 50), Help("How many levels.")] = 10) -> Iterator[sw.lab.Finding]:
    """Make the picture darker and watch the score."""
    levels = np.linspace(0, 1, steps)
    dark = b.f.baseline("black")
    scores = b.score_at(torch.lerp(dark, b.f.x, float(level)) for level in levels)
    yield b.finding("Read me.", steps, steps, curves=(sw.lab.Curve("score", levels, scores, "brightness", "logit"),))


def test_an_experiment_of_ones_own_is_listed_checked_and_run_like_the_others(linear, monkeypatch):
    monkeypatch.setattr("saliency_widget.lab.registry._registry", dict(sw.lab.experiments()))
    about = {"label": "Brightness", "explain": "Makes it darker.", "cite": "nobody", "caveat": "A dark one is another."}
    for _ in range(2):  # as a notebook cell that is run again
        made = sw.lab.experiment(**about, cost=lambda *, steps: steps)(brightness)
    assert sw.lab.experiments()["brightness"] is made
    found = made(linear, picture(), 0, steps=5)
    assert np.allclose(found.curve("score").y, np.linspace(0, 1, 5) * found.curve("score").y[-1])
    with pytest.raises(sw.SaliencyError, match="expected a whole number from 2 to 50"):
        made(linear, picture(), 0, steps=1)

    def taylor(b):
        yield b.finding("", 1, 1)

    with pytest.raises(sw.SaliencyError, match="an experiment named 'taylor' exists already"):
        sw.lab.experiment(**about, cost=lambda: 1)(taylor)


def test_a_finding_says_which_curves_and_numbers_it_has(small):
    found = sw.lab.taylor(small, picture(), "age", steps=2, directions=1)
    assert found.position("0").value == 0
    for ask in (found.number, found.curve, found.position):
        with pytest.raises(sw.SaliencyError, match=r"there is no .* 'scorre'"):
            ask("scorre")
