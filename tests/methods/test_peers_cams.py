"""Class activation maps against captum and pytorch-grad-cam, in float64, on small networks."""

from __future__ import annotations

import numpy as np
import pytest

from cam_models import CAMS, SIZE, Net, run, small_vit, square, wrapped
from oracles.cams import ORACLES, captum_grad_cam
from saliency_widget.compute import ScoreFunction
from saliency_widget.methods import get
from saliency_widget.model import read_image
from small_models import picture

pytestmark = pytest.mark.peers


def oracle_input(model, image):
    return ScoreFunction(model, read_image(image), [model.resolve(0)]).x[None].clone()


def relative(found, expected):
    return np.linalg.norm(found - expected) / max(np.linalg.norm(expected), 1e-300)


@pytest.mark.parametrize("layer", ["relu", "first"])
@pytest.mark.parametrize("head", ["pooled", "bent"])
@pytest.mark.parametrize("method", CAMS)
@pytest.mark.filterwarnings("ignore")
def test_a_map_agrees_with_the_peers(method, head, layer):
    pytest.importorskip("pytorch_grad_cam")
    pytest.importorskip("captum")
    model = wrapped(Net(head))
    x = oracle_input(model, picture(*SIZE))
    settings = {"compared": 1, "strength": 0.6} if method == "finer_cam" else {}
    something = 0
    for target in range(4):
        theirs = ORACLES[method](model.module, x, target, model.layer(layer), settings)
        something += bool(theirs.any())
        ours = run(model, method, target, layer=layer, **settings).attribution[0].numpy()
        assert relative(ours if method == "guided_grad_cam" else ours[0], theirs) < 1e-8
        if method == "grad_cam":
            assert relative(ours[0], captum_grad_cam(model.module, x, target, model.layer(layer), {})) < 1e-10
    assert something >= 2


@pytest.mark.parametrize("method", [m for m in CAMS if m not in {"ablation_cam", "guided_grad_cam"}])
@pytest.mark.filterwarnings("ignore")
def test_a_map_of_tokens_agrees_with_the_peer(method):
    pytest.importorskip("pytorch_grad_cam")
    model = wrapped(small_vit(), (32, 32))
    x = oracle_input(model, square())
    settings = {"compared": 1, "strength": 1.0} if method == "finer_cam" else {}
    theirs = ORACLES[method](model.module, x, 1, model.layer(), settings)
    f = ScoreFunction(model, read_image(square()), [model.resolve(1)])
    chosen = get(method)
    ours = list(chosen.estimates(f, chosen.validate(settings)))[-1].attribution[0, 0].numpy()
    assert relative(ours, theirs) < 1e-8
