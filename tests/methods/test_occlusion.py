"""Occlusion against its closed form, window by window, and from coarse to fine."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import saliency_widget as sw
from saliency_widget.compute import Cancelled, CancelToken, ScoreFunction
from saliency_widget.methods import get
from saliency_widget.methods.occlusion import Windows, refining_order
from saliency_widget.model import read_image
from saliency_widget.plan import prepare
from small_models import Linear, keep, picture, two_heads

SETTINGS = [(4, 2), (3, 3), (5, 2), (1, 1), (4, 100), (100, 100)]


def linear():
    return sw.ImageModel(Linear(), preprocess=keep, device="cpu")


def pixels():
    return read_image(picture()).tensor.double().numpy()


def starts(length, window, stride):
    """The first window begins at the border; the last one is the first that reaches the other border."""
    places = [0]
    while places[-1] + window < length:
        places.append(places[-1] + stride)
    return places


def score_function(model, targets=("style:gothic",), **options):
    return ScoreFunction(model, read_image(picture()), [model.resolve(t) for t in targets], **options)


def run(f, **params):
    method = get("occlusion")
    with torch.no_grad():
        return list(method.estimates(f, method.validate(params)))


@pytest.mark.parametrize(("window", "stride"), SETTINGS)
def test_a_linear_model_loses_what_its_weights_gave_the_window(window, stride):
    model = linear()
    weight = model.module.weight[1].detach().numpy()
    share = (weight * (pixels() - 1)).sum(0)  # what each pixel adds to the score, compared with white
    height, width = share.shape
    total, count = np.zeros_like(share), np.zeros_like(share)
    wide, step = (min(window, height), min(window, width)), min(stride, window)
    for top in starts(height, wide[0], min(step, wide[0])):
        for left in starts(width, wide[1], min(step, wide[1])):
            where = np.s_[top : top + wide[0], left : left + wide[1]]
            total[where] += share[where].sum()
            count[where] += 1
    e = sw.explain(model, picture(), 1, "occlusion", window=window, stride=stride, baseline="white")
    assert count.min() > 0
    np.testing.assert_allclose(e.attribution[0], total / count, rtol=1e-11, atol=1e-12)


def test_a_window_of_one_pixel_gives_input_times_gradient_of_a_linear_model():
    model = linear()
    product = sw.explain(model, picture(), 1, "input_x_gradient").attribution.sum(0)
    e = sw.explain(model, picture(), 1, "occlusion", window=1, stride=1, baseline="black")
    np.testing.assert_allclose(e.attribution[0], product, atol=1e-12)


@pytest.mark.parametrize(("window", "stride"), SETTINGS)
def test_the_stated_cost_is_the_number_of_forwards_taken(window, stride):
    model = two_heads()
    params = {"window": window, "stride": stride}
    plan = prepare(model, picture(), "style:gothic", "occlusion", params=params)
    f = score_function(model)
    last = run(f, **params)[-1]
    assert f.forwards == plan.total == last.total == last.done
    assert f.backwards == 0


def test_all_targets_come_from_the_same_forwards():
    model = two_heads(torch.float64)
    targets = ["style:gothic", "style:greek_roman", "age"]
    alone, together = score_function(model, targets[:1]), score_function(model, targets)
    run(alone, window=4, stride=2)
    maps = run(together, window=4, stride=2)[-1].attribution
    assert together.forwards == alone.forwards
    for target, one in zip(targets, maps, strict=True):
        own = run(score_function(model, [target]), window=4, stride=2)[-1].attribution[0]
        torch.testing.assert_close(one, own, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
def test_the_map_does_not_depend_on_the_chunk_size(chunk):
    model = two_heads(torch.float64)
    whole = run(score_function(model, chunk=5), window=3, stride=2)[-1].attribution
    other = run(score_function(model, chunk=chunk), window=3, stride=2)[-1].attribution
    torch.testing.assert_close(other, whole, rtol=1e-10, atol=1e-16)


def test_an_estimate_on_the_way_does_not_depend_on_the_chunk_size_either():
    model = two_heads(torch.float64)
    one_by_one = {e.done: e for e in run(score_function(model, chunk=1), window=3, stride=2)}
    for e in run(score_function(model, chunk=4), window=3, stride=2):
        torch.testing.assert_close(e.attribution, one_by_one[e.done].attribution, rtol=1e-10, atol=1e-16)


def test_a_streamed_result_equals_the_one_shot_result_exactly():
    options = {"window": 4, "stride": 2}
    once = sw.explain(two_heads(), picture(), "style:gothic", "occlusion", **options)
    streamed = list(sw.stream(two_heads(), picture(), "style:gothic", "occlusion", **options))
    np.testing.assert_array_equal(streamed[-1].attribution, once.attribution)
    assert [e.progress for e in streamed] == sorted({e.progress for e in streamed})
    assert streamed[-1].progress == 1


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 7), (2, 2), (5, 3), (8, 8), (13, 13), (14, 9)])
def test_each_window_is_visited_once(rows, columns):
    order = refining_order(rows, columns)
    assert sorted(order) == [(row, column) for row in range(rows) for column in range(columns)]


def test_the_order_begins_in_the_middle_and_goes_on_across_the_diagonal():
    assert refining_order(8, 8)[:4] == [(4, 4), (0, 0), (0, 4), (4, 0)]
    assert refining_order(8, 8)[4:6] == [(6, 6), (2, 2)]


@pytest.mark.parametrize("side", [8, 13, 16, 27])
def test_any_beginning_of_the_order_is_spread_over_the_whole_picture(side):
    order = np.array(refining_order(side, side))
    grid = np.stack(np.meshgrid(range(side), range(side), indexing="ij"), -1).reshape(-1, 1, 2)
    for share in (16, 8, 4, 2):
        seen = order[: len(order) // share]
        furthest = np.sqrt(((grid - seen) ** 2).sum(-1)).min(1).max()
        # From left to right, most of the picture would be half a side and more away.
        assert furthest <= 1.6 * np.sqrt(share)


def test_the_windows_that_are_still_to_come_are_guessed_from_their_neighbours():
    values = torch.linspace(0, 1, 8, dtype=torch.float64)
    model = sw.ImageModel(Ramp(values), preprocess=keep, device="cpu", precision="float64")
    f = ScoreFunction(model, read_image(np.full((8, 8, 3), 255, np.uint8)), [model_target(model)], chunk=1)
    method = get("occlusion")
    with torch.no_grad():
        estimates = list(method.estimates(f, method.validate({"window": 1, "stride": 1, "baseline": "black"})))
    final = estimates[-1].attribution
    torch.testing.assert_close(final[0, 0], values.expand(8, 8))
    errors = {e.done: float((e.attribution - final).norm() / final.norm()) for e in estimates}
    assert [errors[1 + n] for n in (4, 16, 32, 64)] == sorted((errors[1 + n] for n in (4, 16, 32, 64)), reverse=True)
    assert errors[17] < 0.15
    assert errors[65] == 0


class Ramp(torch.nn.Module):
    """One value: the pixels of the first channel, weighted by their column."""

    def __init__(self, values):
        super().__init__()
        self.weight = torch.nn.Parameter(values)

    def forward(self, images):
        return (images[:, :1] * self.weight).sum((2, 3))


def model_target(model):
    model.discover(np.full((8, 8, 3), 255, np.uint8))
    return model.resolve(next(iter(model.heads)))


def test_a_map_is_spread_by_the_mean_over_the_windows_that_cover_a_pixel():
    windows = Windows(1, 5, window=3, stride=2)
    spread = windows.spread(torch.tensor([[[1.0, 3.0]]]))
    np.testing.assert_allclose(spread[0, 0].numpy(), [1, 1, 2, 3, 3])
    assert len(windows) == 2


def test_a_cancelled_run_stops_at_its_next_chunk_and_leaves_the_model_as_it_was():
    model = two_heads(torch.float64)
    whole = run(score_function(model), window=4, stride=2)[-1].attribution
    token = CancelToken()
    f = score_function(model, cancel=token)
    method = get("occlusion")
    with torch.no_grad():
        estimates = method.estimates(f, method.validate({"window": 4, "stride": 2}))
        next(estimates)
        token.cancel()
        before = f.forwards
        with pytest.raises(Cancelled):
            next(estimates)
    assert f.forwards == before
    torch.testing.assert_close(run(score_function(model), window=4, stride=2)[-1].attribution, whole, rtol=0, atol=0)
