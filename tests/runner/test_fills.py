"""What stands in place of hidden pixels: only they change, edges are shared, and what is around them goes on smoothly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from saliency_widget.errors import BadParameter
from saliency_widget.model import Picture, read_image
from saliency_widget.runner.fills import FILLS, Easel, check_fill, coverage, inpaint


def photograph(width=48, height=32, seed=0):
    """Colours that vary slowly, with some grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 9 + c) + np.cos(y / 7 - c) for c in range(3)], -1)
    return np.clip(128 + 45 * waves + rng.normal(0, 4, waves.shape), 0, 255).astype(np.uint8)


def easel(image=None, box=None, size=(32, 24)):
    picture = read_image(photograph() if image is None else image)
    return Easel(picture, box or (0.0, 0.0, float(picture.width), float(picture.height)), size)


def disc(width, height, share=0.25):
    y, x = np.mgrid[0:height, 0:width]
    far = np.hypot((x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5)
    return torch.tensor(far < share).float()


@pytest.mark.parametrize("fill", FILLS)
def test_what_is_not_hidden_stays_as_it_is_to_the_last_bit(fill):
    made = easel()
    before = made.picture.tensor
    mask = torch.zeros(24, 32)
    mask[6:12, 8:16] = 1
    after = made.paint(mask, fill, 0).tensor
    changed = (after != before).any(0)
    assert not changed[:8].any()
    assert not changed[16:].any()
    assert not changed[:, :12].any()
    assert not changed[:, 24:].any()
    assert changed[8:16, 12:24].float().mean() > 0.9


@pytest.mark.parametrize("fill", FILLS)
def test_nothing_hidden_is_the_picture_itself(fill):
    made = easel()
    assert torch.equal(made.paint(torch.zeros(24, 32), fill, 0).tensor, made.picture.tensor)


@pytest.mark.parametrize("fill", FILLS)
def test_a_picture_of_8_bits_stays_one_and_what_is_kept_is_what_was_scored(fill):
    made = easel()
    mask = disc(32, 24) * 0.7
    painted = made.paint(mask, fill, 1)
    kept = made.keep(painted, mask, fill, 1, "new (painted)")
    assert (kept.label, kept.exact) == ("new (painted)", None)
    assert torch.equal(kept.tensor, painted.tensor)


def test_a_picture_of_more_than_8_bits_or_other_channels_keeps_them():
    planes = np.random.default_rng(0).random((24, 32, 5)).astype(np.float32)
    picture = read_image(planes, channels=5, display=(0, 1, 2))
    made = Easel(picture, (0.0, 0.0, 32.0, 24.0), (32, 24))
    mask = torch.zeros(24, 32)
    mask[:, :16] = 1
    painted = made.paint(mask, "black", 0)
    assert painted.tensor.shape == (5, 24, 32)
    assert (painted.tensor[:, :, :16] == 0).all()
    assert torch.equal(painted.tensor[:, :, 16:], picture.tensor[:, :, 16:])
    kept = made.keep(painted, mask, "black", 0, "")
    assert torch.equal(kept.tensor, painted.tensor)
    assert (np.asarray(kept.image)[:, :16] == 0).all()
    assert len(made.behind(mask)) == 3 * 24 * 32


def test_black_and_mean_are_those_colours():
    made = easel()
    whole = torch.ones(24, 32)
    assert (made.paint(whole, "black", 0).tensor == 0).all()
    mean = made.picture.tensor.mean((1, 2), keepdim=True)
    assert (made.paint(whole, "mean", 0).tensor - mean).abs().max() <= 0.5 / 255 + 1e-6


def test_half_a_share_is_half_of_each():
    made = easel(np.full((8, 8, 3), 200, np.uint8), size=(8, 8))
    assert torch.equal(made.paint(torch.full((8, 8), 0.5), "black", 0).tensor, torch.full((3, 8, 8), 100 / 255))


def test_noise_is_the_same_for_the_same_seed_whatever_was_painted_before():
    mask = disc(32, 24)
    first, again = easel(), easel()
    again.paint(disc(32, 24, 0.1), "noise", 5)
    again.paint(mask, "blur", 0)
    assert torch.equal(first.paint(mask, "noise", 5).tensor, again.paint(mask, "noise", 5).tensor)
    assert not torch.equal(first.paint(mask, "noise", 5).tensor, first.paint(mask, "noise", 6).tensor)


def test_a_mask_lies_on_what_the_model_sees_and_nowhere_else():
    made = easel(box=(12.0, 4.0, 36.0, 28.0), size=(16, 16))
    changed = (made.paint(torch.ones(16, 16), "black", 0).tensor == 0).all(0)
    assert changed[4:28, 12:36].all()
    assert changed.sum() == 24 * 24


def test_a_mirrored_box_hides_the_mirrored_side():
    mask = torch.zeros(16, 16)
    mask[:, :8] = 1
    plain = easel(box=(0.0, 0.0, 48.0, 32.0)).paint(mask, "black", 0).tensor
    turned = easel(box=(48.0, 0.0, 0.0, 32.0)).paint(mask, "black", 0).tensor
    assert (plain[:, :, :24] == 0).all()
    assert (turned[:, :, 24:] == 0).all()
    assert torch.equal(turned[:, :, :24], easel().picture.tensor[:, :, :24])


@given(
    low=st.floats(-40, 40),
    length=st.floats(0.5, 200),
    cells=st.integers(1, 40),
    pixels=st.integers(1, 60),
)
@settings(max_examples=80, deadline=None)
def test_each_pixel_inside_the_grid_is_covered_exactly_once(low, length, cells, pixels):
    shares = coverage(low, low + length, cells, pixels)
    assert shares.shape == (pixels, cells)
    assert (shares >= 0).all()
    at = np.arange(pixels)
    expected = np.clip(np.minimum(at + 1, low + length) - np.maximum(at, low), 0, 1)
    assert shares.sum(1).numpy() == pytest.approx(expected, abs=1e-4)
    assert torch.equal(coverage(low + length, low, cells, pixels).flip(1) > 1e-5, shares > 1e-5)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_inpainting_keeps_what_is_known_and_is_exact_for_one_colour(width, height, seed):
    rng = np.random.default_rng(seed)
    known = torch.tensor(rng.random((height, width)) > 0.6).float()
    image = torch.tensor(rng.random((3, height, width))).float()
    filled = inpaint(image, known)
    assert torch.equal(filled[:, known > 0], image[:, known > 0])
    assert torch.isfinite(filled).all()
    assert filled.min() >= 0
    assert filled.max() <= 1 + 1e-6
    plain = torch.tensor([0.2, 0.5, 0.9])[:, None, None].expand(3, height, width)
    # What is hidden must not leak: it is black here.
    assert torch.allclose(inpaint(plain * known, known)[:, :, :], plain if known.any() else torch.zeros(()), atol=1e-5)


def test_inpainting_goes_on_smoothly_with_what_is_around():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    ramp = torch.stack([x, y, x + y]) / 128
    hidden = disc(64, 64, 0.2)
    filled = inpaint(torch.where(hidden > 0, 0.0, ramp), 1 - hidden)
    assert (filled - ramp).abs().max() < 0.05
    steps = max(float(filled.diff(dim=axis).abs().max()) for axis in (1, 2))
    assert steps < 6 * float(ramp.diff(dim=1).abs().max())


def test_inpainting_hides_what_was_there():
    image = photograph(96, 64)
    image[24:40, 40:56] = (255, 0, 0)
    made = easel(image, size=(96, 64))
    mask = torch.zeros(64, 96)
    mask[22:42, 38:58] = 1
    painted = made.paint(mask, "inpaint", 0).tensor
    assert (painted[0] - painted[1])[24:40, 40:56].max() < 0.5


def test_where_nothing_is_known_inpainting_gives_the_mean_colour():
    image = torch.rand(3, 9, 7)
    assert torch.allclose(inpaint(image, torch.zeros(9, 7)), image.mean((1, 2), keepdim=True).expand(3, 9, 7))


def test_a_large_picture_is_inpainted_too_and_only_where_it_is_hidden():
    picture = Image.fromarray(photograph()).resize((600, 400), Image.Resampling.BICUBIC)
    made = easel(picture, size=(224, 224))
    before = made.picture.tensor
    after = made.paint(disc(224, 224, 0.1), "inpaint", 0).tensor
    changed = (after != before).any(0)
    assert 0.02 < changed.float().mean() < 0.05
    assert (after - before).abs().mean(0)[changed].mean() < 0.1


@pytest.mark.parametrize("fill", FILLS)
def test_what_the_page_is_shown_is_what_stands_there(fill):
    made = easel(photograph(32, 24), size=(32, 24))
    mask = torch.ones(24, 32)
    mask[0, 0] = 0
    painted = made.paint(mask, fill, 2).tensor
    shown = np.frombuffer(made.behind(mask), np.uint8).reshape(24, 32, 3)
    assert np.abs(shown[1:, 1:] - painted.mul(255).permute(1, 2, 0).numpy()[1:, 1:]).max() <= 1


def test_a_padded_box_has_no_colour_beyond_the_picture():
    made = easel(box=(-8.0, -16.0, 56.0, 48.0), size=(16, 16))
    made.paint(torch.ones(16, 16), "mean", 0)
    shown = np.frombuffer(made.behind(torch.ones(16, 16)), np.uint8).reshape(16, 16, 3)
    assert (shown[0] == 0).all()
    assert (shown[8] > 0).any()


def test_an_unknown_fill_is_refused_with_what_there_is():
    assert [check_fill(name) for name in FILLS] == list(FILLS)
    with pytest.raises(BadParameter, match=r"unknown fill 'nois'.*noise"):
        check_fill("nois")


def test_a_picture_that_is_read_when_it_is_needed_can_be_painted_too():
    class Later(Picture):
        def __init__(self):
            super().__init__(Image.fromarray(photograph()), "later")

    made = Easel(Later(), (0.0, 0.0, 48.0, 32.0), (32, 24))
    assert (made.paint(torch.ones(4, 4), "black", 0).tensor == 0).all()


def test_a_picture_with_a_name_and_notes_keeps_its_notes():
    picture = Picture(Image.fromarray(photograph()), "a.png", ("rotated",))
    made = Easel(picture, (0.0, 0.0, 48.0, 32.0), (32, 24))
    mask = torch.ones(4, 4)
    assert made.keep(made.paint(mask, "black", 0), mask, "black", 0, "b").notes == ("rotated",)
