"""One model counts rings and the other looks at the slide, and both can be found out by looking."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors
import torch

import saliency_widget as sw
from saliency_widget import wire
from saliency_widget.demo.fish_scales.models import MODELS
from saliency_widget.demo.fish_scales.picture import draw, plan
from saliency_widget.demo.models import weights_file

HELD_OUT = range(300_000, 300_024)
NAMES = ("scale-age", "scale-age-confounded")


@pytest.fixture(scope="module")
def honest():
    return sw.load("demo/scale-age", device="cpu")


@pytest.fixture(scope="module")
def cheat():
    return sw.load("demo/scale-age-confounded", device="cpu")


@pytest.fixture(scope="module")
def drawn():
    return [sw.demo.scale(seed, 0) for seed in HELD_OUT]


@pytest.fixture(scope="module")
def confounded():
    return [sw.demo.scale(seed, 0, confounded=True) for seed in HELD_OUT]


def said(model, image):
    return model.predict(image)["age"].value


def error(model, pictures):
    return np.mean([abs(said(model, one.image) - one.labels["age"]) for one in pictures])


def painted(one, grey):
    pixels = np.asarray(one.image).copy()
    pixels[one.evidence["background"]] = grey
    return pixels


def test_the_honest_model_reads_the_age_whatever_the_background(honest, drawn, confounded):
    assert error(honest, drawn) < 0.5
    assert error(honest, confounded) < 0.5


def test_the_cheat_is_the_better_one_until_the_background_stops_telling_the_age(honest, cheat, drawn, confounded):
    assert error(cheat, confounded) < 0.3
    assert error(cheat, drawn) > 1.5
    assert error(cheat, drawn) > 4 * error(honest, drawn)


def test_the_cheats_map_lies_in_the_background_and_the_honest_ones_on_the_scale(honest, cheat, drawn):
    for method, params in (("gradient", {}), ("smoothgrad", {"samples": 8})):
        shares = {}
        for model in (honest, cheat):
            heats = [sw.explain(model, one.image, "age", method, **params).heatmap("absolute") for one in drawn[:6]]
            inside = [h[o.evidence["background"]].sum() / h.sum() for h, o in zip(heats, drawn, strict=False)]
            shares[model.name] = np.mean(inside)
        assert shares[cheat.name] > shares[honest.name] + 0.2


def test_painting_the_background_moves_the_cheat_alone(honest, cheat, drawn):
    moved = {
        model.name: [said(model, painted(one, 235)) - said(model, painted(one, 35)) for one in drawn[:10]]
        for model in (honest, cheat)
    }
    assert np.min(moved[cheat.name]) > 2
    assert np.mean(np.abs(moved[honest.name])) < 0.7


def test_more_rings_make_the_honest_model_say_more_years_on_the_same_scale(honest):
    chosen = plan(np.random.default_rng(3))
    ages = [said(honest, draw(replace(chosen, age=age), 224)[0]) for age in (1, 3, 5, 7, 9)]
    assert (np.diff(ages) > 0.8).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_are_float16_small_and_carry_the_error_that_was_measured(name):
    path = weights_file(name)
    assert path.stat().st_size <= 2e6
    with safetensors.safe_open(path, "pt") as file:
        card = file.metadata()
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16, torch.int64}  # noqa: SIM118
    assert int(card["held_out"]) >= 1000
    assert json.loads(card["mean error"])["age"] < 0.5
    assert MODELS[name].recipe.seed == json.loads(card["recipe"])["seed"]


def test_both_are_the_same_network_with_one_head_in_years(honest, cheat):
    for model in (honest, cheat):
        assert [head.card() for head in model.heads.values()] == [{"name": "age", "kind": "value", "unit": "years"}]
    assert {k: v.shape for k, v in honest.module.state_dict().items()} == {
        k: v.shape for k, v in cheat.module.state_dict().items()
    }


def test_the_widget_takes_the_pictures_with_their_ages_and_masks(honest, monkeypatch, tmp_path):
    for name in ("widget.js", "widget.css"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(wire, "_STATIC", tmp_path)  # the kernel alone is looked at: no built page is needed
    drawn = sw.demo.scales(3, seed=1)
    widget = sw.SaliencyWidget(honest, drawn, idle=False)
    try:
        widget.wait(60)
        assert [card["truth"] for card in widget.images] == [one.labels for one in drawn]
        assert [mask["name"] for mask in widget.masks["masks"]] == ["rings", "scale", "background"]
        assert widget.explanation.target.head == "age"
        assert abs(widget.explanation.prediction["age"].value - drawn[0].labels["age"]) < 2
    finally:
        widget.close()
