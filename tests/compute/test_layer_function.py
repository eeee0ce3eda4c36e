"""Activations, gradients and scores at a layer: what the network itself would give, and nothing changed by looking."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import nn

import saliency_widget as sw
from cam_models import small_vit
from saliency_widget.compute import Cancelled, CancelToken, ScoreFunction
from saliency_widget.errors import ModelError, NotFinite
from saliency_widget.model import read_image
from small_models import TwoHeads, keep, picture, two_heads


def function(model, *targets, image=None, **options):
    resolved = [model.resolve(target) for target in targets]
    return ScoreFunction(model, read_image(image or picture()), resolved, **options)


def wrapped(module, image=None):
    model = sw.ImageModel(module, preprocess=keep, device="cpu", precision="float64")
    model.discover(image or picture())
    return model


def by_hand(module, layer, x, score):
    """Return the layer's output for an input, and the gradient of a score with respect to it, from a hook."""
    kept = []
    handle = module.get_submodule(layer).register_forward_hook(
        lambda _m, _i, out: kept.append(out) or out.retain_grad()
    )
    score(module.eval()(x[None])).backward()
    handle.remove()
    return kept[0].detach(), kept[0].grad


@pytest.mark.parametrize("layer", ["body.0", "body.3", "body.5"])
def test_activations_and_gradients_are_those_of_the_network(layer):
    module = TwoHeads(torch.float64)
    model = wrapped(module)
    f = function(model, ("style", 1), "age")
    (chunk,) = f.at(layer).each([f.x])
    for t, score in enumerate((lambda out: out["style"][0, 1], lambda out: out["age"][0, 0])):
        activations, gradients = by_hand(module, layer, f.x, score)
        torch.testing.assert_close(chunk.activations, activations, rtol=1e-12, atol=0)
        torch.testing.assert_close(chunk.gradients[t], gradients, rtol=1e-10, atol=1e-18)
    assert torch.equal(chunk.scores, f.scores(f.x[None]))
    assert (chunk.start, f.forwards, f.backwards) == (0, 2, 2)


def test_many_points_come_in_chunks_and_are_the_same_for_any_chunk_size():
    model = two_heads(torch.float64)
    found = []
    for size in (1, 3, 8):
        f = function(model, "style:gothic", "age", chunk=size)
        chunks = list(f.at("body.3").each(f.x + 0.1 * f.noise(i) for i in range(7)))
        assert [chunk.start for chunk in chunks][:2] == [0, 1]
        found.append(torch.cat([chunk.gradients for chunk in chunks], 1))
        assert found[-1].shape == (2, 7, 6, 4, 6)
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-10, atol=1e-18)


@pytest.mark.parametrize("inplace", [False, True])
def test_a_relu_in_place_behind_the_layer_does_not_reach_what_was_captured(inplace):
    f = function(wrapped(TwoHeads(torch.float64, inplace=inplace)), ("style", 0))
    (chunk,) = f.at("body.4").each([f.x])
    assert float(chunk.activations.min()) < 0  # as they were before the ReLU
    (plain,) = function(wrapped(TwoHeads(torch.float64)), ("style", 0)).at("body.4").each([f.x])
    assert torch.equal(chunk.activations, plain.activations)
    assert torch.equal(chunk.gradients, plain.gradients)


@pytest.mark.parametrize("layer", ["body.0", "body.3", "body.4", "body"])
@pytest.mark.parametrize("inplace", [False, True])
def test_the_layers_own_activations_put_back_give_the_plain_scores_exactly(layer, inplace):
    f = function(wrapped(TwoHeads(torch.float64, inplace=inplace)), ("style", 0), "age")
    at = f.at(layer)
    (chunk,) = at.each([f.x])
    (again,) = at.scored(f.x, [chunk.activations[0]])
    assert torch.equal(again.scores, f.scores(f.x[None]))


def test_other_activations_give_the_scores_that_the_rest_of_the_network_makes_of_them():
    module = TwoHeads(torch.float64)
    f = function(wrapped(module), ("style", 2), chunk=3)
    grids = [f.noise(i).mean() + torch.arange(8 * 4 * 6, dtype=torch.float64).reshape(8, 4, 6) * i for i in range(5)]
    found = torch.cat([chunk.scores for chunk in f.at("body").scored(f.x, grids)])
    expected = module.style(torch.stack(grids).mean((2, 3)))[:, 2:3].detach()
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    assert f.forwards == 5


