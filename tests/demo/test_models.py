"""The built-in models of buildings are really trained, small, of their families, and look where their labels are."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from torch import nn
from torchvision.models import efficientnet, inception, mobilenetv2
from torchvision.ops import SqueezeExcitation

import saliency_widget as sw
from saliency_widget.demo import train
from saliency_widget.demo.building_task import BUILDINGS
from saliency_widget.demo.models import HEADS, SIZE, built_in, preprocess, weights_file
from saliency_widget.errors import ModelError

HELD_OUT = range(300_000, 300_060)
NAMES = ("vgg", "mobilenet", "inception", "efficientnet")
DOCUMENT = Path(__file__).parents[2] / "docs" / "demo-models.md"

each_model = pytest.mark.parametrize("model", NAMES, indirect=True)


@functools.cache
def loaded(name):
    return sw.load(f"demo/{name}", device="cpu")


@pytest.fixture
def model(request):
    return loaded(getattr(request, "param", "vgg"))


@pytest.fixture(scope="module")
def scenes():
    return [sw.demo.building(seed, 0) for seed in HELD_OUT]


@pytest.fixture(scope="module")
def batch(scenes):
    prepare = preprocess()
    return torch.stack([prepare(torch.from_numpy(np.array(s.image)).permute(2, 0, 1) / 255) for s in scenes])


def outputs(model, images):
    with torch.inference_mode():
        return model.module(images)


def card(name):
    with safetensors.safe_open(weights_file(name), "pt") as file:
        return file.metadata()


def kinds(model):
    return {type(module) for module in model.module.modules()}


def convolutions(model):
    return [module for module in model.module.modules() if isinstance(module, nn.Conv2d)]


@each_model
def test_both_heads_are_right_on_held_out_scenes(model, scenes, batch):
    scores = outputs(model, batch)
    for head, classes in HEADS.items():
        truth = torch.tensor([classes.index(scene.labels[head]) for scene in scenes])
        assert (scores[head].argmax(1) == truth).float().mean() >= 0.85


@each_model
def test_a_prediction_is_what_the_trained_network_says(model, scenes, batch):
    predicted = model.predict(scenes[0].image)
    alone = outputs(model, batch[:1])
    assert list(predicted) == list(HEADS)
    for head, classes in HEADS.items():
        assert predicted[head].top == classes[alone[head].argmax()]
        np.testing.assert_allclose(predicted[head].logits, alone[head][0], atol=1e-4)


@each_model
def test_a_picture_scores_the_same_alone_and_among_others(model, batch):
    """Batch norm in training mode would mix them."""
    alone, among = outputs(model, batch[:1]), outputs(model, batch[:7])
    assert not any(module.training for module in model.module.modules())
    for head in HEADS:
        torch.testing.assert_close(alone[head][0], among[head][0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_the_same_each_time_it_is_loaded_and_leaves_chance_alone(name, batch):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    again = sw.load(f"demo/{name}", device="cpu")
    assert torch.equal(torch.rand(1), expected)
    assert again.revision() == loaded(name).revision()
    one, two = outputs(again, batch[:2]), outputs(loaded(name), batch[:2])
    assert all(torch.equal(one[head], two[head]) for head in HEADS)


def test_the_vgg_is_one_path_of_three_by_three_convolutions_and_poolings():
    model = loaded("vgg")
    assert {layer.kernel_size for layer in convolutions(model)} == {(3, 3)}
    assert {type(layer) for layer in model.module.body} == {nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d}


def test_the_mobilenet_has_inverted_residuals_around_depthwise_convolutions():
    model = loaded("mobilenet")
    blocks = [module for module in model.module.modules() if isinstance(module, mobilenetv2.InvertedResidual)]
    assert len(blocks) == 17
    assert any(block.use_res_connect for block in blocks)
    for block in blocks:
        inside = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]
        assert [layer.kernel_size for layer in inside if layer.groups == layer.in_channels] == [(3, 3)]
        assert {layer.kernel_size for layer in inside if layer.groups == 1} == {(1, 1)}
        assert block.conv[-1].num_features < inside[0].out_channels or block is blocks[0]  # wide inside, narrow out
    assert nn.ReLU6 in kinds(model)
    assert not {SqueezeExcitation, nn.SiLU, nn.ReLU} & kinds(model)


def test_the_inception_looks_in_parallel_with_factorised_convolutions_and_poolings():
    model = loaded("inception")
    blocks = {getattr(inception, f"Inception{letter}") for letter in "ABCDE"}
    assert blocks <= kinds(model)
    assert {(1, 1), (3, 3), (5, 5), (1, 7), (7, 1), (1, 3), (3, 1)} == {c.kernel_size for c in convolutions(model)}
    assert inception.InceptionAux not in kinds(model)
    a = next(module for module in model.module.modules() if isinstance(module, inception.InceptionA))
    assert {"branch1x1", "branch_pool"} <= {name for name, _ in a.named_children()}


def test_the_efficientnet_has_mbconv_with_squeeze_and_excitation_and_silu():
    model = loaded("efficientnet")
    blocks = [module for module in model.module.modules() if isinstance(module, efficientnet.MBConv)]
    assert len(blocks) >= 7
    for block in blocks:
        assert {SqueezeExcitation, nn.SiLU} <= {type(module) for module in block.modules()}
        assert any(isinstance(c, nn.Conv2d) and c.groups == c.in_channels > 1 for c in block.modules())
    assert {(3, 3), (5, 5)} <= {c.kernel_size for c in convolutions(model)}
    assert not {nn.ReLU6} & kinds(model)


@each_model
@pytest.mark.parametrize("method", ["gradient", "grad_cam"])
@pytest.mark.parametrize("head", HEADS)
def test_maps_can_be_made_of_it(model, method, head):
    scene = sw.demo.building(300_001, 0, 64)
    heat = sw.explain(model, scene.image, head, method).heatmap("absolute")
    assert np.isfinite(heat).all()
    assert heat.max() > heat.min()


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_are_float16_and_carry_what_was_measured(name):
    with safetensors.safe_open(weights_file(name), "pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16, torch.int64}  # noqa: SIM118
    assert int(card(name)["held_out"]) == 2000
    assert min(json.loads(card(name)["accuracy"]).values()) >= 0.85


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_that_trains_a_model_again_is_the_one_that_trained_it(name):
    written = json.loads(card(name)["recipe"])
    assert {key: value for key, value in asdict(built_in(name).recipe).items() if key in written} == written


def test_the_weights_of_all_built_in_models_are_small():
    assert sum(file.stat().st_size for file in weights_file("vgg").parent.iterdir()) <= 16e6


def test_the_documented_figures_are_those_that_the_weights_carry():
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in NAMES:
        row = re.search(rf"^\| `demo/{name}` \| 0 \|.*$", text, re.MULTILINE)
        assert row, f"docs/demo-models.md has no row for demo/{name}, seed 0"
        size = weights_file(name).stat().st_size / 1e6
        shown = [f"{100 * share:.2f}" for share in json.loads(card(name)["accuracy"]).values()]
        assert [cell.strip() for cell in row.group().split("|")[4:7]] == [f"{size:.2f}", *shown]


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(sw.SaliencyError, match=".*".join(f"demo/{name}" for name in NAMES)):
        sw.load("demo/resnet")
    assert [f"demo/{name}" for name in NAMES] == sw.models("demo")[:4]


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
    black = model.predict(np.zeros((224, 224, 3), np.uint8))
    targets = [[f"{head}:{scene.labels[head]}" for head in HEADS] for scene in scenes[:2]]
    errors = [
        e.quality[0].value
        for scene, wanted in zip(scenes, targets, strict=False)
        for e in sw.explain(model, scene.image, wanted, "integrated_gradients")
        if abs(e.score_value - black[e.target.head].logits[e.target.index]) > 0.5
    ]
    assert errors
    assert np.median(errors) <= 0.01


@pytest.mark.parametrize("name", NAMES)
def test_the_untrained_network_is_the_same_each_time_and_knows_nothing(name, scenes):
    one, two = (sw.load(f"demo/{name}", weights=None, device="cpu") for _ in range(2))
    assert one.revision() == two.revision()
    assert "untrained" in one.name
    assert one.predict(scenes[0].image)["style"].probabilities.max() < 0.9


def test_weights_of_another_training_are_loaded_from_their_file(tmp_path, scenes):
    shipped = safetensors.torch.load_file(weights_file("vgg"))
    last = [key for key in shipped if key.startswith("style") or ".style." in key]
    assert last
    file = tmp_path / "vgg-1.safetensors"
    safetensors.torch.save_file(shipped | {key: torch.zeros_like(shipped[key]) for key in last}, file)
    said = sw.load("demo/vgg", weights=str(file), device="cpu").predict(scenes[0].image)
    assert np.ptp(said["style"].logits) == 0
    usual = sw.load("demo/vgg", device="cpu").predict(scenes[0].image)
    np.testing.assert_allclose(said["perspective"].logits, usual["perspective"].logits, rtol=1e-5)


@pytest.mark.parametrize(
    ("weights", "why"),
    [("IMAGENET1K_V1", "there is no such file"), (str(weights_file("inception")), "Error.* in loading state_dict")],
)
def test_what_are_no_weights_of_a_built_in_model_is_refused_with_what_to_give(weights, why):
    with pytest.raises(ModelError, match=f"weights= was given as .*{why}.*demo.train vgg --out FILE"):
        sw.load("demo/vgg", weights=weights)


def test_drawn_pictures_are_kept_for_the_next_run(tmp_path, monkeypatch):
    seeds = train.HELD_OUT_SEEDS[:2]
    images, labels = train.draw_all(BUILDINGS, seeds, 1, tmp_path)
    monkeypatch.setattr(train, "_draw", None)
    again = train.draw_all(BUILDINGS, seeds, 1, tmp_path)
    assert images.shape == (2, 3, SIZE, SIZE)
    assert torch.equal(again[0], images)
    assert torch.equal(again[1], labels)
    scene = sw.demo.building(seeds[1], 0)
    assert torch.equal(images[1], torch.from_numpy(np.array(scene.image)).permute(2, 0, 1))
    assert labels[1].tolist() == [HEADS[head].index(scene.labels[head]) for head in HEADS]


@pytest.mark.slow
def test_the_training_script_trains_and_writes_weights_that_load(tmp_path, capsys):
    out = tmp_path / "vgg.safetensors"
    arguments = ["vgg", "--scenes", "32", "--epochs", "2", "--small", "0.5", "--batch", "16", "--held-out", "16"]
    assert train.main([*arguments, "--workers", "1", "--device", "cpu", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "over 16 held-out scenes" in printed
    with safetensors.safe_open(out, "pt") as file:
        assert json.loads(file.metadata()["recipe"])["scenes"] == 32
