"""New heads on somebody's network: the network stays as it was, and what comes back is learned, read and explained at once."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

import saliency_widget as sw
from saliency_widget.demo import two_heads

HEADS = {"style": ["gothic", "neoclassical", "greek_roman"], "perspective": ["inside", "outside"]}
TWO = {"a": ["x", "y"], "b": ["z", "w"]}


def convolutions():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU())


def picture():
    return np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)


def images(count=2, size=64):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("make", "size", "taken", "width"),
    [
        (torchvision.models.vgg11_bn, 32, "classifier.6", 4096),
        (torchvision.models.mobilenet_v2, 32, "classifier.1", 1280),
        (torchvision.models.mobilenet_v3_small, 32, "classifier.3", 1024),
        (torchvision.models.resnet18, 32, "fc", 512),
        (torchvision.models.efficientnet_b0, 32, "classifier.1", 1280),
        (torchvision.models.densenet121, 32, "classifier", 1024),
    ],
)
def test_of_a_classifier_the_last_linear_layer_is_taken_off(make, size, taken, width):
    net = two_heads(make(weights=None).eval(), HEADS, input_size=size)
    assert (net.taken_off, net.width) == (taken, width)
    with torch.no_grad():
        outputs = net(images(2, size))
    assert {name: tuple(scores.shape) for name, scores in outputs.items()} == {"style": (2, 3), "perspective": (2, 2)}


def test_an_inception_gives_its_main_output_also_while_it_is_trained():
    inception = torchvision.models.inception_v3(weights=None, init_weights=False, aux_logits=True).train()
    net = two_heads(inception, HEADS, input_size=80)
    assert net.taken_off == "fc"
    assert net.training
    with torch.no_grad():
        assert net(images(2, 299))["style"].shape == (2, 3)


def test_the_heads_of_a_plain_stack_of_convolutions_see_the_mean_of_each_map():
    stack = convolutions()
    net = two_heads(stack, HEADS, input_size=32)
    features = stack(images()).mean((2, 3))
    assert net.taken_off is None
    torch.testing.assert_close(net(images())["style"], net.last[0](features))


def test_features_that_come_from_no_linear_layer_are_taken_as_they_are():
    net = two_heads(nn.Sequential(convolutions(), nn.AdaptiveAvgPool2d(2), nn.Flatten()), TWO)
    assert (net.taken_off, net.width) == (None, 24)


def test_a_linear_layer_whose_outputs_are_features_may_be_kept():
    embedding = nn.Sequential(convolutions(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5))
    assert two_heads(embedding, TWO).width == 6
    kept = two_heads(embedding, TWO, take_off=False)
    assert (kept.taken_off, kept.width) == (None, 5)


def test_a_dropout_behind_the_last_linear_layer_does_not_hide_it():
    net = nn.Sequential(convolutions(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5), nn.Dropout())
    assert two_heads(net, TWO).taken_off == "3"


def test_the_body_of_a_built_in_model_can_be_given_other_heads():
    body = sw.load("demo/vgg", device="cpu").module.body
    net = two_heads(body, {"taller_than_wide": ["no", "yes"]})
    assert net.width == 192
    assert not net.training


def test_the_backbone_stays_as_it_was_and_shares_nothing_with_the_copy():
    vgg = torchvision.models.vgg11_bn(weights=None)
    before = {name: value.clone() for name, value in vgg.state_dict().items()}
    net = two_heads(vgg, HEADS, input_size=32, train_backbone=False)
    for parameter in net.parameters():
        parameter.data.add_(1)
    net(images(2, 32))
    assert isinstance(vgg.classifier[6], nn.Linear)
    assert vgg.training
    assert all(parameter.requires_grad for parameter in vgg.parameters())
    assert not any(layer._forward_hooks for layer in (*vgg.modules(), *net.modules()))
    assert all(torch.equal(value, before[name]) for name, value in vgg.state_dict().items())


def test_a_backbone_that_counts_its_calls_counts_no_look_of_ours():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.stack = convolutions()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, images):
            self.calls += 1
            return self.stack(images)

    backbone = Counting()
    assert two_heads(backbone, TWO).backbone.calls == backbone.calls == 0


def test_a_frozen_backbone_keeps_its_weights_and_its_averages_while_the_heads_learn():
    net = two_heads(torchvision.models.resnet18(weights=None), HEADS, train_backbone=False, input_size=32).train()
    before = copy.deepcopy(net.backbone.state_dict())
    optimiser = torch.optim.SGD([one for one in net.parameters() if one.requires_grad], lr=1.0)
    first = net.last[0].weight.detach().clone()
    net(images())["style"].square().sum().backward()
    optimiser.step()
    assert not torch.equal(net.last[0].weight, first)
    assert all(torch.equal(value, before[name]) for name, value in net.backbone.state_dict().items())


def test_without_freezing_the_backbone_learns_too():
    net = two_heads(convolutions(), HEADS).train()
    net(images())["style"].square().sum().backward()
    assert all(parameter.grad is not None for parameter in net.backbone.parameters())


@pytest.mark.parametrize("training", [True, False])
def test_what_comes_back_is_in_the_backbones_mode(training):
    net = two_heads(convolutions().train(training), HEADS)
    assert all(layer.training is training for layer in net.modules())


def test_what_comes_back_has_the_backbones_type():
    net = two_heads(convolutions().double(), HEADS)
    assert net(images().double())["style"].dtype == torch.float64


def test_the_new_layers_are_the_same_for_the_same_seed():
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(two_heads(convolutions(), HEADS).last[0].weight)
    assert torch.equal(*made)


def test_what_comes_back_is_explained_with_no_further_word():
    net = two_heads(convolutions(), HEADS)
    explained = sw.explain(net, picture(), "perspective")
    assert explained.target.head == "perspective"
    assert np.abs(explained.attribution).max() > 0


def test_a_model_made_of_it_knows_all_names_and_units():
    heads = {"age": sw.Regression("years"), "worn": sw.MultiLabel(["hat", "beard"]), "style": HEADS["style"]}
    net = two_heads(convolutions(), heads)
    model = sw.ImageModel(net, device="cpu")
    said = model.predict(picture())
    assert (said["age"].unit, said["worn"].classes) == ("years", ("hat", "beard"))
    assert model.heads["worn"].kind == "labels"
    assert said["style"].top in HEADS["style"]
    expected = net.eval()(model.input(picture())[None])["age"].item()
    assert said["age"].value == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", ["type", "keys", "forward", "a.b", "front view"])
def test_a_head_may_have_any_name_that_a_target_can_have(name):
    net = two_heads(convolutions(), {name: ["x", "y"]})
    assert sw.explain(net, picture(), f"{name}:1").target.head == name


def test_it_says_what_it_is_made_of():
    net = two_heads(torchvision.models.resnet18(weights=None), HEADS, input_size=32)
    assert "heads: style (3), perspective (2); taken off: fc" in repr(net)


@pytest.mark.parametrize(
    ("heads", "says"),
    [
        ({}, "heads was given as empty"),
        (["style"], "heads was given as list"),
        ({"style": "gothic"}, "head 'style' was given as 'gothic'"),
        ({"style": []}, r"head 'style' was given as \[\]"),
        ({"style": 3}, "head 'style' was given as 3"),
        ({"style": ["gothic"]}, r"sw\.MultiLabel\(\['gothic'\]\) for a yes or no"),
        ({"style": ["gothic", "gothic"]}, "names a class twice"),
        ({"worn": sw.MultiLabel()}, "head 'worn' was given as MultiLabel"),
        ({"a:b": ["x", "y"]}, "named 'a:b'; expected a text without a colon"),
        ({1: ["x", "y"]}, "named 1"),
    ],
)
def test_heads_that_do_not_fit_are_refused_with_what_was_expected(heads, says):
    with pytest.raises(sw.SaliencyError, match=says):
        two_heads(convolutions(), heads)


class _Returning(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.body = convolutions()
        self.output = output

    def forward(self, images):
        return self.output(self.body(images))


@pytest.mark.parametrize(
    ("backbone", "says"),
    [
        ("vgg", "backbone was given as str; expected an nn.Module"),
        (sw.ImageModel(convolutions()), r"holds its network in \.module"),
        (_Returning(lambda maps: {"style": maps.mean((2, 3))}), r"has heads already; .*such as its \.body"),
        (_Returning(lambda maps: maps.flatten(2)), r"shape \(1, 6, .*of tokens"),
        (_Returning(lambda _maps: "gothic"), "returns str"),
        (_Returning(lambda maps: maps.mean((2, 3)).softmax(1)), "ends in a softmax"),
        (_Returning(lambda maps: maps.mean((2, 3)).log_softmax(1)), "ends in a log-softmax"),
        (_Returning(lambda maps: maps.no_such_thing()), "raised AttributeError for an empty image .*input_size="),
        (nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 8)), "raised RuntimeError .*input_size="),
    ],
)
def test_a_backbone_on_which_no_head_can_sit_is_refused_with_what_to_do(backbone, says):
    with pytest.raises(sw.SaliencyError, match=says):
        two_heads(backbone, HEADS)


def test_where_there_is_no_linear_layer_to_take_off_it_says_what_was_found():
    squeezenet = torchvision.models.squeezenet1_1(weights=None)
    with pytest.raises(sw.SaliencyError, match=r"what SqueezeNet returns.*no linear layer at all.*\.features"):
        two_heads(squeezenet, HEADS, take_off=True)
    inside = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4), nn.ReLU())
    with pytest.raises(
        sw.SaliencyError, match=r"its output comes from '3', ReLU, and of its linear layers '2' is the last"
    ):
        two_heads(inside, HEADS, take_off=True)


@pytest.mark.parametrize("size", [0, "224", (224,), 3.5, True])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(sw.SaliencyError, match="input_size was given as"):
        two_heads(convolutions(), HEADS, input_size=size)


def test_a_backbone_that_cannot_be_copied_is_refused():
    stack = convolutions()
    stack.computed = stack[0].weight * 2
    with pytest.raises(sw.SaliencyError, match="cannot be copied"):
        two_heads(stack, HEADS)
