"""Occlusion against captum and PAIR's library, with equal settings, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import saliency_widget as sw
from oracles.perturbation import ORACLES, PAIR
from saliency_widget.model import read_image
from small_models import picture, two_heads

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

LEVELS = {"black": 0.0, "white": 1.0}


def compare(oracle, window, stride, baseline):
    model = two_heads(torch.float64)
    e = sw.explain(model, picture(), "style:greek_roman", "occlusion", window=window, stride=stride, baseline=baseline)
    x = model.input(read_image(picture()))[None]
    settings = {"window": window, "stride": stride, "baseline": torch.full_like(x, LEVELS[baseline])}
    network = model.module.eval()
    with torch.no_grad():
        theirs = oracle(lambda images: network(images)["style"], x, 2, settings)
    assert np.linalg.norm(theirs) > 0
    return np.linalg.norm(e.attribution[0] - theirs) / np.linalg.norm(theirs)


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (3, 1), (3, 2), (4, 4), (5, 3), (8, 8)])
@pytest.mark.parametrize("baseline", LEVELS)
def test_occlusion_agrees_with_captum(window, stride, baseline):
    pytest.importorskip("captum")
    assert compare(ORACLES["occlusion"], window, stride, baseline) < 1e-8


@pytest.mark.parametrize("window", [1, 3, 8])
@pytest.mark.parametrize("baseline", LEVELS)
def test_occlusion_agrees_with_pair(window, baseline):
    pytest.importorskip("saliency")
    assert compare(PAIR["occlusion"], window, 1, baseline) < 1e-8
