"""The largest synced values as they are saved: the page can make them whole again, and nothing that shows is lost."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from saliency_widget.model import Prediction, read_image
from saliency_widget.runner import saved, state
from small_models import picture

SAMPLES = json.loads((Path(__file__).resolve().parent.parent / "fixtures/saved.json").read_text())
FULL = 32767


def restored(data, count):
    """Undo :func:`saved.roots`, as docs/protocol.md says."""
    upper = np.frombuffer(data[:count], np.int8).astype(int)
    pairs = np.frombuffer(data[count:], np.uint8)
    lower = np.stack([pairs & 15, pairs >> 4], 1).ravel()[:count]
    root = 16 * upper + lower
    return np.sign(root) * np.floor(root**2 * FULL / 2047**2 + 0.5).astype(int)


def test_a_map_is_saved_as_both_halves_have_agreed():
    sample = SAMPLES["map"]
    data = saved.roots(np.array(sample["values"], np.int16))
    assert base64.b64encode(data).decode() == sample["saved"]
    assert restored(data, len(sample["values"])).tolist() == sample["restored"]


def test_every_value_of_a_map_keeps_its_sign_and_its_order_and_is_off_by_less_than_a_step_of_the_screen():
    values = np.arange(-FULL, FULL + 1)
    found = restored(saved.roots(values.astype(np.int16)), values.size)
    assert (np.sign(found) == np.sign(values)).all()
    assert (np.diff(found) >= 0).all()
    assert (np.abs(found[:-1]), found[-1]) == (pytest.approx(np.abs(found[::-1][1:][::-1])), FULL)
    for end in (0.2, 0.5, 1):  # where the colour scale may end, as a share of the peak
        seen = np.abs(values) <= end * FULL
        assert np.abs(found - values)[seen].max() <= 0.3 * end * FULL / 255


def test_pictures_are_saved_as_both_halves_have_agreed():
    sample = SAMPLES["pictures"]
    values = np.array(sample["values"], np.uint8).reshape(-1, *sample["shape"], 3)
    assert base64.b64encode(saved.colours(values)).decode() == sample["saved"]


def test_a_saved_picture_takes_half_of_its_bytes_and_keeps_the_brightness_of_each_pixel():
    picture_of = np.random.default_rng(0).integers(0, 256, (1, 225, 223, 3)).astype(np.uint8)
    data = saved.result_data(picture_of.tobytes(), {"kind": "picture", "shape": [225, 223]})
    assert len(data) == 225 * 223 + 2 * 113 * 112
    bright = np.frombuffer(data, np.uint8)[: 225 * 223].reshape(225, 223)
    assert np.abs(bright - picture_of[0] @ [0.299, 0.587, 0.114]).max() < 1.5


def test_a_large_map_takes_three_quarters_of_its_bytes_and_small_ones_stay_as_they_are():
    data = np.random.default_rng(0).integers(-FULL, FULL, 224 * 224).astype("<i2").tobytes()
    assert len(saved.result_data(data, {"kind": "map"})) == len(data) * 3 // 4
    assert saved.result_data(data[: 2 * 49], {"kind": "map"}) == data[: 2 * 49]
    assert saved.result_data(data[: 3 * 49], {"kind": "picture", "shape": [7, 7]}) == data[: 3 * 49]
    assert saved.result_data(b"", {}) == b""


def test_predictions_are_saved_as_both_halves_have_agreed():
    sample = SAMPLES["predictions"]
    thin = saved.predictions(sample["whole"])
    assert thin["heads"]["style"].pop("norm") == pytest.approx(sample["thin"]["heads"]["style"].pop("norm"))
    assert thin == sample["thin"]
    assert saved.predictions({}) == {}


@pytest.mark.parametrize("kind", ["classes", "labels"])
@pytest.mark.parametrize("size", [0.01, 1, 300])
def test_of_a_thousand_classes_the_probabilities_follow_from_what_is_saved(kind, size):
    logits = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * size
    shares = logits.softmax(0) if kind == "classes" else logits.sigmoid()
    said = state.predictions(
        read_image(picture()), {"h": Prediction(tuple(range(1000)), logits.numpy(), shares.numpy())}
    )
    thin = saved.predictions(said)["heads"]["h"]
    assert len(json.dumps(thin)) < 5_400
    back = np.frombuffer(base64.b64decode(thin["logits"]), "<f4").astype(float)
    assert back == pytest.approx(logits.numpy(), rel=1e-6)
    found = np.exp(back - thin["norm"]) if kind == "classes" else torch.tensor(back).sigmoid().numpy()
    assert found == pytest.approx(shares.numpy(), abs=1e-6 * max(1, size))


def test_logits_that_are_not_finite_stay_as_they_are():
    said = {"heads": {"h": {"logits": [float("inf"), 0.0], "probabilities": [1.0, 0.0]}}}
    assert saved.predictions(said) == said


@pytest.mark.parametrize("sample", SAMPLES["card"]["cases"], ids=lambda sample: sample["about"])
def test_a_card_is_saved_as_both_halves_have_agreed(sample):
    assert saved.card(sample["whole"], SAMPLES["card"]["told"]) == sample["thin"]
    assert saved.card(sample["whole"], {}) == sample["whole"]
