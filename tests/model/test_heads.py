"""Heads are found in whatever a model returns, and names that do not fit are refused with both numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer

import saliency_widget as sw
from saliency_widget.errors import ModelError, SaliencyError
from small_models import STYLES, keep, picture, two_heads

THREE = torch.zeros(1, 3)
VALUE = torch.zeros(1)


@dataclass
class Fields:
    style: torch.Tensor
    age: torch.Tensor
    hidden: torch.Tensor


class Named(NamedTuple):
    style: torch.Tensor
    age: torch.Tensor


class Returns(nn.Module):
    """Returns what it was told to, whatever it sees."""

    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, images):
        return self.output


def found(output, heads=None):
    model = sw.ImageModel(Returns(output), heads=heads, preprocess=keep, device="cpu")
    model.discover(picture())
    return {head.name: (head.kind, head.size) for head in model.heads.values()}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (THREE, {"head0": ("classes", 3)}),
        (VALUE, {"head0": ("value", 1)}),
        (VALUE[:, None], {"head0": ("value", 1)}),
        ((THREE, VALUE), {"head0": ("classes", 3), "head1": ("value", 1)}),
        ([THREE, THREE], {"head0": ("classes", 3), "head1": ("classes", 3)}),
        ({"style": THREE, "age": VALUE}, {"style": ("classes", 3), "age": ("value", 1)}),
        (Named(THREE, VALUE), {"style": ("classes", 3), "age": ("value", 1)}),
        (Fields(THREE, VALUE, torch.zeros(1, 8, 4)), {"style": ("classes", 3), "age": ("value", 1)}),
        (torch.zeros(1, 5, 1, 1), {"head0": ("classes", 5)}),
        (torch.zeros(1, 5).squeeze(), {"head0": ("classes", 5)}),
        (torch.zeros(1, 1).squeeze(), {"head0": ("value", 1)}),
        ({"a:b": THREE, "c": (THREE, VALUE)}, {"a_b": ("classes", 3), "c.0": ("classes", 3), "c.1": ("value", 1)}),
    ],
)
def test_heads_are_found_and_named(output, expected):
    assert found(output) == expected


def test_names_narrow_a_dictionary_and_rename_a_tuple():
    assert found({"style": THREE, "age": VALUE}, {"style": STYLES}) == {"style": ("classes", 3)}
    assert list(found((THREE, VALUE), {"style": STYLES, "age": sw.Regression(unit="years")})) == ["style", "age"]
    assert list(found((THREE, VALUE), [("style", STYLES), ("age", None)])) == ["style", "age"]
    assert found({"a:b": THREE, "c": VALUE}, {"a_b": STYLES}) == {"a_b": ("classes", 3)}
    assert list(found({"style": THREE, "age": VALUE}, {"age": None, "style": None})) == ["age", "style"]


def told(output, own, heads=None):
    """The classes of each head of a module that has something called `heads` of its own."""
    module = Returns(output)
    module.heads = own
    model = sw.ImageModel(module, heads=heads, preprocess=keep, device="cpu")
    model.discover(picture())
    return {head.name: head.classes for head in model.heads.values()}


NUMBERED = {"style": None, "age": None}
TWO = {"style": THREE, "age": VALUE}


def test_a_module_that_names_its_heads_itself_need_not_be_told_again():
    own = {"style": STYLES, "age": sw.Regression("years")}
    assert told(TWO, own) == told((THREE, VALUE), own) == {"style": tuple(STYLES), "age": None}


def test_what_the_user_says_of_the_heads_counts_before_what_the_module_says():
    assert told(TWO, {"style": STYLES, "age": sw.Regression()}, {"style": ["x", "y", "z"]}) == {
        "style": ("x", "y", "z")
    }


@pytest.mark.parametrize(
    "own",
    [
        {"style": STYLES},
        {"style": ["two", "names"], "age": sw.Regression()},
        {"style": STYLES, "years": sw.Regression()},
        {"style": 3, "age": 1},
        {"style": None, "age": None},
        {"style": nn.Linear(2, 3), "age": nn.Linear(2, 1)},
        {"style:of": STYLES, "age": sw.Regression()},
        {0: STYLES, 1: sw.Regression()},
        {},
        nn.ModuleDict({"style": nn.Linear(2, 3), "age": nn.Linear(2, 1)}),
        nn.Sequential(nn.Linear(2, 3)),
        ["style", "age"],
        12,
    ],
    ids=str,
)
def test_what_a_module_calls_heads_and_does_not_name_each_of_them_is_left_alone(own):
    assert told(TWO, own) == NUMBERED


def test_the_layers_that_a_vision_transformer_calls_heads_are_left_alone():
    vit = VisionTransformer(32, 16, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=8, num_classes=3)
    model = sw.ImageModel(vit, preprocess=keep, device="cpu")
    model.discover(picture(32, 32))
    assert {name: head.classes for name, head in model.heads.items()} == {"head0": None}


def test_labels_are_declared_with_or_without_names():
    assert found(THREE, {"has": sw.MultiLabel(["hat", "beard", "glasses"])}) == {"has": ("labels", 3)}
    assert found(THREE, {"has": sw.MultiLabel()}) == {"has": ("labels", 3)}
    assert found(VALUE, {"hat": sw.MultiLabel(["yes"])}) == {"hat": ("labels", 1)}


def test_one_class_alone_is_a_label():
    model = sw.ImageModel(Returns(VALUE), heads={"tumour": ["yes"]}, preprocess=keep, device="cpu")
    said = model.predict(picture())["tumour"]
    assert (model.heads["tumour"].kind, said.top, said.probabilities.tolist()) == ("labels", "yes", [0.5])
    assert "the sigmoid of its logit" in model.heads["tumour"].noted


@pytest.mark.parametrize(
    ("output", "heads", "says"),
    [
        (THREE, {"style": ["gothic", "other"]}, "has 3 outputs, but 2 class names"),
        (THREE, {"style": sw.Regression()}, "has 3 outputs; expected 1"),
        (THREE, {"has": sw.MultiLabel(["hat"])}, "has 3 outputs, but 1 class name was given: hat"),
        (VALUE, {"style": STYLES}, "has 1 output, but 3 class names were given"),
        ({"style": THREE}, {"stile": STYLES}, "did you mean 'style'"),
        (THREE, [("style", STYLES), ("style", STYLES)], "names two heads 'style'; each needs a name of its own"),
        ({"a:b": THREE, "a_b": THREE}, None, "two heads that would be called 'a_b'.*select="),
        (THREE, [("style",)], "expected a dict"),
        ((THREE, VALUE), {"style": STYLES}, "names 1 heads .* returns 2"),
        (THREE, {"style": "abc"}, "list of names"),
        (THREE, {"a:b": STYLES}, "a text without a colon"),
        (THREE, {}, "names no head"),
        (THREE, {"style": 3}, "list of names"),
        (THREE, {0: STYLES}, "a text without a colon"),
        (torch.zeros(4, 3), None, "one row for each image"),
        (torch.zeros(1, 3, 8, 8), None, "segmentation"),
        ("text", None, "nothing that could be a score"),
        (torch.zeros(1, 3, dtype=torch.int64), None, "nothing that could be a score"),
    ],
)
def test_heads_that_do_not_fit_are_refused(output, heads, says):
    with pytest.raises(SaliencyError, match=says):
        found(output, heads)


def test_labels_need_a_list_of_names():
    with pytest.raises(ModelError, match="must be a list of names"):
        sw.MultiLabel("hat")


def test_classes_of_one_name_get_their_index():
    model = sw.ImageModel(Returns(THREE), heads={"class": ["crane", "crane", "tabby"]}, preprocess=keep, device="cpu")
    model.discover(picture())
    assert model.heads["class"].classes == ("crane (0)", "crane (1)", "tabby")


def test_a_prediction_names_its_top_class_and_its_unit():
    said = two_heads().predict(picture())
    assert said["style"].top == STYLES[int(said["style"].logits.argmax())]
    assert said["style"].probabilities.sum() == pytest.approx(1)
    assert said["age"].unit == "years"
    assert isinstance(said["age"].value, float)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("no module",), "expected a torch.nn.Module"),
        ((nn.Identity(), ["a"]), "expected a dict"),
        ((nn.Identity(), None, "no callable"), "expected a callable"),
    ],
)
def test_what_is_no_model_is_refused(arguments, says):
    with pytest.raises(sw.SaliencyError, match=says):
        sw.ImageModel(*arguments)


def test_a_model_that_raises_says_so_with_the_shape_it_was_given():
    model = sw.ImageModel(nn.Linear(4, 2), preprocess=keep, device="cpu")
    with pytest.raises(ModelError, match=r"RuntimeError for an input of shape \(1, 3, 8, 12\)"):
        model.predict(picture())


def test_the_default_preprocessing_says_that_it_is_one():
    assert "ImageNet" in sw.ImageModel(nn.Identity()).notes[0]
