"""LRP, Deep Taylor and DeepLIFT: closed forms, what is conserved, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import saliency_widget as sw
from rule_models import IMAGE, Residual, Spelled, chain, seeded, wrapped
from runs import OUTCOMES, end, estimates, function, last, relative, snapshot
from saliency_widget.errors import BadParameter, ModelError
from saliency_widget.model.merging import Course
from small_models import Linear, keep, picture

RULES = ("epsilon_plus_flat", "epsilon", "gamma", "alpha_beta")
RELEVANCE = ("lrp", "deep_taylor", "deeplift")

needs_zennit = pytest.mark.skipif(
    not sw.methods()["lrp"].applies(wrapped(seeded(chain))), reason="zennit is not installed"
)


def error(f, method, **params):
    """The quality figure of each target."""
    return [figures[0].value for figures in estimates(f, method, **params)[-1].quality]


# -- LRP ------------------------------------------------------------------------------------------------------------------


@needs_zennit
def test_lrp_epsilon_of_a_relu_network_without_biases_is_input_x_gradient_and_adds_up_to_the_score():
    model = wrapped(seeded(lambda: chain(bias=False, norm=False)))
    f = function(model, IMAGE, [0, 1, 2])
    ours = last(f, "lrp", rule="epsilon", epsilon=1e-9)
    assert relative(ours, last(f, "input_x_gradient")) < 1e-3  # zennit's stabiliser of 1e-6, where the mean is small
    np.testing.assert_allclose(ours.sum((1, 2, 3)), f.scores(f.x[None])[0], rtol=1e-3)
    assert max(error(f, "lrp", rule="epsilon", epsilon=1e-9)) < 1e-3


class Sum(nn.Module):
    """Two convolutions of one pixel each, added up: 2 a and 3 b of a picture whose pixels are a and b."""

    def __init__(self):
        super().__init__()
        self.left = nn.Conv2d(3, 1, 1, bias=False)
        self.right = nn.Conv2d(3, 1, 1, bias=False)
        self.last = nn.Linear(1, 2, bias=False)
        self.left.weight.data = torch.tensor([2.0, 0.0, 0.0]).view(1, 3, 1, 1)
        self.right.weight.data = torch.tensor([0.0, 3.0, 0.0]).view(1, 3, 1, 1)
        self.last.weight.data = torch.tensor([[1.0], [-1.0]])

    def forward(self, x):
        return self.last(F.relu(self.left(x) + self.right(x)).sum((2, 3)))


@needs_zennit
@pytest.mark.parametrize("rule", ["epsilon", "gamma"])
def test_a_sum_of_positive_parts_is_shared_out_by_their_size(rule):
    image = np.full((2, 2, 3), 0.5)
    image[0, 0] = [0.25, 1.0, 0.75]
    f = function(wrapped(Sum(), image), image, [0, 1])
    ours = last(f, "lrp", rule=rule)
    expected = np.stack([2 * image[..., 0], 3 * image[..., 1], 0 * image[..., 2]])
    np.testing.assert_allclose(ours[0], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours[1], -ours[0], rtol=1e-12)


@needs_zennit
@pytest.mark.parametrize("rule", RULES)
def test_a_network_with_relus_as_functions_and_used_twice_has_the_relevance_of_one_of_modules(rule):
    modules = function(wrapped(seeded(chain)), IMAGE, [0, 1])
    spelled = function(wrapped(Spelled(seeded(chain))), IMAGE, [0, 1])
    np.testing.assert_allclose(last(spelled, "lrp", rule=rule), last(modules, "lrp", rule=rule), rtol=1e-9, atol=1e-16)


@needs_zennit
def test_batch_norm_is_one_with_the_layer_before_it():
    apart = seeded(lambda: chain(pool=False))
    model = wrapped(apart)
    merged = seeded(lambda: chain(pool=False)).double().eval()
    merged = nn.Sequential(torch.nn.utils.fuse_conv_bn_eval(merged[0], merged[1]), *merged[2:])
    for rule in RULES:
        ours = last(function(model, IMAGE, [0]), "lrp", rule=rule)
        np.testing.assert_allclose(
            ours, last(function(wrapped(merged), IMAGE, [0]), "lrp", rule=rule), rtol=1e-8, atol=1e-15
        )


@needs_zennit
def test_a_batch_norm_is_not_merged_into_a_layer_whose_output_goes_elsewhere_too():
    class Forked(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.last = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 3)

        def forward(self, x):
            y = self.conv(x)
            return self.last((F.relu(self.norm(y)) + F.relu(y)).mean((2, 3)))

    f = function(wrapped(seeded(Forked)), IMAGE, [0])
    course = Course()
    with f.rules(course.prepare, course.around) as dry:
        dry.scores(f.x[None])
    assert course.order == ["conv", "last"]
    assert course.pairs() == {}


@needs_zennit
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("method", ["lrp", "deep_taylor"])
def test_the_relevance_of_a_contrast_and_of_all_outputs_is_that_of_the_outputs_added_up(method, rule):
    params = {"rule": rule} if method == "lrp" else {}
    model = wrapped(seeded(chain))
    parts = last(function(model, IMAGE, [0, 1, 2, 3]), method, **params)
    name = next(iter(model.heads))
    contrast, whole = last(function(model, IMAGE, [sw.Target(name, 2, versus=0), f"{name}:*"]), method, **params)
    np.testing.assert_allclose(contrast, parts[2] - parts[0], rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(whole, parts.sum(0), rtol=1e-8, atol=1e-14)


@needs_zennit
@pytest.mark.parametrize("score", ["log_softmax", "probability"])
@pytest.mark.parametrize("method", [*RELEVANCE, "attnlrp"])
def test_another_score_than_the_logit_is_refused(method, score):
    f = function(wrapped(seeded(chain)), IMAGE, [0], score=score)
    with pytest.raises(BadParameter, match="use score='logit'"):
        estimates(f, method)


@needs_zennit
def test_the_conservation_error_is_the_maps_sum_against_the_score():
    f = function(wrapped(seeded(chain)), IMAGE, [0, 1])
    end = estimates(f, "lrp")[-1]
    sums, scores = end.attribution.flatten(1).sum(1), f.scores(f.x[None])[0]
    for figures, total, score in zip(end.quality, sums, scores, strict=True):
        assert figures[0].name == "conservation_error"
        assert figures[0].value == pytest.approx(float(abs(total - score) / abs(score)), rel=1e-9)
        assert figures[0].bad == (figures[0].value > 0.5)


@needs_zennit
def test_a_flat_first_layer_does_not_look_at_the_pixels_values():
    model = wrapped(seeded(lambda: chain(pool=False)))
    ours = last(function(model, IMAGE, [0]), "lrp")[0]
    # What a unit of the first layer got goes evenly to all that it sees, so the channels of a pixel have the same.
    np.testing.assert_allclose(ours[0], ours[1], rtol=1e-10, atol=1e-18)
    np.testing.assert_allclose(ours[0], ours[2], rtol=1e-10, atol=1e-18)


@needs_zennit
def test_the_box_of_deep_taylor_is_black_and_white_as_the_first_layer_gets_them():
    class Scaled(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x * 2 - 1)

    def shifted(image):
        return image * 2 - 1

    inside = function(wrapped(Scaled(seeded(chain))), IMAGE, [0])
    model = sw.ImageModel(seeded(chain).double().eval(), preprocess=shifted, device="cpu")
    np.testing.assert_allclose(last(inside, "deep_taylor"), last(function(model, IMAGE, [0]), "deep_taylor"), rtol=1e-6)


# -- what has no rule -----------------------------------------------------------------------------------------------------


def reason(module, method, image=IMAGE):
    applies = sw.methods()[method].applies(wrapped(module, image))
    assert applies.status == "no"
    return applies.reason


class Twice(nn.Module):
    """A convolution that is called twice."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(3, 3)

    def forward(self, x):
        return self.last(F.relu(self.conv(F.relu(self.conv(x)))).mean((2, 3)))


