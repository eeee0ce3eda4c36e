"""How alike the gradients of neighbours are, where it can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import saliency_widget as sw
from saliency_widget.lab.shattered import autocorrelation
from small_models import picture


@pytest.mark.parametrize("direction", ["random", "gradient", "other"])
def test_a_linear_models_gradient_is_the_same_everywhere(linear, direction):
    found = sw.lab.shattered(linear, picture(), 0, direction=direction, steps=4, samples=2)
    for label in ("gradient", "smoothed gradient"):
        curve = found.curve(label)
        assert np.allclose([curve.y, curve.lower, curve.upper], 1)
    assert found.number("gradient_half") is None


def test_a_quadratic_models_gradients_turn_as_its_points_do(quadratic):
    one, other = (torch.tensor(np.asarray(picture(seed=seed))).permute(2, 0, 1).double() / 255 for seed in (0, 1))
    found = sw.lab.shattered(
        quadratic, picture(), direction="other", other=picture(seed=1), steps=5, samples=0, layers=0
    )
    points = [torch.lerp(one, other, place).flatten() for place in np.linspace(0, 1, 5)]
    for lag in range(5):
        pairs = [torch.cosine_similarity(points[i], points[i + lag], dim=0) for i in range(5 - lag)]
        assert found.curve("gradient").y[lag] == pytest.approx(float(torch.stack(pairs).mean()), abs=1e-6)
        assert found.curve("gradient").lower[lag] == pytest.approx(float(torch.stack(pairs).min()), abs=1e-6)


def test_a_kink_between_two_points_tears_their_gradients_apart():
    class Kinked(torch.nn.Module):
        def forward(self, images):
            return (images.flatten(1) * 40).sin().sum(1)

    model = sw.ImageModel(Kinked(), preprocess=lambda image: image, device="cpu", precision="float64")
    found = sw.lab.shattered(model, picture(), length=0.2, steps=6, samples=0, layers=0)
    assert found.number("gradient_one_step") < 0.5
    assert found.number("gradient_half") < 0.2


def test_gradients_at_layers_are_asked_too(small):
    found = sw.lab.shattered(small, picture(), "style:gothic", steps=4, samples=0, layers=3)
    by_depth = found.curve("gradient at layers")
    assert len(by_depth.y) == 3
    assert by_depth.y[-1] == pytest.approx(1)  # behind the last layer there is but a mean and a linear layer
    assert found.number("one_step_at_body") == pytest.approx(1)


def test_white_noise_has_no_neighbours():
    drawn = torch.randn(8, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    mean, lowest, highest = autocorrelation(list(drawn))
    assert mean[0] == pytest.approx(1)
    assert np.abs(mean[1:]).max() < 0.05
    assert (lowest <= mean).all()
    assert (mean <= highest).all()


def test_the_work_is_what_was_announced(small, forwards):
    found, there, back = forwards("shattered", small, picture(), "style:gothic", steps=4, samples=3, layers=2)
    assert back == found.total == 4 * (1 + 3 + 2)
    assert there == found.total - 1  # the picture itself has just been that way, for its prediction


def test_the_slider_shows_both_maps_at_each_point(small):
    found = sw.lab.shattered(small, picture(), "style:gothic", steps=3, samples=2)
    truth = sw.explain(small, picture(), "style:gothic").attribution
    assert np.allclose(found.positions[0].maps["gradient"], truth)
    assert found.positions[0].number("gradient_like_first") == pytest.approx(1)
    assert all(set(position.maps) == {"gradient", "smoothed gradient"} for position in found.positions)


def test_a_way_to_the_picture_itself_leads_nowhere(small):
    found = sw.lab.shattered(small, picture(), "style:gothic", direction="other", other=picture(), steps=3, samples=0)
    assert np.allclose(found.curve("gradient").y, 1)
