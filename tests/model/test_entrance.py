"""The way from a picture to the model's input: prepared once, whoever asks, and nobody can spoil it for the next."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import saliency_widget as sw


class Counted:
    """A preprocessing that counts how often it prepares a picture as large as the one that is asked for."""

    def __init__(self, size):
        self.size = size
        self.calls = 0

    def __call__(self, image):
        self.calls += image.shape[-2:] == self.size
        return image[:, :16, :16] - 0.5


@pytest.fixture
def counted():
    return Counted((20, 24))


@pytest.fixture
def model(counted):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return sw.ImageModel(module, heads={"kind": ["a", "b", "c"]}, preprocess=counted, device="cpu")


def picture(seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 24, 3), dtype=np.uint8))


def test_a_look_a_map_and_the_next_class_of_a_picture_prepare_it_once(model, counted):
    read = model.read(picture())
    model.predict(read)
    counted.calls = 0
    for target in ("kind:a", "kind:b"):
        sw.explain(model, read, target, "gradient")
    assert counted.calls == 0


def test_a_baseline_is_prepared_once_for_a_picture(model, counted):
    read = model.read(picture())
    first = sw.explain(model, read, "kind:a", "integrated_gradients", steps=4)
    counted.calls = 0
    again = sw.explain(model, read, "kind:a", "integrated_gradients", steps=4)
    assert counted.calls == 0
    np.testing.assert_array_equal(again.attribution, first.attribution)


def test_each_baseline_of_each_picture_has_its_own_input(model):
    first, second = model.read(picture(0)), model.read(picture(1))

    def of(read, baseline):
        return sw.explain(model, read, "kind:a", "integrated_gradients", steps=4, baseline=baseline).attribution

    for baseline in ("black", "white", "mean", "black"):
        expected = of(model.read(picture(0)), baseline)
        assert not np.array_equal(of(second, baseline), expected)
        np.testing.assert_array_equal(of(first, baseline), expected)


def test_another_picture_is_prepared_anew_and_so_is_the_first_one_after_it(model):
    first, second = model.read(picture(0)), model.read(picture(1))
    once = model.input(first)
    assert not torch.equal(model.input(second), once)
    assert torch.equal(model.input(first), once)


def test_what_is_written_into_an_input_does_not_reach_the_next(model):
    read = model.read(picture())
    before = model.input(read).clone()
    model.input(read).zero_()
    assert torch.equal(model.input(read), before)


def test_a_picture_that_nobody_holds_any_more_is_not_kept_alive(model):
    prepared = model.input(model.read(picture(0)))  # that Picture is gone now, and its place in memory free
    assert torch.equal(model.input(model.read(picture(0))), prepared)
    assert not torch.equal(model.input(model.read(picture(1))), prepared)
