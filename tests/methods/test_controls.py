"""The controls: they know the picture at most, never the model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import saliency_widget as sw
from saliency_widget.compute import ScoreFunction
from saliency_widget.methods import get
from saliency_widget.model import read_image
from small_models import Linear, keep, picture, two_heads

NAMES = ["edges", "random", "plain_input"]


def run(model, name, image=None, targets=("style:gothic",), seed=0, **params):
    f = ScoreFunction(model, read_image(image or picture()), [model.resolve(t) for t in targets], seed=seed)
    method = get(name)
    with torch.no_grad():
        (estimate,) = method.estimates(f, method.validate(params))
    assert f.forwards == f.backwards == 0
    assert estimate.final
    return estimate.attribution


@pytest.mark.parametrize("name", NAMES)
def test_a_control_says_that_it_does_not_look_at_the_model(name):
    method = get(name)
    assert "does not look at the model" in method.explain
    assert (method.family, method.reads) == ("controls", "pixels")


@pytest.mark.parametrize("name", NAMES)
def test_a_control_is_the_same_for_every_target_and_every_model(name):
    model = two_heads(torch.float64)
    maps = run(model, name, targets=["style:gothic", "age"])
    assert maps.shape == (2, 1, 8, 12)
    torch.testing.assert_close(maps[0], maps[1], rtol=0, atol=0)
    other = sw.explain(sw.ImageModel(Linear(), preprocess=keep, device="cpu"), picture(), method=name)
    np.testing.assert_array_equal(other.attribution, maps[0].numpy())


def test_edges_are_where_the_picture_changes_and_as_strong_as_it_does():
    pixels = np.zeros((8, 12, 3), np.uint8)
    pixels[:, 6:] = 255
    found = run(two_heads(torch.float64), "edges", Image.fromarray(pixels))[0, 0].numpy()
    expected = np.zeros((8, 12))
    expected[:, 5:7] = np.sqrt(3) / 2  # half the step on either side of it, in each of three channels
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_edges_of_a_ramp_are_its_slope_in_any_direction():
    down, across = np.mgrid[:32, :32]
    for angle in (0, 30, 45, 80):
        ramp = 0.01 * (np.cos(np.radians(angle)) * across + np.sin(np.radians(angle)) * down)
        image = torch.as_tensor(np.stack([ramp, 0 * ramp, 0 * ramp]))
        model = sw.ImageModel(Linear(32, 32), preprocess=keep, device="cpu")
        found = sw.explain(model, image, method="edges").attribution[0]
        np.testing.assert_allclose(found[1:-1, 1:-1], 0.01, rtol=1e-4)


def test_the_plain_input_is_what_the_model_is_given():
    e = sw.explain(two_heads(torch.float64), picture(), method="plain_input")
    np.testing.assert_allclose(e.attribution[0], read_image(picture()).tensor.double().numpy().sum(0))


@pytest.mark.parametrize("grain", [0.0, 1.0, 8.0, 64.0])
def test_a_random_map_depends_on_the_seed_alone(grain):
    model = two_heads(torch.float64)
    one, same, other = (run(model, "random", picture(seed=n), seed=s, grain=grain) for n, s in ((0, 1), (5, 1), (0, 2)))
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    assert not torch.allclose(one, other)
    assert float(one.mean()) == pytest.approx(0, abs=1e-9)
    assert float(one.square().mean()) == pytest.approx(1)


def test_a_larger_grain_makes_larger_spots():
    model = sw.ImageModel(Linear(64, 64), preprocess=keep, device="cpu")
    steps = [
        np.abs(np.diff(sw.explain(model, picture(64, 64), 0, "random", grain=grain).attribution[0])).mean()
        for grain in (0.0, 1.0, 3.0, 8.0)
    ]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] < 0.2 * steps[0]
