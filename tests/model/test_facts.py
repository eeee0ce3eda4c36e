"""What one look at a network shows: calls, activations, attention, and nothing left behind."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import VisionTransformer, mobilenet_v3_small, swin_t

from saliency_widget.model.facts import Attention, examine


def seen(module, height=32, width=32):
    module.eval().requires_grad_(requires_grad=False)
    x = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)).requires_grad_()
    return examine(module, x, module, lambda output: [output])[1]


class Head(nn.Module):
    """A convolution, something, and the mean of every channel."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), *body)

    def forward(self, x):
        return self.body(x).mean((2, 3))


class Functional(nn.Module):
    """Activations as functions, methods and modules, in place and not."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.inplace = nn.ReLU(inplace=True)
        self.gelu = nn.GELU()

    def forward(self, x):
        x = self.inplace(self.relu(x))
        x = F.relu(x) + torch.relu(x) + x.relu() + F.relu(x.clone(), inplace=True)
        x = x.clone().relu_()
        x = F.silu(self.gelu(x)) + F.gelu(x)
        return x.mean((2, 3)).softmax(1)


def test_activations_are_counted_whether_modules_or_functions_call_them():
    facts = seen(Functional())
    assert facts.relus == 7
    assert facts.functions == {"relu": 5, "silu": 1, "gelu": 1, "softmax": 1}
    assert facts.kinds == {"Functional": 1, "ReLU": 2, "GELU": 1}


def test_other_activations_are_no_relus():
    facts = seen(Head(nn.Hardtanh(), nn.LeakyReLU(), nn.SiLU(), nn.Hardswish()))
    assert facts.relus == 0
    assert facts.functions == {}


@pytest.mark.parametrize(
    "capped", [nn.ReLU6(), nn.ReLU6(inplace=True), nn.Hardtanh(0, 4), nn.Hardtanh(0.0, 1.0)], ids=str
)
def test_a_relu_with_a_cap_is_one(capped):
    facts = seen(Head(capped))
    assert facts.relus == 1
    assert facts.functions == {}


def test_it_is_known_how_often_the_largest_of_several_numbers_is_taken():
    body = nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveMaxPool2d(4))
    assert seen(Head(body)).maxima == 2
    assert seen(Head(nn.AvgPool2d(2))).maxima == 0


class Biased(nn.Module):
    """A ReLU in what makes a table of biases, as in Swin V2, and one on the picture's way."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.ones(3))
        self.relu = nn.ReLU()

    def forward(self, x):
        return torch.relu(x).mean((2, 3)) + self.relu(self.table) + torch.sigmoid(self.table)


def test_what_the_picture_has_no_part_in_does_not_count():
    facts = seen(Biased())
    assert facts.relus == 1
    assert facts.functions == {"relu": 1}


class Again(nn.Module):
    """One layer twice, another never."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.unused = nn.ReLU()

    def forward(self, x):
        return self.relu(self.relu(x) - 0.5).mean((2, 3))


def test_a_layer_that_is_called_twice_is_known_as_reused_and_one_that_is_not_called_as_nothing():
    facts = seen(Again())
    assert facts.calls == {"": 1, "relu": 2}
    assert facts.reused == ("relu",)
    assert facts.relus == 2
    assert facts.layers == ()
    assert facts.default_layer is None


@pytest.mark.parametrize("idle", [nn.Identity, nn.Dropout, nn.AdaptiveAvgPool2d])
def test_a_layer_that_adds_nothing_is_not_the_default(idle):
    last = idle(8) if idle is nn.AdaptiveAvgPool2d else idle()
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), last, nn.Flatten(), nn.LazyLinear(2))
    module(torch.zeros(1, 3, 32, 32))
    facts = seen(module)
    assert facts.default_layer == "1"


def test_a_container_that_ends_in_nothing_is_still_the_layer():
    module = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Identity()), nn.Identity(), nn.Flatten())
    facts = seen(module)
    assert facts.default_layer == "0"
    assert set(facts.aliases) == {"0.0", "0.1", "0.2", "0", "1"}


class TwoBranches(nn.Module):
    """The last convolution of all is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Conv2d(3, 4, 3)
        self.idle = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        y = self.used(x)
        self.idle(x)
        return y.mean((2, 3))


