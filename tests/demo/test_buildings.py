"""Checks the built-in pictures: their seeds, labels, masks, and that no label leaks into the other's place."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from saliency_widget.demo.drawing.picture import PERSPECTIVES, STYLES, Plan, draw, plan
from saliency_widget.demo.scene import TRAINING_SEEDS, Scene, building, buildings


def planned(seed: int, index: int) -> Plan:
    return plan(np.random.default_rng(np.random.SeedSequence([seed, index])))


@pytest.fixture(scope="module")
def many() -> list[Scene]:
    return buildings(600, seed=11, size=64)


@pytest.fixture(scope="module")
def full() -> list[Scene]:
    return buildings(60, seed=5)


def wall_pixels(scene: Scene) -> np.ndarray:
    """Pixels well inside the wall, plain or ornamented, as rows of red, green and blue."""
    size = scene.image.width
    composition = planned(scene.seed, scene.index).composition
    x, y = composition.camera.grid(size)
    wall, edge = composition.wall, 3.0 / size
    inside = (x > wall.left + edge) & (x < wall.right - edge)
    inside &= (y > wall.top + edge) & (y < wall.bottom - edge)
    return np.asarray(scene.image)[inside & ~scene.evidence["perspective"]].astype(float)


def summary(pixels: np.ndarray) -> np.ndarray:
    """Mean colour, contrast, hue and the spread of brightness of some pixels."""
    light = pixels.mean(axis=1)
    return np.concatenate(
        [
            pixels.mean(axis=0),
            pixels.std(axis=0),
            pixels.mean(axis=0) / pixels.mean(),
            np.percentile(light, [5, 25, 50, 75, 95]),
        ]
    )


def accuracy(rows: list[np.ndarray], labels: list[str]) -> float:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return float(cross_val_score(model, np.array(rows), np.array(labels), cv=5).mean())


def test_a_short_list_begins_a_long_one() -> None:
    short, long = buildings(3, seed=8, size=64), buildings(7, seed=8, size=64)
    for first, second in zip(short, long, strict=False):
        assert first.image.tobytes() == second.image.tobytes()
        assert first.labels == second.labels
        for name, mask in first.evidence.items():
            assert np.array_equal(mask, second.evidence[name])


def test_one_scene_is_the_one_in_the_list() -> None:
    listed, alone = buildings(4, seed=21, size=48)[3], building(21, 3, 48)
    assert (alone.seed, alone.index) == (21, 3) == (listed.seed, listed.index)
    assert listed.image.tobytes() == alone.image.tobytes()


def test_other_seeds_and_indices_draw_other_pictures() -> None:
    pictures = [scene.image.tobytes() for seed in (0, 1) for scene in buildings(6, seed, 32)]
    assert len(set(pictures)) == len(pictures)


def test_training_seeds_are_far_from_small_integers() -> None:
    assert TRAINING_SEEDS.start >= 10**9
    assert len(TRAINING_SEEDS) >= 10**6


@pytest.mark.parametrize("size", [32, 100, 224, 301])
def test_a_scene_has_a_square_picture_two_labels_and_two_boolean_masks(size: int) -> None:
    for scene in buildings(3, seed=2, size=size):
        assert isinstance(scene.image, Image.Image)
        assert scene.image.mode == "RGB"
        assert scene.image.size == (size, size)
        assert scene.labels["style"] in STYLES
        assert scene.labels["perspective"] in PERSPECTIVES
        assert set(scene.labels) == set(scene.evidence) == {"style", "perspective"}
        for mask in scene.evidence.values():
            assert mask.shape == (size, size)
            assert mask.dtype == np.bool_


def test_no_pixel_is_evidence_for_both_labels(full: list[Scene]) -> None:
    for scene in full:
        assert not (scene.evidence["style"] & scene.evidence["perspective"]).any()


def test_masks_take_a_fair_share_of_the_picture(full: list[Scene]) -> None:
    style = [scene.evidence["style"].mean() for scene in full]
    perspective = [scene.evidence["perspective"].mean() for scene in full]
    assert 0.2 < np.mean(style) < 0.37
    assert 0.4 < np.mean(perspective) < 0.58
    assert min(style) > 0.1
    assert min(perspective) > 0.25
    for name in ("style", "perspective"):
        shares = {
            seen: np.mean([s.evidence[name].mean() for s in full if s.labels["perspective"] == seen])
            for seen in PERSPECTIVES
        }
        assert abs(shares["inside"] - shares["outside"]) < 0.1


def test_labels_are_balanced_and_independent(many: list[Scene]) -> None:
    counts = np.array(
        [
            [sum(s.labels == {"style": style, "perspective": seen} for s in many) for seen in PERSPECTIVES]
            for style in STYLES
        ]
    )
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / len(many)
    assert ((counts - expected) ** 2 / expected).sum() < 9.2  # chi-squared, 2 degrees, 1 %
    assert (abs(counts - 100) < 35).all()


def test_another_size_shows_the_same_scene() -> None:
    for index in range(6):
        small, large = building(4, index, 96), building(4, index, 288)
        assert small.labels == large.labels
        shrunk = large.image.resize((96, 96), Image.Resampling.BOX)
        a, b = (np.asarray(i.convert("L"), float).ravel() for i in (small.image, shrunk))
        assert np.corrcoef(a, b)[0, 1] > 0.9
        for name, mask in small.evidence.items():
            assert abs(mask.mean() - large.evidence[name].mean()) < 0.12


def test_the_wall_is_the_same_inside_and_outside() -> None:
    for index in range(12):
        pictures, free = [], np.ones((96, 96), dtype=bool)
        for seen in PERSPECTIVES:
            pixels, _, evidence = draw(replace(planned(9, index), perspective=seen), 96)
            pictures.append(pixels)
            free = free & ~evidence["perspective"]
        composition = planned(9, index).composition
        x, y = composition.camera.grid(96)
        wall = composition.wall
        deep = (abs(x - wall.middle) < 0.4 * wall.width) & (y > wall.top) & (y < wall.bottom - 0.05)
        same = (pictures[0] == pictures[1]).all(axis=2)
        assert same[deep & free].mean() > 0.95


def test_the_surroundings_are_the_same_whatever_the_style() -> None:
    compared = 0
    for index in range(12):
        drawn = [draw(replace(planned(9, index), style=style), 96) for style in STYLES]
        for (first, _, one), (second, _, other) in pairwise(drawn):
            both = one["perspective"] & other["perspective"]
            same = (first == second).all(axis=2)
            compared += int(both.sum())
            assert same[both].mean() > 0.9
    assert compared > 12 * 2 * 0.3 * 96 * 96


def test_colours_of_the_wall_do_not_tell_the_perspective(many: list[Scene]) -> None:
    rows = [summary(wall_pixels(scene)) for scene in many]
    assert accuracy(rows, [scene.labels["perspective"] for scene in many]) < 0.6


def test_colours_round_the_wall_do_not_tell_the_style(many: list[Scene]) -> None:
    rows = [summary(np.asarray(s.image)[s.evidence["perspective"]].astype(float)) for s in many]
    assert accuracy(rows, [scene.labels["style"] for scene in many]) < 0.43


def test_colours_of_the_wall_hardly_tell_the_style(many: list[Scene]) -> None:
    rows = [summary(wall_pixels(scene))[:9] for scene in many]
    assert accuracy(rows, [scene.labels["style"] for scene in many]) < 0.5


def test_mean_brightness_does_not_tell_the_perspective(many: list[Scene]) -> None:
    rows = [np.asarray(s.image, float).reshape(-1, 3).mean(axis=0) for s in many]
    assert accuracy(rows, [scene.labels["perspective"] for scene in many]) < 0.68


def test_no_scenes_are_an_empty_list() -> None:
    assert buildings(0, seed=0) == []


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((-1, 0), ValueError, "n is -1"),
        ((2.5, 0), TypeError, r"n is 2\.5 \(float\)"),
        ((True, 0), TypeError, "n is True"),
        ((1, -3), ValueError, "seed is -3"),
        ((1, "a"), TypeError, r"seed is 'a' \(str\)"),
        ((1, None), TypeError, "seed is None"),
        ((1, 0, 31), ValueError, "size 31 is out of range: expected 32 to 1024"),
        ((1, 0, 1025), ValueError, "size 1025"),
        ((1, 0, 64.0), TypeError, "size is"),
    ],
)
def test_bad_input_says_what_was_expected(arguments: tuple[int, int], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        buildings(*arguments)