def test_tokens_come_and_go_as_a_grid_and_the_class_token_stays():
    image = picture(32, 32)
    module = small_vit()
    f = function(wrapped(module, image), 3, image=image)
    at = f.at()
    (chunk,) = at.each([f.x])
    tokens, gradients = by_hand(module, at.layer.name, f.x, lambda out: out[0, 3])
    torch.testing.assert_close(chunk.activations[0, :, 1, 2], tokens[0, 1 + 4 + 2], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(chunk.gradients[0, 0, :, 3, 0], gradients[0, 1 + 12], rtol=1e-9, atol=1e-15)
    (again,) = at.scored(f.x, [chunk.activations[0]])
    assert torch.equal(again.scores, f.scores(f.x[None]))
    (other,) = at.scored(f.x, [torch.zeros_like(chunk.activations[0])])
    assert not torch.equal(other.scores, again.scores)


class Parts(NamedTuple):
    features: torch.Tensor
    note: str


class Tupled(nn.Module):
    """A block that returns its features and something else; channels last."""

    class Block(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3, padding=1)
            self.kind = kind

        def forward(self, x):
            parts = (self.conv(x).permute(0, 2, 3, 1), "said")
            return Parts(*parts) if self.kind == "named" else list(parts) if self.kind == "list" else parts

    def __init__(self, kind):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.block = self.Block(kind)
            self.head = nn.Linear(5, 2)
        self.double()

    def forward(self, x):
        found = self.block(x)
        features = found.features if isinstance(found, Parts) else found[0]
        assert found[1] == "said"
        return self.head(features.square().mean((1, 2)))


@pytest.mark.parametrize("kind", ["tuple", "list", "named"])
def test_a_layer_that_returns_several_things_is_taken_by_its_first_tensor(kind):
    f = function(wrapped(Tupled(kind)), 1)
    at = f.at("block")
    assert (at.layer.channels, at.layer.channels_last) == (5, True)
    (chunk,) = at.each([f.x])
    assert chunk.activations.shape == (1, 5, 8, 12)
    (again,) = at.scored(f.x, [chunk.activations[0]])
    assert torch.equal(again.scores, f.scores(f.x[None]))
    weight = f._model.shadow.head.weight[1]
    expected = 2 * chunk.activations * weight[None, :, None, None] / 96
    torch.testing.assert_close(chunk.gradients[0], expected, rtol=1e-12, atol=0)


def test_the_users_module_keeps_nothing_of_it():
    module = TwoHeads(torch.float64)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    f = function(wrapped(module), ("style", 0))
    list(f.at("body.3").each([f.x]))
    list(f.at("body.3").scored(f.x, [torch.zeros(6, 4, 6, dtype=torch.float64)]))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(weight.grad is None for weight in module.parameters())
    assert not any(layer._forward_hooks for layer in [*module.modules(), *f._model.shadow.body[3].modules()][:-1])
    # Nothing stays in the copy either: the next plain score is the plain one.
    assert torch.equal(f.scores(f.x[None]), module.eval()(f.x[None])["style"][:, :1].detach())


class Unused(nn.Module):
    """Its second convolution goes nowhere."""

    def __init__(self):
        super().__init__()
        self.used, self.idle = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

    def forward(self, x):
        self.idle(x)
        return self.used(x).mean((2, 3))


def test_a_layer_that_goes_nowhere_is_named():
    f = function(wrapped(Unused()), 0)
    with pytest.raises(ModelError, match="do not depend on what layer 'idle' puts out"):
        list(f.at("idle").each([f.x]))


class Root(nn.Module):
    """The square root of a layer that is zero somewhere."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv(x)).sqrt().mean((2, 3))


def test_a_gradient_that_is_not_finite_is_reported_and_not_handed_on():
    f = function(wrapped(Root()), 0)
    with pytest.raises(NotFinite, match="NaN or infinite"):
        list(f.at("relu").each([f.x]))


def test_it_can_be_cancelled():
    token = CancelToken()
    f = function(two_heads(torch.float64), "age", cancel=token)
    chunks = f.at("body.3").each(f.x for _ in range(100))
    next(chunks)
    token.cancel()
    with pytest.raises(Cancelled):
        next(chunks)
