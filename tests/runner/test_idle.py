"""What is computed while nobody waits: the maps that are likely to be asked for next, and nothing in anybody's way."""

from __future__ import annotations

import pytest
import torch

import saliency_widget as sw
from fake_pages import MANY, Desk
from saliency_widget.explain import explain
from saliency_widget.runner import idle
from small_models import two_heads


def wished(desk):
    """The targets of the maps that came unasked, in their order."""
    return [m["args"]["targets"][0] for m in desk.port.of("cache") if m["method"] == m["args"]["method"] == "gradient"]


def test_once_a_map_is_done_the_pictures_other_targets_follow_the_likeliest_of_the_head_first():
    desk = Desk(idle=True)
    desk.click("style:gothic")
    desk.run()
    logits = desk.model.predict(desk.pictures[0])["style"].logits
    rest = [int(i) for i in logits.argsort()[::-1] if desk.model.heads["style"].classes[int(i)] != "gothic"]
    expected = [desk.model.resolve(sw.Target("style", index=i)).wire() for i in rest]
    assert wished(desk) == [*expected, desk.model.resolve("age").wire()]
    assert desk.port.ends() == {1: "complete"}


def test_a_map_that_came_unasked_is_the_one_that_is_asked_for():
    desk = Desk(idle=True)
    desk.click("style:gothic")
    desk.run()
    spare = next(m for m in desk.port.of("cache") if m["args"]["targets"][0] == desk.model.resolve("age").wire())
    desk.click("age", have=spare["key"])
    desk.run()
    assert desk.port.ends()[2] == "unchanged"
    alone = explain(desk.model, desk.pictures[0], "age")
    assert (desk.session.explanations[0].attribution == alone.attribution).all()


def test_what_is_known_is_not_computed_twice():
    desk = Desk(idle=True)
    desk.click("style:gothic")
    desk.run()
    before = len(desk.port.of("cache"))
    desk.click("age")
    desk.run()
    assert len(desk.port.of("cache")) == before


def test_a_click_ends_it_at_once_and_gets_its_map_first():
    desk = Desk(idle=True)
    desk.click(**MANY)
    while desk.port.ends().get(1) is None:
        desk.turn()
        desk.ack()
    desk.turn(3)  # in the middle of the next target
    desk.click("age")
    desk.turn(4)
    assert desk.port.ends()[2] == "complete"
    assert not [m for m in desk.port.of("cache") if m["method"] == "smoothgrad"]


def test_it_stops_where_the_weights_change():
    desk = Desk(idle=True)
    desk.click("style:gothic")
    while desk.port.ends().get(1) is None:
        desk.turn()
        desk.ack()
    with torch.no_grad():
        desk.model.module.style.weight.mul_(2)
    desk.run()
    assert desk.port.of("cache") == []


def test_it_takes_no_longer_than_its_budget(monkeypatch):
    monkeypatch.setattr(idle, "BUDGET_S", 0.0)
    desk = Desk(idle=True)
    desk.click("style:gothic")
    desk.run()
    assert desk.port.of("cache") == []


@pytest.mark.parametrize("target", ["style:gothic versus greek_roman", "style:*"])
def test_after_a_contrast_or_all_outputs_nothing_is_guessed(target):
    desk = Desk(idle=True)
    desk.click(target)
    desk.run()
    assert desk.port.of("cache") == []


@pytest.mark.parametrize("method", ["edges", "class_appearance"])
def test_methods_whose_maps_are_no_more_to_come_leave_nothing_for_later(method):
    desk = Desk(idle=True)
    params = {name: p.default for name, p in sw.methods()[method].parameters.items()}
    desk.click("style:gothic", method=method, params=params | ({"steps": 2} if "steps" in params else {}))
    desk.run()
    assert [
        m for m in desk.port.of("cache") if m["args"]["targets"][0] != desk.model.resolve("style:gothic").wire()
    ] == []


def test_a_failure_of_it_is_told_to_nobody(monkeypatch):
    desk = Desk(idle=True)
    desk.click("style:gothic")
    while desk.port.ends().get(1) is None:
        desk.turn()
        desk.ack()

    def broken(*_args, **_how):
        raise RuntimeError("broken")

    monkeypatch.setattr(idle, "plan_of", broken)
    desk.run()
    assert desk.port.ends() == {1: "complete"}
    assert desk.port.of("cache") == []


def test_a_closed_session_computes_nothing_for_later():
    desk = Desk(idle=True)
    desk.click("style:gothic")
    while desk.port.ends().get(1) is None:
        desk.turn()
    desk.session.close()
    while desk.turn():
        pass
    assert desk.port.of("cache") == []


def test_the_widget_can_be_told_not_to(monkeypatch):
    begun = []
    monkeypatch.setattr(idle.Idle, "begin", lambda self, *_: begun.append(self))
    for on in (True, False):
        widget = sw.SaliencyWidget(two_heads(), [torch.rand(3, 8, 12)], idle=on)
        widget.wait(60)
        widget.close()
    assert len(begun) == 1
