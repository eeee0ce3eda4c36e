"""Every spelling of a target leads to the same target, and a wrong one says which was meant."""

from __future__ import annotations

import numpy as np
import pytest

import saliency_widget as sw
from saliency_widget.errors import UnknownTarget
from saliency_widget.model import Head
from saliency_widget.model.targets import resolve

STYLE = Head("style", "classes", 3, ("gothic", "neoclassical", "greek_roman"))
AGE = Head("age", "value", 1, unit="years")
TWO = {"style": STYLE, "age": AGE}
ONE = {"class": Head("class", "classes", 3, ("tabby", "tiger cat", "a: b"))}


@pytest.mark.parametrize(
    "spelling",
    [
        "style:gothic",
        "style: gothic",
        "style:0",
        ("style", "gothic"),
        ("style", 0),
        sw.Target("style", "gothic"),
        {"head": "style", "index": 0, "versus": None},
        ("style", np.int64(0)),
    ],
)
def test_all_spellings_of_a_class_are_one_target(spelling):
    target = resolve(spelling, TWO)
    assert (target.head, target.cls, target.index, target.versus) == ("style", "gothic", 0, None)
    assert str(target) == "style:gothic"


@pytest.mark.parametrize("spelling", [None, "style"])
def test_a_head_alone_means_its_top_class(spelling):
    assert resolve(spelling, TWO, {"style": 2}).cls == "greek_roman"


def test_a_regression_head_is_a_target_by_itself():
    target = resolve("age", TWO)
    assert (target.cls, target.index, str(target)) == (None, None, "age")


@pytest.mark.parametrize("spelling", ["tabby", 0, np.int64(0), "0", "class:tabby", "class:0"])
def test_a_model_with_one_head_needs_no_head(spelling):
    assert resolve(spelling, ONE).cls == "tabby"


def test_a_class_may_hold_a_colon():
    assert resolve("class:a: b", ONE).index == 2
    assert resolve("a: b", ONE).index == 2


def test_a_contrast_is_read_back_from_its_own_text():
    target = resolve(sw.Target("style", "gothic", versus="greek_roman"), TWO)
    assert (target.index, target.versus_index) == (0, 2)
    assert resolve(str(target), TWO) == target
    assert target.wire() == {"head": "style", "index": 0, "versus": 2}


@pytest.mark.parametrize(
    "spelling",
    ["style:*", ("style", "*"), sw.Target("style", "*"), sw.Target("style", index=-1), {"head": "style", "index": -1}],
)
def test_a_star_means_all_outputs_of_a_head(spelling):
    target = resolve(spelling, TWO)
    assert (str(target), target.index, target.versus) == ("style:*", -1, None)
    assert target.wire() == {"head": "style", "index": -1, "versus": None}
    assert resolve(str(target), TWO) == resolve(target, TWO) == resolve(target.wire(), TWO) == target


def test_a_star_alone_is_enough_for_one_head_and_means_the_value_of_a_value():
    assert resolve("*", ONE).index == -1
    assert str(resolve("age:*", TWO)) == "age"


def test_a_class_that_is_called_a_star_wins():
    heads = {"sign": Head("sign", "classes", 2, ("+", "*"))}
    assert resolve("sign:*", heads).index == 1
    assert resolve("*", heads).index == 1
    assert resolve(sw.Target("sign", "+", versus="*"), heads).versus_index == 1


def test_labels_are_targets_as_classes_are():
    heads = {"has": Head("has", "labels", 2, ("hat", "beard"))}
    assert resolve("has:beard", heads).index == 1
    assert resolve("has:*", heads).index == -1
    assert resolve(None, heads, {"has": 1}).cls == "beard"
    assert resolve(sw.Target("has", "hat", versus="beard"), heads).versus_index == 1


def test_a_resolved_target_resolves_to_itself():
    target = resolve("style:gothic", TWO)
    assert resolve(target, TWO) == target


@pytest.mark.parametrize(
    ("spelling", "says"),
    [
        ("style:gotic", "did you mean 'gothic'"),
        ("stile:gothic", "did you mean 'style'"),
        ("gothic", "write 'style:gothic'"),
        ("style:", "ends at the colon"),
        ("style:3", "numbered from 0 to 2"),
        (("style", -1), "numbered from 0 to 2"),
        (0, "names no head"),
        ("age:old", "gives a value"),
        (("style", 1.5), "expected a name or an index"),
        (3.5, "expected 'head:class'"),
        (sw.Target("style", "gothic", versus="gothic"), "two classes"),
        ("style", "names no class"),
        ("style:--3", "unknown class"),
        ("*", r"names no head, but the model has 2.*write 'style:\*'"),
        ("style:* versus gothic", "stands for all of its outputs"),
        (sw.Target("style", "gothic", versus="*"), "stands for all of its outputs"),
        ("style:-1", "numbered from 0 to 2"),
        ({"index": 0}, "expected 'head:class'"),
    ],
)
def test_a_wrong_target_says_what_was_expected(spelling, says):
    with pytest.raises(UnknownTarget, match=says):
        resolve(spelling, TWO)
