"""RISE against what it converges to on a linear model, and the masks that it is made of."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import saliency_widget as sw
from saliency_widget.compute import Cancelled, CancelToken, ScoreFunction
from saliency_widget.methods import get
from saliency_widget.methods.rise import mask
from saliency_widget.model import read_image
from saliency_widget.plan import prepare
from small_models import Linear, keep, picture, two_heads

SMALL = {"samples": 40, "cells": 3}
BLOCK = 32  # of masks of 3 x 3 cells: the power of two above the 16 cells of their grid


def score_function(model, targets=("style:gothic",), **options):
    return ScoreFunction(model, read_image(picture()), [model.resolve(t) for t in targets], **options)


def run(f, **params):
    method = get("rise")
    with torch.no_grad():
        return list(method.estimates(f, method.validate(SMALL | params)))


def linear(seed=0, **options):
    model = sw.ImageModel(Linear(), preprocess=keep, device="cpu")
    model.discover(picture())
    f = ScoreFunction(model, read_image(picture()), [model.resolve(1)], seed=seed, **options)
    return f, model.module.weight[1].detach() * (f.x - f.baseline("black"))


def masks(count, p=0.5, seed=0, size=(8, 12), cells=3):
    return torch.stack([mask(seed, i, size, cells, p) for i in range(count)]).double()


@pytest.fixture(scope="module")
def together():
    """How much of each pixel's mask is that of another one: exactly, from all shifts of a grid of independent cells."""
    cells = torch.eye(16).view(16, 1, 4, 4)
    large = torch.nn.functional.interpolate(cells, (4 * 3, 4 * 4), mode="bilinear")[:, 0].double()
    shifted = [large[:, top : top + 8, left : left + 12] for top in range(3) for left in range(4)]
    return sum(torch.einsum("chw,cij->hwij", one, one) for one in shifted) / len(shifted)


def test_a_linear_model_has_its_input_times_gradient_seen_through_the_masks(together):
    """The score is the sum of share x mask, so its covariance with a mask is that of the masks, applied to the shares."""
    shares = linear()[1].sum(0)
    expected = torch.einsum("hwij,ij->hw", together, shares) * 0.25 / 0.5
    errors = {}
    for samples in (8 * BLOCK, 128 * BLOCK):
        found = run(linear(seed=1, chunk=64)[0], samples=samples, baseline="black")[-1].attribution[0, 0]
        errors[samples] = float((found - expected).norm() / expected.norm())
    assert errors[128 * BLOCK] < 0.05
    assert errors[128 * BLOCK] < 0.5 * errors[8 * BLOCK]


