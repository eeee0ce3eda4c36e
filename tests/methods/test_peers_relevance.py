"""LRP and Deep Taylor against zennit, DeepLIFT against captum, with equal settings, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torchvision
from torch import nn

from oracles.rules import ORACLES
from rule_models import IMAGE, chain, seeded, wrapped
from runs import function, last, relative

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

RULES = ("epsilon_plus_flat", "epsilon", "gamma", "alpha_beta")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("network", ["plain", "batch norm", "resnet"])
def test_lrp_agrees_with_zennit(rule, network):
    pytest.importorskip("zennit")
    from zennit.canonizers import SequentialMergeBatchNorm
    from zennit.torchvision import ResNetCanonizer

    block = torchvision.models.resnet.BasicBlock
    make, canonizer = {
        "plain": (lambda: chain(norm=False), None),
        "batch norm": (chain, SequentialMergeBatchNorm),
        "resnet": (lambda: torchvision.models.ResNet(block, [1, 1, 1, 1], num_classes=4), ResNetCanonizer),
    }[network]
    image = np.random.default_rng(2).random((32, 32, 3))
    model = wrapped(seeded(make), image)
    f = function(model, image, [1, 3])
    settings = {"rule": rule, "epsilon": 1e-4, "gamma": 0.3}
    ours = last(f, "lrp", **settings)
    for place, target in enumerate((1, 3)):
        given = settings | ({"canonizer": canonizer} if canonizer else {})
        assert relative(ours[place], ORACLES["lrp"](model.module, f.x[None], target, given)) < 1e-8


def test_deep_taylor_agrees_with_zennit():
    pytest.importorskip("zennit")
    from zennit.canonizers import SequentialMergeBatchNorm

    model = wrapped(seeded(chain))
    f = function(model, IMAGE, [0, 2])
    ours = last(f, "deep_taylor")
    box = {"low": f.baseline("black")[None], "high": f.baseline("white")[None], "canonizer": SequentialMergeBatchNorm}
    for place, target in enumerate((0, 2)):
        assert relative(ours[place], ORACLES["deep_taylor"](model.module, f.x[None], target, box)) < 1e-8


@pytest.mark.parametrize("baseline", ["black", "noise"])
@pytest.mark.parametrize("kind", [nn.ReLU, nn.Sigmoid, nn.Tanh, nn.Softplus])
def test_deeplift_agrees_with_captum(kind, baseline):
    pytest.importorskip("captum")
    # Against black a whole region of the first layer is one number, and which of equal numbers is the largest is chance.
    steps = seeded(lambda: chain(pool=baseline == "noise"))
    model = wrapped(nn.Sequential(*(kind() if isinstance(layer, nn.ReLU) else layer for layer in steps)))
    f = function(model, IMAGE, [0, 2])
    ours = last(f, "deeplift", baseline=baseline)
    for place, target in enumerate((0, 2)):
        theirs = ORACLES["deeplift"](model.module, f.x[None], target, {"baseline": f.baseline(baseline)[None]})
        assert relative(ours[place], theirs) < 1e-8
