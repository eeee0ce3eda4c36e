"""Pictures are resized as Pillow does it, and only where they are looked at."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from saliency_widget.model.resample import FILTERS, resample

PILLOW = {name: getattr(Image.Resampling, name.upper()) for name in FILTERS}
LARGER, SMALLER, ONE_SIDE = (224, 300), (20, 31), (57, 40)


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def tensor(pixels):
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 255


@pytest.mark.parametrize("size", [LARGER, SMALLER, ONE_SIDE], ids=["larger", "smaller", "one-side"])
@pytest.mark.parametrize("name", list(FILTERS))
def test_each_filter_is_pillows(name, size):
    pixels = noise(57, 83)
    theirs = tensor(Image.fromarray(pixels).resize(size[::-1], PILLOW[name]))
    ours = resample(tensor(pixels), size, (0, 0, *size), name)
    assert ours.shape == theirs.shape
    # Pillow rounds to whole levels after each of the two passes.
    assert (ours - theirs).abs().max() * 255 < 1.3


@pytest.mark.parametrize("name", list(FILTERS))
def test_a_part_is_the_same_part_of_the_whole(name):
    image = torch.rand(3, 130, 90, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = resample(image, (75, 71), (0, 0, 75, 71), name)
    torch.testing.assert_close(resample(image, (75, 71), (33, 1, 40, 70), name), whole[:, 33:73, 1:71])


def test_a_picture_that_has_the_size_already_is_not_changed():
    image = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0))
    assert torch.equal(resample(image, (20, 30), (2, 3, 10, 12), "hamming"), image[:, 2:12, 3:15])


def test_an_overshoot_is_cut_off_at_black_and_white():
    edge = torch.cat([torch.zeros(3, 8, 8), torch.ones(3, 8, 8)], -1)
    enlarged = resample(edge, (8, 64), (0, 0, 8, 64), "bicubic")
    assert enlarged.min() == 0
    assert enlarged.max() == 1


def test_a_picture_like_a_thread_does_not_become_a_carpet():
    # All of it would be 224 by two million pixels; its centre is 224 by 224.
    thread = torch.rand(3, 1, 10_000)
    part = resample(thread, (224, 2_240_000), (0, 1_119_888, 224, 224), "bilinear")
    assert part.shape == (3, 224, 224)
    assert torch.equal(part, part[:, :1].expand(3, 224, 224))
