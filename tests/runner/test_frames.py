"""Frames: what the page draws is what was computed, to within half a step of 16 bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import saliency_widget as sw
from saliency_widget.compute import Cancelled
from saliency_widget.errors import NotFinite
from saliency_widget.methods import Estimate, Quality
from saliency_widget.plan import prepare
from saliency_widget.runner.frames import colours, encode, quantise
from small_models import Linear, keep, picture, two_heads


def heatmaps(attribution):
    scales, data = quantise(attribution)
    integers = np.frombuffer(data, "<i2").reshape(attribution.shape[0], *attribution.shape[2:])
    return integers * np.array(scales)[:, None, None]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 1e4])
def test_each_map_is_right_to_half_a_step_of_its_own_scale(dtype, size):
    if dtype == torch.float16 and size == 1e-30:
        pytest.skip("float16 holds no such number")
    generator = torch.Generator().manual_seed(1)
    scale = torch.tensor([1.0, 1e-3])[:, None, None, None]
    maps = (torch.randn(2, 3, 5, 7, generator=generator) * scale * size).to(dtype)
    expected = maps.double().sum(1).numpy()
    step = np.abs(expected).max((1, 2), keepdims=True) / 32767
    assert (np.abs(heatmaps(maps) - expected) <= 0.51 * step + 1e-7 * np.abs(expected)).all()


def test_the_largest_value_of_either_sign_is_a_full_one():
    for sign in (1, -1):
        scales, data = quantise(sign * torch.tensor([[[[0.25, -0.125]]]]))
        assert list(np.frombuffer(data, "<i2")) == [sign * 32767, -sign * 16384]
        assert scales == [0.25 / 32767]


def test_a_faint_map_is_drawn_as_well_as_a_strong_one():
    faint = torch.tensor([[[[1e-44, -2.8e-45]]]])  # smaller than what its type holds exactly
    scales, data = quantise(faint)
    assert scales[0] > 0
    assert np.frombuffer(data, "<i2")[0] == 32767


def test_a_map_of_zeros_has_the_scale_zero():
    assert quantise(torch.zeros(1, 3, 2, 2)) == ([0.0], bytes(8))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_never_sent(value):
    maps = torch.zeros(2, 3, 4, 4)
    maps[1, 2, 3, 3] = value
    with pytest.raises(NotFinite, match="NaN or infinity"):
        quantise(maps)


def test_the_map_leaves_the_device_in_one_piece():
    class Looks(TorchDispatchMode):
        """Counts what makes a GPU wait: a number read off it, or a tensor copied from it."""

        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.count += func.overloadpacket in {torch.ops.aten._local_scalar_dense, torch.ops.aten._to_copy} and (
                "device" in (kwargs or {}) or func.overloadpacket is torch.ops.aten._local_scalar_dense
            )
            return func(*args, **(kwargs or {}))

    with Looks() as looks:
        quantise(torch.randn(3, 3, 8, 8))
    assert looks.count == 0  # the copy itself is none where the map is on the CPU already


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_map_from_a_gpu_is_the_same_as_from_the_processor(dtype):
    maps = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)).to(dtype)
    scales, data = quantise(maps.cuda())
    here = quantise(maps)
    assert scales == pytest.approx(here[0], rel=1e-6)
    difference = np.frombuffer(data, "<i2").astype(int) - np.frombuffer(here[1], "<i2").astype(int)
    assert np.abs(difference).max() <= 1


@pytest.fixture(scope="module")
def model():
    return two_heads()


def plan_for(model, target="style:gothic", method="gradient", **how):
    return prepare(model, picture(), target, method, **how)


def frame_of(plan, **changes):
    try:
        estimate = next(iter(plan.estimates()))
    except Cancelled:
        raise AssertionError from None
    return encode(plan, replace(estimate, **changes), final=True, ms=1.5, key="k")


def test_a_frame_says_what_it_shows(model):
    plan = plan_for(model, ["style:gothic", "age"])
    frame = frame_of(plan)
    assert frame.meta["targets"] == [
        {"head": "style", "index": 0, "versus": None},
        {"head": "age", "index": None, "versus": None},
    ]
    assert frame.meta["names"] == ["style:gothic", "age"]
    assert frame.meta["method"] == "gradient"
    assert frame.meta["shape"] == [8, 12]
    assert (frame.meta["done"], frame.meta["total"], frame.meta["unit"]) == (1, 1, "gradients")
    assert frame.meta["scores"] == list(plan.scores)
    assert frame.meta["precision"] == "float32"
    assert frame.meta["empty"] == [None, None]
    assert len(frame.data) == 2 * 2 * 8 * 12


def test_scores_are_numbers_also_where_the_estimate_does_not_know_them(model):
    frame = frame_of(plan_for(model, method="smoothgrad", params={"samples": 2}))
    assert all(np.isfinite(frame.meta["scores"]))


@pytest.mark.parametrize(
    ("target", "method", "score", "unit"),
    [
        ("style:gothic", "gradient", "logit", "logit per unit of input"),
        ("style:gothic", "integrated_gradients", "log_softmax", "log softmax"),
        ("age", "gradient", "logit", "years per unit of input"),
        (["style:gothic", "age"], "gradient", "logit", "score per unit of input"),
        (["style:gothic", "style:neoclassical"], "gradient", "probability", "probability per unit of input"),
        ("style:gothic", "smoothgrad_squared", "logit", "(logit per unit of input) squared"),
        ("style:gothic", "score_cam", "logit", "relative"),
        ("style:gothic", "edges", "logit", "no score: the model was not asked"),
    ],
)
def test_the_colour_bar_has_the_right_unit(model, target, method, score, unit):
    assert frame_of(plan_for(model, target, method, score=score)).meta["score_unit"] == unit


def test_a_map_with_nothing_in_it_says_so(model):
    plan = plan_for(model, ["style:gothic", "age"])
    empty = torch.zeros(2, 3, 8, 12)
    empty[1] = 1
    first, second = frame_of(plan, attribution=empty).meta["empty"]
    assert "Gradient is zero everywhere" in first
    assert "style:gothic" in first
    assert second is None


def test_a_map_with_nothing_in_it_for_a_saturated_score_says_what_to_do(model):
    plan = plan_for(model, score="probability")
    assert "try the score 'logit'" in frame_of(plan, attribution=torch.zeros(1, 3, 8, 12)).meta["empty"][0]


def test_a_picture_goes_out_as_the_colours_that_the_model_would_see(model):
    plan = plan_for(model, ["style:gothic", "age"])
    painted = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(1))
    frame = frame_of(plan, attribution=painted, kind="picture")
    assert (frame.meta["kind"], frame.meta["shape"]) == ("picture", [8, 12])
    assert (frame.meta["scales"], frame.meta["empty"]) == ([1 / 255] * 2, [None, None])
    expected = (painted * 255).round().movedim(1, -1).numpy()
    assert (np.frombuffer(frame.data, np.uint8).reshape(2, 8, 12, 3) == expected).all()


def test_the_colours_of_a_picture_are_those_before_the_normalisation():
    mean, std = (torch.tensor([[[value]], [[0.5]], [[0.25]]]) for value in (0.1, 0.5))
    model = sw.ImageModel(nn.Sequential(Linear(dtype=torch.float32)), preprocess=lambda image: (image - mean) / std)
    plan = plan_for(model, None)
    red = torch.zeros(1, 3, 8, 12)
    red[:, 0] = 1
    _, data = colours(plan, (red - mean) / std)
    assert (np.frombuffer(data, np.uint8).reshape(-1, 3) == [255, 0, 0]).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_picture_that_is_not_finite_is_never_sent(model, value):
    painted = torch.zeros(1, 3, 8, 12)
    painted[0, 1, 2, 3] = value
    with pytest.raises(NotFinite, match="picture holds NaN or infinity"):
        frame_of(plan_for(model), attribution=painted, kind="picture")


def test_a_map_says_that_it_is_one(model):
    assert frame_of(plan_for(model)).meta["kind"] == "map"


def test_a_map_that_asked_the_model_nothing_is_in_no_unit_of_a_score(model):
    plan = plan_for(model)
    control = replace(plan, method=replace(plan.method, reads="pixels"))
    frame = frame_of(control, attribution=torch.zeros(1, 3, 8, 12))
    assert frame.meta["score_unit"] == "no score: the model was not asked"
    assert "score of" not in frame.meta["empty"][0]


def test_the_logarithm_of_a_label_is_that_of_its_own_probability():
    model = sw.ImageModel(Linear(), heads={"seen": sw.MultiLabel(["sky", "tower"])}, preprocess=keep)
    frame = frame_of(plan_for(model, "seen:sky", score="log_softmax"))
    assert frame.meta["score_unit"] == "log sigmoid per unit of input"


def test_figures_that_are_no_numbers_are_left_out(model):
    plan = plan_for(model)
    good, bad = Quality("a", 0.5, "half"), Quality("b", float("inf"), "endless")
    assert frame_of(plan, quality=((good, bad),)).meta["quality"] == [[good.card()]]


def test_an_estimate_without_figures_has_an_empty_list_for_each_target(model):
    assert frame_of(plan_for(model, ["style:gothic", "age"]), quality=()).meta["quality"] == [[], []]


def test_estimates_need_not_have_as_many_channels_as_the_picture(model):
    plan = plan_for(model)
    estimate = Estimate(torch.ones(1, 1, 4, 4), torch.zeros(1), 1, 1)
    assert encode(plan, estimate, final=True, ms=0, key="k").meta["shape"] == [4, 4]
