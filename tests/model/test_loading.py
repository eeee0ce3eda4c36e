"""Models are loaded by name, with the real loading code, and missing weights say where to put them."""

from __future__ import annotations

import urllib.error
import warnings

import numpy as np
import pytest
import torch
from torchvision import models as zoo

import saliency_widget as sw
from saliency_widget.errors import MissingWeights, ModelError


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
    assert model.notes == []


@pytest.mark.slow
@pytest.mark.parametrize("picture", ["chelsea", "rocket", "china"])
def test_real_photographs_go_through_vgg16(vgg16, picture):
    from skimage import data
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


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("torchvision/vgg_16", "did you mean 'vgg16'"),
        ("demo/vg", "demo/vgg"),
        ("vgg16", "family/model"),
        ("tv/vgg16", "families demo, torchvision"),
    ],
)
def test_an_unknown_name_says_what_there_is(name, says):
    with pytest.raises(sw.SaliencyError, match=says):
        sw.load(name)


def test_unknown_weights_name_those_there_are():
    with pytest.raises(ModelError, match="IMAGENET1K_V1"):
        sw.load("torchvision/resnet50", weights="IMAGENET")


def test_the_list_of_models_holds_the_built_in_and_torchvisions():
    assert {"demo/vgg", "torchvision/vgg16", "torchvision/vit_b_16"} <= set(sw.models())
