"""How an explanation is drawn: small inputs as squares, what was not seen dimmed, a method's own picture as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

import saliency_widget as sw
from saliency_widget import heatmaps
from saliency_widget.errors import BadParameter
from small_models import Quadratic, picture, two_heads


def explained(preprocess, size):
    """Return the explanation of a grey picture."""
    model = sw.ImageModel(Quadratic(), preprocess=preprocess, device="cpu")
    return sw.explain(model, Image.new("RGB", size, (128, 128, 128)))


def drawn(figure):
    """Return the drawn pixels of the right pane, inside its axes."""
    figure.set_dpi(150)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    axes = figure.axes[1]
    (left, bottom), (right, top) = axes.transAxes.transform([(0, 0), (1, 1)])
    height = len(pixels)
    return pixels[round(height - top) : round(height - bottom), round(left) : round(right)]


def at(pixels, x, y):
    """Return the colour at a share of the width and the height."""
    return pixels[int(y * len(pixels)), int(x * pixels.shape[1])]


def bright(e, row, column):
    """Return the same explanation with evidence at a single pixel of the input."""
    attribution = np.zeros_like(e.attribution)
    attribution[:, row, column] = 1
    return replace(e, attribution=attribution)


@pytest.mark.parametrize(
    ("preprocess", "size", "place"),
    [
        (v2.Resize((8, 8)), (400, 400), (0.5 / 8, 2.5 / 8)),
        (v2.Compose([v2.RandomHorizontalFlip(1.0), v2.Resize((8, 8))]), (400, 400), (7.5 / 8, 2.5 / 8)),
        (v2.Compose([v2.Resize((16, 16)), v2.CenterCrop(8)]), (64, 64), (4.5 / 16, 6.5 / 16)),
        (v2.Compose([v2.CenterCrop((8, 16))]), (8, 8), None),
    ],
    ids=["enlarged", "mirrored", "cropped", "padded"],
)
def test_a_pixel_of_a_small_input_is_drawn_as_a_square_where_it_belongs(preprocess, size, place):
    e = bright(explained(preprocess, size), 2, 0)
    pixels = drawn(e.plot(clip=100, opacity=1, sign="positive", colormap="Reds"))
    red = (pixels[..., 0] - pixels[..., 1:].max(-1)) > 60
    if place is None:
        assert not red.any(), "it lies on padding"
        return
    cell = 1 / (16 if size == (64, 64) else 8)
    assert red.mean() == pytest.approx(cell**2, rel=0.15)
    y, x = np.nonzero(red)
    assert x.mean() / pixels.shape[1] == pytest.approx(place[0], abs=0.01)
    assert y.mean() / pixels.shape[0] == pytest.approx(place[1], abs=0.01)
    strength = pixels[red].sum(-1)
    assert np.percentile(strength, 90) - np.percentile(strength, 10) <= 3, "one square has one colour"


def test_evidence_on_padding_does_not_pale_that_on_the_picture():
    e = explained(v2.Pad(4), (8, 8))
    attribution = np.zeros_like(e.attribution)
    attribution[:, 0, 0], attribution[:, 8, 8] = 1000, 1
    pixels = drawn(replace(e, attribution=attribution).plot(clip=100, opacity=1, sign="positive", colormap="Reds"))
    colour = at(pixels, 4.5 / 8, 4.5 / 8)
    assert colour[0] - colour[1] > 60


def test_what_the_model_never_saw_is_dimmed_and_outlined():
    e = bright(explained(v2.Compose([v2.CenterCrop((100, 100))]), (200, 100)), 50, 50)
    pixels = drawn(e.plot())
    for x in (0.05, 0.2, 0.8, 0.95):
        assert at(pixels, x, 0.3).max() < 70
    for x in (0.3, 0.7):
        np.testing.assert_allclose(at(pixels, x, 0.3), 128, atol=2)
    row = pixels[int(0.3 * len(pixels))].min(-1)
    lines = np.nonzero(row > 180)[0] / pixels.shape[1]
    assert lines[lines < 0.5] == pytest.approx(0.25, abs=0.01)
    assert lines[lines > 0.5] == pytest.approx(0.75, abs=0.01)
    assert lines.size >= 2


def test_nothing_is_dimmed_where_the_model_saw_all():
    e = bright(explained(v2.Resize((96, 96)), (200, 100)), 50, 50)
    pixels = drawn(e.plot())
    for x in (0.02, 0.25, 0.98):
        np.testing.assert_allclose(at(pixels, x, 0.1), 128, atol=2)


# -- pictures that a method makes -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    made = np.asarray(picture(12, 8, seed=4))
    e = sw.explain(two_heads(), picture(), "style:gothic")
    return replace(e, kind="picture", rgb_pixels=made)


def test_a_picture_that_a_method_made_is_read_as_colours(made):
    assert made.rgb().dtype == np.uint8
    np.testing.assert_array_equal(made.rgb(), np.asarray(picture(12, 8, seed=4)))


def test_a_picture_is_no_attribution_and_says_what_to_use(made):
    for refused in (made.heatmap, made.on_image):
        with pytest.raises(BadParameter, match=r"a picture, not an attribution; use e\.rgb\(\)"):
            refused()


def test_an_attribution_is_no_picture_and_says_what_to_use():
    with pytest.raises(BadParameter, match=r"an attribution, not a picture; use e\.heatmap\(\)"):
        sw.explain(two_heads(), picture(), "style:gothic").rgb()


def test_the_figure_of_a_picture_is_that_picture_alone(made):
    figure = made.plot()
    (axes,) = figure.axes
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), made.rgb())
    assert image.get_interpolation() == "nearest"


def test_a_picture_is_saved_as_png_and_kept_in_npz(made, tmp_path):
    with Image.open(made.save(tmp_path / "made.png")) as image:
        assert image.width > 300
    back = sw.Explanation.load(made.save(tmp_path / "made.npz"))
    assert back.kind == "picture"
    np.testing.assert_array_equal(back.rgb(), made.rgb())


def test_an_old_file_without_a_picture_is_still_read(tmp_path):
    e = sw.explain(two_heads(), picture(), "style:gothic")
    back = sw.Explanation.load(e.save(tmp_path / "map.npz"))
    assert back.rgb_pixels is None
    assert back.picture.exact is None


# -- coarse maps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "size"), [((7, 7), (224, 224)), ((4, 6), (33, 50)), ((1, 1), (9, 5)), ((8, 3), (8, 30))]
)
def test_a_coarse_map_is_enlarged_as_torch_does_it_without_aligned_corners(grid, size):
    coarse = np.random.default_rng(0).normal(size=(2, *grid))
    theirs = torch.nn.functional.interpolate(torch.from_numpy(coarse)[None], size, mode="bilinear", align_corners=False)
    ours = heatmaps.enlarge(coarse, size)
    assert ours.dtype == coarse.dtype
    np.testing.assert_allclose(ours, theirs[0].numpy(), atol=1e-12)


def test_a_fine_map_made_smaller_loses_nothing():
    fine = np.zeros((1, 24, 24), np.float32)
    fine[0, 5, 13] = 9
    np.testing.assert_allclose(heatmaps.enlarge(fine, (8, 8)).sum(), 1, rtol=1e-6)


def test_a_map_of_the_right_size_stays_as_it_is():
    values = np.random.default_rng(0).normal(size=(3, 8, 12)).astype(np.float32)
    assert heatmaps.enlarge(values, (8, 12)) is values
