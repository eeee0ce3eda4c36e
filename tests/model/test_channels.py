"""Models of one channel, or of two, four, five: images are read, preprocessed, explained and shown as they need it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

import saliency_widget as sw
from saliency_widget.compute import ScoreFunction
from saliency_widget.errors import BadImage, BadParameter, ModelError
from saliency_widget.model import read_image
from saliency_widget.model.channels import guess_channels
from saliency_widget.runner.gallery import gallery
from small_models import Quadratic, keep, picture


class Bands(nn.Module):
    """Two classes from one convolution over any number of channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            self.first = nn.Conv2d(channels, 4, 3, padding=1)
            self.head = nn.Linear(4, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.first(images).relu().mean((2, 3)))


def planes(channels: int, height: int = 20, width: int = 30, seed: int = 0) -> np.ndarray:
    """Return random floats (H, W, C)."""
    return np.random.default_rng(seed).random((height, width, channels), dtype=np.float32)


SHOWN = {2: (0, 1, 1), 4: (2, 1, 0), 5: (3, 2, 1), 13: (3, 2, 1)}


@pytest.mark.parametrize("channels", SHOWN)
@pytest.mark.parametrize("said", ["by channels=", "by the first convolution"])
def test_a_model_of_many_channels_explains_their_exact_values(channels, said):
    given = {"channels": channels} if said == "by channels=" else {}
    model = sw.ImageModel(Bands(channels), preprocess=keep, display=SHOWN[channels], device="cpu", **given)
    values = planes(channels)
    tensor = torch.from_numpy(values).permute(2, 0, 1)
    assert torch.equal(model.input(values), tensor)
    assert torch.equal(model.input(model.read(tensor)), tensor)
    e = sw.explain(model, values, 0, "integrated_gradients", steps=4)
    assert e.attribution.shape == (channels, 20, 30)
    assert e.geometry.exact
    assert e.geometry.box == pytest.approx((0, 0, 30, 20), abs=0.01)
    assert e.on_image().shape == (20, 30)
    red, green, blue = SHOWN[channels]
    np.testing.assert_array_equal(np.asarray(e.picture.image), np.round(values[..., [red, green, blue]] * 255))


@pytest.mark.parametrize("baseline", ["black", "white", "mean", "blur", "noise"])
def test_every_baseline_has_the_channels_of_the_picture(baseline):
    model = sw.ImageModel(Bands(5), preprocess=keep, display=(0, 1, 2), device="cpu")
    values = model.read(planes(5))
    model.discover(values)
    f = ScoreFunction(model, values, [model.resolve("head0:0")])
    assert f.image.shape == f.baseline(baseline).shape == (5, 20, 30)


def test_a_display_mapping_may_be_a_function_of_the_planes():
    model = sw.ImageModel(Bands(5), display=lambda p: p[[4, 4, 4]] * 0.5, device="cpu")
    values = planes(5)
    shown = np.asarray(model.read(values).image)
    np.testing.assert_array_equal(shown[..., 1], np.round(values[..., 4] * 0.5 * 255))


def test_sixteen_bit_planes_are_scaled_by_their_range():
    values = np.array([0, 257 * 100, 65535, 257, 514], np.uint16).reshape(1, 1, 5)
    read = read_image(values, display=(0, 1, 2))
    np.testing.assert_allclose(read.tensor.flatten(), [0, 100 / 255, 1, 1 / 255, 2 / 255], rtol=1e-6)
    assert read.image.getpixel((0, 0)) == (0, 100, 255)
    assert "16-bit" in read.notes[0]


def test_planes_with_other_values_are_other_pictures():
    values = planes(5)
    again = values.copy()
    again[0, 0, 4] += 1e-4  # a channel that is not shown
    assert read_image(values, display=(0, 1, 2)).id != read_image(again, display=(0, 1, 2)).id


def test_planes_that_are_very_long_are_scaled_down_and_say_so():
    read = read_image(np.ones((2, 5000, 5), np.uint8), display=(0, 1, 2))
    assert read.tensor.shape[2] == read.width == 4096
    assert "5000 x 2" in read.notes[0]


