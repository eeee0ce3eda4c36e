"""Masks as people have them: read, checked against their picture, and packed for the page without losing a pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from saliency_widget.errors import BadParameter
from saliency_widget.model import Picture, read_image
from saliency_widget.runner.masks import packed, read_masks
from small_models import picture

PICTURE = read_image(picture(12, 8))
INSIDE = np.random.default_rng(0).random((8, 12)) < 0.4


def unpacked(about, data):
    """Undo `packed`, as the page does."""
    runs = np.frombuffer(data, "<u2")
    found, at = {}, 0
    for one in about:
        lengths = runs[at : at + one["runs"]]
        at += one["runs"]
        flat = np.concatenate([np.full(length, i % 2) for i, length in enumerate(lengths)])
        found[one["name"]] = flat.reshape(one["height"], one["width"]).astype(bool)
    assert at == len(runs)
    return found


@pytest.mark.parametrize(
    "given",
    [
        INSIDE,
        INSIDE.astype(np.uint8),
        INSIDE.astype(np.uint8) * 255,
        INSIDE.astype(np.float32),
        INSIDE[None],
        INSIDE[:, :, None],
        torch.from_numpy(INSIDE),
        Image.fromarray(INSIDE),
        Image.fromarray(INSIDE.astype(np.uint8) * 255),
    ],
    ids=["bool", "0 and 1", "0 and 255", "float", "1 x H x W", "H x W x 1", "tensor", "bits", "grey"],
)
def test_a_mask_may_come_in_any_form(given):
    assert (read_masks(given, PICTURE, "masks[0]")["mask"] == INSIDE).all()


def test_a_mask_may_be_a_file(tmp_path):
    path = tmp_path / "mask.png"
    Image.fromarray(INSIDE.astype(np.uint8) * 255).save(path)
    assert (read_masks(path, PICTURE, "masks[0]")["mask"] == INSIDE).all()
    with pytest.raises(BadParameter, match=r"masks\[0\] cannot be read from .*none.png.*No such file"):
        read_masks(tmp_path / "none.png", PICTURE, "masks[0]")


def test_of_a_mask_with_a_palette_every_class_counts_and_its_border_does_not():
    indices = Image.fromarray(np.array([[0, 1], [17, 255]], np.uint8), "P")
    small = read_image(picture(2, 2))
    assert read_masks(indices, small, "masks")["mask"].tolist() == [[False, True], [True, False]]


def test_several_masks_have_names_and_none_is_no_mask():
    found = read_masks({"door": INSIDE, "roof": ~INSIDE, "none": None}, PICTURE, "masks[0]")
    assert list(found) == ["door", "roof"]
    assert read_masks(None, PICTURE, "masks[0]") == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.ones((12, 8), bool), r"masks\[3\] is 8 x 12 pixels, but its picture is 12 x 8.*resize it"),
        ({"door": np.ones((4, 6), bool)}, r"masks\[3\]\['door'\] is 6 x 4 pixels"),
        (np.ones((8, 12, 3), np.uint8), r"the shape \(8, 12, 3\); expected \(height, width\)"),
        (np.full((8, 12), 2.0), r"values from 2 to 2; expected floats in \[0, 1\]"),
        (np.full((8, 12), np.nan), r"values from nan"),
        (np.full((8, 12), "x"), r"the type <U1"),
        (7, r"masks\[3\] was given as int; expected an array"),
        ({str(i): INSIDE for i in range(9)}, r"has 9 masks; at most 8"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(given, words):
    with pytest.raises(BadParameter, match=words):
        read_masks(given, PICTURE, "masks[3]")


def test_the_mask_of_a_picture_that_was_scaled_down_is_scaled_with_it(monkeypatch):
    monkeypatch.setattr("saliency_widget.runner.masks.MAX_SIDE", 12)
    whole = np.kron(INSIDE, np.ones((2, 2), bool))
    assert (read_masks(whole, PICTURE, "masks")["mask"] == INSIDE).all()
    with pytest.raises(BadParameter, match="20 x 16 pixels"):
        read_masks(np.ones((16, 20), bool), PICTURE, "masks")


@pytest.mark.parametrize(
    "mask",
    [INSIDE, np.zeros((8, 12), bool), np.ones((8, 12), bool), np.ones((300, 400), bool), np.eye(7, dtype=bool)],
    ids=["any", "nothing", "all", "a run longer than 16 bits", "a diagonal"],
)
def test_the_page_gets_a_mask_pixel_by_pixel(mask):
    assert (unpacked(*packed({"a": mask, "b": ~mask}))["b"] == ~mask).all()


def test_a_large_mask_is_sent_smaller_and_a_rough_one_smaller_still():
    about, data = packed({"half": np.arange(3000)[None].repeat(2000, 0) < 1500})
    assert (about[0]["width"], about[0]["height"]) == (512, 341)
    assert unpacked(about, data)["half"].mean() == pytest.approx(0.5, abs=0.01)
    rough = np.random.default_rng(1).random((2000, 2000)) < 0.5
    about, data = packed({"dust": rough})
    assert about[0]["width"] < 512
    assert len(data) < 20_000


def test_no_mask_is_no_bytes():
    assert packed({}) == ([], b"")


def test_a_picture_of_another_kind_has_masks_as_well():
    planes = Picture(picture(12, 8), exact=torch.rand(5, 8, 12))
    assert read_masks(INSIDE, planes, "masks")["mask"].sum() == INSIDE.sum()
