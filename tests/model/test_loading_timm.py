"""timm's models are loaded by name, through timm's own loading code, from files that lie where timm keeps them."""

from __future__ import annotations

import pytest
import safetensors.torch
import torch
from PIL import Image
from skimage import data

import saliency_widget as sw
from saliency_widget.errors import MissingWeights, ModelError
from saliency_widget.model.images import read_image
from saliency_widget.model.recipe import Recipe
from saliency_widget.model.zoo.common import understood
from saliency_widget.model.zoo.timm import _pipeline, readings

timm = pytest.importorskip("timm")
constants = pytest.importorskip("huggingface_hub.constants")

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "interpolation": "bicubic"}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache of the hub, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def put_weights(hub, repository, module):
    """Write a network's weights where the hub's download would."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0")
    (folder / "snapshots" / "0").mkdir(parents=True)
    safetensors.torch.save_file(module.state_dict(), folder / "snapshots" / "0" / "model.safetensors")


def network(name):
    torch.manual_seed(5)
    return timm.create_model(name)


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize(
    ("name", "interpolation"),
    [("test_vit", "bicubic"), ("test_resnet.r160_in1k", "bilinear"), ("test_convnext", "bicubic")],
)
def test_a_model_comes_with_its_weights_classes_and_preprocessing(hub, name, interpolation):
    original = network(name)
    put_weights(hub, original.pretrained_cfg["hf_hub_id"], original)
    model = sw.load(f"timm/{name}", device="cpu")
    assert model.name == f"timm/{name}"
    assert same(model.module, original)
    said = model.predict(data.chelsea())["class"]
    assert said.classes[281] == "tabby, tabby cat"
    assert any(
        f"resize the short side to 168 ({interpolation}), crop the centre 160 x 160" in note for note in model.notes
    )
    assert any("imagenet-1k" in note for note in model.notes)
    with torch.no_grad():
        scores = original.eval()(model.input(data.chelsea())[None])[0]
    torch.testing.assert_close(torch.tensor(said.logits), scores, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_are_read_from_a_file_by_its_path(tmp_path, suffix):
    original, path = network("test_vit"), tmp_path / f"mine{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": original.state_dict()}, path)
    else:
        safetensors.torch.save_file(original.state_dict(), path)
    assert same(sw.load("timm/test_vit", weights=str(path), device="cpu").module, original)


def test_a_file_that_holds_code_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"state_dict": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(MissingWeights, match="cannot be read"):
        sw.load("timm/test_vit", weights=str(tmp_path / "trap.pth"))
    assert not (tmp_path / "ran").exists()


def test_weights_of_another_network_do_not_fit(tmp_path):
    safetensors.torch.save_file(network("test_resnet").state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(MissingWeights, match="do not fit timm/test_vit"):
        sw.load("timm/test_vit", weights=str(tmp_path / "other.safetensors"))


def test_a_path_at_which_there_is_no_file_says_so(tmp_path):
    with pytest.raises(MissingWeights, match=r"none\.pth.*check the path"):
        sw.load("timm/test_vit", weights=str(tmp_path / "none.pth"))


def test_missing_weights_say_where_the_file_comes_from_and_how_to_load_it(hub):
    with pytest.raises(MissingWeights) as caught:
        sw.load("timm/test_vit")
    message = str(caught.value)
    assert "https://huggingface.co/timm/test_vit.r160_in1k/resolve/main/model.safetensors" in message
    assert str(hub / "models--timm--test_vit.r160_in1k") in message
    assert 'weights="path/to/model.safetensors"' in message
    assert "weights=None" in message


def test_a_broken_weights_file_says_to_delete_it(hub):
    put_weights(hub, "timm/test_vit.r160_in1k", network("test_vit"))
    next(hub.glob("*/snapshots/0/model.safetensors")).write_bytes(b"half a download")
    with pytest.raises(MissingWeights, match=r"delete .*models--timm--test_vit"):
        sw.load("timm/test_vit")


def test_an_untrained_model_is_the_same_each_time_and_leaves_the_users_draws_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    first = sw.load("timm/test_vit", weights=None, device="cpu")
    torch.manual_seed(7)
    second = sw.load("timm/test_vit", weights=None, device="cpu")
    assert torch.equal(torch.rand(3), expected)
    assert same(first.module, second.module)
    assert first.name == "timm/test_vit (untrained)"


@pytest.mark.parametrize(
    ("name", "weights", "says"),
    [
        ("test_vti", "DEFAULT", "did you mean 'test_vit'"),
        ("test_vit.r160", "DEFAULT", "no weights 'r160'; did you mean 'r160_in1k'"),
        ("test_vit", "a1_in1k", "no weights 'a1_in1k'.*Known: r160_in1k"),
        ("botnet50ts_256", "DEFAULT", "no pretrained weights for botnet50ts_256"),
    ],
)
def test_what_timm_does_not_have_is_an_error_with_what_it_has(name, weights, says):
    with pytest.raises(ModelError, match=says):
        sw.load(f"timm/{name}", weights=weights)


def test_a_network_without_a_classifier_has_features():
    model = sw.load("timm/vit_tiny_patch16_224", weights=None, device="cpu")
    assert list(model._spec) == ["class"]
    model = sw.load("timm/vit_small_patch14_dinov2", weights=None, device="cpu")
    assert list(model._spec) == ["feature"]
    assert any("no classifier" in note for note in model.notes)


@pytest.mark.parametrize("name", ["chelsea", "rocket"])
@pytest.mark.parametrize(
    "config",
    [
        {"input_size": (3, 160, 160), "crop_pct": 0.95, "crop_mode": "center"},
        {"input_size": (3, 224, 224), "crop_pct": 0.875, "crop_mode": "center", "interpolation": "bilinear"},
        {"input_size": (3, 128, 96), "crop_pct": 0.9, "crop_mode": "center"},
        {"input_size": (3, 224, 224), "crop_pct": 1.0, "crop_mode": "squash"},
        {"input_size": (3, 192, 192), "crop_pct": 0.9, "crop_mode": "squash"},
        {"input_size": (3, 224, 224), "crop_pct": 1.0, "crop_mode": "border"},
        {"input_size": (3, 224, 160), "crop_pct": 0.9, "crop_mode": "border"},
        {"input_size": (3, 96, 96), "crop_pct": 0.875, "interpolation": "lanczos"},
        {"input_size": (1, 96, 96), "crop_pct": 0.875, "mean": (0.5,), "std": (0.25,)},
    ],
    ids=["pct95", "bilinear", "tall", "squash", "squash90", "border", "border-tall", "lanczos", "grey"],
)
def test_a_recipe_gives_what_timms_own_transform_gives(config, name):
    config = IMAGENET | config
    pipeline = _pipeline(timm, config)
    recipe, _ = understood(readings(config), pipeline, "it") if len(config["mean"]) == 3 else (readings(config)[0], "")
    assert isinstance(recipe, Recipe)
    photograph = Image.fromarray(getattr(data, name)())
    theirs, ours = pipeline(photograph), recipe(read_image(photograph).tensor)
    assert ours.shape == theirs.shape == config["input_size"]
    levels = (ours - theirs) * torch.tensor(config["std"]).view(-1, 1, 1) * 255
    assert levels.abs().mean() < 0.5
    assert levels.abs().max() < 3


def test_a_config_that_is_not_understood_is_called_as_it_is():
    config = IMAGENET | {"input_size": (3, 64, 64), "crop_pct": 0.9, "interpolation": "random"}
    chosen, note = understood(readings(config), lambda _: torch.zeros(3, 64, 64), "it")
    assert not isinstance(chosen, Recipe)
    assert "called as it is" in note


def test_timms_models_are_listed_with_their_tags_where_a_pattern_has_a_dot():
    everything = set(sw.models("timm"))
    assert {"timm/resnet50", "timm/vit_base_patch16_224", "timm/test_vit"} <= everything
    assert everything <= set(sw.models())
    assert "timm/resnet50.a1_in1k" not in everything
    assert "timm/resnet50.a1_in1k" in sw.models("timm/resnet50.*")
    assert set(sw.models("*/vgg16")) == {"torchvision/vgg16", "timm/vgg16"}