def test_four_channels_are_transparency_unless_the_model_takes_four():
    values = planes(4)
    transparent = read_image(values)
    assert transparent.channels == 3
    assert "white" in transparent.notes[0]
    assert read_image(values, channels=3).id == transparent.id
    assert read_image(values, channels=4, display=(0, 1, 2)).channels == 4
    assert read_image(values, display=(0, 1, 2)).channels == 4
    with pytest.raises(BadImage, match=r"4 channels.*display="):
        read_image(values, channels=4)


def test_a_file_of_four_channels_reaches_a_model_of_four_as_it_is():
    values = np.random.default_rng(0).integers(0, 256, (8, 9, 4), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    model = sw.ImageModel(Bands(4), preprocess=keep, device="cpu")
    read = model.read(file.getvalue())
    np.testing.assert_array_equal(read.tensor.permute(1, 2, 0) * 255, values)
    assert read.image.tobytes() == read_image(file.getvalue()).image.tobytes()
    assert sw.explain(model, file.getvalue(), 1).attribution.shape == (4, 8, 9)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (planes(5), r"\(20, 30, 5\): 5 channels.*channels=5, display=\(2, 1, 0\)"),
        (planes(2), r"2 channels.*channels=2, display=\(0, 1, 1\)"),
        (torch.zeros(6, 20, 30), r"6 channels.*display="),
        (torch.zeros(20, 30, 5), r"\(H, W, C\): give tensor.permute"),
        (planes(5).transpose(2, 0, 1), r"\(C, H, W\): give array.transpose"),
    ],
)
def test_channels_that_cannot_be_shown_are_refused_with_what_to_write(image, says):
    with pytest.raises(BadImage, match=says):
        sw.ImageModel(Bands(5), device="cpu").predict(image)


def test_planes_in_the_wrong_order_are_told_by_the_number_that_the_model_takes():
    model = sw.ImageModel(Bands(5), display=(0, 1, 2), device="cpu")
    with pytest.raises(BadImage, match="permute"):
        model.predict(torch.zeros(20, 30, 5))
    with pytest.raises(BadImage, match="transpose"):
        model.predict(np.zeros((5, 20, 30)))


@pytest.mark.parametrize("display", [(0, 1), "rgb", (0, 1, -1), (0, 1, 2.0), 3])
def test_a_display_mapping_that_is_none_is_refused(display):
    with pytest.raises(BadParameter, match="three channel indices"):
        sw.ImageModel(Bands(5), display=display)


@pytest.mark.parametrize(
    ("display", "says"),
    [
        ((5, 1, 0), r"5 channels, but display=\(5, 1, 0\) asks for channel 5"),
        (lambda p: p, r"display= returned the shape \(5, 20, 30\)"),
        (lambda p: p[9], "display= raised IndexError"),
    ],
)
def test_a_display_mapping_that_does_not_fit_the_planes_is_refused(display, says):
    with pytest.raises(BadImage, match=says):
        read_image(planes(5), display=display)


@pytest.mark.parametrize("channels", [0, -1, 2.0, True, "3"])
def test_a_channel_count_that_is_none_is_refused(channels):
    with pytest.raises(BadParameter, match="expected how many channels"):
        sw.ImageModel(Bands(3), channels=channels)


# -- images that do not fit -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"channels": 5}, {}])
def test_an_image_whose_channels_do_not_fit_is_refused_with_both_numbers(given):
    model = sw.ImageModel(Bands(5), display=(0, 1, 2), device="cpu", **given)
    with pytest.raises(BadImage, match=r"3 channels \(red, green and blue\) and the model takes 5"):
        model.predict(picture())
    model.predict(planes(5))
    for misfit in (picture(), np.zeros((4, 4), np.uint8)):
        with pytest.raises(BadImage, match=r"3 channels.*takes 5"):
            model.predict(misfit)
    with pytest.raises(BadImage, match=r"7 channels.*takes 5"):
        model.predict(planes(7))


def test_planes_for_a_model_of_colours_are_refused_with_both_numbers():
    with pytest.raises(BadImage, match=r"5 channels \(the model takes 3\)"):
        sw.ImageModel(Bands(3), device="cpu").predict(planes(5))
    with pytest.raises(BadImage, match=r"5 channels and the model takes 3"):
        sw.ImageModel(Bands(3), display=(0, 1, 2), device="cpu").predict(planes(5))


def test_a_preprocessing_may_choose_among_the_planes():
    model = sw.ImageModel(Bands(3), preprocess=lambda p: p[[3, 2, 1]], display=(3, 2, 1), device="cpu")
    assert sw.explain(model, planes(5)).attribution.shape == (3, 20, 30)


