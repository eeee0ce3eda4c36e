"""Jobs that are stopped, by a cancel, by a closed session or by a thread that dies: at once, told once, and nothing lost."""

from __future__ import annotations

import pytest
from torch import nn

import saliency_widget as sw
from fake_pages import MANY, Desk
from saliency_widget.runner import Closed
from small_models import keep, picture


class Probe(nn.Module):
    """A layer that notes that it was reached, and then does what the test wants; all copies of a model share it."""

    def __init__(self, name, reached):
        super().__init__()
        self.name, self.reached, self.then = name, reached, None

    def __deepcopy__(self, memo):
        return self

    def forward(self, images):
        self.reached.append(self.name)
        if self.then is not None:
            self.then()
        return images * 1


class Probed(nn.Module):
    """Three layers that note that they were reached."""

    def __init__(self):
        super().__init__()
        self.reached = []
        self.layers = nn.Sequential(*(Probe(name, self.reached) for name in "abc"))

    def forward(self, images):
        return self.layers(images).mean((2, 3))


@pytest.fixture
def probed():
    """A desk with a model whose layers note that they were reached, and those layers."""
    module = Probed()
    model = sw.ImageModel(module, preprocess=keep, device="cpu")
    model.discover(picture())
    module.reached.clear()
    return Desk(model), module


def test_cancel_ends_a_running_job_at_the_next_layer(probed):
    desk, module = probed
    desk.click("head0:0", **MANY)
    desk.turn(3)
    module.reached.clear()
    desk.session.cancel(1)
    desk.turn()
    assert desk.port.ends() == {1: "cancelled"}
    assert module.reached == []


@pytest.mark.parametrize("turns", [3, 0], ids=["a map", "a prediction"])
def test_cancel_from_inside_the_network_stops_there(probed, turns):
    desk, module = probed
    desk.click("head0:0", **MANY)
    desk.turn(turns)
    module.reached.clear()
    module.layers[1].then = lambda: desk.session.cancel(1)
    desk.turn()
    assert module.reached == ["a", "b"]
    assert desk.port.ends() == {1: "cancelled"}


def test_a_model_that_fails_because_it_was_stopped_counts_as_stopped(probed):
    desk, module = probed
    desk.click("head0:0", **MANY)
    desk.turn(3)

    def fails():
        desk.session.cancel(1)
        raise ValueError("half a picture")

    module.layers[1].then = fails
    desk.turn()
    assert desk.port.ends() == {1: "cancelled"}
    assert desk.port.state["status"]["state"] == "idle"


def test_stopping_is_no_failure_so_nothing_is_logged(caplog):
    caplog.set_level("DEBUG", logger="saliency_widget")
    desk = Desk()
    desk.click(**MANY)
    desk.turn(3)
    desk.session.cancel(1)
    desk.run()
    assert caplog.text == ""


def test_what_is_shown_of_a_picture_is_always_of_the_current_one(probed):
    desk, module = probed
    asked = []

    def switch():
        if not asked:
            asked.append(desk.session.predict({"page": "p", "n": 9}, image=desk.pictures[1].id))

    module.layers[1].then = switch  # while the other picture is being predicted
    desk.click("head0:0")
    desk.run()
    desk.session.ask({"image": 0})
    desk.run()
    assert len(desk.port.synced) >= 2
    for synced in desk.port.synced:
        if "predictions" in synced:
            assert synced["predictions"]["image"] == desk.pictures[synced["image"]].id


def test_cancel_ends_a_job_that_has_not_begun_at_once():
    desk = Desk()
    desk.click()
    desk.session.cancel(1)
    assert desk.port.ends() == {1: "cancelled"}
    assert not desk.turn()


def test_cancelling_what_has_ended_or_never_was_does_nothing():
    desk = Desk()
    desk.click()
    desk.run()
    before = len(desk.port.messages)
    desk.session.cancel(1)
    desk.session.cancel(77)
    assert len(desk.port.messages) == before


def test_a_cancelled_job_says_idle_and_leaves_the_last_result():
    desk = Desk()
    desk.click()
    desk.run()
    desk.click(**MANY)
    desk.turn(3)
    desk.session.cancel(2)
    desk.run()
    assert desk.port.state["status"]["state"] == "idle"
    assert desk.port.state["result"]["job"] == 1


def test_closing_ends_what_runs_and_what_waits_once_and_sends_nothing_more():
    desk = Desk()
    desk.click(**MANY)
    desk.turn(3)
    desk.session.predict({"page": "p", "n": 5}, image=desk.pictures[1].id)
    desk.session.close()
    assert desk.port.ends() == {1: "error", 2: "error"}
    assert {m["code"] for m in desk.port.of("end")} == {"closed"}
    before = len(desk.port.messages)
    desk.run()
    desk.session.close()
    desk.session.hello("q", visible=True)
    assert len(desk.port.messages) == before
    with pytest.raises(Closed, match="closed"):
        desk.click()


def test_closing_sends_the_end_that_waited_for_a_page_and_calls_its_alarm_off():
    desk = Desk()
    desk.click(**MANY)
    desk.run(ack=False)
    assert desk.port.ends() == {}
    assert desk.alarm.set
    desk.session.close()
    assert desk.port.ends() == {1: "complete"}
    assert desk.alarm.set == []


def test_a_job_whose_thread_dies_under_it_ends_with_an_error():
    desk = Desk()
    job = desk.click(**MANY)
    desk.turn(3)
    job.task.fail(SystemExit())
    assert desk.port.ends() == {1: "error"}
    assert job.done.is_set()
    desk.run()
    assert len(desk.port.of("end")) == 1
