"""Experiments that a page asks for: with other methods beside its map's own, towards another picture, or with a clear error."""

from __future__ import annotations

import pytest

import saliency_widget as sw
from fake_pages import Desk
from saliency_widget.errors import BadImage, BadParameter, Locked, NotApplicable, SaliencyError, UnknownMethod
from saliency_widget.experimented import Lab
from saliency_widget.runner.experimenting import ask

STEPS = {"steps": 3, "samples": 2, "neighbours": 0}
SHORT = {"steps": 3, "directions": 1}


@pytest.fixture
def desk():
    return Desk()


def asked(desk, experiment, **given):
    """Ask as a page does; returns the job."""
    fields = {
        "req": desk.request(),
        "experiment": experiment,
        "params": {},
        "image": desk.pictures[0].id,
        "target": desk.model.resolve("style:gothic").wire(),
        "method": "gradient",
        "method_params": {},
        "score": "logit",
        "layer": None,
        "seed": 0,
        "model": None,
    }
    return ask(desk.session, Lab(**(fields | given)))


def last(desk):
    return desk.port.of("finding")[-1]["found"]


def figures(found):
    return {figure["name"]: figure["value"] for figure in found["numbers"]}


def test_a_maps_own_method_comes_first_and_those_beside_it_have_their_defaults(desk):
    asked(
        desk, "faithfulness", params=STEPS, method="integrated_gradients", method_params={"steps": 3, "baseline": "white"},
        methods=("gradient", "input_x_gradient"),
    )  # fmt: skip
    desk.run()
    labels = [place["label"] for place in last(desk)["positions"]]
    assert labels == ["Integrated gradients", "Gradient", "Input x gradient", "edge detector", "random map"]
    expected = sw.lab.faithfulness(
        desk.model, desk.pictures[0], "style:gothic", method=["integrated_gradients", "gradient", "input_x_gradient"],
        method_params={"integrated_gradients": {"steps": 3, "baseline": "white"}}, **STEPS,
    )  # fmt: skip
    areas = [figures(place)["deletion_area"] for place in last(desk)["positions"]]
    assert areas == pytest.approx([place.number("deletion_area") for place in expected.positions])
    assert set(desk.port.ends().values()) == {"complete"}


def test_the_layer_is_that_of_the_methods_that_work_at_one(desk):
    layer = desk.model.facts.layers[0].name
    asked(desk, "faithfulness", params=STEPS, method="grad_cam", layer=layer, methods=("gradient",))
    desk.run()
    truth = sw.lab.faithfulness(desk.model, desk.pictures[0], "style:gothic", method="grad_cam", layer=layer, **STEPS)
    assert figures(last(desk)) == pytest.approx({number.name: number.value for number in truth.numbers})
    assert [place["label"] for place in last(desk)["positions"]][:2] == ["Grad-CAM", "Gradient"]


def test_a_method_that_is_named_twice_is_asked_once(desk):
    asked(desk, "faithfulness", params=STEPS, methods=("gradient", "input_x_gradient", "input_x_gradient"))
    desk.run()
    assert len(last(desk)["positions"]) == 2 + 2


def test_the_line_goes_to_the_other_picture_and_without_one_to_black(desk):
    found = {}
    for other in (None, desk.pictures[1].id):
        asked(desk, "taylor", params=SHORT, other=other)
        desk.run()
        found[other] = figures(last(desk))["distance_between"]
    for other, given in ((None, None), (desk.pictures[1].id, desk.pictures[1])):
        truth = sw.lab.taylor(desk.model, desk.pictures[0], "style:gothic", other=given, **SHORT)
        assert found[other] == pytest.approx(truth.number("distance_between"))
    assert found[None] != found[desk.pictures[1].id]


@pytest.mark.parametrize(
    ("name", "given", "error", "says"),
    [
        (
            "faithfulness",
            {"methods": ("gradiant",)},
            UnknownMethod,
            "unknown method 'gradiant'; did you mean 'gradient'",
        ),
        ("faithfulness", {"methods": ("class_appearance",)}, BadParameter, "'class_appearance' makes a picture"),
        ("faithfulness", {"methods": ("attention_rollout",)}, NotApplicable, "does not apply to TwoHeads"),
        (
            "randomise",
            {"methods": ("gradient",)},
            BadParameter,
            "methods was given as ['gradient']; experiment 'randomise' looks",
        ),
        ("taylor", {"methods": ("gradient",)}, BadParameter, "'taylor' looks at no method, leave methods out"),
        ("taylor", {"other": "img-9"}, BadImage, "there is no picture 'img-9' in this widget"),
        ("faithfulness", {"other": "img-9"}, BadParameter, "takes no second picture, leave it out"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_computed(desk, name, given, error, says):
    with pytest.raises(SaliencyError) as refused:
        asked(desk, name, **given)
    assert type(refused.value) is error
    assert says in str(refused.value)
    assert desk.port.of("accepted") == []


def test_the_picture_itself_is_no_other_one(desk):
    with pytest.raises(BadParameter, match="which is the picture itself; expected another one"):
        asked(desk, "taylor", other=desk.pictures[0].id)


def test_what_is_locked_is_not_chosen_here_either(desk):
    desk.session.locks = desk.session.locks.locking(["method", "image"], reveal=False)
    asked(desk, "faithfulness", params=STEPS)
    with pytest.raises(Locked, match="the method of this widget is locked"):
        asked(desk, "faithfulness", methods=("input_x_gradient",))
    with pytest.raises(Locked, match="the image of this widget is locked"):
        asked(desk, "taylor", other=desk.pictures[1].id)
