"""Image classifiers in the format of transformers are loaded from folders and from the hub's cache, as that library does it."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from PIL import Image
from skimage import data

import saliency_widget as sw
from saliency_widget.errors import MissingWeights, ModelError
from saliency_widget.model.images import read_image
from saliency_widget.model.preprocess import Preprocess
from saliency_widget.model.recipe import Recipe
from saliency_widget.model.zoo.common import understood
from saliency_widget.model.zoo.hf import _pipeline, _readings

transformers = pytest.importorskip("transformers")
constants = pytest.importorskip("huggingface_hub.constants")

PETS = {0: "cat", 1: "dog", 2: "axolotl"}
TINY = {"image_size": 32, "patch_size": 8, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture(autouse=True)
def hub(tmp_path_factory, monkeypatch):
    """An empty cache of the hub, and no network."""
    cache = tmp_path_factory.mktemp("hub")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return cache


def vit(**options):
    torch.manual_seed(5)
    return transformers.ViTForImageClassification(transformers.ViTConfig(**TINY, intermediate_size=32, **options))


def convnext(**options):
    torch.manual_seed(5)
    config = transformers.ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, **options)
    return transformers.ConvNextForImageClassification(config)


def resnet(**options):
    torch.manual_seed(5)
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], **options)
    return transformers.ResNetForImageClassification(config)


def save(folder, module=None, processor=None):
    """Save as a user would."""
    (module or vit(id2label=PETS)).save_pretrained(folder)
    (processor or transformers.ViTImageProcessor(size={"height": 32, "width": 32})).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("build", [vit, convnext, resnet])
def test_a_folder_holds_a_model_with_its_weights_classes_and_preprocessing(tmp_path, build):
    original = build(id2label=PETS)
    save(tmp_path, original)
    model = sw.load(f"hf/{tmp_path}", device="cpu")
    assert model.name == f"hf/{tmp_path}"
    assert all(torch.equal(a, b) for a, b in zip(model.module.parameters(), original.parameters(), strict=True))
    said = model.predict(data.chelsea())["logits"]
    assert said.classes == ("cat", "dog", "axolotl")
    assert any("resize to 32 x 32 (bilinear), no crop, mean 0.5, std 0.5" in note for note in model.notes)
    with torch.no_grad():
        scores = original.eval()(model.input(data.chelsea())[None]).logits[0]
    torch.testing.assert_close(torch.tensor(said.logits), scores, rtol=1e-4, atol=1e-5)
    assert sw.explain(model, data.chelsea(), "axolotl").attribution.shape == (3, 32, 32)


def test_a_repository_is_loaded_from_the_hubs_cache_and_listed(tmp_path, hub):
    folder = hub / "models--somebody--pets"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0")
    shutil.copytree(save(tmp_path / "pets"), folder / "snapshots" / "0")
    (hub / "models--somebody--words" / "snapshots" / "0").mkdir(parents=True)
    (hub / "models--somebody--words" / "snapshots" / "0" / "config.json").write_text('{"architectures": ["BertModel"]}')
    assert sw.models("hf") == ["hf/somebody/pets"]
    assert sw.load("hf/somebody/pets", device="cpu").predict(data.chelsea())["logits"].classes == (
        "cat",
        "dog",
        "axolotl",
    )


def test_classes_that_the_config_only_numbers_have_no_names(tmp_path):
    save(tmp_path, vit(num_labels=4))
    assert sw.load(f"hf/{tmp_path}", device="cpu").predict(data.chelsea())["logits"].classes == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"num_labels": 1, "problem_type": "regression"}, "value"),
        ({"id2label": PETS, "problem_type": "multi_label_classification"}, "labels"),
        ({"id2label": PETS}, "classes"),
    ],
)
def test_the_configs_problem_type_says_what_the_head_is(tmp_path, options, kind):
    save(tmp_path, vit(**options))
    model = sw.load(f"hf/{tmp_path}", device="cpu")
    model.discover(data.chelsea())
    assert model.heads["logits"].kind == kind


def test_an_untrained_model_is_the_same_each_time_and_leaves_the_users_draws_alone(tmp_path):
    save(tmp_path)
    torch.manual_seed(7)
    expected = torch.rand(3)
    first = sw.load(f"hf/{tmp_path}", weights=None, device="cpu")
    torch.manual_seed(7)
    second = sw.load(f"hf/{tmp_path}", weights=None, device="cpu")
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(first.module.parameters(), second.module.parameters(), strict=True))
    assert "untrained" in first.name


def test_a_classifier_that_the_file_does_not_hold_is_noted(tmp_path):
    torch.manual_seed(0)
    save(tmp_path, transformers.ViTModel(transformers.ViTConfig(**TINY, intermediate_size=32)))
    state = torch.get_rng_state()
    model = sw.load(f"hf/{tmp_path}", device="cpu")
    assert torch.equal(torch.get_rng_state(), state)
    assert any("drawn at random" in note and "classifier.weight" in note for note in model.notes)


def test_a_missing_repository_says_where_it_would_be(hub):
    with pytest.raises(MissingWeights) as caught:
        sw.load("hf/google/vit-base-patch16-224")
    message = str(caught.value)
    assert "https://huggingface.co/google/vit-base-patch16-224" in message
    assert str(hub / "models--google--vit-base-patch16-224") in message
    assert "hf download google/vit-base-patch16-224" in message


@pytest.mark.parametrize(
    ("file", "error", "says"),
    [
        ("config.json", MissingWeights, "folder of hf/.* is not complete"),
        ("model.safetensors", MissingWeights, "folder of hf/.* is not complete"),
        ("preprocessor_config.json", ModelError, r"processor\.save_pretrained"),
    ],
)
def test_a_folder_that_lacks_a_file_says_how_to_save_it(tmp_path, file, error, says):
    (save(tmp_path) / file).unlink()
    with pytest.raises(error, match=says):
        sw.load(f"hf/{tmp_path}")


def test_a_broken_weights_file_says_to_delete_it(tmp_path):
    (save(tmp_path) / "model.safetensors").write_bytes(b"half a download")
    with pytest.raises(MissingWeights, match="delete"):
        sw.load(f"hf/{tmp_path}")


def test_a_folder_that_does_not_exist_is_no_repository(tmp_path):
    with pytest.raises(ModelError, match="there is no folder"):
        sw.load(f"hf/{tmp_path / 'nowhere'}")


def test_a_model_for_another_task_is_refused(tmp_path):
    config = transformers.BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    transformers.BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="type 'bert', for which transformers has no image classifier"):
        sw.load(f"hf/{tmp_path}")


def test_code_that_comes_with_a_model_is_never_run(tmp_path):
    config = {"model_type": "mine", "auto_map": {"AutoConfig": "trap.Mine"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "trap.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelError, match="never run here"):
        sw.load(f"hf/{tmp_path}")
    assert not (tmp_path / "ran").exists()


def processors():
    small, wide = {"shortest_edge": 64}, {"height": 48, "width": 96}
    crop = {"height": 56, "width": 56}
    return {
        "vit": transformers.ViTImageProcessor(size=wide),
        "clip": transformers.CLIPImageProcessor(size=small, crop_size=crop),
        "clip, odd crop": transformers.CLIPImageProcessor(size=small, crop_size={"height": 61, "width": 61}),
        "convnext, crop_pct": transformers.ConvNextImageProcessor(size={"shortest_edge": 224}, crop_pct=0.875),
        "convnext, squared": transformers.ConvNextImageProcessor(size={"shortest_edge": 384}),
        "poolformer": transformers.PoolFormerImageProcessor(size=small, crop_size={"height": 64, "width": 64}),
        "levit": transformers.LevitImageProcessor(size=small, crop_size={"height": 64, "width": 64}),
        "mobilevit, BGR": transformers.MobileViTImageProcessor(size=small, crop_size=crop),
        "efficientnet": transformers.EfficientNetImageProcessor(size=crop),
        "efficientnet, offset": transformers.EfficientNetImageProcessor(
            size=crop, rescale_offset=True, rescale_factor=1 / 127.5, include_top=False
        ),
        "no rescale": transformers.ViTImageProcessor(size=wide, do_rescale=False, image_mean=[120, 110, 100]),
        "no resize": transformers.CLIPImageProcessor(do_resize=False, crop_size=crop),
        "no normalise": transformers.BeitImageProcessor(size=wide, do_normalize=False),
        "lanczos": transformers.ViTImageProcessor(size=wide, resample=1),
    }


@pytest.mark.parametrize("kind", list(processors()))
def test_a_recipe_gives_what_the_image_processor_gives(kind):
    processor = processors()[kind]
    pipeline = _pipeline(processor)
    recipe, _ = understood(_readings(processor), pipeline, "it")
    assert isinstance(recipe, Recipe)
    for photograph in (Image.fromarray(data.chelsea()), Image.fromarray(data.rocket()).rotate(90, expand=True)):
        theirs, ours = pipeline(photograph), recipe(read_image(photograph).tensor)
        assert ours.shape == theirs.shape
        levels = (ours - theirs) * torch.tensor(recipe.std).view(-1, 1, 1) / recipe.scale * 255
        assert levels.abs().mean() < 0.5
        assert levels.abs().max() < 3


def test_a_processor_with_a_mind_of_its_own_is_called_as_it_is():
    processor = transformers.PerceiverImageProcessor(size={"height": 32, "width": 32})
    pipeline = _pipeline(processor)
    chosen, note = understood(_readings(processor), pipeline, "it")
    assert "called as it is" in note
    photograph = Image.fromarray(data.chelsea())
    torch.testing.assert_close(Preprocess(chosen)(read_image(photograph).tensor), pipeline(photograph))


def test_a_processor_that_cuts_the_image_into_pieces_is_refused(tmp_path):
    save(tmp_path, processor=transformers.Siglip2ImageProcessor())
    with pytest.raises(ModelError, match="not a float tensor"):
        sw.load(f"hf/{tmp_path}")