class OwnNorm(nn.LayerNorm):
    """Torch's layer under another name, as timm has it."""


@needs_zennit
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            "GroupNorm",
        ),
        (lambda: nn.Sequential(nn.Flatten(), nn.LayerNorm(768), nn.Linear(768, 3)), "LayerNorm"),
        (lambda: nn.Sequential(nn.Flatten(), OwnNorm(768), nn.Linear(768, 3)), "layer normalisation"),
        (Twice, "called 2 times"),
        (lambda: torchvision.models.VisionTransformer(16, 4, 1, 1, 8, 8, num_classes=3), "attention"),
    ],
    ids=["group norm", "layer norm", "a layer norm of its own", "called twice", "attention"],
)
@pytest.mark.parametrize("method", ["lrp", "deep_taylor"])
def test_what_has_no_rule_is_refused_with_the_reason(method, make, says):
    assert says in reason(make(), method)


@needs_zennit
def test_silu_passes_with_a_reserve_for_lrp_and_not_at_all_for_deep_taylor():
    def network():
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))

    applies = sw.methods()["lrp"].applies(wrapped(network()))
    assert applies.ok
    assert "relevance passes SiLU unchanged" in applies.reason
    assert "this network has SiLU" in reason(network(), "deep_taylor")


class Odd(nn.Module):
    """Does with its features what no rule knows."""

    def __init__(self, do):
        super().__init__()
        self.conv, self.last, self.do = nn.Conv2d(3, 3, 3), nn.Linear(3, 3), do

    def forward(self, x):
        return self.last(self.do(F.relu(self.conv(x)).mean((2, 3))))


@needs_zennit
@pytest.mark.parametrize("method", RELEVANCE)
@pytest.mark.parametrize("name", ["exp", "cumsum"])
def test_an_operation_without_a_rule_is_named_when_it_is_met(method, name):
    f = function(wrapped(Odd(lambda x: torch.exp(x) if name == "exp" else torch.cumsum(x, 1))), IMAGE, [0])
    with pytest.raises(ModelError, match=f"no rule for '{name}'"):
        estimates(f, method)


