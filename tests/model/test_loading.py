"""Models are loaded by name, with the real loading code, and missing weights say where to put them."""

from __future__ import annotations

import sys
import urllib.error
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torchvision import models as zoo

import saliency_widget as sw
from saliency_widget.errors import MissingWeights, ModelError
from saliency_widget.model import loading
from saliency_widget.model.images import read_image
from saliency_widget.model.preprocess import Preprocess
from saliency_widget.model.recipe import Recipe
from saliency_widget.model.zoo.common import understood
from saliency_widget.model.zoo.torchvision import _readings as readings


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache folder for weights, and no network."""

    def offline(*_, **__):
        raise urllib.error.URLError("no network in this test")

    monkeypatch.setattr("torch.hub.urlopen", offline)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def put_weights(folder, name):
    """Write seeded weights where the hub's download would, with a classifier that is not constant."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = zoo.get_model(name, weights=None)
    path = folder / zoo.get_model_weights(name).DEFAULT.url.rsplit("/", 1)[1]
    torch.save(module.state_dict(), path)
    return module


def test_a_torchvision_model_comes_with_its_weights_classes_and_preprocessing(hub):
    original = put_weights(hub, "squeezenet1_1")
    model = sw.load("torchvision/squeezenet1_1", device="cpu")
    assert all(torch.equal(a, b) for a, b in zip(original.parameters(), model.module.parameters(), strict=True))
    image = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    said = model.predict(image)["class"]
    assert said.classes[281] == "tabby"
    assert len(said.classes) == 1000
    assert model.geometry(sw.explain(model, image, "tabby").picture).box == pytest.approx(
        (68.04, 18.75, 330.79, 281.25), abs=0.05
    )
    (note,) = (note for note in model.notes if note.startswith("preprocessing"))
    assert note.endswith(
        "resize the short side to 256 (bilinear), crop the centre 224 x 224, mean (0.485, 0.456, 0.406), "
        "std (0.229, 0.224, 0.225)"
    )


@pytest.mark.parametrize("name", ["squeezenet1_1", "inception_v3", "efficientnet_b3", "vit_h_14", "regnet_y_128gf"])
def test_a_recipe_gives_what_the_weights_own_transform_gives(name):
    photograph = Image.fromarray(data.chelsea())
    for weights in zoo.get_model_weights(name):
        transform = weights.transforms()
        recipe, _ = understood(readings(transform), transform, name)
        assert isinstance(recipe, Recipe)
        theirs = transform(photograph)
        ours = recipe(read_image(photograph).tensor)
        levels = (ours - theirs) * torch.tensor(transform.std).view(3, 1, 1) * 255
        assert levels.abs().max() < 1.5


def test_each_torchvision_preset_is_understood():
    transforms = {}
    for name in zoo.list_models(module=zoo):
        for weights in zoo.get_model_weights(name):
            transforms[str(weights.transforms())] = weights.transforms()
    assert len(transforms) > 20
    for shown, transform in transforms.items():
        if transform.crop_size[0] < 300:  # the others differ in size only, and take a while
            recipe, _ = understood(readings(transform), transform, shown)
            assert isinstance(recipe, Recipe), shown


def test_a_preprocessing_that_is_not_what_it_says_is_called_as_it_is():
    transform = zoo.get_model_weights("squeezenet1_1").DEFAULT.transforms()
    transform.register_forward_hook(lambda _module, _inputs, output: output.flip(-1))
    chosen, note = understood(readings(transform), transform, "it")
    assert "it is called as it is" in note
    photograph = Image.fromarray(data.chelsea())
    ours = Preprocess(chosen)(read_image(photograph).tensor)
    torch.testing.assert_close(ours, transform(photograph))


@pytest.mark.parametrize("output", [torch.zeros(4, 8), torch.zeros(3, 8, 8, dtype=torch.long), None])
def test_a_preprocessing_that_makes_no_image_is_refused(output):
    with pytest.raises(ModelError, match=r"it makes .* of an image, not a float tensor"):
        understood([], lambda _: output, "it")


