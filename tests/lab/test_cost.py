"""What an experiment takes is announced: its counts are what it does, and their closed form gives the same."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
import pytest

import saliency_widget as sw
from saliency_widget.lab.cost import Work, bill, work
from saliency_widget.methods import Help, Range
from saliency_widget.methods.parameters import parameters
from small_models import picture

MASK = np.zeros((8, 12), bool)
MASK[:, :4] = True

EXACT = {
    "taylor": {"steps": 3, "directions": 2},
    "shattered": {"steps": 4, "samples": 3, "layers": 2},
    "faithfulness": {"steps": 5, "samples": 6, "neighbours": 2},
    "localisation": {"mask": MASK},
}
AT_MOST = {
    "class_model": [{"steps": 4}],
    "randomise": [{"most": 3}],
    "adversarial": [{"attack": "fgsm", "largest": 0.5}, {"attack": "pgd", "steps": 3, "largest": 0.5}],
}


def announced(name, given):
    params = {key: value for key, value in given.items() if key != "mask"}
    experiment = sw.lab.experiments()[name]
    return work(experiment.cost, experiment.validate(params))


@pytest.mark.parametrize(("name", "given"), EXACT.items())
def test_an_experiment_takes_what_it_says(small, forwards, name, given):
    said = announced(name, given)
    _, there, back = forwards(name, small, picture(), "style:gothic", **given)
    assert not said.at_most
    # A map of the gradient is one gradient; the picture itself has just gone that way, for its prediction.
    assert back == said.gradients + said.maps
    assert there + 1 - back in {said.forwards, said.forwards + 1}


@pytest.mark.parametrize(("name", "given"), [(name, one) for name, some in AT_MOST.items() for one in some])
def test_what_may_end_early_takes_no_more_than_it_says_and_not_far_less(small, forwards, name, given):
    said = announced(name, given)
    _, there, back = forwards(name, small, picture(), "style:gothic", **given)
    assert said.at_most
    assert there <= said.forwards + said.gradients + said.maps
    assert back <= said.gradients + said.maps
    assert there >= 0.3 * (said.forwards + said.gradients + said.maps)


def summed(terms, params):
    return sum(
        term["times"] * math.prod(params[name] for name in term["by"])
        for term in terms
        if all(params[name] == value for name, value in term["where"].items())
    )


@pytest.mark.parametrize("name", sw.lab.experiments())
def test_the_page_gets_the_same_counts_in_closed_form(name):
    experiment = sw.lab.experiments()[name]
    card = experiment.card()["cost"]
    rng = np.random.default_rng(0)
    for contestants in (3, 7):
        params = experiment.validate({})
        for one in experiment.parameters.values():
            if one.kind == "int":
                params[one.name] = int(rng.integers(one.range.minimum, one.range.maximum))
            elif one.choices:
                params[one.name] = str(rng.choice(one.choices))
        said = work(experiment.cost, params, contestants)
        counts = [
            summed(card[kind], params | {"contestants": contestants}) for kind in ("forwards", "gradients", "maps")
        ]
        assert counts == [said.forwards, said.gradients, said.maps]
        assert card["at_most"] == said.at_most


def test_five_methods_cost_more_than_one():
    cost = sw.lab.experiments()["faithfulness"].cost
    params = sw.lab.experiments()["faithfulness"].validate({})
    assert work(cost, params, 7).forwards - work(cost, params, 3).forwards == 4 * 2 * (params["steps"] - 1)


def named(
    b: object,
    *,
    steps: Annotated[int, Range(2, 50), Help("How many.")] = 10,
    mode: Annotated[Literal["one", "two"], Help("How often.")] = "one",
    strong: Annotated[bool, Help("Whether more.")] = False,
) -> None:
    """Take parameters of three kinds."""


def test_a_cost_that_is_no_sum_of_products_is_not_announced():
    own = parameters(named)
    assert bill(lambda *, steps, **_: steps**2, own) is None
    assert bill(lambda *, steps, **_: 100 // steps, own) is None
    assert bill(lambda *, steps, **_: min(steps, 5), own) is None


def test_a_bare_number_is_one_of_forwards_and_a_choice_may_change_it():
    own = parameters(named)
    found = bill(lambda *, steps, mode, strong: (2 if mode == "two" else 1) * steps + 3 * strong, own)
    for mode, strong in (("one", False), ("two", True)):
        params = {"steps": 7, "mode": mode, "strong": strong}
        assert summed(found["forwards"], params) == (14 if mode == "two" else 7) + 3 * strong
    assert found["gradients"] == found["maps"] == []
    assert work(lambda **_: 4, {}) == Work(4)
