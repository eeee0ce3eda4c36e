"""What a notebook keeps of a widget: the view, a few lines and a small picture, and how many bytes all of it takes."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import torch
from ipywidgets import Widget
from PIL import Image
from skimage import data

import saliency_widget as sw
from gates import LONG
from saliency_widget import wire
from saliency_widget.runner import portrait

VIEW = "application/vnd.jupyter.widget-view+json"
_BUILT = wire._STATIC  # before the tests put files of their own there

LIMIT = 300_000
"""Bytes by which a saved notebook may grow for each widget."""

LONG_SIDE = 1024

PHOTOGRAPH = 64_000
"""Bytes that a photograph of 1024 pixels may take in it."""


def bundle(widget):
    contents, _ = widget._repr_mimebundle_()
    return contents


def opened(contents):
    return Image.open(io.BytesIO(base64.b64decode(contents["image/png"])))


def test_beside_the_view_it_says_what_is_explained_and_what_the_model_says(widget):
    contents = bundle(widget)
    assert contents[VIEW]["model_id"] == widget.model_id
    text = contents["text/plain"]
    first, *rest = text.splitlines()
    assert first == f"{widget!r}: idle"
    assert f"map: {widget.explanation.target}, Gradient, 1 of 1 gradients" in rest
    top = widget.explanation.prediction["style"]
    assert f"style: {top.top} {100 * top.probabilities.max():.1f} %" in text
    assert "w.explanation.plot()" in text


def test_the_picture_is_of_the_map_and_follows_the_display(widget):
    signed = np.asarray(opened(bundle(widget)).convert("RGB")).astype(int)
    widget.set_state({"display": {"sign": "positive", "smooth": 0}})
    positive = np.asarray(opened(bundle(widget)).convert("RGB")).astype(int)
    assert signed.shape == positive.shape

    def blue(pixels):
        return int((pixels[..., 2] - pixels[..., 0] > 40).sum())

    assert blue(signed) > 10 > blue(positive)


@pytest.mark.parametrize("display", [{}, {"sign": "sideways", "smooth": "much"}, {"smooth": -1}, {"smooth": 1e9}])
def test_whatever_the_display_holds_there_is_a_picture(widget, display):
    widget.set_state({"display": display})
    assert opened(bundle(widget)).format == "PNG"


def test_before_the_first_map_nobody_waits_and_the_text_says_how_to_get_one(gated):
    gated.gate.open.clear()
    gated._explanations = gated._session.explanations = []
    gated.explain(method="input_x_gradient", wait=False)
    assert gated.gate.reached.wait(LONG)
    contents = bundle(gated)
    gated.gate.open.set()
    assert "image/png" not in contents
    assert contents["text/plain"].splitlines()[0].endswith(": computing")
    assert "w.wait()" in contents["text/plain"]


def test_an_error_is_said(widget, monkeypatch):
    def broken(*_args, **_options):
        raise RuntimeError("no ink left")

    monkeypatch.setattr(type(widget._session.models[""]), "look", broken)
    with pytest.raises(sw.SaliencyError):
        widget.explain(image=1)
    assert "failed:" in bundle(widget)["text/plain"].splitlines()[0]


def test_what_cannot_be_drawn_does_not_keep_the_view_away(widget, monkeypatch):
    monkeypatch.setattr(portrait.importlib, "import_module", lambda _name: type("Broken", (), {"png": None}))
    contents = bundle(widget)
    assert VIEW in contents
    assert "image/png" not in contents


def test_an_explanation_is_shown_as_its_figure(widget):
    assert widget.explanation._repr_png_().startswith(b"\x89PNG")


def test_a_picture_that_a_method_made_is_shown_as_it_is(make):
    widget = make(method="class_appearance", params={"steps": 2})
    widget.wait(LONG)
    assert opened(bundle(widget)).width >= 90


def grown(widget):
    """Return by how many bytes a saved notebook grows, as JupyterLab writes it: the cell's output and the widget's state."""
    nbformat = pytest.importorskip("nbformat")
    v4 = nbformat.v4
    output = v4.new_output("execute_result", data=bundle(widget), execution_count=1)
    state = Widget.get_manager_state(widgets=[widget, widget.layout])
    without, whole = (v4.new_notebook(cells=[v4.new_code_cell("w", id="a", outputs=put)]) for put in ([], [output]))
    whole.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    return len(nbformat.writes(whole).encode()) - len(nbformat.writes(without).encode())


@pytest.fixture
def real_page(monkeypatch):
    """The page as it was built, which a notebook holds."""
    if not (_BUILT / "widget.js").exists():
        pytest.skip("the page is not built")
    monkeypatch.setattr(wire, "_STATIC", _BUILT)


@pytest.mark.usefixtures("real_page")
@pytest.mark.parametrize("method", ["gradient", "grad_cam"])
def test_a_saved_notebook_grows_by_less_than_its_limit(make, method):
    widget = make(sw.load("demo/vgg", device="cpu"), sw.demo.buildings(8, seed=1), method=method, idle=False)
    widget.wait(LONG)
    contents = bundle(widget)
    assert len(contents["image/png"]) + len(contents["text/plain"]) < 45_000, "the static part is small"
    assert grown(widget) < LIMIT


def enlarged(name):
    """Return a photograph of scikit-image's, 1024 pixels on its long side."""
    image = Image.fromarray(getattr(data, name)())
    scale = LONG_SIDE / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)


