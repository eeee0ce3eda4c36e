"""Where Quantus has a metric of ours, it gives the same number; skipped where Quantus is not installed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import saliency_widget as sw
from saliency_widget.lab import measures
from small_models import picture

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    quantus = pytest.importorskip("quantus", exc_type=ImportError)

QUIET = {"abs": False, "normalise": False, "disable_warnings": True, "display_progressbar": False}


def asked(metric, evidence, inside=None, module=None, image=None):
    """Return what a metric of Quantus says of one map (h, w)."""
    x = np.zeros((1, 3, *evidence.shape)) if image is None else image[None]
    masks = {} if inside is None else {"s_batch": inside[None, None]}
    found = metric(
        model=module or torch.nn.Identity(), x_batch=x, y_batch=np.zeros(1, int), a_batch=evidence[None, None], **masks
    )
    return np.asarray(found[0], dtype=float)


@pytest.fixture
def evidence():
    return np.random.default_rng(3).random((16, 24))


@pytest.fixture
def inside():
    mask = np.zeros((16, 24), bool)
    mask[3:9, 5:17] = True
    return mask


def test_mass_and_rank_accuracy_and_the_pointing_game(evidence, inside):
    mass = asked(quantus.RelevanceMassAccuracy(**QUIET), evidence, inside)
    rank = asked(quantus.RelevanceRankAccuracy(**QUIET), evidence, inside)
    assert measures.mass_inside(evidence, inside) == pytest.approx(float(mass))
    assert measures.rank_inside(evidence, inside) == pytest.approx(float(rank))
    for place in ((5, 9), (0, 0)):
        evidence[place] = 2
        points = asked(quantus.PointingGame(**QUIET), evidence, inside)
        assert measures.points_inside(evidence, inside) == bool(points)
        evidence[place] = 0


def test_sparseness(evidence):
    assert measures.gini(evidence) == pytest.approx(float(asked(quantus.Sparseness(**QUIET), evidence)))


class Grey(nn.Module):
    """Two classes, each a weighted sum of the pixels of one channel."""

    def __init__(self) -> None:
        super().__init__()
        drawn = torch.randn(2, 1, 8, 12, generator=torch.Generator().manual_seed(1))
        self.weight = nn.Parameter(0.2 * drawn)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nchw,kchw->nk", images, self.weight)


def test_the_deletion_curve():
    module = Grey().eval()
    model = sw.ImageModel(module, preprocess=lambda image: image, device="cpu", channels=1)
    image = picture().convert("L")
    found = sw.lab.faithfulness(
        model, image, 0, method="input_x_gradient", deletion_fill="black", steps=8, neighbours=0
    )
    (attribution,) = found.positions[0].maps.values()
    flipping = quantus.PixelFlipping(features_in_step=12, perturb_baseline=0.0, return_auc_per_sample=False, **QUIET)
    theirs = asked(flipping, attribution.sum(0), module=module, image=model.input(image).numpy())
    ours = found.curve("Input x gradient", "deletion").y
    assert np.ptp(ours) > 0.3
    assert np.allclose(ours[1:], theirs, atol=1e-5)
