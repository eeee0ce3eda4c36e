"""A picture goes through the network once for all that begins with it, and again as soon as the network is another."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest
import torch

import saliency_widget as sw
from saliency_widget.compute import Cancelled, CancelToken
from saliency_widget.model import passes
from saliency_widget.plan import prepare
from small_models import TwoHeads, keep, picture, two_heads


class Counted:
    """Counts the forwards of all copies of a network."""

    def __init__(self, monkeypatch):
        self.forwards = 0
        forward = TwoHeads.forward

        def counting(network, images):
            self.forwards += 1
            return forward(network, images)

        monkeypatch.setattr(TwoHeads, "forward", counting)

    def during(self, call):
        before = self.forwards
        found = call()
        return found, self.forwards - before


@pytest.fixture
def counted(monkeypatch):
    return Counted(monkeypatch)


@pytest.fixture
def model():
    return two_heads()


@pytest.mark.parametrize("method", ["gradient", "input_x_gradient", "grad_cam", "hires_cam"])
def test_a_prediction_and_a_map_share_one_forward(method, model, counted):
    found, forwards = counted.during(lambda: sw.explain(model, picture(), "style:gothic", method))
    assert forwards == 1
    assert found.prediction["style"].logits == pytest.approx(model.predict(picture())["style"].logits, abs=0)


@pytest.mark.parametrize("method", ["gradient", "grad_cam"])
def test_another_target_of_the_same_picture_costs_a_way_back_alone_and_gives_the_same_map(method, model, counted):
    sw.explain(model, picture(), "style:gothic", method)
    for target in ("style:neoclassical", "age", "style:gothic"):
        found, forwards = counted.during(lambda target=target: sw.explain(model, picture(), target, method))
        assert forwards == 0
        alone = sw.explain(two_heads(), picture(), target, method)
        np.testing.assert_array_equal(found.attribution, alone.attribution)


def test_another_picture_or_another_layer_is_another_way(model, counted):
    for ask in (
        lambda: sw.explain(model, picture(), "age"),
        lambda: sw.explain(model, picture(seed=1), "age"),
        lambda: sw.explain(model, picture(seed=1), "age", "grad_cam"),
        lambda: sw.explain(model, picture(seed=1), "age", "grad_cam", layer="body.0"),
        lambda: sw.explain(model, picture(seed=1), "age"),
    ):
        _, forwards = counted.during(ask)
        assert forwards == 1


def _step(network):
    with torch.no_grad():
        network.body[4].weight.mul_(1.01)


def _data(network):
    network.body[0].weight.data[0, 0, 0, 0] += 0.5


def _numpy(network):
    network.style.weight.detach().numpy()[0, 0] += 0.5


def _statistics(network):
    network.body[1].running_mean.add_(0.1)


def _other(network):
    network.age = torch.nn.Linear(8, 1)


@pytest.mark.parametrize("change", [_step, _data, _numpy, _statistics, _other])
def test_after_any_change_of_the_network_the_way_is_gone_again(change, model, counted):
    before = sw.explain(model, picture(), "style:gothic")
    change(model.module)
    found, forwards = counted.during(lambda: sw.explain(model, picture(), "style:gothic"))
    assert forwards == 1
    alone = sw.explain(sw.ImageModel(model.module, preprocess=keep, device="cpu"), picture(), "style:0")
    np.testing.assert_array_equal(found.attribution, alone.attribution)
    if change is not _other:
        assert not np.array_equal(found.attribution, before.attribution)


def test_a_stream_that_is_read_late_is_of_the_weights_as_they_are_then(model, counted):
    stream = sw.stream(model, picture(), "style:gothic")
    _numpy(model.module)
    late, forwards = counted.during(lambda: list(stream)[-1])
    assert forwards == 1
    np.testing.assert_array_equal(late.attribution, sw.explain(model, picture(), "style:gothic").attribution)


def test_a_cancelled_run_does_not_cancel_the_next_one_on_the_same_way(model):
    token = CancelToken()
    plan = prepare(model, picture(), "style:gothic")
    list(plan.estimates(token))
    token.cancel()
    expected = sw.explain(two_heads(), picture(), "age").attribution
    np.testing.assert_array_equal(sw.explain(model, picture(), "age").attribution, expected)


def test_a_run_on_a_kept_way_is_cancelled_on_its_way_back(model, counted):
    sw.explain(model, picture(), "style:gothic")
    token = CancelToken()
    seen = []

    def check():
        seen.append(1)
        if len(seen) > 3:
            raise Cancelled

    token.check = check
    plan = prepare(model, picture(), "age", prediction=model.predict(picture()))
    with pytest.raises(Cancelled):
        list(plan.estimates(token))
    found, forwards = counted.during(lambda: sw.explain(model, picture(), "age"))
    assert forwards == 1  # what was broken off is not kept
    np.testing.assert_array_equal(found.attribution, sw.explain(two_heads(), picture(), "age").attribution)


def test_all_models_ways_share_one_bound_and_the_oldest_goes(counted, monkeypatch):
    one, two, three = two_heads(), two_heads(), two_heads()
    sw.explain(one, picture(), "age")
    monkeypatch.setattr(passes, "MOST_BYTES", 2 * one.kept.held_bytes)
    sw.explain(two, picture(), "age")
    assert counted.during(lambda: sw.explain(one, picture(), "style:gothic"))[1] == 0
    sw.explain(three, picture(), "age")
    assert counted.during(lambda: sw.explain(one, picture(), "age"))[1] == 0
    assert counted.during(lambda: sw.explain(two, picture(), "age"))[1] == 1


def test_what_is_kept_goes_with_its_model():
    model = two_heads()
    sw.explain(model, picture(), "age")
    kept = weakref.ref(model.kept._held.found.outputs["age"])
    del model
    gc.collect()
    assert kept() is None


def test_a_run_of_many_points_lets_go_of_it(model):
    sw.explain(model, picture(), "age")
    sw.explain(model, picture(), "age", "smoothgrad", samples=3)
    assert model.kept._held is None


def test_a_way_that_holds_too_much_is_not_kept(model, counted, monkeypatch):
    monkeypatch.setattr(passes, "MOST_BYTES", 100)
    sw.explain(model, picture(), "age")
    assert counted.during(lambda: sw.explain(model, picture(), "age"))[1] == 1


def test_a_prediction_alone_keeps_nothing(model):
    model.predict(picture())
    assert model.kept._held is None


def test_two_threads_never_go_back_on_the_same_way_at_once(model):
    expected = {t: sw.explain(two_heads(), picture(), t).attribution for t in ("style:gothic", "age")}
    wrong = []

    def work(target):
        for _ in range(20):
            found = sw.explain(model, picture(), target).attribution
            if not np.array_equal(found, expected[target]):
                wrong.append(target)

    threads = [threading.Thread(target=work, args=(t,)) for t in expected for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
