"""Maps against masks that are known, and the figures by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import saliency_widget as sw
from saliency_widget.lab import measures
from small_models import keep, picture


class Planted(nn.Module):
    """One value that depends on the left third of the picture alone."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[..., :4].flatten(1).sum(1)


@pytest.fixture
def planted() -> sw.ImageModel:
    return sw.ImageModel(Planted(), preprocess=keep, device="cpu")


def left() -> np.ndarray:
    mask = np.zeros((8, 12), bool)
    mask[:, :4] = True
    return mask


def test_a_planted_models_evidence_lies_where_it_was_planted(planted):
    found = sw.lab.localisation(planted, picture(), mask=left())
    assert found.number("mass") == 1
    assert found.number("rank") == 1
    assert found.number("pointing") == 1
    assert found.number("size") == pytest.approx(1 / 3)
    for control in ("edge detector", "random map"):
        assert found.position(control).number("mass") < 0.7


def test_evidence_elsewhere_counts_for_nothing(planted):
    found = sw.lab.localisation(planted, picture(), mask=~left(), tolerance=0)
    assert [found.number(name) for name in ("mass", "rank", "pointing")] == [
        0,
        0.5,
        0,
    ]  # half of the eight rest is chance
    near = sw.lab.localisation(planted, picture(), mask=~left(), tolerance=3)
    assert near.number("pointing") == 1


def test_several_masks_are_asked_at_once_and_the_heads_own_comes_first(small):
    found = sw.lab.localisation(small, picture(), "style:gothic", mask={"ground": ~left(), "style": left()})
    assert found.number("mass") + found.number("mass_ground") == pytest.approx(1)
    assert "'style'" in found.reading
    assert found.curve("Gradient").y[-1] == pytest.approx(1 / 3)
    assert np.allclose(found.curve("by chance").y, 1 / 3)


@pytest.mark.parametrize(
    "mask",
    [
        left().astype(np.uint8) * 255,
        left().astype(np.float32),
        torch.from_numpy(left()),
        Image.fromarray(left().astype(np.uint8) * 200),
        left().tolist(),
    ],
    ids=["uint8", "float", "tensor", "picture", "list"],
)
def test_a_mask_may_be_anything_that_has_an_inside(planted, mask):
    assert sw.lab.localisation(planted, picture(), mask=mask).number("mass") == 1


def test_what_the_model_never_saw_counts_neither_inside_nor_outside():
    class Middle(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1).sum(1)

    model = sw.ImageModel(Middle(), preprocess=lambda image: image[:, :, 2:10], device="cpu")
    found = sw.lab.localisation(model, picture(), mask=left())
    assert found.number("size") == pytest.approx(2 / 8)
    assert found.number("mass") == pytest.approx(2 / 8)
    unseen = np.zeros((8, 12), bool)
    unseen[:, 11] = True
    with pytest.raises(sw.SaliencyError, match="none of what the model sees of the picture lies in mask 'mask'"):
        sw.lab.localisation(model, picture(), mask=unseen)


def test_ties_share_what_they_hold():
    inside = np.array([True, True, False, False])
    assert measures.rank_inside(np.zeros(4), inside) == 0.5
    assert measures.rank_inside(np.array([3.0, 1.0, 1.0, 1.0]), inside) == pytest.approx((1 + 1 / 3) / 2)
    counts = np.array([1, 2, 4])
    assert measures.rank_curve(np.array([4.0, 3.0, 2.0, 1.0]), inside, counts).tolist() == [1, 1, 0.5]


def test_a_map_without_evidence_points_nowhere():
    inside = np.eye(4, dtype=bool)
    assert measures.mass_inside(np.zeros((4, 4)), inside) is None
    assert measures.points_inside(np.zeros((4, 4)), inside) is None


def test_among_equally_strong_pixels_none_comes_first_by_its_place():
    evidence = np.zeros((5, 5))
    evidence[2, 1:4] = 1
    middle = np.zeros((5, 5), bool)
    middle[2, 2] = True
    assert measures.points_inside(evidence, middle)
    assert not measures.points_inside(evidence, np.roll(middle, 2, 0))
    assert measures.points_inside(evidence, np.roll(middle, 2, 0), tolerance=2)


def test_sparseness_is_0_for_a_flat_map_and_near_1_for_a_single_pixel():
    assert measures.gini(np.full((10, 10), -2.0)) == pytest.approx(0)
    single = np.zeros((10, 10))
    single[3, 3] = 5
    assert measures.gini(single) == pytest.approx(0.99)
    assert measures.gini(np.array([1.0, 3.0])) == pytest.approx(0.25)
    assert measures.gini(np.zeros(3)) is None


def test_rank_correlation_and_structural_similarity_know_nothing_of_scale():
    drawn = np.random.default_rng(0).random((16, 16))
    assert measures.spearman(drawn, np.exp(7 * drawn)) == pytest.approx(1)
    assert measures.spearman(drawn, -drawn) == pytest.approx(-1)
    assert measures.similarity(drawn, 30 * drawn) == pytest.approx(1)
    assert measures.spearman(drawn, np.ones((16, 16))) is None
    assert measures.similarity(drawn, np.zeros((16, 16))) is None


def test_what_a_map_leaves_unexplained_does_not_depend_on_its_scale():
    change = np.array([1.0, 2.0, -1.0])
    assert measures.unexplained(10 * change, change) == pytest.approx(0)
    assert measures.unexplained(np.array([2.0, -1.0, 0.0]), change) == pytest.approx(1)
    assert measures.unexplained(np.zeros(3), change) == 1
    assert measures.unexplained(change, np.zeros(3)) is None
