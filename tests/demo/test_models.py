"""The built-in model is really trained, small, and looks where its labels are."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors
import torch

import saliency_widget as sw
from saliency_widget.demo import train
from saliency_widget.demo.models import HEADS, weights_file

HELD_OUT = range(300_000, 300_040)


@pytest.fixture(scope="module")
def model():
    return sw.load("demo/vgg", device="cpu")


@pytest.fixture(scope="module")
def scenes():
    return [sw.demo.building(seed, 0) for seed in HELD_OUT]


def test_both_heads_are_right_on_held_out_scenes(model, scenes):
    for head in HEADS:
        right = [model.predict(scene.image)[head].top == scene.labels[head] for scene in scenes]
        assert np.mean(right) >= 0.95


def test_the_weights_are_float16_small_and_carry_the_accuracy_that_was_measured():
    path = weights_file("vgg")
    assert path.stat().st_size <= 6e6
    with safetensors.safe_open(path, "pt") as file:
        card = file.metadata()
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16, torch.int64}  # noqa: SIM118
    assert int(card["held_out"]) == 2000
    assert min(json.loads(card["accuracy"]).values()) >= 0.95


def test_the_heads_look_at_different_things(model, scenes):
    """A small part of benchmarks/evidence.py: each head's map lies more in its own mask than the other head's does."""
    higher = dict.fromkeys(HEADS, 0)
    for scene in scenes[:3]:
        targets = [f"{head}:{scene.labels[head]}" for head in HEADS]
        maps = [e.heatmap("absolute") for e in sw.explain(model, scene.image, targets, "smoothgrad", samples=8)]
        for own, (head, other) in enumerate(zip(HEADS, reversed(HEADS), strict=True)):
            assert head != other
            shares = [heat[scene.evidence[head]].sum() / heat.sum() for heat in maps]
            higher[head] += shares[own] > shares[1 - own]
    assert higher == {"style": 3, "perspective": 3}


def test_integrated_gradients_of_the_built_in_model_add_up(model, scenes):
    errors = []
    for scene in scenes[:3]:
        for e in sw.explain(model, scene.image, [f"{h}:{scene.labels[h]}" for h in HEADS], "integrated_gradients"):
            black = model.predict(np.zeros((224, 224, 3), np.uint8))[e.target.head].logits[e.target.index]
            if abs(e.score_value - black) > 0.5:
                errors.append(e.quality[0].value)
    assert np.median(errors) <= 0.01


def test_the_untrained_network_is_the_same_each_time_and_knows_nothing(scenes):
    one, two = (sw.load("demo/vgg", weights=None, device="cpu") for _ in range(2))
    assert one.revision() == two.revision()
    assert "untrained" in one.name
    assert one.predict(scenes[0].image)["style"].probabilities.max() < 0.9


@pytest.mark.slow
def test_the_training_script_trains_and_writes_weights_that_load(tmp_path, capsys):
    out = tmp_path / "vgg.safetensors"
    arguments = ["vgg", "--scenes", "32", "--epochs", "2", "--small", "0.5", "--batch", "16", "--held-out", "16"]
    assert train.main([*arguments, "--workers", "1", "--device", "cpu", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "of 16 held-out scenes" in printed
    with safetensors.safe_open(out, "pt") as file:
        assert json.loads(file.metadata()["recipe"])["scenes"] == 32
