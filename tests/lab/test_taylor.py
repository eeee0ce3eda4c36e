"""The straight line that a gradient promises, where it is known how good it is."""

from __future__ import annotations

import numpy as np
import pytest

import saliency_widget as sw
from saliency_widget.lab.taylor import holds_within, relative_error
from small_models import picture


def values(image):
    return np.asarray(image, dtype=np.float64).transpose(2, 0, 1) / 255


def test_a_linear_model_is_its_own_approximation_everywhere(linear):
    found = sw.lab.taylor(linear, picture(), 0, other=picture(seed=1), radius=1.0)
    for panel in ("along the gradient", "along random directions", "to the other picture"):
        score, predicted = found.curve("score", panel), found.curve("predicted", panel)
        assert np.allclose(score.y, predicted.y, rtol=0, atol=1e-9)
        assert np.array_equal(score.x, predicted.x)
    for name in ("holds_along_gradient", "holds_along_random", "holds_between"):
        assert found.number(name) is None
    assert all(position.number("error") == 0 for position in found.positions[1:])
    assert "as far as was tried" in found.reading


def test_the_way_to_another_picture_ends_at_its_score(linear):
    other = picture(seed=1)
    found = sw.lab.taylor(linear, picture(), 1, other=other)
    assert found.curve("score", "to the other picture").y[-1] == pytest.approx(
        float(linear.predict(other)["head0"].logits[1]), rel=1e-6
    )
    assert found.number("distance_between") == pytest.approx(
        np.sqrt(np.square(values(other) - values(picture())).mean()), rel=1e-6
    )


def test_a_quadratic_model_is_left_where_the_formula_says(quadratic):
    x = values(picture())
    share = 0.1
    found = sw.lab.taylor(quadratic, picture(), radius=0.5, share=share, directions=1)
    # S = |x|^2 / 2: downhill the error is r^2 n / 2 of a change of r |x| sqrt(n).
    assert found.number("holds_along_gradient") == pytest.approx(2 * share * np.sqrt(np.square(x).mean()), rel=1e-6)
    score = found.curve("score", "along the gradient")
    rms, n = np.sqrt(np.square(x).mean()), x.size
    assert np.allclose(score.y, n / 2 * (rms + score.x) ** 2)
    assert np.allclose(found.curve("predicted", "along the gradient").y, n / 2 * rms**2 + n * rms * score.x)


def test_the_work_is_what_was_announced(small, forwards):
    found, there, back = forwards("taylor", small, picture(), "style:gothic", steps=3, directions=2)
    assert found.total == 1 + 6 * 3 + 3 + 4
    assert there == found.total - 1  # the picture itself has just been that way, for its prediction
    assert back == 1


def test_the_slider_shows_the_picture_and_what_all_heads_say_at_each_distance(small):
    found = sw.lab.taylor(small, picture(), "style:gothic", steps=3, directions=1)
    assert [position.value for position in found.positions] == sorted(position.value for position in found.positions)
    first = found.positions[0]
    assert np.array_equal(first.pictures["picture"], np.asarray(picture()))
    assert first.says["age"].value == pytest.approx(small.predict(picture())["age"].value)
    assert all(set(position.says) == {"style", "age"} for position in found.positions)


def test_a_flat_score_has_no_direction_to_go(quadratic):
    with pytest.raises(sw.SaliencyError, match="there is no direction to go"):
        sw.lab.taylor(quadratic, np.zeros((8, 12, 3), np.uint8))  # its gradient at black is zero


def test_the_relative_error_is_0_for_nothing_and_1_where_only_one_of_both_moves():
    found = relative_error(np.array([1.0, 2.0, 1.0, 3.0]), np.array([1.0, 1.0, 2.0, 2.0]), 1.0)
    assert found.tolist() == [0.0, 1.0, 1.0, 0.5]


@pytest.mark.parametrize(("errors", "radius"), [([0.1, 0.1], None), ([0.1, 0.3], 1.5), ([0.4, 0.0], 0.5)])
def test_the_radius_lies_between_the_last_good_place_and_the_first_bad_one(errors, radius):
    assert holds_within([1.0, 2.0], errors, 0.2) == (None if radius is None else pytest.approx(radius))
