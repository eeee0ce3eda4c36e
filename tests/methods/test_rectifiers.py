"""Guided backprop and DeconvNet change every ReLU, however it is written, and say where there is none."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import saliency_widget as sw
from oracles.rules import ORACLES
from rule_models import IMAGE, SIDE, Spelled, chain, seeded, wrapped
from runs import estimates, function, last, relative
from saliency_widget.compute import Cancelled, CancelToken
from saliency_widget.methods.rectifiers import DeconvReLU, GuidedReLU

METHODS = ("guided_backprop", "deconvnet")


class Two(nn.Module):
    """Two numbers of the picture, two units, one score: small enough for a pencil."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3, bias=False)
        self.second = nn.Linear(3, 2, bias=False)
        self.first.weight.data = torch.tensor([[1.0, 2.0], [1.0, -3.0], [2.0, 1.0]])
        self.second.weight.data = torch.tensor([[3.0, 5.0, -7.0], [0.0, 1.0, 0.0]])

    def forward(self, x):
        return self.second(torch.relu(self.first(x[:, 0, 0, :2])))


def test_on_a_network_of_two_layers_they_are_what_a_pencil_says():
    image = np.zeros((2, 2, 3))
    image[0] = [[1.0, 0.0, 0.0], [0.5, 0.0, 0.0]]  # the units get 2, -0.5 and 2.5
    model = wrapped(Two(), image)
    f = function(model, image, [0])
    # Back at the units come 3, 5 and -7. The gradient keeps those whose input was positive: 3 and -7. Guided backprop keeps
    # the 3 alone, DeconvNet what is positive: 3 and 5.
    expected = {
        "gradient": [3 * 1 - 7 * 2, 3 * 2 - 7 * 1],
        "guided_backprop": [3 * 1, 3 * 2],
        "deconvnet": [3 * 1 + 5 * 1, 3 * 2 - 5 * 3],
    }
    for method, values in expected.items():
        found = last(f, method)[0]
        np.testing.assert_allclose(found[0, 0], values, rtol=1e-14)
        assert not found[1:].any()
        assert not found[0, 1].any()


class Capped(nn.Module):
    """Two numbers of the picture, five units that a cap of 6 divides, one score."""

    def __init__(self, rectify):
        super().__init__()
        self.first = nn.Linear(2, 5, bias=False)
        self.rectify = rectify
        self.second = nn.Linear(5, 2, bias=False)
        self.first.weight.data = torch.tensor([[2.0, 2.0], [4.0, -2.0], [6.0, 4.0], [2.0, -6.0], [8.0, 2.0]])
        self.second.weight.data = torch.tensor([[3.0, -7.0, 5.0, 2.0, -1.0], [0.0] * 5])

    def forward(self, x):
        return self.second(self.rectify(self.first(x[:, 0, 0, :2])))


CAPPED = {
    "ReLU6": nn.ReLU6(),
    "ReLU6, in place": nn.ReLU6(inplace=True),
    "Hardtanh(0, 6)": nn.Hardtanh(0.0, 6.0),
    "relu6": F.relu6,
    "relu6, in place": lambda x: F.relu6(x, True),
    "hardtanh": lambda x: F.hardtanh(x, 0.0, 6.0),
    "hardtanh_": lambda x: F.hardtanh_(x, 0.0, 6.0),
}


@pytest.mark.parametrize("spelling", CAPPED)
def test_a_relu_with_a_cap_counts_however_it_is_written_and_is_what_a_pencil_says(spelling):
    image = np.zeros((2, 2, 3))
    image[0] = [[1.0, 0.0, 0.0], [0.5, 0.0, 0.0]]  # the units get 3, 3, 8, -1 and 9
    model = wrapped(Capped(CAPPED[spelling]), image)
    f = function(model, image, [0])
    # Back at the units come 3, -7, 5, 2 and -1. The gradient keeps the first two, whose input lay between 0 and 6; guided
    # backprop of these what is positive, the 3; DeconvNet all that is positive: 3, 5 and 2, whatever the inputs were.
    expected = {
        "gradient": [3 * 2 - 7 * 4, 3 * 2 + 7 * 2],
        "guided_backprop": [3 * 2, 3 * 2],
        "deconvnet": [3 * 2 + 5 * 6 + 2 * 2, 3 * 2 + 5 * 4 - 2 * 6],
    }
    for method, values in expected.items():
        assert sw.methods()[method].applies(model).status == "works"
        np.testing.assert_allclose(last(f, method)[0, 0, 0], values, rtol=1e-14)


