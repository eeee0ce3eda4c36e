"""AttnLRP: what is conserved and what is not, worked out on small networks; each rule on its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import saliency_widget as sw
from rule_models import IMAGE, Attending, seeded, wrapped
from runs import estimates, function, last, relative
from saliency_widget.errors import ModelError
from saliency_widget.methods.attnlrp import _rules

SIDE = 32
LARGER = np.random.default_rng(6).random((SIDE, SIDE, 3))


def error(f):
    return [figures[0].value for figures in estimates(f, "attnlrp")[-1].quality]


def by_hand(model, f, target):
    """AttnLRP of :class:`Attending`, with every step of the way back written out."""
    module = model.module
    with torch.no_grad():
        tokens = module.embed(f.x[None]).flatten(2)[0].T
        q, k, v = module.qkv(tokens).chunk(3, -1)
        p = (q @ k.T / 6**0.5).softmax(-1)
        back = (module.head.weight[target] / 16).expand(16, 6)  # the mean of sixteen tokens
        to_p = back @ v.T / 2
        to_v = p.T @ back / 2
        to_logits = p * (to_p - (to_p * p).sum(-1, keepdim=True)) / 6**0.5
        to_q, to_k = to_logits @ k / 2, to_logits.T @ q / 2
        to_tokens = back + torch.cat([to_q, to_k, to_v], -1) @ module.qkv.weight
        grid = to_tokens.T.unflatten(1, (4, 4))[None]
        return F.conv_transpose2d(grid, module.embed.weight, stride=4)[0] * f.x


@pytest.mark.parametrize("fused", [True, False])
def test_on_one_layer_of_attention_it_is_what_the_rules_say(fused):
    model = wrapped(seeded(lambda: Attending(fused=fused)))
    f = function(model, IMAGE, [0, 2])
    ours = last(f, "attnlrp")
    for place, target in enumerate((0, 2)):
        assert relative(ours[place], by_hand(model, f, target)) < 1e-12


class Gates(nn.Module):
    """Activations, a gated unit and a norm without biases: every rule that conserves on its own."""

    def __init__(self, do):
        super().__init__()
        self.embed = nn.Conv2d(3, 6, 4, 4, bias=False)
        self.up, self.head = nn.Linear(6, 12, bias=False), nn.Linear(6, 3, bias=False)
        self.norm = nn.LayerNorm(6, bias=False)
        self.do = do

    def forward(self, x):
        tokens = self.embed(x).flatten(2).transpose(1, 2)
        one, two = self.up(tokens).chunk(2, -1)
        # The attention is there so that the method applies; alike everywhere, it adds up to a mean and has no relevance.
        mean = F.scaled_dot_product_attention(0 * tokens, 0 * tokens, tokens)
        return self.head((self.do(self, one, two) + mean).mean(1))


@pytest.mark.parametrize(
    "do",
    [
        lambda _, one, two: F.gelu(one) + F.silu(two) + F.relu(one),
        lambda _, one, two: F.silu(one) * two,
        lambda net, one, _: net.norm(one),
        lambda _, one, two: one * 3 - two / 2,
    ],
    ids=["activations", "gated unit", "layer norm", "constants"],
)
def test_a_step_without_biases_conserves_the_score(do):
    f = function(wrapped(seeded(lambda: Gates(do))), IMAGE, [0, 1, 2])
    # The product with the mean over tokens halves what goes to the tokens' part: the attention's probabilities, which do not
    # depend on the picture here, keep the other half.
    plain = function(wrapped(seeded(lambda: Gates(lambda _, one, __: 0 * one))), IMAGE, [0, 1, 2])
    kept = plain.scores(plain.x[None])[0] / 2
    sums = last(f, "attnlrp").sum((1, 2, 3))
    np.testing.assert_allclose(sums + kept.numpy(), f.scores(f.x[None])[0], rtol=1e-9)


def test_a_layer_norms_standard_deviation_is_a_constant():
    f = function(wrapped(seeded(lambda: Gates(lambda net, one, _: net.norm(one)))), IMAGE, [0])
    # Were it not, the relevance through the norm would be none: a scaled input has the same norm.
    assert relative(last(f, "attnlrp"), last(f, "input_x_gradient")) > 0.3


@pytest.mark.parametrize(
    "make",
    [
        lambda: torchvision.models.VisionTransformer(SIDE, 8, 2, 2, 16, 32, num_classes=5),
        lambda: pytest.importorskip("timm").models.vision_transformer.VisionTransformer(
            img_size=SIDE,
            patch_size=8,
            embed_dim=24,
            depth=2,
            num_heads=3,
            num_classes=5,
            class_token=False,
            global_pool="avg",
        ),
        lambda: pytest.importorskip("timm").models.eva.Eva(
            img_size=SIDE, patch_size=8, embed_dim=24, depth=2, num_heads=3, num_classes=5, use_rot_pos_emb=True
        ),
        lambda: pytest.importorskip("timm").models.swin_transformer.SwinTransformer(
            img_size=SIDE, patch_size=4, window_size=4, embed_dim=12, depths=(2, 2), num_heads=(2, 2), num_classes=5
        ),
    ],
    ids=["torchvision", "timm", "eva", "swin"],
)
def test_the_rules_leave_the_scores_as_they_are_and_several_targets_equal_each_alone(make):
    model = wrapped(seeded(make), LARGER)
    assert sw.methods()["attnlrp"].applies(model).ok
    for weight in model.module.parameters():  # the copy follows
        nn.init.normal_(weight, std=0.2) if weight.dim() > 1 else None
    f = function(model, LARGER, [0, 3])
    with f.rules(around=_rules) as g:
        np.testing.assert_allclose(g.scores(f.x[None]), f.scores(f.x[None]), rtol=1e-10)
    together = last(f, "attnlrp")
    assert together.shape == (2, 3, SIDE, SIDE)
    assert relative(together, last(f, "input_x_gradient")) > 1e-3
    for place, target in enumerate((0, 3)):
        np.testing.assert_allclose(
            together[place], last(function(model, LARGER, [target]), "attnlrp")[0], rtol=1e-9, atol=1e-18
        )


def test_its_quality_is_what_is_missing_of_the_score():
    f = function(wrapped(seeded(Attending)), IMAGE, [1])
    total, score = float(last(f, "attnlrp").sum()), float(f.scores(f.x[None])[0, 0])
    assert error(f)[0] == pytest.approx(abs(total - score) / abs(score), rel=1e-9)


def test_a_network_without_attention_and_one_with_another_norm_are_refused():
    convolutions = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    assert "lrp is for convolutions" in sw.methods()["attnlrp"].applies(wrapped(convolutions)).reason

    class Grouped(Attending):
        def __init__(self):
            super().__init__()
            self.norm = nn.GroupNorm(1, 4)

        def forward(self, x):
            return self.norm(super().forward(x))

    assert "GroupNorm" in sw.methods()["attnlrp"].applies(wrapped(seeded(Grouped))).reason


def test_an_operation_without_a_rule_is_named_when_it_is_met():
    class Odd(Attending):
        def forward(self, x):
            return super().forward(x).exp()

    with pytest.raises(ModelError, match="no rule for 'exp'"):
        estimates(function(wrapped(seeded(Odd)), IMAGE, [0]), "attnlrp")
