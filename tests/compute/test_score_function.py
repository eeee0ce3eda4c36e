"""Scores and gradients come chunk by chunk, at a known cost, and stop where they are told to."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import saliency_widget as sw
from saliency_widget.compute import Cancelled, CancelToken, ScoreFunction
from saliency_widget.errors import ModelError, NotFinite, OutOfMemory
from saliency_widget.model import read_image
from small_models import TwoHeads, keep, picture, two_heads


def function(model=None, targets=("style:gothic",), **options):
    model = model or two_heads(torch.float64)
    return ScoreFunction(model, read_image(picture()), [model.resolve(t) for t in targets], **options)


def all_gradients(f, points):
    return torch.cat([chunk.gradients for chunk in f.each(points)], dim=1)


def test_a_gradient_costs_one_forward_and_one_backward_for_each_target():
    f = function(targets=("style:gothic", "style:greek_roman", "age"))
    all_gradients(f, [f.x] * 5)
    assert (f.forwards, f.backwards) == (5, 15)


def test_the_first_chunk_is_one_point_so_that_the_first_estimate_is_early():
    f = function(chunk=4)
    sizes = [chunk.gradients.shape[1] for chunk in f.each([f.x] * 10)]
    assert sizes == [1, 4, 4, 1]


@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
def test_the_chunk_size_does_not_matter(chunk):
    x = function().x
    points = [0.1 * i + x for i in range(20)]
    one = all_gradients(function(chunk=5), points)
    other = all_gradients(function(chunk=chunk), points)
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-14)


def test_eight_targets_at_once_equal_eight_alone():
    names = [f"style:{i}" for i in range(3)] + ["age"]
    together = all_gradients(function(targets=names), [function().x])
    for i, name in enumerate(names):
        torch.testing.assert_close(together[i : i + 1], all_gradients(function(targets=[name]), [function().x]))


def test_gradients_agree_with_finite_differences():
    f = function(score="log_softmax")
    gradient = all_gradients(f, [f.x])[0, 0]
    direction = f.noise(0)
    step = 1e-6
    ends = f.scores(torch.stack([f.x - step * direction, f.x + step * direction]))[:, 0]
    assert float((ends[1] - ends[0]) / (2 * step)) == pytest.approx(float((gradient * direction).sum()), rel=1e-6)


@pytest.mark.parametrize("score", ["logit", "log_softmax", "probability"])
def test_a_contrast_is_the_difference_of_two_scores(score):
    model = two_heads(torch.float64)
    x = function(model).x
    target = sw.Target("style", "gothic", versus="greek_roman")
    both = function(model, ("style:gothic", "style:greek_roman"), score=score).scores(x[None])[0]
    contrast = function(model, (target,), score=score).scores(x[None])[0, 0]
    assert float(contrast) == pytest.approx(float(both[0] - both[1]))


class Hungry(nn.Module):
    """Runs out of memory above so many pictures at a time."""

    def __init__(self, most):
        super().__init__()
        self.most = most
        self.inner = TwoHeads(torch.float64)

    def forward(self, images):
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.inner(images)


@pytest.mark.parametrize("most", [1, 3])
def test_when_memory_runs_out_the_chunk_is_halved_and_nothing_is_lost(most):
    model = sw.ImageModel(Hungry(most), preprocess=keep, device="cpu")
    model.discover(picture())
    f = function(model, ("style:0",), chunk=8)
    points = [0.1 * i + f.x for i in range(20)]
    reference = all_gradients(function(targets=("style:0",)), points)
    torch.testing.assert_close(all_gradients(f, points), reference, rtol=1e-10, atol=1e-14)
    assert len(f.scores(torch.stack(points))) == 20


def test_when_not_even_one_fits_the_error_says_what_to_do():
    model = sw.ImageModel(Hungry(1), preprocess=keep, device="cpu")
    model.discover(picture())
    model.module.most = 0
    f = function(model, ("style:0",))
    with pytest.raises(OutOfMemory, match="smaller input_size"):
        all_gradients(f, [f.x])


class Counting(nn.Module):
    """A stack of layers that counts those it has run, and cancels a token at one of them, forwards or backwards."""

    def __init__(self, token, at, *, backwards):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(12))
        self.token, self.at, self.backwards = token, at, backwards
        self.seen = []

    def __deepcopy__(self, memo):
        return self  # so that the test sees what the shadow does

    def forward(self, images):
        for i, layer in enumerate(self.layers):
            images = layer(images)
            if images.requires_grad:
                images.register_hook(lambda _, i=i: self._count(("backward", i)))
            self._count(("forward", i))
        return images.mean((2, 3))

    def _count(self, step):
        self.seen.append(step)
        if step == ("backward" if self.backwards else "forward", self.at):
            self.token.cancel()


@pytest.mark.parametrize("backwards", [False, True])
def test_a_cancel_stops_at_the_next_layer(backwards):
    token = CancelToken()
    module = Counting(token, at=5, backwards=backwards)
    model = sw.ImageModel(module, preprocess=keep, device="cpu")
    model.discover(picture())
    token._event.clear()
    module.seen.clear()
    f = function(model, (0,), cancel=token)
    with pytest.raises(Cancelled):
        all_gradients(f, [f.x] * 3)
    after = module.seen[module.seen.index(("backward" if backwards else "forward", 5)) + 1 :]
    assert len(after) <= 1


class Broken(nn.Module):
    """Has one layer that gives NaN, or whose gradient does."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(4)
            self.first = nn.Conv2d(3, 3, 1)
            self.second = nn.Conv2d(3, 3, 1)
        self.sick = nn.ReLU()

    def forward(self, images):
        images = self.second(self.first(images))
        if self.kind == "backward":
            images = self.sick(images) * 0 + images.detach() * 0
            return (images.sum((2, 3)) + (images * 0).sum((2, 3)).sqrt())[:, :2]
        return images.mean((2, 3))[:, :2]


