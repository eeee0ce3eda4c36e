"""Pictures of all classes of a head at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import saliency_widget as sw
from small_models import STYLES, picture


def test_every_class_is_painted_as_the_method_would_alone(small):
    found = sw.lab.class_model(small, picture(), "style", steps=3, start="grey")
    assert [position.label for position in found.positions] == STYLES
    for position in found.positions:
        alone = sw.explain(
            small, picture(), f"style:{position.label}", method="class_appearance", steps=3, start="grey"
        )
        assert np.array_equal(position.pictures["picture"], alone.rgb())
        assert position.number("score") == pytest.approx(alone.quality[0].value)


def test_scores_rise_and_are_drawn_step_by_step(small):
    found = sw.lab.class_model(small, picture(), "style", steps=12, total_variation=0.0)
    for label in STYLES:
        curve = found.curve(label)
        assert len(curve.y) == 12
        assert curve.y[-1] > curve.y[0]
        assert curve.y[-1] == found.number(f"reached_{label}")
        assert set(found.position(label).says) == {"style", "age"}


def test_of_many_classes_the_likeliest_are_painted_and_the_one_that_was_asked_for():
    class Many(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1).sum(1, keepdim=True) * torch.arange(30.0)

    model = sw.ImageModel(Many(), preprocess=lambda image: image, device="cpu")
    found = sw.lab.class_model(model, picture(), 4, steps=1, most=3)
    assert [position.label for position in found.positions] == ["4", "28", "29"]


def test_a_value_is_painted_too(small):
    found = sw.lab.class_model(small, picture(), "age", steps=2)
    assert [position.label for position in found.positions] == ["age"]


def test_the_work_is_what_was_announced(small, forwards):
    found, there, back = forwards("class_model", small, picture(), "style", steps=4)
    assert back == 3 * 4
    assert found.total == 3 * 5
    assert there == 3 * 5 + 3  # each step, the score in the end, and what all heads say
