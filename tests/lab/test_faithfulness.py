"""Taking pixels away from models whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import saliency_widget as sw
from small_models import picture


def contributions(linear, image, index=0):
    x = np.asarray(image, np.float64).transpose(2, 0, 1) / 255
    return (linear.module.weight.detach().numpy()[index] * x).sum(0)


def test_a_linear_models_deletion_curve_is_what_is_left_of_the_sum(linear):
    adds = np.sort(contributions(linear, picture()).ravel())[::-1]
    left = adds.sum() - np.concatenate([[0], adds.cumsum()])
    found = sw.lab.faithfulness(
        linear, picture(), 0, method="input_x_gradient", measure="logit", deletion_fill="black", insertion_fill="black",
        steps=8,
    )  # fmt: skip
    counts = np.arange(9) * 12
    assert np.allclose(found.curve("Input x gradient", "deletion").y, left[counts])
    assert np.allclose(found.curve("Input x gradient", "insertion").y, adds.sum() - left[counts])
    middle = (left[counts][1:] + left[counts][:-1]) / 2
    assert found.number("deletion_area") == pytest.approx(middle.mean())


def test_a_perfect_map_explains_all_and_beats_both_controls(linear):
    found = sw.lab.faithfulness(
        linear, picture(), 0, method="input_x_gradient", measure="logit", deletion_fill="black", neighbours=0
    )
    assert found.number("single_deletion") == pytest.approx(1)
    assert found.number("unexplained") == pytest.approx(0, abs=1e-12)
    assert found.number("infidelity") == pytest.approx(0, abs=1e-12)
    for control in ("edge detector", "random map"):
        other = found.position(control)
        assert found.number("deletion_area") < other.number("deletion_area")
        assert found.number("insertion_area") > other.number("insertion_area")
        assert other.number("unexplained") > 0.1
        assert other.number("single_deletion") < 1


def test_a_map_of_rates_is_multiplied_by_what_is_taken_away(linear):
    found = sw.lab.faithfulness(linear, picture(), 0, deletion_fill="noise", neighbours=0, measure="logit")
    assert found.number("infidelity") == pytest.approx(0, abs=1e-12)
    assert found.number("single_deletion") == pytest.approx(1)


def test_curves_begin_and_end_at_the_picture_and_at_what_fills_it(small):
    found = sw.lab.faithfulness(
        small, picture(), "style:gothic", steps=3, deletion_fill="white", insertion_fill="black"
    )
    white, black = (np.full((8, 12, 3), level, np.uint8) for level in (255, 0))
    own, bright, dark = (small.predict(image)["style"].probabilities[0] for image in (picture(), white, black))
    for label in ("Gradient", "edge detector", "random map"):
        assert found.curve(label, "deletion").y[[0, -1]] == pytest.approx([own, bright], rel=1e-5)
        assert found.curve(label, "insertion").y[[0, -1]] == pytest.approx([dark, own], rel=1e-5)


def test_several_methods_are_put_beside_each_other_with_parameters_of_their_own(small):
    found = sw.lab.faithfulness(
        small, picture(), "style:gothic", method=["gradient", "integrated_gradients"], steps=2, neighbours=0,
        method_params={"integrated_gradients": {"steps": 3, "baseline": "white"}},
    )  # fmt: skip
    assert [position.label for position in found.positions] == [
        "Gradient", "Integrated gradients", "edge detector", "random map",
    ]  # fmt: skip
    other = sw.explain(small, picture(), "style:gothic", method="integrated_gradients", steps=3, baseline="white")
    assert np.allclose(found.positions[1].maps["Integrated gradients"], other.attribution)
    assert found.positions[1].number("completeness_error") == pytest.approx(other.quality[0].value, rel=1e-4)
    with pytest.raises(sw.SaliencyError):
        found.positions[0].number("completeness_error")  # a gradient does not claim to add up


def test_a_value_is_measured_as_itself(small):
    found = sw.lab.faithfulness(small, picture(), "age", steps=2, neighbours=0)
    assert found.curve("Gradient", "deletion").y[0] == pytest.approx(small.predict(picture())["age"].value)


def test_a_control_is_not_listed_twice(small):
    found = sw.lab.faithfulness(small, picture(), "style:gothic", method="random", steps=2, neighbours=0)
    assert [position.label for position in found.positions] == ["random map", "edge detector"]
    assert found.final


def test_the_strongest_magnitude_can_go_first(linear):
    adds = contributions(linear, picture()).ravel()
    found = sw.lab.faithfulness(
        linear,
        picture(),
        0,
        method="input_x_gradient",
        measure="logit",
        deletion_fill="black",
        steps=8,
        order="absolute",
    )
    gone = adds[np.argsort(-np.abs(adds))][:12].sum()
    assert found.curve("Input x gradient", "deletion").y[1] == pytest.approx(adds.sum() - gone)


def test_the_work_is_what_was_announced_and_a_forward_for_the_map(small, forwards):
    found, there, back = forwards("faithfulness", small, picture(), "style:gothic", steps=5, samples=6, neighbours=2)
    assert found.total == 3 + 16 + 6 + 3 * (2 * 4 + 2)
    assert back == 1 + 2  # the map, and those of its neighbours; controls ask nothing
    # The logit of the picture besides its probability, the map and its neighbours instead of nine.
    assert there == 1 + 3 + 16 + 6 + 3 * 8 + back


def test_infidelity_is_that_of_captum(small):
    metrics = pytest.importorskip("captum.metrics")
    from saliency_widget.lab.faithfulness import _parts

    found = sw.lab.faithfulness(small, picture(), "style:gothic", deletion_fill="black", samples=20, neighbours=0)
    x = small.input(picture())
    parts = torch.stack(_parts(x, 20, 0))

    def take(inputs):
        gone = parts[:, None].to(inputs).expand(-1, 3, -1, -1) * inputs
        return gone, inputs - gone

    attribution = torch.from_numpy(sw.explain(small, picture(), "style:gothic").attribution)[None]
    theirs = metrics.infidelity(
        lambda points: small.scores(points, grad=False)["style"][:, :1],
        take,
        x[None],
        attribution,
        n_perturb_samples=20,
    )
    assert found.number("infidelity") == pytest.approx(float(theirs), rel=1e-6)


def test_max_sensitivity_is_that_of_captum(small):
    metrics = pytest.importorskip("captum.metrics")
    from saliency_widget.compute.noise import uniform

    found = sw.lab.faithfulness(small, picture(), "style:gothic", steps=2, neighbours=4, radius=0.05)
    x = small.input(picture())
    near = torch.stack([(x + 0.05 * (2 * uniform(0, -1 - i, tuple(x.shape)).to(x) - 1)).clamp(0, 1) for i in range(4)])

    def gradients(points):
        points = points[0] if isinstance(points, tuple) else points
        with torch.enable_grad():
            leaf = points.detach().requires_grad_()
            return torch.autograd.grad(small.scores(leaf, grad=True)["style"][:, 0].sum(), leaf)

    theirs = metrics.sensitivity_max(gradients, x[None], perturb_func=lambda _inputs: near, n_perturb_samples=4)
    assert found.number("max_sensitivity") == pytest.approx(float(theirs), rel=1e-5)