@needs_zennit
def test_weights_that_are_changed_on_the_way_are_refused():
    class Standardised(nn.Conv2d):
        def forward(self, x):
            return F.conv2d(x, self.weight - self.weight.mean((1, 2, 3), keepdim=True), self.bias)

    module = nn.Sequential(Standardised(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    with pytest.raises(ModelError, match="changes its weights on the way"):
        estimates(function(wrapped(module), IMAGE, [0]), "lrp")


# -- gates, and the user's weights ----------------------------------------------------------------------------------------


class Gated(nn.Module):
    """Features times a gate that is made of them, as in a squeeze-and-excitation block."""

    def __init__(self):
        super().__init__()
        self.conv, self.gate, self.last = nn.Conv2d(3, 4, 3, bias=False), nn.Linear(4, 4), nn.Linear(4, 3, bias=False)

    def forward(self, x):
        x = F.relu(self.conv(x))
        return self.last((x * torch.sigmoid(self.gate(x.mean((2, 3))))[..., None, None]).sum((2, 3)))


@needs_zennit
def test_a_gate_gets_no_relevance_and_the_signal_all():
    f = function(wrapped(seeded(Gated)), IMAGE, [0, 1, 2])
    for rule in ("epsilon", "gamma", "epsilon_plus_flat"):
        assert max(error(f, "lrp", rule=rule)) < 1e-3


@needs_zennit
@pytest.mark.parametrize("method", RELEVANCE)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_module_is_bit_for_bit_what_it_was(method, outcome):
    module = seeded(Residual).double().train()
    before = snapshot(module)
    model = sw.ImageModel(module, preprocess=keep, device="cpu")
    f = function(model, IMAGE, [0, 1])
    end(f, method, outcome)
    assert snapshot(module) == before


@needs_zennit
@pytest.mark.parametrize("method", RELEVANCE)
def test_several_targets_at_once_equal_each_alone(method):
    model = wrapped(seeded(Residual))
    together = last(function(model, IMAGE, [0, 1, 3]), method)
    for place, target in enumerate((0, 1, 3)):
        alone = last(function(model, IMAGE, [target]), method)[0]
        np.testing.assert_allclose(together[place], alone, rtol=1e-10, atol=1e-18)


# -- DeepLIFT -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", ["black", "white", "noise"])
def test_deeplift_of_a_linear_network_is_the_weight_times_the_difference(baseline):
    model = sw.ImageModel(Linear(), preprocess=keep, device="cpu")
    f = function(model, picture(), [0, 1])
    with pytest.raises(ModelError, match="no rule for 'einsum'"):
        estimates(f, "deeplift")
    dense = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 12, 2))
    dense[1].weight.data = Linear().weight.data.flatten(1)
    f = function(wrapped(dense, picture()), picture(), [0, 1])
    expected = Linear().weight.detach() * (f.x - f.baseline(baseline))
    np.testing.assert_allclose(last(f, "deeplift", baseline=baseline), expected, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("kind", [nn.ReLU, nn.Sigmoid, nn.SiLU, nn.Tanh])
@pytest.mark.parametrize("baseline", ["black", "noise"])
def test_deeplift_adds_up_to_the_difference_of_the_scores(kind, baseline):
    module = nn.Sequential(*(kind() if isinstance(layer, nn.ReLU) else layer for layer in seeded(chain)))
    f = function(wrapped(module), IMAGE, [0, 1])
    change = f.scores(f.x[None])[0] - f.scores(f.baseline(baseline)[None])[0]
    sums = last(f, "deeplift", baseline=baseline).sum((1, 2, 3))
    np.testing.assert_allclose(sums, change, rtol=1e-8)
    assert max(error(f, "deeplift", baseline=baseline)) < 1e-8


@pytest.mark.parametrize("make", [Residual, Gated, lambda: Spelled(chain()), Twice])
def test_deeplift_adds_up_where_relus_are_functions_modules_are_used_twice_and_features_are_gated(make):
    f = function(wrapped(seeded(make)), IMAGE, [0, 2])
    assert max(error(f, "deeplift")) < 1e-8


def test_a_pool_of_the_largest_gives_the_change_to_the_places_of_both_maxima():
    class Largest(nn.Module):
        def forward(self, x):
            y = F.max_pool2d(x, 2).flatten(1)
            return torch.cat([y, -y], 1)

    image = np.zeros((2, 2, 3))
    image[..., 0] = [[0.25, 0.5], [0.25, 0.0]]
    f = function(wrapped(Largest(), image), image, [0])
    # Against white the maximum falls from 1, at the first place, to 0.5, at the second: the first place's, as the larger.
    np.testing.assert_allclose(last(f, "deeplift", baseline="white")[0, 0], [[-0.5, 0], [0, 0]], atol=1e-15)
    # Against black it rises from 0 to 0.5: the second place's.
    np.testing.assert_allclose(last(f, "deeplift", baseline="black")[0, 0], [[0, 0.5], [0, 0]], atol=1e-15)