@pytest.mark.parametrize(("samples", "p"), [(2, 0.5), (5, 0.5), (BLOCK, 0.5), (40, 0.5), (2, 0.2), (40, 0.8)])
def test_the_map_has_its_expected_value_at_any_number_of_samples(samples, p, together):
    """Averaged over many seeds, the maps of few samples are those of many: nothing is short of its share."""
    f, shares = linear(chunk=64)
    expected = torch.einsum("hwij,ij->hw", together, shares.sum(0)) * (1 - p)
    maps = []
    for seed in range(3000 // samples):
        f.seed = seed
        maps.append(run(f, samples=samples, p=p, baseline="black")[-1].attribution[0, 0])
    mean = torch.stack(maps).mean(0)
    slope = float((mean * expected).sum() / expected.square().sum())
    assert slope == pytest.approx(1, abs=0.1)


def test_the_masks_hide_a_pixel_with_the_stated_probability():
    for p in (0.2, 0.5, 0.9):
        drawn = masks(100 * BLOCK, p=p)
        assert float(drawn.mean()) == pytest.approx(p, abs=0.01)
        assert float((drawn.mean(0) - p).abs().max()) < 0.06
        assert float(drawn.min()) >= 0
        assert float(drawn.max()) <= 1


def test_the_masks_of_a_block_complement_each_other():
    drawn = masks(BLOCK, size=(9, 9))
    torch.testing.assert_close(drawn.mean(0), torch.full((9, 9), 0.5, dtype=torch.float64))
    assert len({tuple(one.flatten().tolist()) for one in drawn}) == BLOCK
    cells = (drawn[:, 1::3, 1::3] - drawn.mean(0)[1::3, 1::3]).flatten(1)
    far = [(a, b) for a, b in itertools.combinations(range(9), 2) if abs(a // 3 - b // 3) > 1 or abs(a % 3 - b % 3) > 1]
    # Cells that share no corner of the grid, however it is shifted, are shown independently of each other.
    for a, b in far:
        assert abs(float(cells[:, a] @ cells[:, b])) < 1e-6


def test_the_masks_depend_on_seed_and_index_alone():
    torch.testing.assert_close(masks(3, seed=4)[2], mask(4, 2, (8, 12), 3, 0.5).double(), rtol=0, atol=0)
    assert not torch.equal(mask(4, 2, (8, 12), 3, 0.5), mask(5, 2, (8, 12), 3, 0.5))
    assert not torch.equal(mask(4, 2, (8, 12), 3, 0.5), mask(4, 3, (8, 12), 3, 0.5))


def test_the_same_seed_gives_the_same_map_and_another_one_another():
    model = two_heads(torch.float64)
    maps = [run(score_function(model, seed=seed))[-1].attribution for seed in (3, 3, 4)]
    torch.testing.assert_close(maps[0], maps[1], rtol=0, atol=0)
    assert not torch.allclose(maps[0], maps[2])


@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
def test_the_map_does_not_depend_on_the_chunk_size(chunk):
    model = two_heads(torch.float64)
    whole = run(score_function(model, chunk=5))[-1].attribution
    torch.testing.assert_close(run(score_function(model, chunk=chunk))[-1].attribution, whole, rtol=1e-10, atol=1e-16)


def test_all_targets_come_from_the_same_forwards():
    model = two_heads(torch.float64)
    targets = ["style:gothic", "style:greek_roman", "age"]
    f = score_function(model, targets)
    maps = run(f)[-1].attribution
    assert (f.forwards, f.backwards) == (SMALL["samples"], 0)
    assert maps.shape == (3, 1, 8, 12)
    for target, one in zip(targets, maps, strict=True):
        own = run(score_function(model, [target]))[-1].attribution[0]
        torch.testing.assert_close(one, own, rtol=1e-10, atol=1e-16)


def test_the_stated_cost_is_the_number_of_forwards_taken():
    model = two_heads()
    plan = prepare(model, picture(), "style:gothic", "rise", params=SMALL)
    f = score_function(model)
    last = run(f)[-1]
    assert f.forwards == plan.total == last.total == last.done


def test_a_streamed_result_equals_the_one_shot_result_exactly():
    once = sw.explain(two_heads(), picture(), "style:gothic", "rise", seed=3, **SMALL)
    streamed = list(sw.stream(two_heads(), picture(), "style:gothic", "rise", seed=3, **SMALL))
    np.testing.assert_array_equal(streamed[-1].attribution, once.attribution)
    assert [e.progress for e in streamed] == sorted({e.progress for e in streamed})
    assert streamed[-1].progress == 1


def test_a_model_that_does_not_look_has_a_map_of_zeros():
    class Blind(torch.nn.Module):
        def forward(self, images):
            return 0 * images.sum((1, 2, 3))[:, None] + 7

    model = sw.ImageModel(Blind(), preprocess=keep, device="cpu", precision="float64")
    e = sw.explain(model, picture(), method="rise", **SMALL)
    assert np.abs(e.attribution).max() == 0


def test_the_standard_error_is_the_spread_of_maps_over_seeds():
    f, _ = linear(chunk=64)
    finals, stated = [], []
    for seed in range(24):
        f.seed = seed
        last = run(f, samples=8 * BLOCK, baseline="black")[-1]
        finals.append(last.attribution)
        stated.append(last.quality[0][0].value)
    drawn = torch.cat(finals)
    true = float(drawn.var(0).sum().sqrt() / drawn.mean(0).norm())
    assert np.mean(stated) == pytest.approx(true, rel=0.2)


def test_there_is_no_standard_error_before_two_blocks_are_complete():
    said = [bool(e.quality and e.quality[0]) for e in run(linear(chunk=1)[0], samples=2 * BLOCK + 1)]
    assert said == [False] * (2 * BLOCK - 2) + [True] * 2


def test_a_cancelled_run_stops_and_leaves_the_model_as_it_was():
    model = two_heads(torch.float64)
    whole = run(score_function(model))[-1].attribution
    token = CancelToken()
    f = score_function(model, cancel=token)
    method = get("rise")
    with torch.no_grad():
        estimates = method.estimates(f, method.validate(SMALL))
        next(estimates)
        token.cancel()
        with pytest.raises(Cancelled):
            next(estimates)
    torch.testing.assert_close(run(score_function(model))[-1].attribution, whole, rtol=0, atol=0)
