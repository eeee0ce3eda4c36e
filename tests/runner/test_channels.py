"""A finished map whose channels are put together otherwise: from what the kernel keeps, with nothing computed."""

from __future__ import annotations

import numpy as np
import pytest

from costs import Costs
from fake_pages import Desk
from saliency_widget.explain import explain
from saliency_widget.runner import channels


def key(desk):
    return desk.port.frames[-1]["key"]


@pytest.mark.parametrize("way", ["max", "norm"])
def test_it_is_the_map_that_python_has_and_costs_no_forward(way, monkeypatch):
    desk = Desk()
    desk.click("style:gothic")
    desk.run()
    channels.ask(desk.session, desk.request(), key(desk), way)
    costs = Costs(monkeypatch).of(desk.run)
    assert costs["points"] == costs["backwards"] == 0
    (sent,) = desk.port.of("cell")
    data = desk.port.data[desk.port.messages.index(sent)]
    drawn = np.frombuffer(data, "<i2").reshape(sent["shape"]) * sent["scales"][0]
    expected = explain(desk.model, desk.pictures[0], "style:gothic").heatmap(channels=way)
    assert drawn == pytest.approx(expected, abs=2 * sent["scales"][0])
    assert sent["names"] == ["style:gothic"]
    assert sent["key"] == key(desk)


def test_what_is_kept_no_more_is_said_and_nothing_else_changes():
    desk = Desk()
    desk.click("style:gothic")
    desk.run()
    before = dict(desk.port.state)
    job = channels.ask(desk.session, desk.request(), "k-gone", "max")
    desk.run()
    end = desk.port.of("end")[-1]
    assert (end["job"], end["status"]) == (job.number, "error")
    assert "click the class again" in end["message"]
    assert desk.port.state == before
