"""Watching a network learn, without disturbing it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import saliency_widget as sw
from small_models import TwoHeads, picture

BATCH = torch.rand(4, 3, 8, 12, generator=torch.Generator().manual_seed(0))


def train(module, steps, after=lambda loss: None):
    module.train()
    torch.manual_seed(1)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.5)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(BATCH)["style"], torch.tensor([0, 1, 2, 0]))
        loss.backward()
        optimiser.step()
        after(loss)


def test_a_map_is_made_every_n_steps_of_the_weights_as_they_are():
    module = TwoHeads()
    watch = sw.lab.Watch(module, picture(), "style:0", every=2)
    truth = []

    def after(loss):
        frozen = copy.deepcopy(module)
        truth.append(sw.explain(sw.ImageModel(frozen), picture(), "style:0").attribution)
        made = watch(loss=loss)
        assert (made is None) == (len(truth) % 2 == 0)

    train(module, 5, after)
    assert [position.label for position in watch.finding.positions] == ["step 0", "step 2", "step 4"]
    for position, i in zip(watch.finding.positions, (0, 2, 4), strict=True):
        assert np.allclose(next(iter(position.maps.values())), truth[i], atol=1e-6)
    assert not np.array_equal(truth[0], truth[4])
    assert len(watch.finding.curve("loss").y) == 3


def test_the_training_goes_on_as_if_nobody_watched():
    watched, alone = TwoHeads(), TwoHeads()
    watch = sw.lab.Watch(watched, picture(), every=1, method="smoothgrad", params={"samples": 2})
    train(watched, 4, lambda loss: watch(loss=loss))
    train(alone, 4)
    for one, other in zip(watched.parameters(), alone.parameters(), strict=True):
        assert torch.equal(one, other)
        assert (one.grad is None) == (other.grad is None)
        assert one.grad is None or torch.equal(one.grad, other.grad)
    assert all(layer.training for layer in watched.modules())


def test_old_maps_are_thinned_out_so_that_a_long_training_fits():
    watch = sw.lab.Watch(TwoHeads(), picture(), every=1, most=4)
    shown = [len(found.positions) for _ in range(20) if (found := watch()) is not None]
    assert max(shown) <= 4
    assert watch.every > 1
    places = [position.value for position in watch.finding.positions]
    assert places[0] == 0
    assert places == sorted(set(places))


def test_each_finding_is_handed_over():
    seen = []
    watch = sw.lab.Watch(TwoHeads(), picture(), "age", every=3, show=seen.append)
    for step in range(7):
        watch(step)
    assert [len(found.positions) for found in seen] == [1, 2, 3]
    assert seen[-1] is watch.finding
    assert "After step 6" in seen[-1].reading
    assert seen[-1].plot() is not None
    assert seen[-1].number("like_before") == pytest.approx(1)  # nobody trained it


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"every": 0}, "every was given as 0; expected a whole number from 1"),
        ({"most": 1}, "most was given as 1"),
        ({"target": ["age"]}, "looks at one target"),
        ({"show": 3}, "show was given as int"),
        ({"method": "class_appearance"}, "makes a picture, not an attribution"),
    ],
)
def test_bad_input_gets_one_clear_error(given, says):
    with pytest.raises(sw.SaliencyError) as error:
        sw.lab.Watch(TwoHeads(), picture(), **given)
    assert says in str(error.value)
