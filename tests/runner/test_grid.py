"""Many maps beside the chosen one: asked for in one request, streamed together, kept, and in nobody's way."""

from __future__ import annotations

import pytest
import torch

from costs import Costs
from fake_pages import MANY, Desk
from saliency_widget.errors import SaliencyError
from saliency_widget.explain import explain
from saliency_widget.protocol import Explain
from saliency_widget.runner import grid


def cell(desk, *targets, **args):
    asked = desk.asked(None) | {"tolerance": None} | args
    asked["targets"] = tuple(desk.model.resolve(target).wire() for target in targets)
    return Explain(req=None, **asked)


def ask(desk, *cells, page="p"):
    return grid.ask(desk.session, desk.request() | {"page": page}, cells)


def finished(desk):
    return [(m["method"], *m["names"]) for m in desk.port.of("cache") if m["method"] == m["args"]["method"]]


def test_all_targets_of_a_cell_share_one_run_and_each_is_sent_by_itself_in_the_end(monkeypatch):
    desk = Desk()
    job = ask(desk, cell(desk, "style:gothic", "style:greek_roman", "age"))
    costs = Costs(monkeypatch).of(desk.run)
    assert finished(desk) == [("gradient", "style:gothic"), ("gradient", "style:greek_roman"), ("gradient", "age")]
    assert costs["points"] == 1  # the prediction's own, whose graph is kept
    assert desk.port.ends() == {job.number: "complete"}
    for sent, data in zip(desk.port.messages, desk.port.data, strict=True):
        if sent["type"] == "cache":
            alone = explain(desk.model, desk.pictures[0], sent["names"][0])
            assert sent["scales"][0] == pytest.approx(abs(alone.attribution.sum(0)).max() / 32767, rel=1e-5)
            assert len(data) == 2 * sent["shape"][0] * sent["shape"][1]


def test_while_it_runs_the_maps_of_a_cell_stream_together():
    desk = Desk()
    job = ask(desk, cell(desk, "style:gothic", "age", **MANY))
    desk.run()
    running = desk.port.of("cell")
    assert len(running) >= 2
    assert {m["job"] for m in running} == {job.number}
    assert all(m["names"] == ["style:gothic", "age"] and not m["final"] for m in running)
    assert all(m["image"] == desk.pictures[0].id and m["args"]["method"] == "smoothgrad" for m in running)


def test_it_leaves_the_choice_the_traits_and_the_followed_map_alone():
    desk = Desk()
    desk.click()
    desk.run()
    before = dict(desk.port.state), desk.session.choice, desk.session.explanations
    ask(desk, cell(desk, "age", **MANY), cell(desk, "style:greek_roman", method="input_x_gradient"))
    desk.run()
    assert (dict(desk.port.state), desk.session.choice, desk.session.explanations) == before
    assert len(desk.port.frames) == 1


def test_what_comes_for_free_from_a_run_is_not_computed_again(monkeypatch):
    desk = Desk()
    ask(desk, cell(desk, "style:gothic", **MANY))  # the first run prepares the network
    desk.run()
    params = {"samples": 4, "noise": 0.15}
    ask(desk, cell(desk, "age", method="smoothgrad", params=params), cell(desk, "age", method="vargrad", params=params))
    costs = Costs(monkeypatch).of(desk.run)
    found = [m for m in desk.port.of("cache") if m["names"] == ["age"] and m["method"] == "vargrad"]
    assert len(found) == 2  # with the first run, and when it is asked for
    assert costs["points"] == 1 + 4


def test_a_click_comes_first_and_the_grid_goes_on_after_it():
    desk = Desk()
    job = ask(desk, cell(desk, "age", **MANY))
    desk.turn(4)
    click = desk.click("style:gothic")
    desk.turn(3)
    assert click.ended
    assert not job.ended
    desk.run()
    assert desk.port.ends() == {click.number: "complete", job.number: "complete"}
    assert ("smoothgrad", "age") in finished(desk)


def test_what_is_known_is_sent_and_not_computed_again(monkeypatch):
    desk = Desk()
    ask(desk, cell(desk, "style:gothic", "age"))
    desk.run()
    ask(desk, cell(desk, "age"), cell(desk, "style:gothic"))
    costs = Costs(monkeypatch).of(desk.run)
    assert costs["points"] == costs["backwards"] == 0
    assert finished(desk)[2:] == [("gradient", "age"), ("gradient", "style:gothic")]


def test_a_class_of_it_that_is_clicked_next_is_verified_and_not_computed(monkeypatch):
    desk = Desk()
    ask(desk, cell(desk, "style:gothic", "age"))
    desk.run()
    key = next(m["key"] for m in desk.port.of("cache") if m["names"] == ["age"])
    job = desk.click("age", have=key)
    costs = Costs(monkeypatch).of(desk.run)
    assert desk.port.ends()[job.number] == "unchanged"
    assert costs["backwards"] == 0


def test_a_newer_grid_takes_the_place_of_an_older_one_and_a_page_takes_its_own_away():
    desk = Desk()
    first = ask(desk, cell(desk, "age", **MANY))
    second = ask(desk, cell(desk, "style:gothic", **MANY))
    desk.turn(3)
    desk.session.bye("p")
    desk.run()
    assert desk.port.ends() == {first.number: "superseded", second.number: "cancelled"}


def test_it_can_be_cancelled_by_its_number():
    desk = Desk()
    job = ask(desk, cell(desk, "age", **MANY))
    desk.turn(3)
    desk.session.cancel(job.number)
    desk.run()
    assert desk.port.ends() == {job.number: "cancelled"}
    assert finished(desk) == []


def test_a_page_that_comes_meanwhile_is_not_told_to_follow_it():
    desk = Desk()
    ask(desk, cell(desk, "age", **MANY))
    desk.turn(3)
    desk.session.hello("q", visible=True)
    assert desk.port.of("welcome")[-1] == {
        "v": 1, "type": "welcome", "page": "q", "job": 0, "running": False, "ipykernel": "7.4.0",
    }  # fmt: skip


def test_what_does_not_fit_is_refused_before_anything_starts():
    desk = Desk()
    with pytest.raises(SaliencyError, match="steps"):
        ask(desk, cell(desk, "age"), cell(desk, "age", method="integrated_gradients", params={"steps": 0}))
    assert desk.session.jobs.running() == []


def test_a_model_that_fails_ends_it_with_an_error_and_the_widget_goes_on(monkeypatch):
    desk = Desk()
    monkeypatch.setattr(grid, "plan_of", lambda *_: 1 / 0)
    job = ask(desk, cell(desk, "age"))
    desk.run()
    assert desk.port.ends() == {job.number: "error"}
    assert "status" not in desk.port.state
    monkeypatch.undo()
    desk.click()
    desk.run()
    assert desk.port.ends()[2] == "complete"


def test_new_weights_meanwhile_make_new_maps():
    desk = Desk()
    ask(desk, cell(desk, "age"))
    desk.run()
    with torch.no_grad():
        desk.model.module.age.weight.mul_(2)
    ask(desk, cell(desk, "age"))
    desk.run()
    first, second = (m["scales"][0] for m in desk.port.of("cache"))
    assert second == pytest.approx(2 * first, rel=1e-4)
