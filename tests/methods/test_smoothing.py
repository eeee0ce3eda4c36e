"""SmoothGrad, its square and VarGrad against the draws that they are made of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import saliency_widget as sw
from runs import estimates, function, last, relative
from saliency_widget.methods.moments import Moments
from small_models import Quadratic, keep, picture, two_heads

METHODS = ["smoothgrad", "smoothgrad_squared", "vargrad"]


def draws(f, count, noise):
    sigma = noise * (f.x.max() - f.x.min())
    return torch.cat([c.gradients for c in f.each(f.x + sigma * f.noise(i) for i in range(count))], dim=1)


def test_the_three_maps_are_the_mean_the_mean_square_and_the_sample_variance_of_the_same_draws():
    f = function(two_heads(torch.float64), picture(), ["style:gothic", "age"], seed=5)
    drawn = draws(f, 12, 0.2)
    e = estimates(f, "smoothgrad", samples=12, noise=0.2)[-1]
    assert relative(e.attribution, drawn.mean(1)) < 1e-12
    assert relative(e.siblings["smoothgrad_squared"], drawn.square().mean(1)) < 1e-12
    assert relative(e.siblings["vargrad"], drawn.var(1)) < 1e-10


def test_the_standard_error_is_that_of_the_draws_relative_to_the_map():
    f = function(two_heads(torch.float64), picture(), ["style:gothic", "age"], seed=5)
    drawn = draws(f, 12, 0.2)
    e = estimates(f, "smoothgrad", samples=12, noise=0.2)[-1]
    for each, figures in zip(drawn, e.quality, strict=True):
        error = float((each.var(0) / 12).sum().sqrt() / each.mean(0).norm())
        assert figures[0].value == pytest.approx(error, rel=1e-10)


def test_the_gradient_of_a_quadratic_model_is_the_picture_and_its_variance_that_of_the_noise():
    model = sw.ImageModel(Quadratic(), preprocess=keep, device="cpu", precision="float64")
    f = function(model, picture(), [0])
    sigma = 0.1 * float(f.x.max() - f.x.min())
    e = estimates(f, "smoothgrad", samples=1000, noise=0.1)[-1]
    np.testing.assert_allclose(e.attribution[0], f.x, atol=5 * sigma / 1000**0.5)
    assert float(e.siblings["vargrad"].mean()) == pytest.approx(sigma**2, rel=0.02)


def test_the_variance_of_nearly_equal_maps_does_not_drown_in_their_size():
    moments = Moments()
    for i in range(100):
        moments.add(torch.full((1, 1, 1, 1), 1e6 + (i % 2), dtype=torch.float32))
    assert float(moments.variance) == pytest.approx(100 / 99 / 4, rel=1e-5)


def test_one_sample_has_no_standard_error_and_no_variance():
    f = function(two_heads(), picture(), ["style:gothic"])
    e = estimates(f, "smoothgrad", samples=1)[-1]
    assert e.quality == ((),)
    assert "vargrad" not in e.siblings


def test_the_standard_error_falls_as_the_root_of_the_samples():
    f = function(two_heads(torch.float64), picture(), ["style:gothic"])
    few, many = (estimates(f, "smoothgrad", samples=count)[-1].quality[0][0].value for count in (100, 900))
    assert few / many == pytest.approx(3, rel=0.15)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
def test_maps_depend_neither_on_the_chunk_size_nor_on_the_other_targets(method, chunk):
    model = two_heads(torch.float64)
    targets = ["style:gothic", "style:greek_roman", "age"]
    together = last(function(model, picture(), targets, seed=3, chunk=chunk), method, samples=19)
    for t, target in enumerate(targets):
        alone = last(function(model, picture(), [target], seed=3, chunk=5), method, samples=19)
        assert relative(together[t], alone[0]) < 1e-10
    other = last(function(model, picture(), targets, seed=4), method, samples=19)
    assert relative(other, together) > 1e-3


@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_seed_draws_the_same_noise_bit_for_bit(seed):
    model = two_heads(torch.float64)
    one, other = (function(model, picture(), ["age"], seed=seed, chunk=chunk) for chunk in (1, 64))
    for i in range(5):
        assert torch.equal(one.noise(i), other.noise(i))
    assert not torch.equal(one.noise(0), one.noise(1))
