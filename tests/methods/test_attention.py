"""Attention in the open: as it was to the network, and what rollout, gradient times attention and LeGrad make of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import saliency_widget as sw
from rule_models import IMAGE, Attending, seeded, wrapped
from runs import OUTCOMES, end, function, last, snapshot
from saliency_widget.methods.attention import blocks
from saliency_widget.methods.surgery.attending import Probabilities
from small_models import keep

METHODS = ("attention_rollout", "gradient_attention", "legrad")
SIDE = 32
LARGER = np.random.default_rng(6).random((SIDE, SIDE, 3))


def torchvision_vit():
    return torchvision.models.VisionTransformer(SIDE, 8, 3, 2, 16, 32, num_classes=5)


def timm_vit(**options):
    timm = pytest.importorskip("timm")
    shape = {"img_size": SIDE, "patch_size": 8, "embed_dim": 24, "depth": 3, "num_heads": 3, "num_classes": 5}
    return timm.models.vision_transformer.VisionTransformer(**shape, **options)


def hf_vit(implementation="sdpa"):
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, image_size=SIDE, patch_size=8
    )
    config.num_labels = 5
    config._attn_implementation = implementation
    return transformers.ViTForImageClassification(config)


NETWORKS = {
    "torchvision": torchvision_vit,
    "timm": timm_vit,
    "timm, mean of the tokens": lambda: timm_vit(class_token=False, global_pool="avg"),
    "timm, mean beside a class token": lambda: timm_vit(global_pool="avg"),
    "hf, fused": hf_vit,
    "hf, step by step": lambda: hf_vit("eager"),
}


def lively(make):
    """A network whose weights are so large that its attention is not the same everywhere."""

    def made():
        module = make()
        for weight in module.parameters():
            if weight.dim() > 1:
                nn.init.normal_(weight, std=0.25)
        return module

    return seeded(made)


def model_of(name):
    return wrapped(lively(NETWORKS[name]), LARGER)


@pytest.mark.parametrize("name", NETWORKS)
def test_attention_in_the_open_is_the_networks_own(name):
    model = model_of(name)
    f = function(model, LARGER, [0, 1, 4])
    watch = Probabilities(len(model.facts.attention))
    with f.rules(around=lambda: watch) as g:
        found = g.scores(f.x[None])
    # Hugging Face's softmax is in float32 in either case, when it is done step by step.
    np.testing.assert_allclose(found, f.scores(f.x[None]), rtol=1e-12)
    p, nudge = watch.checked()
    assert p.shape == nudge.shape[1:]
    torch.testing.assert_close(p.sum(-1), torch.ones_like(p[..., 0]), rtol=1e-6, atol=1e-6)
    assert float(p.std(-1).mean()) > 1e-4


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("hidden", ["none", "by truth", "by number", "causal"])
def test_a_fused_call_with_a_mask_is_what_it_is_step_by_step(precision, hidden):
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.qkv, self.head = nn.Conv2d(3, 6, 4, 4), nn.Linear(6, 18), nn.Linear(6, 4)
            self.register_buffer("allowed", torch.eye(16, dtype=torch.bool) | (torch.rand(16, 16) > 0.5))

        def forward(self, x):
            q, k, v = (p.unsqueeze(1) for p in self.qkv(self.embed(x).flatten(2).transpose(1, 2)).chunk(3, -1))
            mask = {"by truth": self.allowed, "by number": (~self.allowed).to(x) * -2}.get(hidden)
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=hidden == "causal", scale=0.7)
            return self.head(mixed.squeeze(1).mean(1))

    model = sw.ImageModel(lively(Masked).eval(), preprocess=keep, device="cpu", precision=precision)
    f = function(model, IMAGE, [0, 3])
    with f.rules(around=lambda: Probabilities(1)) as g:
        tolerance = 1e-12 if precision == "float64" else 2e-6
        np.testing.assert_allclose(g.scores(f.x[None]), f.scores(f.x[None]), rtol=tolerance)


@pytest.mark.parametrize("hidden", ["nothing", "some pairs", "some tokens", "by a call of the function itself"])
def test_a_multihead_module_with_masks_is_what_it_is_step_by_step(hidden):
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Conv2d(3, 6, 4, 4), nn.Linear(6, 4)
            self.attention = nn.MultiheadAttention(6, 2, batch_first=True)

        def forward(self, x):
            tokens = self.embed(x).flatten(2).transpose(1, 2)
            pairs = torch.ones(16, 16, dtype=torch.bool).triu(1) if hidden == "some pairs" else None
            padding = (torch.arange(16) > 11).expand(len(x), 16) if hidden == "some tokens" else None
            if hidden == "by a call of the function itself":
                mixed, weights = self.called(tokens.transpose(0, 1))
            else:
                mixed, weights = self.attention(tokens, tokens, tokens, attn_mask=pairs, key_padding_mask=padding)
            return self.head(mixed.mean(1)) + weights.square().sum((1, 2))[:, None]

        def called(self, tokens):
            """The module's own call makes numbers of masks that are truths; others need not."""
            a, pairs = self.attention, torch.ones(16, 16, dtype=torch.bool).triu(1)
            padding = (torch.arange(16) == 5).expand(tokens.shape[1], 16)
            weights = (a.in_proj_weight, a.in_proj_bias, None, None, False, 0.0, a.out_proj.weight, a.out_proj.bias)
            options = {"training": False, "attn_mask": pairs, "key_padding_mask": padding}
            mixed, p = F.multi_head_attention_forward(tokens, tokens, tokens, 6, 2, *weights, **options)
            return mixed.transpose(0, 1), p

    f = function(wrapped(lively(Masked)), IMAGE, [0, 3])
    with f.rules(around=lambda: Probabilities(1)) as g:
        np.testing.assert_allclose(g.scores(f.x[None]), f.scores(f.x[None]), rtol=1e-12)


