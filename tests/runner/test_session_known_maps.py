"""Maps that are known already: not computed again while the page has them and the weights are the same; siblings come along."""

from __future__ import annotations

import torch

from fake_pages import MANY, Desk
from saliency_widget.explain import explain


def test_a_map_that_the_page_has_is_not_computed_again():
    desk = Desk()
    desk.click(**MANY)
    desk.run()
    key = desk.port.frames[-1]["key"]
    desk.click("age")
    desk.run()
    frames = len(desk.port.frames)
    desk.click(**MANY, have=key)
    desk.run()
    assert desk.port.ends()[3] == "unchanged"
    assert len(desk.port.frames) == frames
    assert desk.port.state["result"]["key"] == key
    assert str(desk.session.explanations[0].target) == "style:gothic"


def test_a_map_of_other_weights_is_computed_again():
    desk = Desk()
    desk.click()
    desk.run()
    key = desk.port.frames[-1]["key"]
    with torch.no_grad():
        desk.model.module.style.weight.mul_(2)
    desk.click(have=key)
    desk.run()
    assert desk.port.ends()[2] == "complete"
    assert desk.port.frames[-1]["key"] != key


def test_a_map_that_only_the_page_still_has_is_computed_again():
    desk = Desk()
    desk.click()
    desk.run()
    key = desk.port.frames[-1]["key"]
    desk.session._shelf._maps.clear()
    desk.click(have=key)
    desk.run()
    assert desk.port.ends()[2] == "complete"


def test_siblings_follow_the_end_once_all_is_quiet_and_are_known_afterwards():
    desk = Desk()
    desk.click(**MANY)
    desk.run()
    kinds = desk.port.types
    assert kinds[-3:] == ["end", "cache", "cache"]
    square = next(m for m in desk.port.of("cache") if m["method"] == "smoothgrad_squared")
    assert square["args"]["method"] == "smoothgrad_squared"
    assert square["final"]
    desk.click(method="smoothgrad_squared", params={"samples": 40}, have=square["key"])
    desk.run()
    assert desk.port.ends()[2] == "unchanged"
    alone = explain(desk.model, desk.pictures[0], "style:gothic", "smoothgrad_squared", samples=40)
    assert (desk.session.explanations[0].attribution == alone.attribution).all()


def test_siblings_are_not_sent_to_a_page_that_has_not_kept_up():
    desk = Desk()
    desk.click(**MANY)
    desk.run(ack=False)
    assert desk.port.of("cache") == []
    desk.click("age")
    desk.run()
    assert desk.port.of("cache") == []