@pytest.mark.slow
@pytest.mark.parametrize("picture", ["chelsea", "rocket", "china"])
def test_real_photographs_go_through_vgg16(vgg16, picture):
    from sklearn.datasets import load_sample_image

    image = load_sample_image("china.jpg") if picture == "china" else getattr(data, picture)()
    e = sw.explain(vgg16, image, method="gradient")
    assert e.attribution.shape == (3, 224, 224)
    assert 1e-9 < np.abs(e.attribution).max() < 1e3
    assert e.on_image().shape == image.shape[:2]
    assert np.isnan(e.on_image()).any()


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    (folder / "checkpoints").mkdir()
    put_weights(folder / "checkpoints", "vgg16")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.hub.get_dir", lambda: str(folder))
        yield sw.load("torchvision/vgg16", device="cpu")


def test_missing_weights_say_where_the_file_comes_from_and_where_to_put_it(hub):
    with pytest.raises(MissingWeights) as caught:
        sw.load("torchvision/vgg16")
    message = str(caught.value)
    assert "vgg16-397923af.pth" in message
    assert str(hub / "vgg16-397923af.pth") in message
    assert "weights=None" in message


def test_a_broken_weights_file_says_to_delete_it(hub):
    (hub / zoo.get_model_weights("squeezenet1_1").DEFAULT.url.rsplit("/", 1)[1]).write_bytes(b"half a download")
    with pytest.raises(MissingWeights, match="delete"):
        sw.load("torchvision/squeezenet1_1")


def test_an_untrained_model_says_so():
    assert "untrained" in sw.load("torchvision/squeezenet1_1", weights=None).name


def test_an_untrained_model_is_the_same_each_time_and_leaves_the_users_draws_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    first = sw.load("torchvision/squeezenet1_1", weights=None, device="cpu").module
    torch.manual_seed(7)
    second = sw.load("torchvision/squeezenet1_1", weights=None, device="cpu").module
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.slow
def test_an_untrained_network_with_auxiliary_heads_has_one_head():
    model = sw.load("torchvision/googlenet", weights=None, device="cpu")
    assert list(model.predict(data.chelsea())) == ["class"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("torchvision/vgg_16", "did you mean 'vgg16'"),
        ("demo/vg", "demo/vgg"),
        ("vgg16", "family/model"),
        ("tv/vgg16", "families demo, torchvision, timm, hf"),
        ("torchvision/", "family/model"),
        (None, "unknown model None"),
        ("torchvision/quantized_resnet50", r"8-bit integers, .* sw.load\('torchvision/resnet50'\)"),
        ("torchvision/fcn_resnet50", "no model for classifying images"),
    ],
)
def test_an_unknown_name_says_what_there_is(name, says):
    with pytest.raises(sw.SaliencyError, match=says):
        sw.load(name)


def test_unknown_weights_name_those_there_are():
    with pytest.raises(ModelError, match="IMAGENET1K_V1"):
        sw.load("torchvision/resnet50", weights="IMAGENET")


def test_the_list_of_models_holds_the_built_in_and_torchvisions(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)  # it would take seconds to import
    listed = sw.models()
    assert {"demo/vgg", "torchvision/vgg16", "torchvision/vit_b_16"} <= set(listed)
    assert len(set(listed)) == len(listed)
    assert not any("quantized" in name for name in listed)


BUILT_IN = [
    *(f"demo/{name}" for name in ("vgg", "mobilenet", "inception", "efficientnet")),
    *("demo/scale-age", "demo/scale-age-confounded"),
]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("demo", BUILT_IN),
        ("torchvision/vgg1[19]", ["torchvision/vgg11", "torchvision/vgg19"]),
        ("demo/*", BUILT_IN),
        ("torchvision/mnasnet", [f"torchvision/mnasnet{size}" for size in ("0_5", "0_75", "1_0", "1_3")]),
        ("torchvision/nothing*", []),
    ],
)
def test_models_are_found_by_family_pattern_or_part_of_a_name(pattern, found):
    assert sw.models(pattern) == found


def test_a_pattern_of_one_family_does_not_import_another(monkeypatch):
    asked, room = [], loading._room
    monkeypatch.setattr(loading, "_room", lambda family: asked.append(family) or room(family))
    assert sw.models("torchvision/resnet18") == ["torchvision/resnet18"]
    assert asked == ["torchvision"]


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("timm/resnet18", "timm", "timm"), ("hf/google/vit", "transformers", "hf")]
)
def test_a_missing_extra_says_how_to_install_it(monkeypatch, name, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModelError, match=rf"needs the package {module}, .* pip install 'saliency-widget\[{extra}\]'"):
        sw.load(name)
    assert sw.models(extra) == []
