"""XRAI: the ranking of regions by hand, the regions of a picture, and the run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import saliency_widget as sw
from runs import estimates, function, last, relative
from saliency_widget.methods import regions
from saliency_widget.methods.regions import Regions, regions_of, segments
from small_models import Linear, keep, picture, two_heads


def mask(*rows):
    return np.array([[character == "x" for character in row] for row in rows])


def blocks(side=64):
    """Four squares of one colour each."""
    image = np.zeros((side, side, 3), dtype=np.uint8)
    image[: side // 2, : side // 2] = (200, 30, 30)
    image[side // 2 :, : side // 2] = (30, 200, 30)
    image[: side // 2, side // 2 :] = (30, 30, 200)
    return image


def by_pixels(masks, attribution, min_pixels):
    """Rank as the paper says, pixel by pixel and slowly."""
    taken = np.zeros(attribution.shape, dtype=bool)
    result = np.full(attribution.shape, np.nan)
    left = list(masks)
    while left := [m for m in left if (m & ~taken).sum() >= min_pixels]:
        best = max(left, key=lambda m: attribution[m & ~taken].mean())
        result[best & ~taken] = attribution[best & ~taken].mean()
        taken |= best
    result[~taken] = attribution[~taken].mean() if (~taken).any() else 0
    return result


def test_the_region_with_the_highest_mean_comes_first_and_the_next_gets_only_what_it_adds():
    masks = np.stack([mask("xx..", "xx.."), mask(".xxx", ".xxx"), mask("....", "..xx")])
    attribution = np.array([[4.0, 8.0, 1.0, 1.0], [4.0, 8.0, 3.0, 3.0]])
    # The first region has mean 6, the second 4, the third 3. After the first, the second would add (1 + 1 + 3 + 3) / 4 = 2, the
    # third 3: the third goes first, and the second adds 1.
    ranked = Regions.from_masks(masks).rank(attribution, 1)
    np.testing.assert_allclose(ranked, [[6, 6, 1, 1], [6, 6, 3, 3]])
    # Where a region must add three pixels, the third is out, and the second adds all four.
    ranked = Regions.from_masks(masks).rank(attribution, 3)
    np.testing.assert_allclose(ranked, [[6, 6, 2, 2], [6, 6, 2, 2]])


def test_what_is_in_no_region_gets_its_own_mean_so_that_the_sum_stays():
    masks = np.stack([mask("x...", "....")])
    attribution = np.array([[5.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]])
    ranked = Regions.from_masks(masks).rank(attribution, 1)
    np.testing.assert_allclose(ranked, [[5, 4, 4, 4], [4, 4, 4, 4]])
    assert ranked.sum() == attribution.sum()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("min_pixels", [1, 6, 40])
def test_ranking_by_atoms_is_ranking_by_pixels(seed, min_pixels):
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:20, :30]
    masks = np.stack(
        [
            np.hypot(rows - generator.integers(20), columns - generator.integers(30)) < generator.integers(2, 12)
            for _ in range(25)
        ]
    )
    attribution = generator.normal(size=(20, 30))
    ranked = Regions.from_masks(masks).rank(attribution, min_pixels)
    np.testing.assert_allclose(ranked, by_pixels(masks, attribution, min_pixels), rtol=1e-10)
    assert ranked.sum() == pytest.approx(attribution.sum())


@pytest.mark.parametrize("size", [(224, 224), (64, 64), (32, 48), (300, 200)])
def test_segments_cover_the_picture_at_its_own_size(size):
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    image[:, : size[0] // 2] *= 0.1
    found = segments(image)
    assert found.shape[1:] == size
    assert found.dtype == bool
    assert found.any(0).all()
    assert found.any((1, 2)).all()


def test_a_picture_of_one_colour_is_one_region():
    found = segments(torch.full((3, 64, 64), 0.3))
    assert all(one.all() for one in found)


def test_the_regions_of_a_picture_follow_its_edges():
    found = segments(torch.from_numpy(blocks(224)).permute(2, 0, 1) / 255)
    first = next(one for one in found if one[:107, :107].all())
    assert not first[120:, :].any()
    assert not first[:, 120:].any()


def test_the_regions_of_a_picture_are_found_once_and_only_a_few_pictures_are_remembered(monkeypatch):
    looked = []
    monkeypatch.setattr(regions, "segments", lambda x: looked.append(1) or np.ones((1, *x.shape[1:]), dtype=bool))
    monkeypatch.setattr(regions, "_kept", type(regions._kept)())
    pictures = [torch.full((3, 8, 8), i / 10) for i in range(6)]
    first = regions_of(pictures[0])
    assert regions_of(pictures[0].clone()) is first
    assert len(looked) == 1
    for one in pictures:
        regions_of(one)
    assert len(looked) == 6
    assert len(regions._kept) == 4
    regions_of(pictures[0])
    assert len(looked) == 7


def test_a_linear_model_s_map_is_the_ranking_of_its_exact_attribution():
    model = sw.ImageModel(Linear(64, 64), preprocess=keep, device="cpu")
    f = function(model, blocks(), [0, 1])
    weight = model.module.weight.detach()
    exact = (weight * (f.x - 0.5)).amax(1).numpy()  # the mean of x (from black) and x - 1 (from white)
    ranked = np.stack([regions_of(f.to_pixels(f.x[None])[0]).rank(one, 50) for one in exact])
    found = last(f, "xrai", steps=2)
    assert found.shape == (2, 1, 64, 64)
    assert relative(found[:, 0], ranked) < 1e-10


def test_running_maps_are_ranked_a_limited_number_of_times_and_at_the_end(monkeypatch):
    counted = []
    plain = Regions.rank
    monkeypatch.setattr(Regions, "rank", lambda *args: counted.append(1) or plain(*args))
    f = function(two_heads(torch.float64), picture(64, 64), ["age"], chunk=1)
    run = estimates(f, "xrai", steps=40)
    assert len(run) == 80
    assert len(counted) <= 22
    whole = estimates(function(two_heads(torch.float64), picture(64, 64), ["age"], chunk=64), "xrai", steps=40)
    assert relative(run[-1].attribution, whole[-1].attribution) < 1e-10
    assert {e.kind for e in run} == {"estimate"}


@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
def test_maps_depend_neither_on_the_chunk_size_nor_on_the_other_targets(chunk):
    model = two_heads(torch.float64)
    targets = ["style:gothic", "style:greek_roman", "age"]
    together = last(function(model, blocks(), targets, chunk=chunk), "xrai", steps=9, min_pixels=20)
    for t, target in enumerate(targets):
        alone = last(function(model, blocks(), [target], chunk=5), "xrai", steps=9, min_pixels=20)
        assert relative(together[t], alone[0]) < 1e-10
