"""Path, noise and region methods against captum and PAIR's library, with equal settings, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import saliency_widget as sw
from oracles.paths import ORACLES
from runs import function, last, relative
from saliency_widget.methods.expected_gradients import places, references
from saliency_widget.methods.regions import regions_of, segments
from small_models import keep, picture

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

SIDE = 40


class Convolutional(nn.Module):
    """A seeded network of one head; smooth or with kinks."""

    def __init__(self, activation=nn.ReLU, seed=0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.body = nn.Sequential(
                nn.Conv2d(3, 8, 5, stride=2), activation(), nn.Conv2d(8, 12, 3), activation(), nn.AdaptiveAvgPool2d(3)
            )
            self.head = nn.Linear(108, 4)
        self.double()

    def forward(self, images):
        return self.head(self.body(images).flatten(1))


@pytest.fixture(params=[nn.ReLU, nn.Tanh], ids=["relu", "tanh"])
def model(request):
    return sw.ImageModel(Convolutional(request.param), preprocess=keep, device="cpu")


def scores(model, target=2, **options):
    return function(model, picture(SIDE, SIDE, seed=4), [target], **options)


def peer(name, model, f, **settings):
    return ORACLES[name](model.module.eval(), f.x[None], 2, settings)


@pytest.mark.parametrize("rule", ["midpoint", "trapezoid", "gauss_legendre"])
@pytest.mark.parametrize("baseline", ["black", "white", "blur"])
def test_integrated_gradients_agree_with_captum_for_every_rule(model, rule, baseline):
    pytest.importorskip("captum")
    f = scores(model)
    theirs = peer("integrated_gradients", model, f, steps=21, rule=rule, baseline=f.baseline(baseline)[None])
    ours = last(f, "integrated_gradients", steps=21, rule=rule, baseline=baseline)[0]
    assert relative(ours, theirs) < 1e-10


@pytest.mark.parametrize("reference", ["noise", "colours"])
def test_expected_gradients_agree_with_captum_for_the_same_draws(model, reference):
    pytest.importorskip("captum")
    f = scores(model, seed=5)
    drawn = torch.stack(list(references(f, reference, 15)))
    theirs = peer("expected_gradients", model, f, references=drawn, places=places(5, 15))
    assert relative(last(f, "expected_gradients", samples=15, reference=reference)[0], theirs) < 1e-10


@pytest.mark.parametrize("method", ["smoothgrad", "smoothgrad_squared", "vargrad"])
def test_smoothing_agrees_with_captum_for_the_same_noise(model, method):
    pytest.importorskip("captum")
    f = scores(model, seed=7)
    sigma = 0.2 * (f.x.max() - f.x.min())
    theirs = peer(method, model, f, draws=torch.stack([sigma * f.noise(i) for i in range(12)]))
    assert relative(last(f, method, samples=12, noise=0.2)[0], theirs) < 1e-8


@pytest.mark.parametrize(("fraction", "max_dist"), [(0.25, 0.02), (0.1, 0.3), (0.5, 1.0), (1.0, 0.1), (0.25, 0.0)])
def test_guided_ig_agrees_with_the_authors_implementation(model, fraction, max_dist):
    pytest.importorskip("saliency")
    f = scores(model)
    settings = {"steps": 25, "fraction": fraction, "max_dist": max_dist}
    theirs = peer("guided_ig", model, f, baseline=f.baseline("black")[None], **settings)
    assert relative(last(f, "guided_ig", **settings)[0], theirs) < 1e-8


@pytest.mark.parametrize("max_sigma", [3.0, 20.0])
def test_blur_ig_agrees_with_the_authors_implementation_on_the_same_path(model, max_sigma):
    pytest.importorskip("saliency")
    f = scores(model)
    theirs = peer("blur_ig", model, f, steps=20, max_sigma=max_sigma)
    ours = last(f, "blur_ig", steps=20, max_sigma=max_sigma, rule="sharp_end")[0]
    assert relative(ours, theirs) < 1e-8


@pytest.mark.parametrize("seed", range(3))
def test_xrai_agrees_with_the_authors_implementation_on_the_same_attribution_and_segments(seed):
    pytest.importorskip("saliency")
    model = sw.ImageModel(Convolutional(seed=seed), preprocess=keep, device="cpu")
    f = function(model, picture(64, 64, seed=seed), [2])
    shown = f.to_pixels(f.x[None])[0]
    found = segments(torch.nn.functional.avg_pool2d(shown, 9, 1, 4))  # noise alone has no segments worth ranking
    attribution = np.random.default_rng(seed).normal(size=(3, 64, 64)) + shown.numpy()
    theirs = peer("xrai", model, f, segments=found, attribution=attribution, min_pixels=50)
    from saliency_widget.methods.regions import Regions

    ours = Regions.from_masks(found).rank(attribution.max(0), 50)
    assert relative(ours, theirs) < 1e-10


def test_xrai_agrees_with_the_authors_implementation_from_end_to_end(model):
    pytest.importorskip("saliency")
    f = scores(model)
    black, white = (last(f, "integrated_gradients", steps=10, baseline=name)[0] for name in ("black", "white"))
    regions = regions_of(f.to_pixels(f.x[None])[0])
    masks = regions.members[regions.atom].transpose(2, 0, 1)
    theirs = peer("xrai", model, f, segments=masks, attribution=(black + white) / 2, min_pixels=20)
    assert relative(last(f, "xrai", steps=10, min_pixels=20)[0, 0], theirs) < 1e-10


def test_the_segments_are_those_of_the_authors_implementation_at_its_own_size():
    xrai = pytest.importorskip("saliency.core.xrai")
    rows, columns = np.mgrid[:224, :224] / 224
    image = np.stack([rows > 0.4, np.hypot(rows - 0.5, columns - 0.5) < 0.3, columns], axis=2).astype(float)
    theirs = xrai._get_segments_felzenszwalb(image)
    np.testing.assert_array_equal(segments(torch.from_numpy(image).permute(2, 0, 1)), np.stack(theirs))
