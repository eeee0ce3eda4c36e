"""Forgetting on a copy: what must change does, what must not does not."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

import saliency_widget as sw
from small_models import picture


def test_the_users_module_is_untouched_bit_for_bit_while_it_runs_and_after(small):
    state = copy.deepcopy(small.module.state_dict())
    flags = [(weight.requires_grad, weight.data_ptr()) for weight in small.module.parameters()]
    random = torch.random.get_rng_state()
    for _ in sw.lab.stream("randomise", small, picture(), "style:gothic"):
        assert all(torch.equal(value, small.module.state_dict()[key]) for key, value in state.items())
        assert [(weight.requires_grad, weight.data_ptr()) for weight in small.module.parameters()] == flags
        assert all(weight.grad is None for weight in small.module.parameters())
        assert torch.equal(random, torch.random.get_rng_state())


def test_randomising_nothing_gives_likeness_1_and_the_map_of_explain(small):
    first = sw.lab.randomise(small, picture(), "style:gothic", method="input_x_gradient").positions[0]
    assert [first.number(name) for name in ("signed", "absolute", "ssim")] == [pytest.approx(1)] * 3
    (made,) = first.maps.values()
    assert np.allclose(made, sw.explain(small, picture(), "style:gothic", method="input_x_gradient").attribution)


def test_layers_come_from_the_output_and_those_of_other_heads_are_left_out(small):
    found = sw.lab.randomise(small, picture(), "style:gothic")
    assert [position.label for position in found.positions] == ["trained", "style", "body.4", "body.1", "body.0"]


def test_a_forgotten_network_gives_another_map(small):
    found = sw.lab.randomise(small, picture(), "style:gothic")
    assert abs(found.number("last_signed")) < 0.5
    assert found.curve("rank correlation, absolute").y[-1] < 0.5


def test_a_cascade_begins_as_the_independent_run_does_and_then_goes_further(small):
    cascade, alone = (
        sw.lab.randomise(small, picture(), "style:gothic", mode=mode).positions for mode in ("cascading", "independent")
    )
    maps = [[next(iter(position.maps.values())) for position in some] for some in (cascade, alone)]
    assert np.array_equal(maps[0][1], maps[1][1])
    assert all(not np.array_equal(one, other) for one, other in zip(maps[0][2:], maps[1][2:], strict=True))


def test_a_map_that_knows_no_model_stays_the_same(small):
    found = sw.lab.randomise(small, picture(), "style:gothic", method="edges")
    assert np.allclose(found.curve("rank correlation, absolute").y, 1)
    assert found.number("edges_absolute") == pytest.approx(1)


@pytest.mark.parametrize("weights", ["reset", "shuffle"])
def test_the_draw_depends_on_the_seed_alone(small, weights):
    one, again, other = (
        sw.lab.randomise(small, picture(), "style:gothic", weights=weights, seed=seed).positions[-1].maps
        for seed in (0, 0, 1)
    )
    (one,), (again,), (other,) = one.values(), again.values(), other.values()
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_shuffled_weights_are_the_trained_ones_in_another_order(small):
    from saliency_widget.lab.randomise import randomised

    truth = small.module.body[0].weight.detach().clone()
    other = small.altered(randomised(["body.0"], "shuffle", {"body.0": 0}, 0)).shadow.get_submodule("body.0").weight
    assert not torch.equal(other, truth)
    assert torch.equal(other.flatten().sort().values, truth.flatten().sort().values)
    assert torch.equal(small.module.body[0].weight, truth)


def test_many_layers_are_taken_in_blocks(small):
    found = sw.lab.randomise(small, picture(), "style:gothic", most=2)
    assert [position.label for position in found.positions] == ["trained", "style to body.4", "body.1 to body.0"]


def test_a_layer_without_a_reset_of_its_own_is_drawn_anew_too():
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.linspace(-1, 1, 3 * 8 * 12).reshape(3, 8, 12))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return (images * self.weight).flatten(1).sum(1)

    model = sw.ImageModel(Own(), preprocess=lambda image: image, device="cpu")
    found = sw.lab.randomise(model, picture())
    assert [position.label for position in found.positions] == ["trained", "the network itself"]
    assert abs(found.number("last_signed")) < 0.3


def test_every_position_says_what_the_forgetful_network_says(small):
    found = sw.lab.randomise(small, picture(), "style:gothic")
    ages = [position.says["age"].value for position in found.positions]
    assert (
        ages[0] == ages[1] == pytest.approx(small.predict(picture())["age"].value)
    )  # the other head forgot nothing yet
    assert ages[2] != ages[0]


def test_the_work_is_a_map_and_a_forward_for_each_step(small, forwards):
    found, there, back = forwards("randomise", small, picture(), "style:gothic")
    places = len(found.positions)
    assert found.total == 2 + places - 1
    assert back == places
    assert there == 2 * places - 1  # the picture itself has just been that way, for its prediction
