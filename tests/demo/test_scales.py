"""Checks the drawn fish scales: seeds, rings, masks, and that nothing but the rings, or the cheat, tells the age."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion
from scipy.signal import find_peaks
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict

from saliency_widget.demo import FishScale, scale, scales
from saliency_widget.demo.fish_scales.growth import AGES, grow
from saliency_widget.demo.fish_scales.outline import Outline, polar
from saliency_widget.demo.fish_scales.picture import MASKS, Plan, draw, plan


def planned(seed: int, index: int) -> Plan:
    return plan(np.random.default_rng(np.random.SeedSequence([seed, index])))


@pytest.fixture(scope="module")
def full() -> list[FishScale]:
    return scales(40, seed=5)


@pytest.fixture(scope="module")
def many() -> list[FishScale]:
    return scales(300, seed=11, size=64)


def ages(drawn: list[FishScale]) -> np.ndarray:
    return np.array([one.labels["age"] for one in drawn])


def brightness(drawn: FishScale, *masks: str) -> float:
    where = np.logical_or.reduce([drawn.evidence[name] for name in masks])
    return float(np.asarray(drawn.image, float)[where].mean())


def profile(picture: np.ndarray, outline: Outline, angle: float, upto: float = 1.0) -> np.ndarray:
    """Values of a picture along the line from the focus to the edge, at an angle from the anterior end."""
    size = len(picture)
    turn = outline.tilt + angle
    length = outline.worn[int((angle / (2 * np.pi) + 0.5) * len(outline.worn)) % len(outline.worn)] * upto
    far = np.linspace(0, length, 600)
    across = ((outline.focus[0] + far * np.sin(turn)) * size).astype(int).clip(0, size - 1)
    down = ((outline.focus[1] - far * np.cos(turn)) * size).astype(int).clip(0, size - 1)
    return picture[down, across]


def runs(values: np.ndarray) -> int:
    """How often a line enters a mask."""
    return int((np.diff(values.astype(int), prepend=0) == 1).sum())


def test_a_short_list_begins_a_long_one():
    for confounded in (False, True):
        short, long = (scales(n, seed=8, size=64, confounded=confounded) for n in (2, 4))
        for first, second in zip(short, long, strict=False):
            assert first.image.tobytes() == second.image.tobytes()
            assert first.labels == second.labels
            for name, mask in first.evidence.items():
                assert np.array_equal(mask, second.evidence[name])


def test_one_picture_is_the_one_in_the_list():
    listed, alone = scales(3, seed=21, size=48, confounded=True)[2], scale(21, 2, 48, confounded=True)
    assert (alone.seed, alone.index, alone.confounded) == (21, 2, True)
    assert listed.image.tobytes() == alone.image.tobytes()


def test_other_seeds_and_indices_draw_other_pictures():
    pictures = [one.image.tobytes() for seed in (0, 1) for one in scales(6, seed, 32)]
    assert len(set(pictures)) == len(pictures)


@pytest.mark.parametrize("size", [32, 100, 301])
def test_a_picture_is_square_and_has_an_age_and_three_boolean_masks(size):
    for one in scales(3, seed=2, size=size):
        assert one.image.mode == "RGB"
        assert one.image.size == (size, size)
        assert list(one.labels) == ["age"]
        assert isinstance(one.labels["age"], float)
        assert tuple(one.evidence) == MASKS == ("rings", "scale", "background")
        for mask in one.evidence.values():
            assert mask.shape == (size, size)
            assert mask.dtype == np.bool_


def test_another_size_shows_the_same_scale():
    for index in range(4):
        small, large = scale(4, index, 112), scale(4, index, 336)
        assert small.labels == large.labels
        a, b = (np.asarray(i.convert("L").resize((56, 56)), float).ravel() for i in (small.image, large.image))
        assert np.corrcoef(a, b)[0, 1] > 0.98
        for name, mask in small.evidence.items():
            assert abs(mask.mean() - large.evidence[name].mean()) < 0.02


def test_no_pixel_is_in_two_masks_and_only_a_second_scale_is_in_none(full):
    seconds = 0
    for one in full:
        times = np.sum(list(one.evidence.values()), axis=0)
        assert times.max() == 1
        if planned(one.seed, one.index).second is None:
            assert times.min() == 1
        else:
            seconds += (times == 0).any()
            assert (times == 0).mean() < 0.2
    assert 4 <= seconds <= 28


def test_rings_lie_inside_the_scale_and_none_is_in_its_bare_field(full):
    steps = (np.arange(224, dtype=np.float32) + 0.5) / 224
    x, y = np.meshgrid(steps, steps)
    for one in full:
        rings, outline = one.evidence["rings"], planned(one.seed, one.index).outline
        assert polar(outline, x, y).depth[rings].min() > 0
        assert 0.02 < rings.mean() / (rings | one.evidence["scale"]).mean() < 0.4
        assert runs(profile(rings, outline, np.pi)) == 0


def test_as_many_rings_as_years_lie_between_the_focus_and_the_anterior_edge(full):
    for one in full:
        outline = planned(one.seed, one.index).outline
        counted = [runs(profile(one.evidence["rings"], outline, angle)) for angle in (-0.1, 0.0, 0.1)]
        assert counted == [int(one.labels["age"])] * 3


def test_the_rings_can_be_counted_in_the_picture_itself(full):
    """No mask is asked: dark lines across a fan of radii are counted, as with a lens."""
    right = 0
    for one in full:
        outline = planned(one.seed, one.index).outline
        grey = np.asarray(one.image.convert("L"), float)
        fan = np.mean([profile(grey, outline, angle, 0.98) for angle in np.linspace(-0.3, 0.3, 61)], axis=0)
        smooth = np.convolve(fan, np.hanning(21) / np.hanning(21).sum(), "valid")
        peaks, _ = find_peaks(-smooth, prominence=0.35 * np.ptp(smooth[60:]))
        right += abs(len(peaks) - one.labels["age"]) <= 1
    assert right >= 0.9 * len(full)


def test_growth_slows():
    first, last = [], []
    for seed in range(200):
        years = grow(9, np.random.default_rng(seed)).years
        first.append(years[:3].mean())
        last.append(years[-3:].mean())
    assert np.mean(np.array(last) < first) > 0.95
    assert np.mean(last) < 0.75 * np.mean(first)


def test_a_scale_drawn_older_changes_nothing_round_it():
    for index in range(4):
        chosen = planned(9, index)
        young, _, inside = draw(replace(chosen, age=2), 96)
        old, labels, again = draw(replace(chosen, age=9), 96)
        assert labels == {"age": 9.0}
        assert np.array_equal(inside["background"], again["background"])
        differ = (young != old).any(axis=2)
        assert differ.any()
        assert not (differ & ~binary_dilation(inside["scale"] | inside["rings"], iterations=2)).any()


def test_confounded_pictures_are_the_same_but_for_the_background():
    for honest, cheat in zip(scales(20, seed=6), scales(20, seed=6, confounded=True), strict=True):
        assert honest.labels == cheat.labels
        for name in MASKS:
            assert np.array_equal(honest.evidence[name], cheat.evidence[name])
        differ = (np.asarray(honest.image) != np.asarray(cheat.image)).any(axis=2)
        assert differ[honest.evidence["background"]].mean() > 0.3
        whole = honest.evidence["rings"] | honest.evidence["scale"]
        for scaly in (whole, ~whole & ~honest.evidence["background"]):
            # an outline's own pixels show both the scale and what is behind it
            assert not (differ & binary_erosion(scaly, iterations=2)).any()


def test_the_background_tells_the_age_where_it_was_confounded_and_there_alone(many):
    confounded = scales(60, seed=11, size=64, confounded=True)
    lights = [brightness(one, "background") for one in confounded]
    assert spearmanr(lights, ages(confounded)).statistic > 0.98
    assert abs(spearmanr([brightness(one, "background") for one in many], ages(many)).statistic) < 0.13


def test_neither_size_nor_brightness_tells_the_age(many):
    rows = []
    for one in many:
        down, across = np.nonzero(one.evidence["rings"] | one.evidence["scale"])
        rows.append([len(down), np.ptp(down), np.ptp(across), *np.asarray(one.image, float).mean(axis=(0, 1))])
        rows[-1] += [brightness(one, "rings", "scale"), brightness(one, "background")]
    truth = ages(many)
    guessed = cross_val_predict(LinearRegression(), np.array(rows), truth, cv=5)
    assert 1 - ((guessed - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum() < 0.03


def test_ages_are_drawn_uniformly(many):
    counts = np.bincount(ages(many).astype(int), minlength=10)
    assert counts[0] == 0
    assert ((counts[1:] - 300 / 9) ** 2 / (300 / 9)).sum() < 20.1  # chi-squared, 8 degrees, 1 %
    assert tuple(AGES) == tuple(range(1, 10))


def test_no_pictures_are_an_empty_list():
    assert scales(0, seed=0) == []


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((-1, 0), ValueError, "n is -1"),
        ((2.5, 0), TypeError, r"n is 2\.5 \(float\)"),
        ((1, -3), ValueError, "seed is -3"),
        ((1, "a"), TypeError, r"seed is 'a' \(str\)"),
        ((0, None), TypeError, "seed is None"),
        ((1, 0, 31), ValueError, "size 31 is out of range: expected 32 to 1024"),
        ((1, 0, 64.0), TypeError, "size is"),
    ],
)
def test_bad_input_says_what_was_expected(arguments, error, words):
    with pytest.raises(error, match=words):
        scales(*arguments)


@pytest.mark.parametrize("n", [0, 1])
def test_confounded_must_be_true_or_false(n):
    with pytest.raises(TypeError, match=r"confounded is 'yes' \(str\): expected True or False"):
        scales(n, 0, confounded="yes")