def sharp():
    """Return parts of four photographs side by side, each in its own pixels: more detail than any of them enlarged."""
    image = Image.new("RGB", (LONG_SIDE, 768))
    for i, name in enumerate(("astronaut", "coffee", "rocket", "chelsea")):
        part = Image.fromarray(getattr(data, name)()).crop((0, 0, 512, 384))
        image.paste(part.resize((512, 384)), (i % 2 * 512, i // 2 * 384))
    return image


@pytest.fixture(scope="module")
def thousand():
    """A network of a thousand classes with names, whose weights are as they fall."""
    torchvision = pytest.importorskip("torchvision")
    weights = torchvision.models.ResNet50_Weights.DEFAULT
    torch.manual_seed(0)
    net = torchvision.models.resnet50(weights=None).eval()
    return sw.ImageModel(
        net, heads={"class": weights.meta["categories"]}, preprocess=weights.transforms(resize_size=256), device="cpu"
    )


@pytest.mark.usefixtures("real_page")
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket", "sharp"])
def test_a_thousand_classes_and_a_large_photograph_stay_below_the_limit(make, thousand, name):
    widget = make(thousand, sharp() if name == "sharp" else enlarged(name), idle=False)
    widget.wait(LONG)
    assert widget.images[0]["input"] == [224, 224]
    assert len(widget.card["heads"][0]["classes"]) == len(widget.predictions["heads"]["class"]["logits"]) == 1000
    assert max(Image.open(io.BytesIO(widget.base)).size) == LONG_SIDE
    assert grown(widget) < LIMIT


@pytest.mark.usefixtures("real_page")
def test_a_picture_that_a_method_made_stays_below_the_limit_too(make, thousand):
    widget = make(thousand, enlarged("astronaut"), method="class_appearance", params={"steps": 2}, idle=False)
    widget.wait(LONG)
    assert len(widget.get_state()["result_data"]) == 224 * 224 * 3 // 2
    assert grown(widget) < LIMIT


@pytest.mark.usefixtures("real_page")
def test_what_is_saved_of_a_thousand_classes_is_their_logits_and_of_a_map_twelve_bits_a_value(make, thousand):
    widget = make(thousand, enlarged("rocket"), idle=False)
    widget.wait(LONG)
    state = widget.get_state()
    assert len(state["result_data"]) == 224 * 224 * 3 // 2
    assert len(json.dumps(state["predictions"])) < 5_600
    assert len(json.dumps(state["card"])) < 400, "the rest is packed with the page"
    assert len(state["_esm"]) < 78_000
    shown = widget.explanation.heatmap()
    assert np.allclose(
        np.frombuffer(widget.result_data, "<i2").reshape(224, 224) * widget.result["scales"][0], shown, atol=1e-3
    )


@pytest.mark.parametrize("exporter", ["HTMLExporter", "LatexExporter", "MarkdownExporter"])
def test_nbconvert_shows_the_picture_where_the_widgets_state_was_not_saved(widget, exporter):
    nbconvert, nbformat = pytest.importorskip("nbconvert"), pytest.importorskip("nbformat")
    contents = bundle(widget)
    v4 = nbformat.v4
    cell = v4.new_code_cell("w", outputs=[v4.new_output("display_data", data=contents)])
    body, resources = getattr(nbconvert, exporter)().from_notebook_node(v4.new_notebook(cells=[cell]))
    files = [base64.b64encode(data).decode() for data in (resources.get("outputs") or {}).values()]
    assert any(contents["image/png"] in part for part in [body.replace("\n", ""), *files])
    assert widget.model_id not in body


def test_a_photograph_as_large_as_the_page_draws_it_takes_little_room(make):
    photograph = Image.fromarray(data.astronaut()).resize((1024, 1024), Image.Resampling.BICUBIC)
    widget = make(images=photograph)
    base = Image.open(io.BytesIO(widget.base))
    assert base.size == (1024, 1024)
    assert len(widget.base) < PHOTOGRAPH
    away = np.asarray(base.convert("RGB"), float) - np.asarray(photograph, float)
    assert np.abs(away).mean() < 4, "and looks as it did"


def test_a_small_picture_is_kept_to_the_last_colour(make):
    small = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8))
    base = Image.open(io.BytesIO(make(images=small).base))
    assert (np.asarray(base) == np.asarray(small)).all()
