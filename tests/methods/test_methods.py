"""Each method against its closed form, another library, and itself in other chunks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import saliency_widget as sw
from saliency_widget.compute import ScoreFunction
from saliency_widget.errors import BadParameter, UnknownMethod
from saliency_widget.methods.paths import spread_order
from saliency_widget.model import read_image
from small_models import Linear, Quadratic, TwoHeads, keep, picture, two_heads

SMALL = {"integrated_gradients": {"steps": 20}, "smoothgrad": {"samples": 20}}
SMALL |= {"smoothgrad_squared": SMALL["smoothgrad"], "vargrad": SMALL["smoothgrad"]}


def linear():
    return sw.ImageModel(Linear(), preprocess=keep, device="cpu")


def pixels():
    return read_image(picture()).tensor.double().numpy()


def test_a_linear_model_has_its_weights_as_gradient():
    model = linear()
    weight = model.module.weight[1].detach().numpy()
    np.testing.assert_array_equal(sw.explain(model, picture(), 1, "gradient").attribution, weight)
    np.testing.assert_allclose(sw.explain(model, picture(), 1, "smoothgrad", samples=9).attribution, weight, rtol=1e-14)
    np.testing.assert_allclose(sw.explain(model, picture(), 1, "vargrad", samples=9).attribution, 0, atol=1e-28)


def test_a_linear_model_has_weight_times_input_as_input_x_gradient_and_as_integrated_gradients():
    model = linear()
    product = model.module.weight[1].detach().numpy() * pixels()
    np.testing.assert_array_equal(sw.explain(model, picture(), 1, "input_x_gradient").attribution, product)
    for steps in (1, 7, 50):
        e = sw.explain(model, picture(), 1, "integrated_gradients", steps=steps)
        np.testing.assert_allclose(e.attribution, product, rtol=1e-13)
        assert e.quality[0].value < 1e-12


def test_the_midpoint_rule_is_exact_for_a_quadratic_model_at_any_number_of_steps():
    model = sw.ImageModel(Quadratic(), preprocess=keep, device="cpu", precision="float64")
    for steps in (1, 2, 13):
        e = sw.explain(model, picture(), method="integrated_gradients", steps=steps)
        np.testing.assert_allclose(e.attribution, 0.5 * pixels() ** 2, rtol=1e-12)


def test_integrated_gradients_from_another_baseline_explain_the_difference_from_it():
    model = linear()
    weight = model.module.weight[0].detach().numpy()
    e = sw.explain(model, picture(), 0, "integrated_gradients", baseline="white", steps=3)
    np.testing.assert_allclose(e.attribution, weight * (pixels() - 1), rtol=1e-12, atol=1e-15)


def test_smoothgrad_with_one_sample_and_no_noise_is_the_gradient():
    model = two_heads(torch.float64)
    plain = sw.explain(model, picture(), "style:gothic").attribution
    smooth = sw.explain(model, picture(), "style:gothic", "smoothgrad", samples=1, noise=0.0)
    np.testing.assert_allclose(smooth.attribution, plain, rtol=1e-13)
    np.testing.assert_allclose(smooth.siblings["smoothgrad_squared"].attribution, plain**2, rtol=1e-13)


def test_the_siblings_of_smoothgrad_are_the_mean_square_and_the_sample_variance_of_the_same_draws():
    model = two_heads(torch.float64)
    f = ScoreFunction(model, read_image(picture()), [model.resolve("style:gothic")], seed=5)
    sigma = 0.2 * (f.x.max() - f.x.min())
    draws = torch.cat([c.gradients[0] for c in f.each(f.x + sigma * f.noise(i) for i in range(12))]).numpy()
    e = sw.explain(model, picture(), "style:gothic", "smoothgrad", samples=12, noise=0.2, seed=5)
    np.testing.assert_allclose(e.attribution, draws.mean(0), rtol=1e-10, atol=1e-16)
    np.testing.assert_allclose(e.siblings["smoothgrad_squared"].attribution, (draws**2).mean(0), rtol=1e-10)
    np.testing.assert_allclose(e.siblings["vargrad"].attribution, draws.var(0, ddof=1), rtol=1e-9, atol=1e-20)
    error = np.sqrt((draws.var(0, ddof=1) / 12).sum()) / np.linalg.norm(draws.mean(0))
    assert e.quality[0].value == pytest.approx(error)


@pytest.mark.parametrize("name", ["smoothgrad_squared", "vargrad"])
def test_a_sibling_asked_for_by_name_is_the_one_that_came_for_free(name):
    model = two_heads(torch.float64)
    own = sw.explain(model, picture(), "style:gothic", name, samples=6)
    free = sw.explain(model, picture(), "style:gothic", "smoothgrad", samples=6).siblings[name]
    np.testing.assert_array_equal(own.attribution, free.attribution)
    np.testing.assert_array_equal(
        own.siblings["smoothgrad"].attribution,
        sw.explain(model, picture(), "style:gothic", "smoothgrad", samples=6).attribution,
    )


@pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients:UserWarning")
def test_integrated_gradients_agree_with_captum():
    captum = pytest.importorskip("captum.attr")
    model = two_heads(torch.float64)
    e = sw.explain(model, picture(), "style:greek_roman", "integrated_gradients", steps=30)
    x = model.input(read_image(picture()))[None]

    def style(images):
        return model.module.eval()(images)["style"]

    theirs = captum.IntegratedGradients(style).attribute(x, torch.zeros_like(x), 2, n_steps=30, method="riemann_middle")
    # Captum keeps the places of its steps in float32, even for a float64 model.
    error = np.linalg.norm(e.attribution - theirs[0].detach().numpy()) / np.linalg.norm(e.attribution)
    assert error < 1e-7
    plain = captum.Saliency(style).attribute(x, 2, abs=False)
    np.testing.assert_allclose(
        sw.explain(model, picture(), "style:2").attribution, plain[0].numpy(), rtol=1e-8, atol=1e-14
    )


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50, 64, 100, 1000])
def test_the_order_of_the_steps_visits_each_once_and_spreads_from_the_start(count):
    order = spread_order(count)
    assert sorted(order) == list(range(count))
    assert order[0] == count // 2
    for seen in (count // 4, count // 2):
        if seen >= 4:
            gaps = np.diff(sorted(order[:seen]))
            assert gaps.max() <= 2 * count / seen + 1


def test_integrated_gradients_of_a_quarter_of_the_steps_already_resemble_the_whole():
    model = two_heads(torch.float64)
    run = list(sw.stream(model, picture(), "style:gothic", "integrated_gradients", steps=64))
    quarter = next(e for e in run if e.progress >= 0.25)
    correlation = np.corrcoef(quarter.attribution.ravel(), run[-1].attribution.ravel())[0, 1]
    assert correlation > 0.95


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"steps": 0}, "a whole number from 1 to 1000"),
        ({"steps": 2.5}, "a whole number"),
        ({"steps": "many"}, "a whole number"),
        ({"steps": True}, "a whole number"),
        ({"baseline": "blck"}, "one of black, white, mean, blur, noise"),
        ({"step": 3}, "did you mean 'steps'"),
    ],
)
def test_a_wrong_parameter_says_what_was_expected(params, says):
    with pytest.raises(BadParameter, match=says):
        sw.explain(two_heads(), picture(), "style", "integrated_gradients", **params)


def test_a_wrong_method_names_the_nearest():
    with pytest.raises(UnknownMethod, match="did you mean 'smoothgrad'"):
        sw.explain(two_heads(), picture(), "style", "smoothgard")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"score": "logits"}, "did you mean 'logit'"),
        ({"seed": -1}, "from 0"),
        ({"seed": 2**70}, "below 2"),
        ({"target": []}, "empty"),
        ({"layer": "body.0"}, "takes no layer"),
        ({"method": "vargrad", "samples": 1}, "more than one sample"),
    ],
)
def test_other_wrong_arguments_are_refused(options, says):
    with pytest.raises(BadParameter, match=says):
        sw.explain(two_heads(), picture(), **options)


def test_a_raw_module_is_accepted_and_its_heads_are_found():
    e = sw.explain(TwoHeads(), picture(40, 40), method="gradient")
    assert e.target.head == "style"
    assert e.attribution.shape == (3, 224, 224)


def test_the_top_class_can_be_held_against_another_one():
    model = two_heads()
    top = model.predict(picture())["style"].top
    other = next(cls for cls in model.heads["style"].classes if cls != top)
    e = sw.explain(model, picture(), sw.Target("style", versus=other))
    assert (e.target.cls, e.target.versus) == (top, other)


def test_a_numpy_seed_is_a_seed(tmp_path):
    one, other = (
        sw.explain(two_heads(), picture(), "style:gothic", "smoothgrad", samples=3, seed=seed)
        for seed in (3, np.int64(3))
    )
    np.testing.assert_array_equal(one.attribution, other.attribution)
    other.save(tmp_path / "map.npz")


def test_the_top_class_is_explained_where_no_target_is_given():
    model = two_heads()
    assert sw.explain(model, picture()).target.cls == model.predict(picture())["style"].top
