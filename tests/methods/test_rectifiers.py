"""Guided backprop and DeconvNet change every ReLU, however it is written, and say where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

import saliency_widget as sw
from oracles.rules import ORACLES
from rule_models import IMAGE, SIDE, Spelled, chain, seeded, wrapped
from runs import estimates, function, last, relative
from saliency_widget.compute import Cancelled, CancelToken

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
@pytest.mark.parametrize(("kind", "name"), [(nn.SiLU, "SiLU"), (nn.ReLU6, "ReLU6"), (nn.GELU, "GELU")])
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