def test_a_preprocessing_that_makes_more_channels_is_let_through():
    model = sw.ImageModel(Bands(6), preprocess=lambda p: torch.cat([p, 1 - p]), device="cpu")
    assert sw.explain(model, picture()).attribution.shape == (6, 8, 12)
    assert model.channels == 6


def test_a_model_that_raises_for_another_reason_is_not_blamed_on_the_channels():
    class Broken(Bands):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no such thing")

    for channels in (1, 3):
        with pytest.raises(ModelError, match="no such thing"):
            sw.ImageModel(Broken(channels), device="cpu").predict(picture())


# -- one channel ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"channels": 1}, {}])
def test_a_grey_model_without_preprocessing_gets_the_grey_value_and_says_so(given):
    model = sw.ImageModel(Bands(1), input_size=8, device="cpu", **given)
    colours = np.zeros((8, 8, 3), np.uint8)
    colours[:, :4] = (255, 0, 0)
    colours[:, 4:] = (255, 255, 255)
    x = model.input(colours)
    assert x.shape == (1, 8, 8)
    assert x[0, 0, 0] == pytest.approx(0.299)
    assert x[0, 0, 7] == 1
    assert "grey value" in model.notes[0]
    assert "ImageNet" not in model.notes[0]
    assert sw.explain(model, colours).attribution.shape == (1, 8, 8)


def test_grey_floats_reach_a_grey_model_exactly():
    values = torch.rand(28, 28, generator=torch.Generator().manual_seed(0))
    model = sw.ImageModel(Bands(1), input_size=28, device="cpu")
    for form in (values, values[None], values.numpy(), values.numpy()[..., None]):
        assert torch.equal(model.input(form)[0], values)


