"""Class-appearance images: where they end on models whose best picture is known, and what each parameter does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import saliency_widget as sw
from saliency_widget.compute import Cancelled, CancelToken, ScoreFunction
from saliency_widget.methods import get
from saliency_widget.methods.canvas import canvas, raw, share
from saliency_widget.methods.class_appearance import _shift
from saliency_widget.model import read_image
from saliency_widget.plan import prepare
from small_models import STYLES, Linear, keep, picture, two_heads

PLAIN = {"parameterisation": "pixel", "jitter": 0, "total_variation": 0.0, "l2": 0.0, "start": "grey"}
SMALL = {"steps": 6, "jitter": 2}


def halved(image):
    """Preprocess so that black is -1 and white 3 in the first channel, and 0 and 1 in the others."""
    gain = torch.tensor([4.0, 1.0, 1.0]).view(3, 1, 1)
    return image * gain - torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)


def linear(preprocess=keep):
    model = sw.ImageModel(Linear(), preprocess=preprocess, device="cpu")
    return model, model.module.weight[1].detach()


def score_function(model, targets=("style:gothic",), **options):
    return ScoreFunction(model, read_image(picture()), [model.resolve(t) for t in targets], **options)


def run(f, **params):
    method = get("class_appearance")
    with torch.no_grad():
        return list(method.estimates(f, method.validate(SMALL | params)))


def test_a_linear_model_ends_at_the_sign_of_its_weights():
    model, weight = linear(halved)
    e = sw.explain(model, picture(), 1, "class_appearance", steps=150, learning_rate=0.3, **PLAIN)
    low = np.array([-1.0, 0, 0])[:, None, None]
    best = np.where(weight > 0, low + np.array([4.0, 1, 1])[:, None, None], low)
    np.testing.assert_allclose(e.attribution, best, atol=0.01)
    assert e.quality[0].value == pytest.approx(float((weight.numpy() * e.attribution).sum()))


@pytest.mark.parametrize("parameterisation", ["pixel", "fourier"])
def test_the_picture_stays_between_black_and_white_however_large_the_steps(parameterisation):
    params = PLAIN | {"parameterisation": parameterisation, "steps": 30, "learning_rate": 1.0}
    found = sw.explain(linear(halved)[0], picture(), 1, "class_appearance", **params).attribution
    assert -1 <= found[0].min() < found[0].max() <= 3
    assert 0 <= found[1:].min() < found[1:].max() <= 1


def test_the_first_step_has_the_stated_length():
    model, weight = linear()
    found = sw.explain(model, picture(), 1, "class_appearance", steps=1, learning_rate=0.3, **PLAIN).attribution
    np.testing.assert_allclose(found, torch.sigmoid(0.3 * weight.sign()).numpy(), rtol=1e-4)


def test_the_same_model_behind_another_normalisation_is_painted_the_same_picture():
    class Undone(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = two_heads(torch.float64).module

        def forward(self, images):
            gain, offset = (torch.tensor(v, dtype=images.dtype).view(3, 1, 1) for v in ([4.0, 1, 1], [1.0, 0, 0]))
            return self.inner((images + offset) / gain)

    options = {"method": "class_appearance", **SMALL}
    plain = sw.explain(two_heads(torch.float64), picture(), "style:0", **options).attribution
    heads = {"style": STYLES, "age": sw.Regression(unit="years")}
    other = sw.explain(
        sw.ImageModel(Undone(), heads, halved, device="cpu"), picture(), "style:0", **options
    ).attribution
    np.testing.assert_allclose(halved(torch.as_tensor(plain)).numpy(), other, atol=1e-7)


def test_a_value_is_made_as_high_as_it_gets():
    model = two_heads(torch.float64)
    before = model.predict(picture())["age"].value
    e = sw.explain(model, picture(), "age", "class_appearance", steps=30, learning_rate=0.2)
    assert e.quality[0].value > before
    assert e.quality[0].value > float(model.predict(np.full((8, 12, 3), 128, np.uint8))["age"].value)


def test_the_quality_of_the_last_picture_is_the_score_that_the_model_gives_it():
    model = two_heads(torch.float64)
    f = score_function(model, ["style:gothic", "age"])
    last = run(f)[-1]
    scores = f.scores(last.attribution)
    assert [q[0].value for q in last.quality] == pytest.approx([float(scores[0, 0]), float(scores[1, 1])])


@pytest.mark.parametrize("parameterisation", ["pixel", "fourier"])
def test_a_start_from_the_picture_begins_with_it(parameterisation):
    model = two_heads(torch.float64)
    f = score_function(model)
    first = run(f, steps=1, parameterisation=parameterisation, start="picture", learning_rate=0.001)[0]
    assert float((first.attribution[0] - f.x).abs().max()) < 0.01
    grey = run(f, steps=1, parameterisation=parameterisation, start="grey", learning_rate=0.001)[0]
    assert float((grey.attribution - 0.5).abs().max()) < 0.01


def test_a_channel_that_has_only_one_value_keeps_it():
    def flat(image):
        return torch.cat([image[:2], torch.full_like(image[:1], 0.25)])

    model = sw.ImageModel(Linear(), preprocess=flat, device="cpu")
    found = sw.explain(model, picture(), 1, "class_appearance", steps=3, start="picture").attribution
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[2], 0.25)


def test_the_prices_make_the_picture_smoother_and_fainter():
    def looks(**params):
        found = sw.explain(two_heads(), picture(), "style:gothic", "class_appearance", steps=40, **(PLAIN | params))
        shares = found.attribution
        return np.abs(np.diff(shares)).mean() + np.abs(np.diff(shares, axis=1)).mean(), ((shares - 0.5) ** 2).mean()

    rough, strong = looks()
    smooth, _ = looks(total_variation=0.5)
    _, faint = looks(l2=2.0)
    assert smooth < 0.7 * rough
    assert faint < 0.7 * strong


def test_a_price_means_the_same_whatever_the_unit_of_the_score():
    class Scaled(torch.nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.inner = two_heads(torch.float64).module
            self.factor = factor

        def forward(self, images):
            return self.factor * self.inner(images)["age"]

    found = [
        sw.explain(
            sw.ImageModel(Scaled(factor), preprocess=keep, device="cpu"), picture(), method="class_appearance", **SMALL
        ).attribution
        for factor in (1, 1000)
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


@pytest.mark.parametrize("shape", [(3, 8, 12), (3, 7, 9), (1, 8, 5), (4, 6, 6)])
@pytest.mark.parametrize("name", ["pixel", "fourier"])
def test_a_canvas_reads_back_what_it_paints(name, shape):
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(shape, generator=generator, dtype=torch.float64) * 0.9 + 0.05
    made = canvas(name, shape, picture)
    torch.testing.assert_close(share(made.paint(made.read(raw(picture)))), picture)


def test_waves_of_unit_strength_give_values_of_unit_spread_mostly_coarse_and_grey():
    shape = (3, 64, 48)
    made = canvas("fourier", shape, torch.zeros(shape))
    numbers = torch.randn(made.read(torch.zeros(shape)).shape, generator=torch.Generator().manual_seed(0))
    values = made.paint(numbers / 2**0.5)  # a complex number of unit strength has two parts
    assert float(values.square().mean()) == pytest.approx(1, rel=0.3)
    assert float(values.diff(dim=2).square().mean()) < 0.8 * float(
        values.square().mean()
    )  # 2 where all waves are alike
    hue = values - values.mean(0)
    assert float(hue.square().mean()) < 0.3 * float(values.square().mean())


def test_the_same_seed_gives_the_same_picture_and_another_one_another():
    model = two_heads(torch.float64)
    found = [run(score_function(model, seed=seed))[-1].attribution for seed in (3, 3, 4)]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    assert not torch.allclose(found[0], found[2])


def test_the_shifts_are_taken_back():
    """A model that looks at one pixel paints that pixel, however the picture is shifted before each step."""

    class OnePixel(torch.nn.Module):
        def forward(self, images):
            return images[:, 0, 4, 6:7]

    model = sw.ImageModel(OnePixel(), preprocess=keep, device="cpu", precision="float64")
    params = PLAIN | {"steps": 60, "learning_rate": 0.1}
    still = sw.explain(model, picture(), method="class_appearance", **params).attribution[0]
    moved = sw.explain(model, picture(), method="class_appearance", **(params | {"jitter": 2})).attribution[0]
    assert np.argmax(still) == np.ravel_multi_index((4, 6), still.shape)
    assert np.abs(still - 0.5).sum() == pytest.approx(np.abs(still[4, 6] - 0.5))
    changed = np.argwhere(np.abs(moved - 0.5) > 1e-6)
    assert len(changed) > 10
    assert np.abs(changed - (4, 6)).max() == 2
    assert (moved >= 0.5 - 1e-9).all()
    for seed in range(6):  # the pixel that a shift puts where the model looks
        once = sw.explain(
            model, picture(), method="class_appearance", seed=seed, **(params | {"jitter": 2, "steps": 1})
        )
        (found,) = np.argwhere(np.abs(once.attribution[0] - 0.5) > 1e-6)
        assert tuple(found) == tuple(np.subtract((4, 6), _shift(seed, 0, 2)))


def test_several_targets_are_painted_in_turn_each_as_if_it_were_alone():
    model = two_heads(torch.float64)
    targets = ["style:gothic", "style:greek_roman", "age"]
    f = score_function(model, targets)
    together = run(f)
    assert [e.done for e in together] == list(range(1, SMALL["steps"] + 1))
    assert f.backwards == len(targets) * SMALL["steps"]
    for target, one in zip(targets, together[-1].attribution, strict=True):
        own = run(score_function(model, [target]))[-1].attribution[0]
        torch.testing.assert_close(one, own, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_the_picture_does_not_depend_on_the_chunk_size(chunk):
    model = two_heads(torch.float64)
    found = run(score_function(model, chunk=chunk))[-1].attribution
    torch.testing.assert_close(found, run(score_function(model))[-1].attribution, rtol=0, atol=0)


def test_a_streamed_picture_equals_the_one_shot_picture_and_each_step_costs_one_gradient():
    model = two_heads()
    plan = prepare(model, picture(), "style:gothic", "class_appearance", params=SMALL)
    assert plan.total == SMALL["steps"]
    once = sw.explain(model, picture(), "style:gothic", "class_appearance", seed=3, **SMALL)
    streamed = list(sw.stream(model, picture(), "style:gothic", "class_appearance", seed=3, **SMALL))
    np.testing.assert_array_equal(streamed[-1].attribution, once.attribution)
    assert [e.done for e in streamed] == list(range(1, SMALL["steps"] + 1))
    assert {e.kind for e in streamed} == {"picture"}
    f = score_function(model)
    run(f)
    assert f.backwards == SMALL["steps"]


def test_a_cancelled_run_stops_and_leaves_the_model_as_it_was():
    model = two_heads(torch.float64)
    weights = {name: value.clone() for name, value in model.module.state_dict().items()}
    token = CancelToken()
    f = score_function(model, cancel=token)
    method = get("class_appearance")
    with torch.no_grad():
        pictures = method.estimates(f, method.validate(SMALL))
        next(pictures)
        token.cancel()
        with pytest.raises(Cancelled):
            next(pictures)
    for name, value in model.module.state_dict().items():
        torch.testing.assert_close(value, weights[name], rtol=0, atol=0)
    assert all(weight.grad is None for weight in model.module.parameters())


@pytest.mark.slow
def test_the_built_in_model_is_given_a_picture_far_beyond_any_it_has_seen():
    model = sw.load("demo/vgg")
    logits = [float(model.predict(scene.image)["style"].logits[0]) for scene in sw.demo.buildings(12, seed=3)]
    e = sw.explain(model, sw.demo.building(7, 0).image, "style:0", "class_appearance", steps=25)
    assert e.quality[0].value > max(logits) + 3