def test_a_weight_that_is_nan_is_reported_with_its_layer():
    module = Broken("forward")
    with torch.no_grad():
        module.second.weight[0, 0] = float("nan")
    with pytest.raises(NotFinite, match=r"weight 'second\.weight' holds NaN"):
        sw.explain(sw.ImageModel(module, preprocess=keep, device="cpu"), picture())


def test_a_gradient_that_is_not_finite_is_reported_with_its_layer():
    model = sw.ImageModel(Broken("backward"), preprocess=keep, device="cpu")
    with pytest.raises(NotFinite, match="behind layer 'sick'"):
        sw.explain(model, picture())


def test_a_model_without_a_gradient_says_what_took_it_away():
    class Detached(TwoHeads):
        def forward(self, images):
            return {name: scores.detach() for name, scores in super().forward(images).items()}

    with pytest.raises(ModelError, match="no gradient"):
        sw.explain(sw.ImageModel(Detached(), preprocess=keep, device="cpu"), picture())


@pytest.mark.parametrize("name", ["black", "white", "mean", "blur", "noise"])
def test_baselines_are_named_in_pixel_space(name):
    def normalise(image):
        return (image - 0.5) / 0.25

    model = sw.ImageModel(TwoHeads(), preprocess=normalise, device="cpu")
    model.discover(picture())
    f = function(model, ("style:0",))
    pixels = f.baseline(name) * 0.25 + 0.5
    expected = {"black": 0.0, "white": 1.0, "mean": float(f.image.mean())}
    if name in expected:
        assert float(pixels.mean()) == pytest.approx(expected[name], abs=1e-5)
    if name == "blur":
        assert float(pixels.std()) < 0.6 * float(f.image.std())
        assert float(pixels.mean()) == pytest.approx(float(f.image.mean()), abs=0.05)
    assert float(pixels.min()) >= -1e-5
    assert float(pixels.max()) <= 1 + 1e-5


def test_noise_depends_on_the_seed_and_the_index_alone():
    f, again, other = function(seed=1), function(seed=1), function(seed=2)
    assert torch.equal(f.noise(7), again.noise(7))
    assert not torch.equal(f.noise(7), f.noise(8))
    assert not torch.equal(f.noise(7), other.noise(7))
    draws = torch.stack([f.noise(i) for i in range(200)])
    assert float(draws.mean()) == pytest.approx(0, abs=0.02)
    assert float(draws.std()) == pytest.approx(1, abs=0.02)


def test_noise_is_the_same_in_float32_and_float64():
    single = function(two_heads(torch.float32)).noise(3)
    assert torch.equal(single.double(), function().noise(3))
