"""Blur IG: the blur against SciPy's, the path integral against closed forms, and its running maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

import saliency_widget as sw
from runs import estimates, function, last, relative
from saliency_widget.methods.blur_ig import Pieces, blurred
from small_models import Linear, Quadratic, keep, picture, two_heads


def wrapped(module):
    return sw.ImageModel(module, preprocess=keep, device="cpu", precision="float64")


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0, 2.7, 12.0, 60.0])
@pytest.mark.parametrize("size", [(1, 1), (5, 9), (48, 31)])
def test_the_blur_is_that_of_scipy(sigma, size):
    image = torch.rand(3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    theirs = ndimage.gaussian_filter(image.numpy(), (0, sigma, sigma), mode="reflect", truncate=4.0)
    np.testing.assert_allclose(blurred(image, sigma), theirs, rtol=0, atol=1e-13)


def test_the_blur_of_single_precision_is_that_of_double_precision_rounded_once():
    image = torch.rand(3, 40, 30, generator=torch.Generator().manual_seed(0))
    assert torch.equal(blurred(image, 2.7), blurred(image.double(), 2.7).float())


def test_no_blur_gives_the_picture_itself():
    image = torch.rand(3, 4, 5)
    assert blurred(image, 0.0) is image


@pytest.mark.parametrize("sqrt", [False, True])
@pytest.mark.parametrize("rule", ["midpoint", "sharp_end"])
def test_a_linear_model_is_explained_exactly_by_any_number_of_steps_and_at_any_time(sqrt, rule):
    model = wrapped(Linear())
    f = function(model, picture(), [0, 1])
    largest = 9.0**0.5 if sqrt else 9.0
    exact = model.module.weight.detach() * (f.x - blurred(f.x, largest))
    for steps in (1, 4, 45):
        for e in estimates(f, "blur_ig", steps=steps, max_sigma=9.0, sqrt=sqrt, rule=rule):
            torch.testing.assert_close(e.attribution, exact, rtol=1e-10, atol=1e-13)
        assert all(figures[0].value < 1e-10 for figures in e.quality)


def test_where_pixels_do_not_interact_each_gets_its_own_integral_in_the_limit():
    # Of x^2 / 2 in each pixel: half the square at the sharp end less half the square at the blurred one.
    f = function(wrapped(Quadratic()), picture(), [0])
    exact = (0.5 * (f.x.square() - blurred(f.x, 6.0).square())).numpy()
    errors = [relative(last(f, "blur_ig", steps=steps, max_sigma=6.0)[0], exact) for steps in (10, 40, 160)]
    assert errors[2] < 1e-3
    assert errors[0] > 4 * errors[1] > 16 * errors[2]
    at_the_end = relative(last(f, "blur_ig", steps=160, max_sigma=6.0, rule="sharp_end")[0], exact)
    assert errors[2] < 0.1 * at_the_end < 0.1


@pytest.mark.parametrize("sqrt", [False, True])
def test_it_is_complete_in_the_limit(sqrt):
    f = function(two_heads(torch.float64), picture(), ["style:gothic", "age"])
    e = estimates(f, "blur_ig", steps=1000, max_sigma=9.0, sqrt=sqrt)[-1]
    scores = f.scores(torch.stack([blurred(f.x, 3.0 if sqrt else 9.0), f.x]))
    for total, change, figures in zip(e.attribution.sum((1, 2, 3)), scores[1] - scores[0], e.quality, strict=True):
        assert float(total) == pytest.approx(float(change), rel=0.02)
        assert figures[0].name == "completeness_error"
        assert figures[0].value == pytest.approx(abs(float((total - change) / change)), rel=1e-6)


def test_the_final_map_is_the_sum_of_all_gradients_times_their_own_pieces():
    f = function(two_heads(torch.float64), picture(), ["style:gothic", "age"])
    steps, largest = 70, 5.0  # more than are kept
    points = [blurred(f.x, largest * (i + 0.5) / steps) for i in range(steps)]
    gradients = torch.cat([c.gradients for c in f.each(points)], dim=1)
    edges = torch.stack([blurred(f.x, largest * i / steps) for i in range(steps + 1)])
    exact = (gradients * (edges[:-1] - edges[1:])).sum(1)
    assert relative(last(f, "blur_ig", steps=steps, max_sigma=largest), exact) < 1e-12


def test_a_gradient_stands_for_the_path_halfway_to_its_neighbours_until_more_is_known():
    # The picture's value at cut i is 10 - i, so each piece's change is 1.
    pieces = Pieces(lambda i: torch.tensor([[[10.0 - i]]]), 10)
    for piece, gradient, total in [(5, 1.0, 10), (2, 3.0, 4 * 3 + 6 * 1), (8, 5.0, 4 * 3 + 3 * 1 + 3 * 5)]:
        pieces.add(piece, torch.full((1, 1, 1, 1), gradient))
        assert float(pieces.total()) == total


@pytest.mark.parametrize("steps", [30, 100])
def test_a_running_map_is_an_estimate_of_the_final_one(steps):
    f = function(two_heads(torch.float64), picture(), ["style:gothic", "age"])
    run = estimates(f, "blur_ig", steps=steps, max_sigma=8.0)
    final = run[-1].attribution
    quarter = next(e for e in run if e.done >= steps / 4).attribution
    assert relative(quarter, final) < 0.25
    assert {e.kind for e in run} == {"estimate"}
    assert [e.done for e in run] == sorted({e.done for e in run})


@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
def test_maps_depend_neither_on_the_chunk_size_nor_on_the_other_targets(chunk):
    model = two_heads(torch.float64)
    targets = ["style:gothic", "style:greek_roman", "age"]
    together = last(function(model, picture(), targets, chunk=chunk), "blur_ig", steps=45)
    for t, target in enumerate(targets):
        alone = last(function(model, picture(), [target], chunk=5), "blur_ig", steps=45)
        assert relative(together[t], alone[0]) < 1e-10
