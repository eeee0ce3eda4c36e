"""Several models in one widget: the same heads asked of each, one chosen, all side by side, and never one's map as another's."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from torch import nn

import saliency_widget as sw
from fake_pages import FakePage
from gates import LONG
from saliency_widget import errors
from small_models import TwoHeads, keep, picture, two_heads

ARGS = {"method": "gradient", "params": {}, "score": "logit", "layer": None, "seed": 0, "tolerance": None}
GOTHIC = [{"head": "style", "index": 0, "versus": None}]


def other(seed=7):
    """Return a model with the same heads and other weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = TwoHeads()
        for weight in module.parameters():
            nn.init.normal_(weight, std=0.3)
    heads = {"style": ["gothic", "neoclassical", "greek_roman"], "age": sw.Regression(unit="years")}
    return sw.ImageModel(module, heads=heads, preprocess=keep, device="cpu")


@pytest.fixture
def models():
    return {"a": two_heads(), "b": other()}


@pytest.fixture
def widget(make, models):
    made = make(models, target="style:gothic")
    made.wait(LONG)
    return made


def ask(page, kind, **args):
    """Ask as a page does, and return how it ended."""
    page.requests += 1
    req = {"page": page.name, "n": page.requests}
    page.send("request", req=req, kind=kind, args=args)
    deadline = time.monotonic() + LONG
    while not (ends := [m for m in page.of("end") if m["req"] == req]):
        assert time.monotonic() < deadline, "no answer"
        time.sleep(0.005)
    return ends[0]


def test_the_first_model_is_shown_first_and_the_card_lists_all(widget, models):
    assert widget.model == "a"
    assert [one["name"] for one in widget.card["models"]] == ["a", "b"]
    assert len({one["revision"] for one in widget.card["models"]}) == 2
    assert widget.card["revision"] == widget.card["models"][0]["revision"]
    np.testing.assert_array_equal(
        widget.explanation.attribution, sw.explain(models["a"], picture(seed=0), "style:gothic").attribution
    )


def test_one_model_has_no_name_in_any_message(make):
    alone = make(target="style:gothic")
    alone.wait(LONG)
    assert alone.model == ""
    assert "models" not in alone.card
    assert "model" not in alone.result["args"]
    assert "seen" not in alone.images[0]


def test_another_model_is_chosen_by_assignment_with_its_own_map_prediction_and_card(widget, models):
    before = widget.predictions["heads"]
    widget.model = "b"
    widget.wait(LONG)
    said = models["b"].predict(picture(seed=0))
    assert widget.predictions["model"] == widget.model == widget.result["args"]["model"] == "b"
    assert widget.predictions["heads"] != before
    assert widget.predictions["heads"]["style"]["logits"] == pytest.approx(said["style"].logits.tolist(), rel=1e-5)
    assert widget.card["revision"] == widget.card["models"][1]["revision"]
    assert str(widget.explanation.target) == "style:gothic"
    np.testing.assert_array_equal(
        widget.explanation.attribution, sw.explain(models["b"], picture(seed=0), "style:gothic").attribution
    )


def test_explain_takes_a_model_and_goes_back_to_the_first(widget, models):
    of_b = widget.explain("age", model="b")
    of_a = widget.explain("age", model="a")
    np.testing.assert_array_equal(of_b.attribution, sw.explain(models["b"], picture(seed=0), "age").attribution)
    np.testing.assert_array_equal(of_a.attribution, sw.explain(models["a"], picture(seed=0), "age").attribution)


def test_the_top_class_is_that_of_the_model_that_is_asked(make):
    upside = other()
    with torch.no_grad():
        upside.module.style.bias.copy_(torch.tensor([0.0, 0.0, 100.0]))
    widget = make({"a": two_heads(), "b": upside})
    widget.wait(LONG)
    widget.explain("style", model="a")
    assert widget.explain("style", model="b").target.index == 2


def test_a_grid_brings_the_map_of_each_model_and_leaves_the_chosen_one_alone(widget, models):
    page = FakePage(widget)
    image = widget.images[0]["id"]
    cells = [{"image": image, "targets": GOTHIC, **ARGS, "model": name} for name in models]
    assert ask(page, "grid", cells=cells)["status"] == "complete"
    sent = zip(page.messages, page.data, strict=True)
    kept = {
        m["args"]["model"]: (m, data[0]) for m, data in sent if m["type"] == "cache" and m["names"] == ["style:gothic"]
    }
    assert set(kept) == {"a", "b"}
    for name, model in models.items():
        meta, data = kept[name]
        values = np.frombuffer(data, "<i2").reshape(meta["shape"]) * meta["scales"][0]
        expected = sw.explain(model, picture(seed=0), "style:gothic").attribution.sum(0)
        np.testing.assert_allclose(values, expected, atol=abs(expected).max() / 30000)
    assert widget.model == "a"