class Fixed(nn.Module):
    """Tokens that are the pictures' own patches; attention that is given, layer after layer; the first token is read."""

    def __init__(self, *attention):
        super().__init__()
        self.attention = attention
        self.layers = nn.ModuleList(nn.Identity() for _ in attention)
        self.tokens = nn.Identity()
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        tokens = F.avg_pool2d(x, 4).flatten(2).transpose(1, 2)
        tokens = self.tokens(torch.cat([tokens.mean(1, keepdim=True), tokens], 1))
        for layer, attention in zip(self.layers, self.attention, strict=True):
            p = (attention.to(tokens)[None, None] + 0 * tokens.sum()).softmax(-1)
            tokens = layer(tokens + (p @ tokens.unsqueeze(1)).squeeze(1))
        return self.head(tokens[:, 0])


def fixed(*probabilities):
    return wrapped(seeded(lambda: Fixed(*(p.clamp_min(1e-300).log() for p in probabilities))))


def random_attention(seed):
    return torch.rand(17, 17, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(-1)


def test_rollout_of_attention_to_oneself_has_the_class_token_see_itself_alone():
    ours = last(function(fixed(torch.eye(17), torch.eye(17)), IMAGE, [0]), "attention_rollout")
    assert ours.shape == (1, 1, 4, 4)
    np.testing.assert_allclose(ours, 0, atol=1e-250)


def test_rollout_is_the_product_of_half_the_attention_and_half_the_identity():
    one, two = random_attention(1), random_attention(2)
    expected = ((two + torch.eye(17)) / 2 @ (one + torch.eye(17)) / 2)[0, 1:]
    ours = last(function(fixed(one, two), IMAGE, [0, 1]), "attention_rollout")
    np.testing.assert_allclose(ours[0, 0].ravel(), expected, rtol=1e-12)
    np.testing.assert_array_equal(ours[0], ours[1])  # it does not look at the class


def test_gradient_attention_and_legrad_of_one_layer_are_what_a_pencil_says():
    p = random_attention(3)
    model = fixed(p)
    f = function(model, IMAGE, [0, 1])
    patches = F.avg_pool2d(f.x[None], 4).flatten(2)[0].T
    tokens = torch.cat([patches.mean(0, keepdim=True), patches])
    # Score k is w_k of token 0, which is its own plus the sum of p[0, j] token j: the gradient at p[0, j] is w_k token j.
    gradients = tokens @ model.module.head.weight.detach().T
    for place in (0, 1):
        weighted = (gradients[:, place] * p[0]).clamp_min(0)[1:]
        found = last(f, "gradient_attention")[place, 0].ravel()
        np.testing.assert_allclose(found, weighted, rtol=1e-10, atol=1e-18)
        mean = gradients[1:, place].clamp_min(0) / 17  # one row of seventeen has a gradient
        np.testing.assert_allclose(last(f, "legrad")[place, 0].ravel(), mean, rtol=1e-10, atol=1e-18)


@pytest.mark.parametrize("name", ["torchvision", "timm", "hf, fused"])
def test_legrad_is_the_mean_over_layers_of_the_gradient_of_each_blocks_own_score(name):
    model = model_of(name)
    f = function(model, LARGER, [1])
    names = blocks(model.facts)
    assert len(names) == 3
    network = model.shadow
    parts = []
    for place, block in enumerate(names):
        kept = {}
        hooks = [
            network.get_submodule(block).register_forward_hook(lambda _m, _i, out, kept=kept: kept.update(out=out)),
            network.get_submodule(names[-1]).register_forward_hook(lambda _m, _i, _out, kept=kept: kept["out"]),
        ]
        try:
            watch = Probabilities(3)
            with f.rules(around=lambda watch=watch: watch) as g, g.passing(f.x[None]) as (scores, _, _):
                pass  # a copy, with the hooks
        finally:
            for hook in hooks:
                hook.remove()
        parts.append(torch.autograd.grad(scores[0, 0], watch.nudge)[0][0, place].clamp_min(0).mean((0, 1)))
    expected = torch.stack(parts).mean(0)[1:]
    np.testing.assert_allclose(last(f, "legrad")[0, 0].ravel(), expected, rtol=1e-9, atol=1e-18)


@pytest.mark.parametrize("method", ["attention_rollout", "gradient_attention"])
def test_the_rows_that_count_are_those_that_the_head_reads(method):
    class Pooled(Fixed):
        def forward(self, x):
            tokens = F.avg_pool2d(x, 4).flatten(2).transpose(1, 2)
            tokens = self.tokens(torch.cat([tokens.mean(1, keepdim=True), tokens], 1))
            p = (self.attention[0].to(tokens)[None, None] + 0 * tokens.sum()).softmax(-1)
            return self.head((tokens + (p @ tokens.unsqueeze(1)).squeeze(1))[:, 1:].mean(1))

    p = random_attention(5)
    f = function(wrapped(seeded(lambda: Pooled(p.log()))), IMAGE, [0])
    if method == "attention_rollout":
        rolled = (p + torch.eye(17)) / 2
    else:
        tokens = torch.cat([(t := F.avg_pool2d(f.x[None], 4).flatten(2)[0].T).mean(0, keepdim=True), t])
        head = f._model.module.head.weight.detach()[0]
        rolled = torch.eye(17) + (tokens @ head / 16 * p).clamp_min(0)
    np.testing.assert_allclose(last(f, method)[0, 0].ravel(), rolled[1:].mean(0)[1:], rtol=1e-10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NETWORKS)
def test_they_work_at_the_grid_of_the_tokens_and_several_targets_equal_each_alone(name, method):
    model = model_of(name)
    assert sw.methods()[method].applies(model).status == "works"
    together = last(function(model, LARGER, [0, 3]), method)
    assert together.shape == (2, 1, 4, 4)
    assert together.std() > 0
    for place, target in enumerate((0, 3)):
        alone = last(function(model, LARGER, [target]), method)[0]
        np.testing.assert_allclose(together[place], alone, rtol=1e-9, atol=1e-18)
    assert np.array_equal(together[0], together[1]) == (method == "attention_rollout")


@pytest.mark.parametrize("method", METHODS)
def test_the_way_in_which_a_network_attends_makes_no_difference(method):
    fused, plain = hf_vit("sdpa"), hf_vit("eager")
    plain.load_state_dict(fused.state_dict())
    maps = [last(function(wrapped(network, LARGER), LARGER, [2]), method) for network in (fused, plain)]
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-4, atol=1e-9)  # the softmax of one of them is in float32


