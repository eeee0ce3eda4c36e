"""An explanation's numbers become maps, pictures and files, and come back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

import saliency_widget as sw
from saliency_widget import heatmaps
from saliency_widget.errors import BadParameter
from saliency_widget.model import Geometry
from small_models import picture, two_heads


@pytest.fixture(scope="module")
def explanation():
    return sw.explain(two_heads(), picture(24, 16), "style:gothic", "smoothgrad", samples=5)


def test_the_heatmap_sums_the_channels_and_then_takes_the_sign(explanation):
    total = explanation.attribution.sum(0)
    np.testing.assert_array_equal(explanation.heatmap(), total)
    np.testing.assert_array_equal(explanation.heatmap("absolute"), np.abs(total))
    np.testing.assert_array_equal(explanation.heatmap("positive") - explanation.heatmap("negative"), total)
    assert explanation.heatmap("negative").min() >= 0


def test_other_channel_reductions_exist(explanation):
    a = explanation.attribution
    np.testing.assert_allclose(explanation.heatmap(channels="norm"), np.linalg.norm(a, axis=0), rtol=1e-5)
    strongest = explanation.heatmap(channels="max")
    np.testing.assert_array_equal(np.abs(strongest), np.abs(a).max(0))


def test_smoothing_is_a_gaussian_after_the_sign(explanation):
    ours = explanation.heatmap("absolute", smooth=1.5)
    theirs = ndimage.gaussian_filter(explanation.heatmap("absolute").astype(float), 1.5, mode="nearest", radius=5)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("options", [{"sign": "abs"}, {"channels": "mean"}, {"smooth": -1.0}])
def test_a_wrong_option_is_refused(explanation, options):
    with pytest.raises(BadParameter, match=r"unknown|sigma"):
        explanation.heatmap(**options)


def test_all_is_float32_and_signed(explanation):
    assert explanation.attribution.dtype == np.float32
    assert explanation.heatmap().dtype == np.float32
    assert explanation.on_image().dtype == np.float32
    assert explanation.attribution.min() < 0 < explanation.attribution.max()


def test_what_is_saved_as_npz_comes_back_without_pickle(explanation, tmp_path):
    back = sw.Explanation.load(explanation.save(tmp_path / "map.npz"))
    np.testing.assert_array_equal(back.attribution, explanation.attribution)
    np.testing.assert_array_equal(back.on_image(), explanation.on_image())
    np.testing.assert_array_equal(back.siblings["vargrad"].attribution, explanation.siblings["vargrad"].attribution)
    for name in ("target", "method", "params", "score", "score_value", "quality", "done", "total", "seed", "geometry"):
        assert getattr(back, name) == getattr(explanation, name)
    assert back.prediction["style"].top == explanation.prediction["style"].top
    assert back.prediction["age"].value == explanation.prediction["age"].value
    assert back.picture.id == explanation.picture.id


def test_a_file_that_is_no_explanation_is_refused(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, a=np.zeros(3))
    with pytest.raises(BadParameter, match="no explanation"):
        sw.Explanation.load(path)


def test_a_picture_is_saved_as_png_and_matplotlib_keeps_no_figure(explanation, tmp_path):
    import matplotlib.pyplot as plt
    from PIL import Image

    path = explanation.save(tmp_path / "map.png", sign="absolute", smooth=1.0)
    with Image.open(path) as image:
        assert image.width > 500
    assert plt.get_fignums() == []


def test_a_notebook_can_show_the_figure_without_pyplot(explanation):
    assert explanation.plot()._repr_png_().startswith(b"\x89PNG")


def test_an_ending_in_capitals_is_kept(explanation, tmp_path):
    path = explanation.save(tmp_path / "MAP.NPZ")
    assert [file.name for file in tmp_path.iterdir()] == ["MAP.NPZ"]
    assert sw.Explanation.load(path).target == explanation.target


def test_a_value_is_drawn_in_its_own_unit():
    figure = sw.explain(two_heads(), picture(), "age", "input_x_gradient").plot()
    assert "years" in [axes.get_xlabel() for axes in figure.axes]


def test_no_evidence_is_lost_where_the_picture_is_smaller_than_the_map():
    heat = np.zeros((224, 224), np.float32)
    geometry = Geometry((32, 32), (0, 0, 32, 32), (224, 224))
    for x, y in np.random.default_rng(0).integers(0, 224, (40, 2)):
        heat[:] = 0
        heat[y, x] = 49
        placed = heatmaps.place(heat, geometry)
        assert placed.sum() == pytest.approx(1, rel=1e-5)
        assert np.unravel_index(placed.argmax(), placed.shape) == (y // 7, x // 7)


def test_a_constant_map_stays_constant_wherever_it_is_placed():
    for box in ((0, 0, 50, 30), (10.5, -3, 44, 40), (50, 0, 0, 30)):
        placed = heatmaps.place(np.full((16, 16), 2.5, np.float32), Geometry((50, 30), box, (16, 16)))
        assert np.nanmin(placed) == np.nanmax(placed) == 2.5


def test_another_ending_is_refused(explanation, tmp_path):
    with pytest.raises(BadParameter, match=r"\.png or \.npz"):
        explanation.save(tmp_path / "map.bmp")


def test_a_map_without_evidence_says_so_instead_of_dividing_by_zero():
    class Blind(torch.nn.Module):
        def forward(self, images):
            return (images * 0).flatten(1).sum(1)[:, None] + torch.ones(len(images), 2)

    e = sw.explain(sw.ImageModel(Blind(), device="cpu"), picture())
    assert not e.attribution.any()
    texts = [text.get_text() for axes in e.plot().axes for text in axes.texts]
    assert texts == ["the map is zero everywhere"]


def test_it_says_what_it_is(explanation):
    assert repr(explanation).startswith("Explanation(style:gothic, smoothgrad, 5/5, standard error")