def test_the_code_of_a_map_names_the_model_that_it_is_of(widget, models):
    widget.model = "b"
    widget.wait(LONG)
    page = FakePage(widget)
    key = widget.result["key"]
    drawn = {"sign": "signed", "channels": "sum", "smooth": 0}
    assert ask(page, "file", what="code", key=key, target="style:gothic", **drawn)["status"] == "complete"
    code = bytes(page.data[page.messages.index(page.of("file")[-1])][0]).decode()
    assert 'model = models["b"]' in code
    places = {"models": models, "images": [picture(seed=0), picture(seed=1)]}
    exec(code.replace("e.plot", "str"), places)  # noqa: S102 - the product's own code
    np.testing.assert_array_equal(places["e"].attribution, widget.explanation.attribution)


def test_two_models_of_the_same_weights_are_told_apart(make):
    module = TwoHeads().eval()
    heads = {"style": ["x", "y", "z"], "age": sw.Regression()}
    plain = sw.ImageModel(module, heads=heads, preprocess=keep, device="cpu")
    darker = sw.ImageModel(module, heads=heads, preprocess=lambda image: 0.1 * image, device="cpu")
    widget = make({"plain": plain, "darker": darker}, target="age")
    first = widget.explain("age", model="plain")
    second = widget.explain("age", model="darker")
    again = widget.explain("age", model="plain")
    assert not np.array_equal(first.attribution, second.attribution)
    np.testing.assert_array_equal(first.attribution, again.attribution)


def test_new_weights_of_a_model_that_is_not_chosen_reach_the_card_with_its_next_map(widget, models):
    page = FakePage(widget)
    before = [one["revision"] for one in widget.card["models"]]
    with torch.no_grad():
        models["b"].module.age.weight.mul_(2)
    cell = {"image": widget.images[0]["id"], "targets": GOTHIC, **ARGS, "model": "b"}
    assert ask(page, "grid", cells=[cell])["status"] == "complete"
    after = [one["revision"] for one in widget.card["models"]]
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_what_each_model_sees_of_a_picture_is_told(make):
    from torchvision.transforms import v2

    heads = {"style": ["x", "y", "z"], "age": sw.Regression()}
    whole = sw.ImageModel(TwoHeads(), heads=heads, preprocess=keep, device="cpu")
    middle = sw.ImageModel(TwoHeads(), heads=heads, preprocess=v2.CenterCrop(4), device="cpu")
    widget = make({"whole": whole, "middle": middle}, target="age")
    widget.wait(LONG)
    seen = widget.images[0]["seen"]
    assert seen["whole"]["box"] == pytest.approx([0, 0, 12, 8], abs=0.1)
    assert seen["middle"]["box"] == pytest.approx([4, 2, 8, 6], abs=0.1)
    assert seen["middle"]["input"] == [4, 4]


def test_a_method_that_does_not_apply_to_a_model_is_named_in_the_card_and_refused(make):
    class Smooth(TwoHeads):
        def __init__(self):
            super().__init__()
            self.body[2] = self.body[5] = nn.SiLU()

    heads = {"style": ["x", "y", "z"], "age": sw.Regression()}
    rectified = sw.ImageModel(TwoHeads(), heads=heads, preprocess=keep, device="cpu")
    smooth = sw.ImageModel(Smooth(), heads=heads, preprocess=keep, device="cpu")
    widget = make({"rectified": rectified, "smooth": smooth}, method="deep_taylor")
    widget.wait(LONG)
    refused = {one["name"]: one["refused"] for one in widget.card["models"]}
    assert "deep_taylor" in refused["smooth"]
    assert "deep_taylor" not in refused["rectified"]
    with pytest.raises(errors.NotApplicable, match="deep_taylor"):
        widget.model = "smooth"
    assert widget.model == "rectified"


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({}, errors.BadParameter, "empty mapping"),
        ({1: two_heads()}, errors.BadParameter, "a model has the name 1"),
        ({"a": two_heads(), "b": "vgg"}, errors.ModelError, "str"),
        (
            {"a": two_heads(), "b": sw.ImageModel(nn.Sequential(nn.Flatten(), nn.Linear(288, 5)), preprocess=keep)},
            errors.ModelError,
            "same heads",
        ),
    ],
    ids=["none", "no name", "no model", "other heads"],
)
def test_what_cannot_be_compared_is_said_at_once(make, given, error, words):
    with pytest.raises(error, match=words):
        sw.SaliencyWidget(given, picture())


def test_an_unknown_model_is_refused_with_the_nearest_name_and_nothing_changes(widget):
    with pytest.raises(errors.BadParameter, match="no model 'c'"):
        widget.model = "c"
    assert widget.model == "a"
    page = FakePage(widget)
    end = ask(page, "explain", image=widget.images[0]["id"], targets=GOTHIC, **ARGS, have=None)
    assert (end["code"], end["job"]) == ("bad_parameter", None)