@pytest.mark.parametrize("top", [6.0, 0.7])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_guided_backprop_has_a_capped_relu_risen_where_torch_has(top, dtype):
    x = torch.tensor([-1.0, 0.0, 0.1, top, 2 * top], dtype=dtype, requires_grad=True)
    (theirs,) = torch.autograd.grad(F.hardtanh(x, 0.0, top).sum(), x)
    (ours,) = torch.autograd.grad(GuidedReLU.apply(x, top).sum(), x)
    assert ours.tolist() == theirs.tolist() == [0, 0, 1, 0, 0]


@pytest.mark.parametrize("changed", [GuidedReLU, DeconvReLU])
def test_forward_they_are_the_relu_that_they_stand_for(changed):
    x = torch.linspace(-9, 9, 37)
    assert torch.equal(changed.apply(x, 6.0), F.relu6(x))
    assert torch.equal(changed.apply(x, math.inf), F.relu(x))


@pytest.fixture(scope="module")
def mobilenet():
    model = sw.load("demo/mobilenet")
    model.discover(IMAGE)
    return model


@pytest.mark.parametrize("method", ["guided_backprop", "guided_grad_cam", "grad_cam_pp", "xgrad_cam"])
def test_what_asks_for_relus_has_no_reserve_on_a_mobilenet(mobilenet, method):
    applies = sw.methods()[method].applies(mobilenet)
    assert (applies.status, applies.reason) == ("works", None)


def test_without_a_max_pool_deconvnet_has_the_same_map_for_every_picture_and_says_so():
    said, same = {}, {}
    for name, network in {
        "pool": chain(),
        "no pool": chain(pool=False),
        "SiLU": [nn.SiLU(), *chain(pool=False)],
    }.items():
        model = wrapped(nn.Sequential(*network))
        said[name] = {method: sw.methods()[method].applies(model).reason for method in METHODS}
        images = IMAGE, np.random.default_rng(9).random((SIDE, SIDE, 3))
        one, other = (last(function(model, image, [0]), "deconvnet") for image in images)
        same[name] = np.array_equal(one, other)
    assert same == {"pool": False, "no pool": True, "SiLU": False}
    assert "the same for every picture" in said["no pool"].pop("deconvnet")
    assert {reason for reasons in said.values() for reason in reasons.values()} == {None}


def test_of_a_mobilenet_it_says_so(mobilenet):
    assert "the same for every picture" in sw.methods()["deconvnet"].applies(mobilenet).reason


@pytest.mark.parametrize("norm", [nn.BatchNorm2d(6), nn.GroupNorm(2, 6)])
def test_a_norm_of_the_picture_itself_lets_deconvnet_know_it(norm):
    model = wrapped(nn.Sequential(nn.Conv2d(3, 6, 3), norm, nn.ReLU6(), nn.Flatten(), nn.Linear(6 * 14 * 14, 2)))
    images = IMAGE, np.random.default_rng(9).random((SIDE, SIDE, 3))
    one, other = (last(function(model, image, [0]), "deconvnet") for image in images)
    reason = sw.methods()["deconvnet"].applies(model).reason
    assert (reason is not None) == np.array_equal(one, other) == isinstance(norm, nn.BatchNorm2d)


@pytest.mark.parametrize("method", METHODS)
def test_on_a_mobilenet_they_are_not_the_gradient(mobilenet, method):
    found, plain = (sw.explain(mobilenet, IMAGE, method=name).attribution for name in (method, "gradient"))
    assert relative(found, plain) > 0.5


