"""From a request to a choice: what is kept, what is checked, what waits for a prediction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saliency_widget.errors import BadImage, BadParameter, NotApplicable, UnknownMethod, UnknownTarget
from saliency_widget.methods import Applies, Method, get
from saliency_widget.methods.registry import _registry
from saliency_widget.model import Target, read_image
from saliency_widget.runner.choosing import choose, is_open, picture_of, top_classes
from small_models import picture, two_heads

MODEL = two_heads()
PICTURES = [read_image(picture(seed=seed)) for seed in range(3)]


def change(now=None, top=None, **changes):
    return choose(MODEL, PICTURES, now, changes, top)


def test_the_first_choice_is_the_gradient_of_the_top_class_of_the_first_head():
    first = change()
    assert (first.image, first.method, first.params, first.score, first.seed) == (0, "gradient", {}, "logit", 0)
    assert is_open(MODEL, first.targets[0])
    assert first.targets[0].head == "style"


def test_what_is_not_changed_stays():
    now = change(target="age", method="smoothgrad", params={"samples": 7}, seed=3, score="probability")
    then = change(now, image=2)
    assert then == choose(MODEL, PICTURES, now, {"image": 2})
    assert (then.targets, then.params, then.seed, then.score) == (now.targets, now.params, 3, "probability")
    assert then.image == 2


def test_parameters_stay_with_their_method_and_go_with_it():
    now = change(method="smoothgrad", params={"samples": 7})
    assert change(now, method="smoothgrad").params["samples"] == 7
    assert change(now, method="vargrad").params["samples"] == 50
    assert change(now, params={"noise": 0.1}).params == {"samples": 50, "noise": 0.1}


def test_a_top_class_is_settled_as_soon_as_it_is_known():
    assert change(target="style", top={"style": 2}).targets[0].index == 2
    waiting = change(target="style")
    assert is_open(MODEL, waiting.targets[0])
    assert change(waiting, top={"style": 1}, seed=1).targets[0].index == 1


def test_a_value_never_waits_for_a_class():
    assert not is_open(MODEL, change(target="age").targets[0])


def test_a_contrast_with_the_top_class_waits_too_and_keeps_its_other_side():
    waiting = change(target=Target("style", None, "gothic"))
    assert is_open(MODEL, waiting.targets[0])
    assert str(change(waiting, top={"style": 1}).targets[0]) == "style:neoclassical versus gothic"
    asked = change(target={"head": "style", "index": None, "versus": 1})
    assert str(change(asked, top={"style": 0}).targets[0]) == "style:gothic versus neoclassical"


def test_several_targets_are_one_choice():
    assert [str(t) for t in change(target=["style:gothic", "age"]).targets] == ["style:gothic", "age"]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"target": "style:gotic"}, UnknownTarget, "did you mean 'gothic'"),
        ({"target": "stile"}, UnknownTarget, "did you mean 'style'"),
        ({"target": []}, BadParameter, "list of targets is empty"),
        ({"method": "gradiant"}, UnknownMethod, "did you mean 'gradient'"),
        ({"method": None}, UnknownMethod, "None"),
        ({"params": {"steps": 3}}, BadParameter, "no parameter 'steps'"),
        ({"params": [3]}, BadParameter, "params was given as list"),
        ({"method": "smoothgrad", "params": {"samples": 0}}, BadParameter, "samples"),
        ({"score": "logits"}, BadParameter, "did you mean 'logit'"),
        ({"score": ["logit"]}, BadParameter, "unknown score"),
        ({"seed": -1}, BadParameter, "seed was given as -1"),
        ({"seed": True}, BadParameter, "seed was given as True"),
        ({"layer": 3}, BadParameter, "layer was given as 3"),
        ({"image": 3}, BadImage, "numbered from 0 to 2"),
        ({"image": -1}, BadImage, "numbered from 0 to 2"),
        ({"image": True}, BadImage, "image was given as True"),
        ({"image": "a.png"}, BadImage, "'a.png'"),
        ({"colour": "red"}, BadParameter, "no 'colour'"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(changes, error, words):
    with pytest.raises(error, match=words):
        change(change(), **changes)


def test_a_method_that_does_not_apply_is_refused_with_the_reason(monkeypatch):
    monkeypatch.setattr(Method, "applies", lambda *_: Applies.no("no ReLU modules"))
    with pytest.raises(NotApplicable, match="no ReLU modules"):
        change(method="smoothgrad")


def test_a_method_that_equals_a_simpler_one_may_be_chosen(monkeypatch):
    monkeypatch.setattr(Method, "applies", lambda *_: Applies.equals("gradient", "no ReLU to change"))
    assert change(method="smoothgrad").method == "smoothgrad"


@pytest.fixture
def at_a_layer(monkeypatch):
    """Two methods that work at a layer."""
    for name in ("here", "there"):
        monkeypatch.setitem(_registry, name, replace(get("gradient"), name=name, layer=True))


@pytest.mark.usefixtures("at_a_layer")
def test_a_layer_is_the_default_until_one_is_chosen_and_stays_for_other_methods_that_work_at_one():
    now = change(method="here")
    assert now.layer is None
    chosen = change(now, layer="body.0")
    assert (chosen.layer, chosen.state()["layer"]) == ("body.0", "body.0")
    assert change(chosen, seed=1).layer == change(chosen, method="there").layer == "body.0"
    assert change(chosen, layer=None).layer is None


@pytest.mark.usefixtures("at_a_layer")
def test_a_layer_goes_with_the_methods_that_work_at_one():
    chosen = change(method="here", layer="body.0")
    assert change(chosen, method="gradient").layer is None
    assert change(change(chosen, method="gradient"), method="here").layer is None


@pytest.mark.usefixtures("at_a_layer")
def test_a_layer_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(BadParameter, match=r"'bodi.0'.*did you mean 'body.0'"):
        change(method="here", layer="bodi.0")


def test_a_layer_for_a_method_that_takes_none_is_refused():
    with pytest.raises(BadParameter, match=r"'gradient' takes no layer.*leave it out"):
        change(layer="body.0")


def test_one_picture_is_spoken_of_as_one():
    with pytest.raises(BadImage, match="there is one picture, number 0"):
        choose(MODEL, PICTURES[:1], None, {"image": 1})


def test_a_page_names_a_picture_by_its_id():
    assert picture_of(PICTURES, PICTURES[2].id) == 2
    with pytest.raises(BadImage, match="no picture 'x'"):
        picture_of(PICTURES, "x")


def test_top_classes_are_of_classification_heads_only():
    said = MODEL.predict(PICTURES[0])
    assert top_classes(said) == {"style": int(said["style"].logits.argmax())}
