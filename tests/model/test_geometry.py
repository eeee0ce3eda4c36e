"""The part of a picture that a model sees is measured, whatever the preprocessing is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

import saliency_widget as sw
from saliency_widget.model import read_image
from small_models import Quadratic, picture

NORMAL = v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


# name, preprocessing, (width, height), the box that it must find
CASES = {
    "the whole picture, squeezed": (v2.Compose([v2.Resize((64, 64)), NORMAL]), (300, 200), (0, 0, 300, 200)),
    "the middle of a wide one": (v2.Compose([v2.Resize(64), v2.CenterCrop(64), NORMAL]), (300, 200), (50, 0, 250, 200)),
    "the middle of a tall one": (v2.Compose([v2.Resize(64), v2.CenterCrop(64), NORMAL]), (120, 360), (0, 120, 120, 240)),
    "an inner part": (v2.Compose([v2.Resize(80), v2.CenterCrop(64), NORMAL]), (200, 200), (20, 20, 180, 180)),
    "no change at all": (v2.Compose([NORMAL]), (48, 32), (0, 0, 48, 32)),
    "a crop without a resize": (v2.Compose([v2.CenterCrop((20, 30)), NORMAL]), (50, 40), (10, 10, 40, 30)),
    "padding around it": (v2.Compose([v2.Pad(10), NORMAL]), (40, 40), (-10, -10, 50, 50)),
    "a mirror": (v2.Compose([v2.RandomHorizontalFlip(1.0), NORMAL]), (60, 40), (60, 0, 0, 40)),
    "one channel": (v2.Compose([v2.Grayscale(), v2.Resize((32, 32))]), (64, 48), (0, 0, 64, 48)),
    "Pillow only": (v2.Compose([v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.CenterCrop(32)]), (64, 64),
                    (16, 16, 48, 48)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_box_is_found_to_half_a_pixel_for(name):
    preprocess, (width, height), expected = CASES[name]
    model = sw.ImageModel(Quadratic(), preprocess=preprocess, device="cpu")
    geometry = model.geometry(read_image(Image.new("RGB", (width, height))))
    assert geometry.exact
    assert geometry.box == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("width", [480, 1500])
def test_a_pipeline_that_takes_only_pillow_images_is_measured_through_its_eight_bits(width):
    def pillow_only(image):
        return v2.functional.to_dtype(
            v2.functional.pil_to_tensor(_cropped(image.convert("RGB"))), torch.float32, scale=True
        )

    def _cropped(image):
        return v2.functional.center_crop(v2.functional.resize(image, [256]), [224])

    model = sw.ImageModel(Quadratic(), preprocess=pillow_only, device="cpu")
    geometry = model.geometry(read_image(Image.new("RGB", (width, width))))
    margin = width * 16 / 256
    assert geometry.exact
    assert geometry.box == pytest.approx((margin, margin, width - margin, width - margin), abs=0.25)


def test_an_extreme_picture_costs_no_more_than_what_is_seen_of_it():
    model = sw.ImageModel(Quadratic(), device="cpu")
    sizes = []
    resize = v2.functional.resize
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(v2.functional, "resize", lambda image, size, **k: sizes.append(size) or resize(image, size, **k))
        model.input(read_image(Image.new("RGB", (4096, 2))))
    assert sizes == [[224, 6 * 112]]


def test_a_random_preprocessing_crops_the_picture_and_its_map_alike():
    model = sw.ImageModel(Quadratic(), preprocess=v2.RandomCrop(16), device="cpu")
    before = torch.get_rng_state()
    image = picture(40, 40)
    first, second = (sw.explain(model, image) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert (first.attribution == second.attribution).all()
    left, top = (round(edge) for edge in first.geometry.box[:2])
    seen = np.asarray(image)[top : top + 16, left : left + 16].transpose(2, 0, 1) / 255
    np.testing.assert_allclose(first.attribution, seen, atol=1e-6)


def test_a_preprocessing_that_works_in_place_changes_no_picture():
    model = sw.ImageModel(Quadratic(), preprocess=v2.Normalize([0.5] * 3, [0.5] * 3, inplace=True), device="cpu")
    values = torch.rand(3, 8, 12, generator=torch.Generator().manual_seed(0))
    kept = values.clone()
    assert len({model.predict(values)["head0"].value for _ in range(3)}) == 1
    assert torch.equal(values, kept)
    assert model.geometry(read_image(values)).exact


def test_a_preprocessing_that_is_no_resize_and_crop_gets_the_whole_picture():
    def swirl(image: torch.Tensor) -> torch.Tensor:
        return image.flatten(1)[
            :, torch.randperm(image[0].numel(), generator=torch.Generator().manual_seed(0))
        ].view_as(image)

    model = sw.ImageModel(Quadratic(), preprocess=swirl, device="cpu")
    geometry = model.geometry(read_image(Image.new("RGB", (40, 30))))
    assert not geometry.exact
    assert geometry.box == (0, 0, 40, 30)


@pytest.mark.parametrize("name", ["the middle of a wide one", "an inner part", "padding around it", "a mirror"])
def test_a_bright_pixel_of_the_picture_is_found_again_by_on_image(name):
    preprocess, (width, height), (left, top, right, bottom) = CASES[name]
    model = sw.ImageModel(Quadratic(), preprocess=v2.Compose([*preprocess.transforms[:-1]]), device="cpu")
    low_x, high_x = sorted((max(0, left), min(width, right))) if left < right else (right, left)
    for x, y in ((int(low_x) + 8, max(0, top) + 8), (int(high_x) - 9, min(height, bottom) - 9)):
        image = np.zeros((height, width, 3), np.uint8)
        image[y - 4 : y + 5, x - 4 : x + 5] = 255
        heat = sw.explain(model, image, method="gradient").on_image()
        weight = np.nan_to_num(heat)
        rows, columns = np.mgrid[:height, :width]
        assert (weight * columns).sum() / weight.sum() == pytest.approx(x, abs=0.5)
        assert (weight * rows).sum() / weight.sum() == pytest.approx(y, abs=0.5)


def test_what_the_model_never_saw_is_nan():
    preprocess, size, _ = CASES["the middle of a wide one"]
    model = sw.ImageModel(Quadratic(), preprocess=preprocess, device="cpu")
    heat = sw.explain(model, Image.new("RGB", size)).on_image()
    assert heat.shape == (200, 300)
    assert np.isnan(heat[:, :49]).all()
    assert np.isnan(heat[:, 251:]).all()
    assert np.isfinite(heat[:, 51:249]).all()
