"""Which layer a method works at: what is recognised by its shape, and what is chosen in networks of many kinds."""

from __future__ import annotations

import importlib.util
from functools import partial

import pytest
import torch
from torch import nn
from torchvision import models

import saliency_widget as sw
from saliency_widget.errors import BadParameter, ModelError
from saliency_widget.model.facts import examine
from saliency_widget.model.layers import Layer, recognise
from small_models import Linear, keep, picture

SIZE = (64, 96)  # height and width: nothing is square


@pytest.mark.parametrize(
    ("shape", "size", "grids", "expected"),
    [
        ((1, 512, 7, 7), (224, 224), [], Layer("l", "map", 512, 7, 7)),
        ((1, 7, 7, 512), (224, 224), [], Layer("l", "map", 512, 7, 7, channels_last=True)),
        ((1, 96, 2, 3), (64, 96), [], Layer("l", "map", 96, 2, 3)),
        ((1, 2, 3, 96), (64, 96), [], Layer("l", "map", 96, 2, 3, channels_last=True)),
        ((1, 64, 64, 64), (64, 64), [], Layer("l", "map", 64, 64, 64)),  # ambiguous: PyTorch's own order
        ((1, 197, 768), (224, 224), [(14, 14)], Layer("l", "tokens", 768, 14, 14, prefix=1)),
        ((1, 198, 768), (224, 224), [], Layer("l", "tokens", 768, 14, 14, prefix=2)),
        ((1, 201, 768), (224, 224), [(14, 14)], Layer("l", "tokens", 768, 14, 14, prefix=5)),
        ((1, 25, 16), (32, 48), [(4, 6)], Layer("l", "tokens", 16, 4, 6, prefix=1)),
        ((1, 24, 16), (32, 48), [], Layer("l", "tokens", 16, 4, 6)),
        ((1, 12, 16), (96, 32), [(6, 2)], Layer("l", "tokens", 16, 6, 2)),
        ((1, 576, 1, 1), (224, 224), [], None),  # pooled
        ((1, 576, 1, 3), (64, 192), [], None),
        ((4, 49, 96), (56, 56), [], None),  # windows in the batch
        ((1, 64, 1), (64, 64), [], None),  # a pooled vector on its side
        ((1, 1000), (64, 64), [], None),
        ((1, 30, 16), (80, 80), [], Layer("l", "tokens", 16, 5, 5, prefix=5)),
        ((1, 30, 16), (80, 96), [], Layer("l", "tokens", 16, 5, 6)),
        ((1, 2, 16), (64, 64), [], None),
    ],
)
def test_a_grid_over_the_image_is_recognised_by_its_shape(shape, size, grids, expected):
    assert recognise("l", shape, size, grids) == expected


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Layer("l", "map", 5, 2, 3), (2, 5, 2, 3)),
        (Layer("l", "map", 5, 2, 3, channels_last=True), (2, 2, 3, 5)),
        (Layer("l", "tokens", 5, 2, 3, prefix=2), (2, 8, 5)),
    ],
)
def test_an_output_goes_into_its_grid_and_back_unchanged(layer, shape):
    output = torch.arange(float(torch.Size(shape).numel())).reshape(shape)
    grid = layer.grid(output)
    assert grid.shape == (2, 5, 2, 3)
    assert torch.equal(layer.put(output, grid), output)
    other = layer.put(output, torch.zeros_like(grid))
    assert not layer.grid(other).any()
    if layer.prefix:
        assert torch.equal(other[:, :2], output[:, :2])
        assert torch.equal(grid[0, :, 1, 0], output[0, 2 + 3])  # row by row


# -- what is chosen ---------------------------------------------------------------------------------------------------