@pytest.mark.parametrize("method", METHODS)
def test_a_relu_counts_however_it_is_written(method):
    steps = seeded(chain)
    modules, spelled = wrapped(steps), wrapped(Spelled(seeded(chain)))
    ours = last(function(spelled, IMAGE, [0, 2]), method)
    np.testing.assert_allclose(ours, last(function(modules, IMAGE, [0, 2]), method), rtol=1e-12, atol=1e-18)
    assert relative(ours, last(function(modules, IMAGE, [0, 2]), "gradient")) > 0.1


@pytest.mark.parametrize("method", METHODS)
def test_the_functional_relus_of_inception_count(method):
    network = seeded(lambda: torchvision.models.Inception3(num_classes=4, aux_logits=False, init_weights=False))
    image = np.random.default_rng(1).random((80, 80, 3))
    f = function(wrapped(network, image), image, [1])
    plain = last(f, "gradient")
    assert np.linalg.norm(plain) > 0
    assert relative(last(f, method), plain) > 0.5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("kind", "name"),
    [(nn.SiLU, "SiLU"), (nn.GELU, "GELU"), (nn.Hardswish, "Hardswish"), (nn.Hardtanh, "Hardtanh")],
)
def test_where_there_is_no_relu_they_say_which_activations_there_are_and_equal_the_gradient(method, kind, name):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), kind(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    model = wrapped(network)
    applies = sw.methods()[method].applies(model)
    assert applies.status == "equals"
    assert f"it has {name}" in applies.reason
    assert "would equal gradient" in applies.reason
    f = function(model, IMAGE, [0])
    np.testing.assert_array_equal(last(f, method), last(f, "gradient"))


@pytest.mark.filterwarnings("ignore")  # torch tells to use something else than scripts
@pytest.mark.parametrize("method", METHODS)
def test_a_scripted_network_is_refused_with_the_reason(method):
    applies = sw.methods()[method].applies(wrapped(torch.jit.trace(seeded(chain), torch.zeros(1, 3, SIDE, SIDE))))
    assert applies.status == "no"
    assert "compiled" in applies.reason


@pytest.mark.parametrize("method", METHODS)
def test_they_say_that_they_fail_the_sanity_checks(method):
    assert "1810.03292" in sw.methods()[method].explain


@pytest.mark.parametrize("method", METHODS)
def test_they_can_be_smoothed_since_they_work_at_the_input_that_they_are_given(method):
    model = wrapped(seeded(chain))
    f = function(model, IMAGE, [1])
    other = np.random.default_rng(9).random((SIDE, SIDE, 3))
    there = function(model, other, [1])
    elsewhere = next(iter(sw.methods()[method].run(f, there.x))).attribution
    np.testing.assert_array_equal(elsewhere, last(there, method))


@pytest.mark.parametrize("method", METHODS)
def test_a_cancelled_run_stops_inside_the_network(method):
    token = CancelToken()
    f = function(wrapped(seeded(chain)), IMAGE, [0], cancel=token)
    token.cancel()
    with pytest.raises(Cancelled):
        estimates(f, method)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", METHODS)
def test_they_agree_with_captum_where_every_relu_is_a_module(method):
    pytest.importorskip("captum")
    model = wrapped(seeded(chain))
    f = function(model, IMAGE, [0, 3])
    ours = last(f, method)
    for place, target in enumerate((0, 3)):
        assert relative(ours[place], ORACLES[method](model.module, f.x[None], target, {})) < 1e-8


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", METHODS)
def test_they_agree_with_captum_on_capped_relus_that_are_given_to_it_as_a_relu_and_a_cap(method):
    pytest.importorskip("captum")
    low = nn.Hardtanh(0.0, 0.3)  # so low that some units reach it
    plain = seeded(chain)
    capped = nn.Sequential(*(copy.deepcopy(low) if isinstance(step, nn.ReLU) else step for step in plain))
    f = function(wrapped(capped), IMAGE, [0, 3])
    ours = last(f, method)
    for place, target in enumerate((0, 3)):
        found, uncapped = (ORACLES[method](of.double().eval(), f.x[None], target, {}) for of in (capped, plain))
        assert relative(ours[place], found) < 1e-8
        assert relative(ours[place], uncapped) > 0.01
