"""Whatever a user calls an image is read into one form, or refused with what to do."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from saliency_widget.errors import BadImage
from saliency_widget.model import read_image
from saliency_widget.model.images import MAX_SIDE


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


RED = Image.new("RGB", (5, 3), (255, 0, 0))


def test_a_path_bytes_a_pillow_image_an_array_and_a_tensor_of_one_picture_are_equal(tmp_path):
    path = tmp_path / "red.png"
    RED.save(path)
    array = np.asarray(RED)
    tensor = torch.from_numpy(array.copy()).permute(2, 0, 1)
    forms = [path, str(path), path.read_bytes(), RED, array, array / 255, tensor, tensor / 255, tensor[None] / 255]
    assert len({read_image(form).id for form in forms}) == 1
    assert read_image(path).label == "red.png"


def test_a_grey_picture_becomes_rgb():
    for grey in (Image.new("L", (4, 4), 100), np.full((4, 4), 100, np.uint8), torch.full((1, 4, 4), 100 / 255)):
        assert read_image(grey).image.getpixel((0, 0)) == (100, 100, 100)


def test_transparency_is_laid_on_white_and_said():
    read = read_image(Image.new("RGBA", (4, 4), (0, 0, 0, 0)))
    assert read.image.getpixel((0, 0)) == (255, 255, 255)
    assert "white" in read.notes[0]


def test_an_opaque_rgba_picture_needs_no_note():
    assert read_image(Image.new("RGBA", (4, 4), (9, 9, 9, 255))).notes == ()


@pytest.mark.parametrize("form", ["png", "array"])
def test_sixteen_bits_are_scaled_by_their_range_not_by_their_content(form):
    values = np.array([[0, 257 * 100], [257 * 50, 257 * 10]], np.uint16)
    read = read_image(encoded(Image.fromarray(values)) if form == "png" else values)
    assert [read.image.getpixel((x, y))[0] for y in (0, 1) for x in (0, 1)] == [0, 100, 50, 10]
    assert "16-bit" in read.notes[0]


def test_cmyk_is_converted_and_said():
    read = read_image(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = read.image.getpixel((4, 4))
    assert red > 200
    assert max(green, blue) < 60
    assert "CMYK" in read.notes[0]


def test_a_photograph_is_turned_as_its_exif_data_says():
    image = Image.new("RGB", (16, 8), "black")
    image.paste("white", (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    read = read_image(encoded(image, "JPEG", exif=exif, quality=95))
    assert (read.width, read.height) == (8, 16)
    assert read.image.getpixel((4, 2))[0] > 200
    assert read.image.getpixel((4, 14))[0] < 60


def test_a_single_pixel_is_a_picture():
    assert read_image(Image.new("RGB", (1, 1))).tensor.shape == (3, 1, 1)


def test_a_very_wide_picture_is_scaled_down_and_says_so():
    read = read_image(encoded(Image.new("RGB", (20_000, 40), "green")))
    assert read.width == MAX_SIDE
    assert "20000 x 40" in read.notes[0]


def test_a_decompression_bomb_is_refused_before_it_is_decoded(monkeypatch):
    data = encoded(Image.new("1", (30_000, 30_000)))
    assert len(data) < 200_000
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(BadImage, match="too large to decode safely"):
        read_image(data)


def test_floats_reach_the_model_as_they_are_and_not_rounded_to_eight_bits():
    values = torch.rand(3, 6, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(read_image(values).tensor, values)
    assert read_image(values).id != read_image(values + 1e-6 * (values < 0.5)).id


def test_a_truncated_pillow_image_is_refused_like_a_truncated_file():
    noise = encoded(Image.effect_noise((64, 64), 80))
    with Image.open(io.BytesIO(noise[:900])) as half, pytest.raises(BadImage, match="corrupt"):
        read_image(half)


def test_the_transparent_colour_of_an_rgb_png_is_laid_on_white():
    image = Image.new("RGB", (4, 4), (0, 0, 255))
    read = read_image(encoded(image, transparency=(0, 0, 255)))
    assert read.image.getpixel((0, 0)) == (255, 255, 255)


def test_of_an_animation_the_first_frame_is_taken_and_said():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "green", "blue")]
    assert "3 frames" in read_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])).notes[0]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (b"", "empty"),
        (b"no image at all", "no image that Pillow can read"),
        (encoded(Image.effect_noise((64, 64), 80))[:900], "corrupt"),
        ("/nowhere/at/all.png", "check the path"),
        (np.zeros((0, 4, 3), np.uint8), "empty"),
        (np.zeros((3, 8, 9), np.uint8), "transpose"),
        (np.zeros((8, 9, 2), np.uint8), "expected"),
        (np.full((4, 4, 3), 255.0), "divide by 255"),
        (np.full((4, 4, 3), -2.0), "normalisation"),
        (np.full((4, 4, 3), np.nan), "NaN"),
        (torch.zeros(8, 9, 3), "permute"),
        (torch.zeros(8), "expected"),
        (42, "expected a path"),
        ("a\0b", "check the path"),
        (".", "it is a folder; give a list of its files"),
        ("https://example.org/a.jpg", "it is an address, not a file; download it"),
        (np.zeros((2, 8, 9, 3), np.uint8), r"a batch is given as a list: list\(batch\)"),
        (torch.zeros(2, 3, 8, 9), r"a batch is given as a list: list\(batch\)"),
        (np.zeros((4, 4), complex), "complex"),
        (np.array([["a", "b"]]), "expected uint8"),
    ],
)
def test_what_is_no_image_is_refused_with_what_to_do(given, says):
    with pytest.raises(BadImage, match=says):
        read_image(given)