@pytest.mark.parametrize("method", METHODS)
def test_what_has_no_such_attention_is_refused_with_the_reason(method):
    timm = pytest.importorskip("timm")
    networks = {
        "windowed attention": timm.models.swin_transformer.SwinTransformer(
            img_size=SIDE, patch_size=4, window_size=4, embed_dim=12, depths=(2, 2), num_heads=(2, 2), num_classes=3
        ),
        "no attention": nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
        "number of tokens changes": timm.models.cait.Cait(
            img_size=SIDE, patch_size=8, embed_dim=12, depth=2, num_heads=2, num_classes=3
        ),
    }
    for says, network in networks.items():
        applies = sw.methods()[method].applies(wrapped(network, LARGER))
        assert applies.status == "no"
        assert says in applies.reason


def test_rollout_says_that_it_does_not_look_at_the_class():
    assert "the same for every class" in sw.methods()["attention_rollout"].explain


@pytest.mark.parametrize("method", [*METHODS, "attnlrp"])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_module_is_bit_for_bit_what_it_was(method, outcome):
    module = lively(torchvision_vit).train()
    before = snapshot(module)
    f = function(sw.ImageModel(module, preprocess=keep, device="cpu"), LARGER, [0, 1])
    end(f, method, outcome)
    assert snapshot(module) == before


@pytest.mark.parametrize("fused", [True, False])
def test_one_attention_alone_needs_no_other_block(fused):
    model = wrapped(lively(lambda: Attending(fused=fused)))
    for method in METHODS:
        assert last(function(model, IMAGE, [0, 1]), method).shape == (2, 1, 4, 4)
