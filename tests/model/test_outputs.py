"""Whatever a model returns is taken apart into named scores, and what is no score is left out or refused with advice."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from torch import nn

import saliency_widget as sw
from saliency_widget.errors import ModelError
from saliency_widget.model.outputs import flatten
from small_models import keep, picture

THREE = torch.zeros(1, 3)
VALUE = torch.zeros(1)
MAPS = torch.zeros(1, 21, 8, 8)


@dataclass
class Inner:
    logits: torch.Tensor
    other: torch.Tensor | None = None


class Pair(NamedTuple):
    first: torch.Tensor
    second: torch.Tensor | None


def shapes(output, count=1):
    return {name: tuple(scores.shape) for name, scores in flatten(output, count).items()}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"a": (THREE, VALUE), "b": THREE}, {"a.0": (1, 3), "a.1": (1, 1), "b": (1, 3)}),
        ((THREE, [THREE, VALUE]), {"head0": (1, 3), "head1.0": (1, 3), "head1.1": (1, 1)}),
        ({"out": Inner(THREE), "aux": Pair(VALUE, None)}, {"out.logits": (1, 3), "aux.first": (1, 1)}),
        (OrderedDict(features=MAPS, logits=THREE), {"logits": (1, 3)}),
        ((torch.zeros(1, 7, 4), THREE), {"head1": (1, 3)}),
        ({"logits": THREE, "text": torch.zeros(5, 3)}, {"logits": (1, 3)}),
        ({"logits": THREE, "labels": torch.zeros(1, dtype=torch.long), "name": "x"}, {"logits": (1, 3)}),
        (Pair(THREE, None), {"first": (1, 3)}),
    ],
)
def test_containers_in_containers_and_what_is_no_score(output, expected):
    assert shapes(output) == expected


def test_a_segmentation_model_is_told_how_to_go_on():
    with pytest.raises(ModelError, match=r"out: \(1, 21, 8, 8\).*as for segmentation; reduce.*select=lambda"):
        flatten({"out": MAPS, "aux": MAPS})


def test_a_wanted_output_must_have_a_row_for_each_image():
    output = {"logits": torch.zeros(4, 3), "pooled": torch.zeros(1, 3)}
    assert list(flatten(output, 4)) == ["logits"]
    assert list(flatten(output, 4, {"logits"})) == ["logits"]
    with pytest.raises(ModelError, match=r"given 4 images .*pooled: \(1, 3\)"):
        flatten(output, 4, {"logits", "pooled"})


class Net(nn.Module):
    """One convolution and one linear layer, and what is made of their three scores."""

    def __init__(self, returned=lambda scores: scores):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            self.features = nn.Conv2d(3, 4, 3)
            self.last = nn.Linear(4, 3)
        self.returned = returned

    def forward(self, images, age=None, **named):
        scores = self.last(self.features(images).relu().mean((2, 3)))
        return self.returned(scores if age is None else scores + age)


def wrapped(returned=lambda scores: scores, **options):
    return sw.ImageModel(Net(returned), preprocess=keep, device="cpu", **options)


def logits(model):
    return {name: said.logits.tolist() for name, said in model.predict(picture()).items()}


@pytest.mark.parametrize("option", ["heads", "select"])
def test_a_function_picks_the_scores_out_of_anything(option):
    plain = logits(wrapped())["head0"]
    odd = wrapped(
        lambda scores: {"deep": {"text": "x", "scores": scores[:, None, :]}},
        **{option: lambda o: o["deep"]["scores"][:, 0]},
    )
    assert logits(odd)["head0"] == plain


def test_a_selector_goes_with_names():
    model = wrapped(lambda scores: [scores, "x"], select=lambda o: {"kind": o[0]}, heads={"kind": ["a", "b", "c"]})
    assert sw.explain(model, picture(), "kind:b").target.index == 1


def test_a_selector_that_raises_is_named():
    with pytest.raises(ModelError, match=r"select= raised KeyError.*a Tensor|select= raised IndexError.*a Tensor"):
        wrapped(select=lambda output: output["out"]).predict(picture())


def test_a_model_of_several_inputs_is_adapted_by_one_function():
    age = torch.tensor([[1.0, -2.0, 4.0]])
    model = wrapped(call=lambda module, x: module(images=x, age=age))
    plain = torch.tensor(logits(wrapped())["head0"])
    assert torch.tensor(logits(model)["head0"]).tolist() == pytest.approx((plain + age[0]).tolist(), abs=1e-6)
    ours = sw.explain(model, picture(), "head0:1", "integrated_gradients", steps=7)
    theirs = sw.explain(wrapped(), picture(), "head0:1", "integrated_gradients", steps=7)
    assert ours.attribution == pytest.approx(theirs.attribution, abs=1e-6)
    assert ours.score_value == pytest.approx(theirs.score_value - 2, abs=1e-6)


def test_the_function_is_given_the_copy_and_never_the_module_itself():
    given = []

    def call(module, x):
        given.append(module)
        return module(x)

    model = wrapped(call=call)
    sw.explain(model, picture(), method="integrated_gradients", steps=3)
    assert given
    assert all(module is not model.module for module in given)


def test_a_function_that_runs_the_module_from_outside_is_refused():
    module = Net()
    model = sw.ImageModel(module, preprocess=keep, device="cpu", call=lambda _, x: module(x))
    with pytest.raises(ModelError, match="must use its first argument"):
        model.predict(picture())


@pytest.mark.parametrize("option", ["select", "call"])
def test_what_is_no_function_is_refused(option):
    with pytest.raises(sw.SaliencyError, match=f"{option}= was given as str; expected a function"):
        wrapped(**{option: "logits"})


def test_what_is_left_out_is_noted():
    model = wrapped(lambda scores: {"logits": scores, "maps": scores[..., None].expand(-1, -1, 4)})
    model.discover(picture())
    assert any("left out: maps (1, 3, 4)" in note for note in model.notes)


def test_a_hugging_face_output_gives_its_logits_and_no_hidden_states():
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        image_size=32, patch_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        num_labels=3, output_hidden_states=True, output_attentions=True, attn_implementation="eager",
    )  # fmt: skip
    model = sw.ImageModel(transformers.ViTForImageClassification(config), input_size=32, device="cpu")
    model.discover(picture(32, 32))
    assert {head.name: (head.kind, head.size) for head in model.heads.values()} == {"logits": ("classes", 3)}
    assert not any("left out" in note for note in model.notes)


def test_tuples_of_a_hugging_face_output_are_no_scores_even_where_they_are_flat():
    class ModelOutput(OrderedDict):
        """Stands for the library's own, which need not be installed."""

    pooled = ModelOutput(logits=THREE, hidden_states=(torch.zeros(1, 16), torch.zeros(1, 16)), pooler_output=THREE)
    assert shapes(pooled) == {"logits": (1, 3), "pooler_output": (1, 3)}


def test_all_heads_of_a_distilled_transformer_are_found():
    transformers = pytest.importorskip("transformers")
    config = transformers.DeiTConfig(
        image_size=32, patch_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        num_labels=3,
    )  # fmt: skip
    module = transformers.DeiTForImageClassificationWithTeacher(config)
    model = sw.ImageModel(module, input_size=32, device="cpu")
    model.discover(picture(32, 32))
    assert list(model.heads) == ["logits", "cls_logits", "distillation_logits"]


def test_a_model_with_auxiliary_outputs_has_none_at_inference():
    from torchvision.models import googlenet

    module = googlenet(weights=None, num_classes=4, aux_logits=True, init_weights=False).train()
    model = sw.ImageModel(module, input_size=64, device="cpu")
    model.discover(picture(64, 64))
    assert {head.name: head.size for head in model.heads.values()} == {"head0": 4}
