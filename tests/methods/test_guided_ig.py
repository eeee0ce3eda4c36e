"""Guided IG against paths that were walked by hand, and what it promises while it runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import saliency_widget as sw
from runs import estimates, function, last, relative
from saliency_widget.methods.guided_ig import GuidedPath
from small_models import Linear, Quadratic, keep, picture, two_heads


def wrapped(module):
    return sw.ImageModel(module, preprocess=keep, device="cpu", precision="float64")


def walk(gradient, end, **options):
    path = GuidedPath(torch.zeros(2, dtype=torch.float64), torch.tensor(end, dtype=torch.float64), **options)
    points = []
    for _ in range(options["steps"]):
        path.advance(gradient(path.point))
        points.append(path.point.tolist())
    return path.attribution.tolist(), points


def test_a_path_of_two_steps_is_the_one_that_was_walked_by_hand():
    # f = 2 a + a b from (0, 0) to (1, 1). At the start the gradient is (2, 0), so b goes first, all the way, for nothing. Then it
    # is (3, 0) and only a can move: it gets 3. Integrated Gradients give 2.5 and 0.5.
    def gradient(point):
        a, b = point
        return torch.stack([2 + b, a])

    attribution, points = walk(gradient, [1.0, 1.0], steps=2, fraction=0.01, max_dist=1.0)
    assert points == [[0, 1], [1, 1]]
    assert attribution == [3, 0]


def test_no_value_is_further_from_the_straight_path_than_allowed():
    attribution, points = walk(
        lambda _: torch.tensor([2.0, 1.0]).double(), [1.0, 1.0], steps=10, fraction=0.01, max_dist=0.1
    )
    for step, (a, b) in enumerate(points, start=1):
        assert abs(a - step / 10) <= 0.1 + 1e-12
        assert abs(b - step / 10) <= 0.1 + 1e-12
        assert a + b == pytest.approx(2 * step / 10)
        assert b >= a
    np.testing.assert_allclose(attribution, [2, 1])


def test_without_leave_to_stray_it_is_integrated_gradients_from_the_left():
    f = function(two_heads(torch.float64), picture(), ["style:gothic"])
    start, steps = f.baseline("black"), 12
    gradients = torch.cat([c.gradients[0] for c in f.each(start + i / steps * (f.x - start) for i in range(steps))])
    straight = (gradients.mean(0) * (f.x - start)).numpy()
    assert relative(last(f, "guided_ig", steps=steps, max_dist=0.0)[0], straight) < 1e-10


@pytest.mark.parametrize(("fraction", "max_dist"), [(0.25, 0.02), (0.05, 1.0), (1.0, 0.5)])
def test_a_linear_model_is_explained_exactly_on_any_path(fraction, max_dist):
    model = wrapped(Linear())
    f = function(model, picture(), [0, 1])
    exact = model.module.weight.detach().numpy() * f.x.numpy()
    found = last(f, "guided_ig", steps=7, fraction=fraction, max_dist=max_dist)
    np.testing.assert_allclose(found, exact, rtol=1e-8, atol=1e-9)


def test_where_pixels_do_not_interact_the_path_does_not_matter_in_the_limit_of_small_moves():
    f = function(wrapped(Quadratic()), picture(), [0])
    exact = (0.5 * f.x.square()).numpy()
    errors = [relative(last(f, "guided_ig", steps=steps, max_dist=1 / steps)[0], exact) for steps in (10, 40, 160)]
    assert errors[2] < 0.02
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


def test_it_is_complete_in_the_limit_of_small_moves():
    f = function(two_heads(torch.float64), picture(), ["style:gothic", "age"])
    coarse, fine = (estimates(f, "guided_ig", steps=steps, max_dist=1 / steps)[-1] for steps in (10, 300))
    for few, many in zip(coarse.quality, fine.quality, strict=True):
        assert many[0].name == "completeness_error"
        assert many[0].value < 0.02
        assert many[0].value < few[0].value


def test_a_picture_equal_to_the_baseline_has_no_attribution():
    class Black(Linear):
        pass

    image = np.zeros((8, 12, 3), dtype=np.uint8)
    assert np.abs(last(function(wrapped(Black()), image, [0]), "guided_ig", steps=3)).max() == 0


def test_its_running_maps_say_that_they_are_parts_and_grow_towards_the_whole():
    f = function(two_heads(torch.float64), picture(), ["style:gothic", "age"])
    run = estimates(f, "guided_ig", steps=6)
    assert {e.kind for e in run} == {"partial"}
    assert [e.done for e in run] == list(range(1, 13))
    assert {e.total for e in run} == {12}
    assert all(e.quality == () for e in run[:-1])
    assert run[0].attribution[1].abs().max() == 0  # the second target has not begun
    assert run[0].attribution is not run[1].attribution


@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
def test_each_target_has_the_path_that_it_has_alone(chunk):
    model = two_heads(torch.float64)
    targets = ["style:gothic", "style:greek_roman", "age"]
    together = last(function(model, picture(), targets, chunk=chunk), "guided_ig", steps=9, fraction=0.1, max_dist=0.2)
    for t, target in enumerate(targets):
        alone = last(function(model, picture(), [target]), "guided_ig", steps=9, fraction=0.1, max_dist=0.2)
        assert relative(together[t], alone[0]) < 1e-10


def test_its_path_is_of_double_precision_for_a_model_in_single_precision():
    class Seen(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Linear(dtype=torch.float32)

        def forward(self, images):
            return self.inner(images)

    model = sw.ImageModel(Seen(), preprocess=keep, device="cpu")
    f = function(model, picture(), [0])
    found = last(f, "guided_ig", steps=300)
    assert found.dtype == np.float32
    exact = model.module.inner.weight[0].detach().numpy() * f.x.numpy()
    assert relative(found[0], exact) < 1e-6