def seen(module, size=SIZE):
    """Look at a module once; its head is made to say something, as some start with zeros."""
    module.eval().requires_grad_(requires_grad=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for layer in module.modules():
            if isinstance(layer, nn.Linear) and not layer.weight.any():
                nn.init.normal_(layer.weight, std=0.1)
        x = torch.randn(1, 3, *size, requires_grad=True)

    def scores(output):
        return [output if isinstance(output, torch.Tensor) else output.logits]

    return examine(module, x, lambda points: module(points.clone()), scores)[1]


def chosen(module, size=SIZE):
    facts = seen(module, size)
    layer = facts.aliases[facts.default_layer]
    assert layer in facts.layers
    return layer


def seeded(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return make()


@pytest.mark.parametrize(
    ("make", "size", "expected"),
    [
        # MobileNetV3's last convolution is behind the pooling, on a 1 x 1 map.
        (models.mobilenet_v3_small, SIZE, Layer("features", "map", 576, 2, 3)),
        (models.mobilenet_v2, SIZE, Layer("features", "map", 1280, 2, 3)),
        (models.resnet18, SIZE, Layer("layer4", "map", 512, 2, 3)),
        (models.densenet121, SIZE, Layer("features", "map", 1024, 2, 3)),
        (models.efficientnet_b0, SIZE, Layer("features", "map", 1280, 2, 3)),
        (models.convnext_tiny, SIZE, Layer("features", "map", 768, 2, 3)),
        (models.swin_t, SIZE, Layer("permute", "map", 768, 2, 3)),
        (models.shufflenet_v2_x0_5, SIZE, Layer("conv5", "map", 1024, 2, 3)),
        (models.squeezenet1_1, SIZE, Layer("classifier.2", "map", 1000, 3, 5)),
        (partial(models.inception_v3, init_weights=False), (107, 139), Layer("Mixed_7c", "map", 2048, 2, 3)),
        (partial(models.vgg11, num_classes=3), SIZE, Layer("features", "map", 512, 2, 3)),
        (
            partial(models.VisionTransformer, 32, 8, 3, 2, 16, 32, num_classes=5),
            (32, 32),
            # Behind the last attention only the class token goes on.
            Layer("encoder.layers.encoder_layer_2.ln_1", "tokens", 16, 4, 4, prefix=1),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Layer) else "",
)
def test_the_default_is_the_last_feature_map_of_a_torchvision_network(make, size, expected):
    assert chosen(seeded(make), size) == expected


TIMM = {
    "vit_tiny_patch16_224": (
        {"img_size": (32, 48), "patch_size": 8, "depth": 2, "embed_dim": 16, "num_heads": 2},
        (32, 48),
        Layer("blocks.1.norm1", "tokens", 16, 4, 6, prefix=1),
    ),
    "deit_tiny_distilled_patch16_224": (
        {"img_size": 32, "patch_size": 8, "depth": 2, "embed_dim": 16, "num_heads": 2},
        (32, 32),
        Layer("blocks.1.norm1", "tokens", 16, 4, 4, prefix=2),
    ),
    "vit_small_patch14_reg4_dinov2": (
        {"img_size": 56, "depth": 2, "embed_dim": 16, "num_heads": 2},
        (56, 56),
        Layer("blocks.1.norm1", "tokens", 16, 4, 4, prefix=5),
    ),
    # The mean of all tokens is scored, and an Identity behind the blocks is no layer of its own.
    "vit_wee_patch16_reg1_gap_256": (
        {"img_size": 64, "depth": 2, "embed_dim": 16, "num_heads": 2, "qk_norm": True},
        (64, 64),
        Layer("blocks", "tokens", 16, 4, 4, prefix=1),
    ),
    "swin_tiny_patch4_window7_224": (
        {"img_size": 64, "window_size": 4, "depths": (1, 1, 2, 1), "embed_dim": 8, "num_heads": (1, 1, 2, 2)},
        (64, 64),
        Layer("norm", "map", 64, 2, 2, channels_last=True),
    ),
    "convnext_atto": ({"depths": (1, 1, 1, 1), "dims": (8, 8, 8, 16)}, SIZE, Layer("stages", "map", 16, 2, 3)),
    "mobilenetv3_small_050": ({}, SIZE, Layer("blocks", "map", 288, 2, 3)),
}


@pytest.mark.parametrize("name", TIMM)
@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")
def test_the_default_is_the_last_feature_map_or_token_grid_of_a_timm_network(name):
    import timm

    options, size, expected = TIMM[name]
    assert chosen(seeded(lambda: timm.create_model(name, pretrained=False, **options)), size) == expected


HF = {
    "ViT": (
        {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "image_size": 32}
        | {"patch_size": 8},
        (32, 32),
        Layer("vit.layers.1.layernorm_before", "tokens", 16, 4, 4, prefix=1),
    ),
    "ConvNext": (
        {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 2, 1]},
        SIZE,
        Layer("convnext.encoder.stages.3", "map", 16, 2, 3),
    ),
    "ResNet": (
        {"embedding_size": 8, "hidden_sizes": [8, 16, 16, 16], "depths": [1, 1, 1, 1]},
        SIZE,
        Layer("resnet.encoder.stages.3", "map", 16, 2, 3),
    ),
    # The vector that its pooling leaves lies on its side: 64 tokens of one channel, one might think.
    "Swin": (
        {"image_size": 64, "patch_size": 2, "embed_dim": 8, "depths": [1, 1, 2, 1], "num_heads": [1, 1, 2, 2]}
        | {"window_size": 4},
        (64, 64),
        Layer("swin.layernorm", "tokens", 64, 4, 4),
    ),
}


@pytest.mark.parametrize("name", HF)
@pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="transformers is not installed")
@pytest.mark.filterwarnings("ignore")
def test_the_default_is_the_last_feature_map_or_token_grid_of_a_hugging_face_network(name):
    import transformers

    options, size, expected = HF[name]
    config = getattr(transformers, f"{name}Config")(**options)
    layer = chosen(seeded(lambda: getattr(transformers, f"{name}ForImageClassification")(config)), size)
    # Versions name the blocks differently.
    assert layer.name.rpartition(".")[2] == expected.name.rpartition(".")[2]
    assert (layer.kind, layer.channels, layer.height, layer.width, layer.prefix, layer.channels_last) == (
        expected.kind,
        expected.channels,
        expected.height,
        expected.width,
        expected.prefix,
        expected.channels_last,
    )


def test_a_transformer_whose_head_is_zero_has_the_same_default():
    module = seeded(partial(models.VisionTransformer, 32, 8, 3, 2, 16, 32, num_classes=5)).eval()
    assert not module.heads.head.weight.any()
    facts = examine(module, torch.rand(1, 3, 32, 32), module, lambda output: [output])[1]
    assert facts.default_layer == "encoder.layers.encoder_layer_2.ln_1"


# -- by name ----------------------------------------------------------------------------------------------------------


class Shared(nn.Module):
    """One ReLU for two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3, padding=1)
        self.two = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU()
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        x = self.relu(self.two(self.relu(self.one(x))))
        return self.head(x.mean((2, 3)))


def wrapped(module, side=32):
    model = sw.ImageModel(module, preprocess=keep, device="cpu")
    model.discover(picture(side, side))
    return model


def test_a_layer_that_is_used_twice_is_refused_with_how_often_and_what_to_use_instead():
    model = wrapped(Shared())
    with pytest.raises(BadParameter, match="layer 'relu', which is called 2 times"):
        model.layer("relu")
    assert [layer.name for layer in model.facts.layers] == ["one", "two"]
    assert model.layer().name == "two"


def test_a_container_stands_for_its_last_layer_which_is_known_by_its_own_name_too():
    model = wrapped(seeded(partial(models.vgg11, num_classes=3)), 64)
    assert model.layer().name == "features"
    assert "features.20" not in [layer.name for layer in model.facts.layers]
    inner = model.layer("features.20")
    assert (inner.name, inner.channels, inner.height, inner.width) == ("features.20", 512, 2, 2)


def test_an_unknown_layer_is_refused_with_the_nearest_name():
    with pytest.raises(BadParameter, match=r"layer 'tow' .*two"):
        wrapped(Shared()).layer("tow")


def test_a_network_without_a_grid_says_so():
    model = sw.ImageModel(Linear(), preprocess=keep, device="cpu")
    with pytest.raises(ModelError, match="discover"):
        model.layer()
    model.discover(picture())
    assert model.facts.default_layer is None
    with pytest.raises(ModelError, match="no layer whose output lies over the image"):
        model.layer()
