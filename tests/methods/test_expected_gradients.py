"""Expected Gradients: closed forms, where the baselines come from, and what the same seed promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import saliency_widget as sw
from runs import estimates, function, last, relative
from saliency_widget.errors import BadParameter
from saliency_widget.methods.expected_gradients import places, references
from saliency_widget.model import read_image
from small_models import Linear, Quadratic, keep, picture, two_heads


def wrapped(module):
    return sw.ImageModel(module, preprocess=keep, device="cpu", precision="float64")


@pytest.mark.parametrize("reference", ["colours", "noise", "dataset"])
def test_a_linear_model_gets_its_weights_times_the_difference_from_the_mean_baseline(reference):
    model = wrapped(Linear())
    model.references = tuple(read_image(picture(seed=seed)) for seed in (1, 2, 3))
    f = function(model, picture(), [0, 1], seed=4)
    mean = torch.stack(list(references(f, reference, 12))).mean(0)
    exact = model.module.weight.detach() * (f.x - mean)
    assert relative(last(f, "expected_gradients", samples=12, reference=reference), exact) < 1e-12


def test_a_quadratic_model_gets_half_the_difference_of_the_squares_on_average():
    # Along each path the integral is (x^2 - r^2) / 2; over uniform colours r^2 is 1/3 on average.
    f = function(wrapped(Quadratic()), picture(), [0])
    e = estimates(f, "expected_gradients", samples=2000)[-1]
    exact = 0.5 * (f.x.square() - 1 / 3)
    assert relative(e.attribution[0], exact) < 0.05
    # The places are spread, so the true error is below the standard error, which takes them as drawn one by one.
    assert relative(e.attribution[0], exact) < 1.5 * e.quality[0][0].value < 0.15


def test_it_is_complete_on_average():
    model = two_heads(torch.float64)
    f = function(model, picture(), ["style:gothic", "age"])
    e = estimates(f, "expected_gradients", samples=1500)[-1]
    scores = f.scores(torch.stack([f.x, *references(f, "colours", 1500)]))
    change = scores[0] - scores[1:].mean(0)
    np.testing.assert_allclose(e.attribution.sum((1, 2, 3)), change, rtol=0.15)


def test_flat_colours_are_flat_and_noise_is_not_and_both_are_pictures():
    f = function(wrapped(Linear()), picture(), [0])
    for kind, spread in (("colours", 0.0), ("noise", 0.2)):
        drawn = torch.stack(list(references(f, kind, 40)))
        assert drawn.min() >= 0
        assert drawn.max() <= 1
        assert float(drawn.std((2, 3)).mean()) >= spread
        assert float(drawn.std((2, 3)).max()) == 0 or kind == "noise"
        assert float(drawn.mean()) == pytest.approx(0.5, abs=0.1)


def test_noise_keeps_its_grain_when_a_large_picture_is_made_small():
    model = sw.ImageModel(Linear(32, 32), preprocess=None, input_size=32, device="cpu", precision="float64")
    f = function(model, picture(640, 480), [0])
    (drawn,) = references(f, "noise", 1)
    plain = f.to_pixels(drawn[None])[0]
    assert drawn.shape == f.x.shape
    assert float(plain.std()) > 0.1


def test_the_model_s_own_pictures_are_used_equally_often():
    model = wrapped(Linear())
    model.references = tuple(read_image(picture(seed=seed)) for seed in (1, 2, 3))
    f = function(model, picture(), [0], seed=6)
    drawn = list(references(f, "dataset", 9))
    for known in f.references:
        assert sum(torch.equal(known, one) for one in drawn) == 3


def test_without_reference_pictures_it_says_where_they_belong():
    with pytest.raises(BadParameter, match=r"references=\["):
        sw.explain(two_heads(), picture(), "style", "expected_gradients", reference="dataset")


def test_a_reference_picture_of_another_shape_is_refused_with_both_shapes():
    model = two_heads()
    model.references = (read_image(picture(20, 20)),)
    with pytest.raises(BadParameter, match=r"\(3, 20, 20\).*\(3, 8, 12\)"):
        sw.explain(model, picture(), "style", "expected_gradients", reference="dataset")


@pytest.mark.parametrize("seed", [0, 1, 99])
def test_the_places_are_spread_over_the_path_at_any_time(seed):
    for count in (10, 25, 100):
        gaps = np.diff(np.sort(places(seed, count)))
        assert gaps.max() < 3 / count
    assert places(seed, 3) != places(seed + 1, 3)


def test_noise_on_the_picture_is_added_to_its_end_of_the_path():
    model = wrapped(Linear())
    f = function(model, picture(), [0], seed=8)
    sigma = 0.1 * (f.x.max() - f.x.min())
    ends = torch.stack([f.x + sigma * f.noise(i) for i in range(6)]).mean(0)
    exact = model.module.weight[0].detach() * (ends - torch.stack(list(references(f, "colours", 6))).mean(0))
    assert relative(last(f, "expected_gradients", samples=6, noise=0.1)[0], exact) < 1e-12


def test_the_standard_error_is_that_of_the_samples():
    f = function(two_heads(torch.float64), picture(), ["style:gothic"], seed=2)
    found = [
        c.gradients[0, 0] * (f.x - r)
        for r, a in zip(references(f, "colours", 9), places(2, 9), strict=True)
        for c in f.each([r + a * (f.x - r)])
    ]
    each = torch.stack(found)
    e = estimates(f, "expected_gradients", samples=9)[-1]
    assert relative(e.attribution[0], each.mean(0)) < 1e-12
    error = float((each.var(0) / 9).sum().sqrt() / each.mean(0).norm())
    assert e.quality[0][0].name == "standard_error"
    assert e.quality[0][0].value == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("reference", ["colours", "noise"])
@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
def test_the_same_seed_draws_the_same_whatever_the_chunk_and_the_other_targets(reference, chunk):
    model = two_heads(torch.float64)
    targets = ["style:gothic", "style:greek_roman", "age"]
    f, g = function(model, picture(), targets, seed=3, chunk=chunk), function(model, picture(), targets[:1], seed=3)
    for one, other in zip(references(f, reference, 5), references(g, reference, 5), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    together = last(f, "expected_gradients", samples=19, reference=reference, noise=0.1)
    alone = last(g, "expected_gradients", samples=19, reference=reference, noise=0.1)
    assert relative(together[0], alone[0]) < 1e-10
    other = function(model, picture(), targets[:1], seed=4)
    assert relative(last(other, "expected_gradients", samples=19, reference=reference), alone) > 1e-3


def test_reference_pictures_are_given_as_a_list_of_any_images():
    model = sw.ImageModel(Linear(), preprocess=keep, device="cpu", references=[picture(seed=1), picture(seed=2)])
    assert [known.tensor.shape for known in model.references] == [(3, 8, 12)] * 2
    with pytest.raises(BadParameter, match="references was given as Image; expected a list of images"):
        model.references = picture()