class Digits(nn.Module):
    """A perceptron on 28 x 28 grey pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images.flatten(1))


@pytest.mark.parametrize("given", [{"channels": 1}, {}])
@pytest.mark.parametrize("module", [Bands(1), Digits()], ids=["convolution", "perceptron"])
@pytest.mark.parametrize(
    "steps",
    [
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.1307,), (0.3081,))],
        [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.1307,), (0.3081,))],
        [v2.Grayscale(), v2.Normalize((0.1307,), (0.3081,))],
        [lambda image: (image[:1] - 0.1307) / 0.3081],
    ],
    ids=["tensor", "Pillow only", "makes grey itself", "takes the first"],
)
def test_the_preprocessing_of_a_grey_model_may_take_grey_pictures_or_colours(steps, module, given):
    model = sw.ImageModel(module, preprocess=v2.Compose(steps), device="cpu", **given)
    grey = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    model.predict(grey)
    np.testing.assert_allclose(model.input(grey)[0], (grey / 255 - 0.1307) / 0.3081, atol=5e-4)
    e = sw.explain(model, grey)
    assert e.attribution.shape == (1, 28, 28)
    assert e.geometry.exact
    assert e.geometry.box == pytest.approx((0, 0, 28, 28), abs=0.2)


def test_a_model_that_turns_colours_into_grey_itself_keeps_its_colours():
    class Turns(Bands):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return super().forward(0.3 * images[:, :1] + 0.6 * images[:, 1:2] + 0.1 * images[:, 2:3])

    own = sw.ImageModel(Turns(1), preprocess=keep, device="cpu")
    assert sw.explain(own, picture()).attribution.shape == (3, 8, 12)
    default = sw.ImageModel(Turns(1), input_size=16, device="cpu")
    assert sw.explain(default, picture()).attribution.shape == (3, 16, 16)
    assert "ImageNet" in default.notes[0]
    with pytest.raises(ModelError, match="1, 1, 16, 16"):
        sw.ImageModel(Turns(1), input_size=16, channels=1, device="cpu").predict(picture())


def test_a_model_that_adds_channels_of_its_own_takes_colours_as_before():
    class Coordinates(Bands):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return super().forward(torch.cat([images, images[:, :2] * 0], dim=1))

    model = sw.ImageModel(Coordinates(5), input_size=16, device="cpu")
    assert sw.explain(model, picture()).attribution.shape == (3, 16, 16)
    assert model.channels == 3
    assert "ImageNet" in model.notes[0]


def test_other_channels_than_three_are_not_normalised_and_it_says_so():
    model = sw.ImageModel(Bands(5), input_size=16, display=(0, 1, 2), device="cpu")
    assert "5 channels stay as they are" in model.notes[0]
    x = model.input(planes(5))
    assert x.shape == (5, 16, 16)
    assert 0 <= float(x.min()) < float(x.max()) <= 1


# -- the guess ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "channels"),
    [
        (Bands(1), 1),
        (Bands(13), 13),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), 1),
        (nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10)), 3),
        (nn.Sequential(nn.LayerNorm(768), nn.Linear(3 * 16 * 16, 10)), 3),
        (nn.Linear(1, 2), None),
        (nn.Linear(10, 2), None),
        (nn.Sequential(nn.LazyConv2d(4, 3), nn.Conv2d(4, 4, 3)), 4),
        (Quadratic(), None),
        (nn.Conv2d(8, 8, 3, groups=8), 8),
    ],
    ids=str,
)
def test_the_first_layer_with_weights_tells_how_many_channels(module, channels):
    assert guess_channels(module) == channels


# -- pixels ---------------------------------------------------------------------------------------------------------------

NORMAL = v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


@pytest.mark.parametrize(
    "preprocess",
    [
        v2.Compose([v2.Resize(8), v2.CenterCrop(8), NORMAL]),
        v2.Compose([NORMAL, v2.Lambda(lambda image: image[[2, 1, 0]] * 255)]),
        v2.Compose([v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), NORMAL]),
        v2.Lambda(lambda image: 2 * image - 1),
    ],
    ids=["normalised", "blue first, to 255", "Pillow only", "from -1 to 1"],
)
def test_the_pixels_of_an_input_are_those_that_it_was_made_from(preprocess):
    model = sw.ImageModel(Bands(3), preprocess=preprocess, device="cpu")
    pixels = read_image(picture(8, 8)).tensor
    points = torch.stack([model.input(pixels), model.input(1 - pixels)])
    torch.testing.assert_close(model.to_pixels(points), torch.stack([pixels, 1 - pixels]), atol=2e-3, rtol=0)


def test_pixels_of_grey_and_of_many_channels_are_shown_as_colours():
    grey = sw.ImageModel(Bands(1), input_size=8, device="cpu")
    values = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(grey.to_pixels(values), values.expand(1, 3, 8, 8))
    bands = sw.ImageModel(Bands(5), input_size=8, display=(4, 2, 0), device="cpu")
    values = torch.rand(2, 5, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(bands.to_pixels(values), values[:, [4, 2, 0]], atol=0.5 / 255 + 1e-6, rtol=0)


@pytest.mark.parametrize(
    "function",
    [
        NORMAL,
        lambda image: image * torch.tensor([1.0, 0, 1])[:, None, None],
        lambda image: image * 0,
        lambda image: (image - image.mean()) / image.std(),
    ],
    ids=["normalised", "one channel lost", "all lost", "by the picture's own values"],
)
def test_pixels_stay_between_black_and_white_and_a_gain_of_zero_does_no_harm(function):
    far = torch.full((1, 3, 8, 8), 1e6)
    far[0, :, 0] = -1e6
    shown = sw.ImageModel(Bands(3), preprocess=function, device="cpu").to_pixels(far)
    assert shown.shape == far.shape
    assert torch.isfinite(shown).all()
    assert 0 <= float(shown.min()) <= float(shown.max()) <= 1


def test_a_gallery_reads_its_pictures_as_the_model_takes_them():
    model = sw.ImageModel(Bands(5), display=(0, 1, 2), device="cpu")
    assert [p.channels for p in gallery([planes(5), planes(5, seed=1)], read=model.read).pictures] == [5, 5]
    with pytest.raises(BadImage, match=r"images\[1\]: .*cannot be shown"):
        gallery([picture(), planes(5)])


def test_a_file_keeps_the_exact_planes_of_its_picture(tmp_path):
    model = sw.ImageModel(Bands(5), preprocess=keep, display=(3, 2, 1), device="cpu")
    e = sw.explain(model, planes(5))
    back = sw.Explanation.load(e.save(tmp_path / "bands.npz"))
    assert torch.equal(back.picture.tensor, e.picture.tensor)
    assert back.picture.id == e.picture.id
