"""The smallest change that turns an answer, where it can be worked out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import saliency_widget as sw
from small_models import keep, picture


def margin_of(linear, grey):
    """Return by how much the top class wins, and the largest change of a pixel that this bears: it is linear in each pixel."""
    x = np.asarray(grey, np.float64).transpose(2, 0, 1) / 255
    weight = linear.module.weight.detach().numpy()
    difference = weight[0] - weight[1]
    margin = float((difference * x).sum())
    return abs(margin), abs(margin) / np.abs(difference).sum()


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
@pytest.mark.parametrize("towards", [False, True])
def test_a_linear_model_flips_at_exactly_its_margin(linear, grey, attack, towards):
    margin, exact = margin_of(linear, grey)
    top = int(linear.predict(grey)["head0"].top)
    found = sw.lab.adversarial(linear, grey, 1 - top if towards else top, attack=attack, largest=0.2)
    assert exact < 0.2
    assert found.number("margin") == pytest.approx(margin, rel=1e-6)
    smallest = found.number("smallest_epsilon")
    assert exact <= smallest < exact + 0.2 * 0.19 / 36  # the widest gap between two first sizes, halved as often
    assert found.number("in_eight_bits") == pytest.approx(255 * smallest)
    sizes = found.curve("margin").x
    assert np.allclose(found.curve("margin").y, margin * (1 - sizes / exact), atol=1e-5 * margin + 1e-9)


def test_the_picture_that_is_shown_is_the_one_that_flips(linear, grey):
    found = sw.lab.adversarial(linear, grey, attack="fgsm", largest=0.2, enlarge=2.0)
    top = linear.predict(grey)["head0"].top
    smallest = found.number("smallest_epsilon")
    flipped = next(position for position in found.positions if position.value == smallest)
    assert flipped.says["head0"].top != top
    shown, own = (position.pictures["picture"].astype(float) for position in (flipped, found.positions[0]))
    assert np.abs(shown - own).max() <= 255 * smallest + 1
    difference = flipped.pictures["difference x 2"].astype(float)
    assert np.allclose(difference - 127.5, 2 * (shown - own), atol=2.5)
    assert np.array_equal(found.positions[0].pictures["difference x 2"], np.full((8, 12, 3), 128, np.uint8))


def test_the_maps_before_and_after_are_of_the_target_and_of_the_new_answer(small, grey):
    found = sw.lab.adversarial(small, grey, "style", largest=1.0, attack="fgsm", method="input_x_gradient")
    assert found.number("smallest_epsilon") is not None
    flipped = next(position for position in found.positions if "flips" in position.label)
    old = small.predict(grey)["style"].top
    new = flipped.says["style"].top
    assert new != old
    assert list(flipped.maps) == [f"Input x gradient, style:{old}", f"Input x gradient, style:{new}"]
    truth = sw.explain(small, grey, f"style:{old}", method="input_x_gradient").attribution
    assert np.allclose(found.positions[0].maps[f"Input x gradient, style:{old}"], truth)
    assert -1 <= found.number("map_correlation") <= 1


class Halves(nn.Module):
    """Two heads, each of which sees one half of the picture."""

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        left, right = images[..., :6].flatten(1).sum(1), images[..., 6:].flatten(1).sum(1)
        return {
            "left": torch.stack([left, 70 - left], 1),
            "right": torch.stack([right, 40 - right, 0.1 * right], 1),
        }


def test_a_head_that_sees_other_pixels_keeps_its_answer(grey):
    model = sw.ImageModel(Halves(), preprocess=keep, device="cpu", precision="float64")
    found = sw.lab.adversarial(model, grey, "left", largest=0.3)
    assert found.number("smallest_epsilon") is not None
    assert found.number("other_heads_turned") == 0
    probabilities = {tuple(position.says["right"].probabilities) for position in found.positions}
    assert len(probabilities) == 1
    assert "'right' keeps" in found.reading


def test_a_head_that_cannot_be_turned_is_said_to_keep_its_answer(linear, grey):
    _, exact = margin_of(linear, grey)
    found = sw.lab.adversarial(linear, grey, largest=exact / 2)
    assert found.number("smallest_epsilon") is None
    assert "No change that was tried" in found.reading
    assert len(found.positions) == 11


def test_no_pixel_leaves_the_range_of_a_picture(linear):
    found = sw.lab.adversarial(linear, picture(), attack="pgd", largest=1.0, steps=2)
    last = found.positions[-1]
    assert last.value == 1.0
    # Where a picture may go anywhere, each pixel goes to its end, and a linear model's margin is the least there is.
    weight = linear.module.weight.detach().numpy()
    top = int(linear.predict(picture())["head0"].top)
    difference = weight[top] - weight[1 - top]
    assert last.number("margin") == pytest.approx(float(difference[difference < 0].sum()), rel=1e-6)


def test_a_label_flips_where_its_own_logit_changes_its_sign(grey):
    class Label(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            total = images.flatten(1).sum(1)
            return torch.stack([total - 100, 5 - total], 1)

    heads = {"tags": sw.MultiLabel(["bright", "dark"])}
    model = sw.ImageModel(Label(), heads=heads, preprocess=keep, device="cpu", precision="float64")
    found = sw.lab.adversarial(model, grey, "tags:bright", largest=0.3)
    exact = float(np.asarray(grey).sum() / 255 - 100) / (3 * 8 * 12)
    assert exact <= found.number("smallest_epsilon") < exact + 0.003


def test_pgd_needs_no_larger_change_than_fgsm(small, grey):
    size = {
        attack: sw.lab.adversarial(small, grey, "style", attack=attack, largest=1.0).number("smallest_epsilon")
        for attack in ("fgsm", "pgd")
    }
    assert size["pgd"] <= size["fgsm"] * 1.02


def test_the_work_of_fgsm_is_a_gradient_and_a_forward_for_each_size(linear, grey, forwards):
    found, there, back = forwards("adversarial", linear, grey, attack="fgsm", largest=0.2)
    assert back == 1 + 3  # the attack's, and the maps: before, after, after of the new class
    looked = 1 + 1 + 10 + 2 * 5 + len(found.positions)  # heads, margin, sizes, halving, heads at each place
    assert there == looked + back
