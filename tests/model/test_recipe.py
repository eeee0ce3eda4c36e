"""A preprocessing that is understood does what it says, and is not taken for another one that is almost the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from saliency_widget.errors import BadImage
from saliency_widget.model.geometry import measure
from saliency_widget.model.preprocess import Preprocess
from saliency_widget.model.recipe import Crop, Recipe, Resize, agrees

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RECIPE = Recipe(Resize(76, 76, "cover", "bicubic"), Crop(64, 64), MEAN, STD)


def torchvisions(resize=76, crop=64, interpolation=v2.InterpolationMode.BICUBIC, mean=MEAN):
    return v2.Compose(
        [
            v2.Resize(resize, interpolation=interpolation),
            v2.CenterCrop(crop),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean, STD),
        ]
    )


def test_a_recipe_reads_as_words():
    assert str(RECIPE) == (
        "resize the short side to 76 (bicubic), crop the centre 64 x 64, mean (0.485, 0.456, 0.406), std (0.229, 0.224, 0.225)"
    )
    odd = Recipe(Resize(8, 9), None, (0.0,) * 3, (0.5,) * 3, channels="BGR", scale=255)
    assert str(odd) == "resize to 8 x 9 (bilinear), no crop, channels blue green red, values 0 to 255, mean 0, std 0.5"
    padded = Recipe(Resize(8, 9, "contain"), Crop(8, 9, fill=(0.5, 0.4, 0.3)))
    assert "resize to fit into 8 x 9 (bilinear), crop the centre 8 x 9, padded with (0.5, 0.4, 0.3)" in str(padded)


def test_a_recipe_agrees_with_the_pipeline_that_it_describes():
    assert agrees(RECIPE, torchvisions())


@pytest.mark.parametrize(
    "other",
    [
        replace(RECIPE, resize=Resize(75, 75, "cover", "bicubic")),
        replace(RECIPE, resize=Resize(76, 76, "cover", "bilinear")),
        replace(RECIPE, resize=Resize(76, 76, "stretch", "bicubic")),
        replace(RECIPE, resize=Resize(76, 76, "cover", "bicubic", "round")),
        replace(RECIPE, crop=Crop(64, 64, "floor")),
        replace(RECIPE, crop=Crop(64, 63)),
        replace(RECIPE, crop=None),
        replace(RECIPE, mean=(0.485, 0.456, 0.4)),
        replace(RECIPE, std=(0.229, 0.224, 0.229)),
        replace(RECIPE, channels="BGR"),
        replace(RECIPE, scale=254.0),
    ],
    ids=[
        "size",
        "filter",
        "stretch",
        "rounding",
        "crop-rounding",
        "crop",
        "no-crop",
        "mean",
        "std",
        "channels",
        "scale",
    ],
)
def test_a_recipe_that_is_almost_the_pipeline_is_not_taken_for_it(other):
    assert not agrees(other, torchvisions())


def test_a_pipeline_that_raises_is_no_recipe():
    assert not agrees(RECIPE, lambda picture: picture.nothing)


@pytest.mark.parametrize(
    ("resize", "given", "size"),
    [
        (Resize(10, 20), (5, 5), (10, 20)),
        (Resize(256, 256, "cover"), (300, 401), (256, 342)),
        (Resize(256, 256, "cover"), (401, 300), (342, 256)),
        (Resize(64, 48, "cover", rounding="round"), (100, 101), (64, 65)),
        (Resize(64, 48, "contain", rounding="round"), (100, 101), (48, 48)),
        (Resize(64, 64, "contain"), (1, 1000), (1, 64)),
    ],
)
def test_proportions_are_kept_where_they_are_to_be(resize, given, size):
    assert resize.size(*given) == size


def test_a_picture_that_is_too_small_for_the_crop_is_padded_around_it():
    recipe = Recipe(None, Crop(6, 9, fill=(0.1, 0.2, 0.3)))
    padded = recipe(torch.ones(3, 3, 9))
    assert torch.equal(padded[:, 1:4], torch.ones(3, 3, 9))
    torch.testing.assert_close(padded[:, [0, 4, 5]], torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1).expand(3, 3, 9))


def test_channels_come_in_the_models_order():
    red = torch.tensor([1.0, 0, 0]).view(3, 1, 1).expand(3, 4, 4)
    assert Recipe(None, None, channels="BGR")(red)[:, 0, 0].tolist() == [0, 0, 1]
    assert Recipe(None, None, (0.0,), (1.0,), channels="L")(red)[:, 0, 0].tolist() == pytest.approx([0.299])


def test_a_grey_image_serves_for_every_channel():
    image = torch.full((1, 4, 4), 0.5)
    assert torch.equal(Recipe(None, None)(image), torch.full((3, 4, 4), 0.5))


@pytest.mark.parametrize(
    "image", [torch.zeros(5, 8, 8), torch.zeros(8, 8), torch.zeros(3, 8, 8, dtype=torch.uint8), "cat"]
)
def test_what_is_no_image_for_it_is_refused(image):
    with pytest.raises(BadImage, match=r"expected a float tensor|5 channels, but .* for 3"):
        Recipe(None, None)(image)


def test_its_geometry_is_what_was_cropped():
    geometry = measure(Preprocess(Recipe(Resize(64, 64, "cover"), Crop(56, 56))), (200, 100))
    assert geometry.exact
    assert np.allclose(geometry.box, (56.25, 6.25, 143.75, 93.75), atol=0.2)