def test_a_layer_that_the_scores_do_not_depend_on_is_listed_but_not_the_default():
    facts = seen(TwoBranches())
    assert [layer.name for layer in facts.layers] == ["used", "idle"]
    assert facts.default_layer == "used"


class Table(nn.Module):
    """A table of the shape of a feature map that is computed from weights alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.table = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x):
        return (self.conv(x) + self.table(torch.ones(1, 1, 32, 32))).mean((2, 3))


def test_what_does_not_come_from_the_image_is_no_layer_of_it():
    facts = seen(Table())
    assert [layer.name for layer in facts.layers] == ["conv"]
    assert facts.default_layer == "conv"
    assert "table" not in facts.aliases


class Attending(nn.Module):
    """A transformer's block that normalises queries and keys, head by head, as some newer ones do."""

    def __init__(self, *, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.patches = nn.Conv2d(3, 16, 8, 8)
        self.norm = nn.LayerNorm(16)
        self.qkv = nn.Linear(16, 48)
        self.norm_queries, self.norm_keys = nn.LayerNorm(8), nn.LayerNorm(8)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        x = self.norm(self.patches(x).flatten(2).transpose(1, 2))
        q, k, v = self.qkv(x).reshape(1, -1, 3, 2, 8).permute(2, 0, 3, 1, 4)
        q, k = self.norm_queries(q), self.norm_keys(k)
        x = F.scaled_dot_product_attention(q, k, v) if self.fused else self.drop((q @ k.transpose(2, 3)).softmax(3)) @ v
        return x.transpose(1, 2).flatten(2).mean(1)


@pytest.mark.parametrize("fused", [False, True])
def test_tokens_that_are_divided_among_heads_are_no_feature_map_and_projections_not_the_default(fused):
    facts = seen(Attending(fused=fused))
    assert [layer.name for layer in facts.layers] == ["patches", "norm", "qkv"]
    assert facts.default_layer == "norm"
    assert [(one.tokens, one.windowed) for one in facts.attention] == [(16, False)]
    assert facts.attention[0].kind == ("function" if fused else "softmax")


def test_attention_in_a_module_is_seen_with_its_tokens():
    facts = seen(VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5))
    assert facts.attention == tuple(
        Attention(f"encoder.layers.encoder_layer_{i}.self_attention", "module", 17) for i in range(2)
    )


def test_attention_in_windows_is_seen_as_such():
    facts = seen(swin_t(num_classes=3))
    assert len(facts.attention) == 12
    assert {one.tokens for one in facts.attention} == {49}
    assert facts.attention[0].windowed


@pytest.mark.filterwarnings("ignore:.torch.jit.:FutureWarning", "ignore:.torch.jit.:DeprecationWarning")
def test_a_scripted_part_is_opaque():
    scripted = torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()))
    facts = seen(nn.Sequential(scripted, nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    assert "0" in facts.opaque
    assert facts.relus == 0


def test_the_look_leaves_no_hooks_whatever_happens():
    module = mobilenet_v3_small(num_classes=3)
    seen(module)

    def fails(_points):
        module(torch.rand(1, 3, 32, 32))
        message = "no"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="no"):
        examine(module, torch.rand(1, 3, 32, 32), fails, lambda output: [output])
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in module.modules())


def test_a_network_whose_head_is_zero_or_adds_up_to_a_constant_has_a_default_nevertheless():
    dead = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.LazyLinear(2))
    dead(torch.zeros(1, 3, 32, 32))
    nn.init.zeros_(dead[3].weight)
    assert seen(dead).default_layer == "1"
    softmax = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(1))
    assert seen(softmax).default_layer == "0"
