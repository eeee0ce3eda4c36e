"""A job that stops by itself once its map is precise enough: what the page and Python are told, and what is kept."""

from __future__ import annotations

import numpy as np
import pytest

import saliency_widget as sw
from fake_pages import Desk
from saliency_widget.errors import BadParameter
from saliency_widget.explain import explain
from small_models import Linear, keep, picture

PATH = {"method": "integrated_gradients", "params": {"steps": 200}, "tolerance": 0.05}


def linear():
    """Its gradient is the same everywhere, so that a path's map is precise as soon as anybody may say so."""
    model = sw.ImageModel(Linear(), preprocess=keep, device="cpu")
    model.predict(picture())
    return model


def frames(desk, job):
    return [m for m in desk.port.frames if m["job"] == job]


def test_its_last_frame_is_final_and_says_at_what_error_it_stopped():
    desk = Desk(linear())
    job = desk.click("head0:0", **PATH)
    desk.run()
    *before, last = frames(desk, 1)
    assert not any(frame["final"] for frame in before)
    assert last["final"]
    assert last["done"] < last["total"] == 200
    (figures,) = last["quality"]
    assert figures[0]["name"] == "estimated_error"
    assert figures[0]["value"] <= 0.05
    assert figures[0]["text"].startswith("stopped by itself: estimated error")
    assert desk.port.ends() == {1: "complete"}
    alone = explain(desk.model, desk.pictures[0], "head0:0", "integrated_gradients", steps=200, tolerance=0.05)
    assert np.array_equal(job.explanations[0].attribution, alone.attribution)


def test_no_map_of_a_sibling_is_kept_that_may_be_less_precise_than_asked():
    desk = Desk(linear())
    desk.click("head0:0", **PATH)
    desk.run()
    assert desk.port.of("cache") == []
    desk.click("head0:0", **PATH | {"tolerance": None})
    desk.run()
    assert [m["method"] for m in desk.port.of("cache")] == ["idgi"]


def test_idle_work_stops_at_the_same_error_as_the_click_so_that_its_maps_are_found():
    desk = Desk(linear(), idle=True)
    desk.click("head0:0", **PATH)
    desk.run()
    spare = desk.port.of("cache")[-1]
    assert spare["args"]["tolerance"] == 0.05
    assert spare["done"] < spare["total"]
    desk.click(f"head0:{spare['args']['targets'][0]['index']}", **PATH, have=spare["key"])
    desk.run()
    assert desk.port.ends()[2] == "unchanged"


def test_the_same_request_with_another_tolerance_is_computed_anew():
    desk = Desk(linear())
    desk.click("head0:0", **PATH)
    desk.run()
    key = frames(desk, 1)[-1]["key"]
    desk.click("head0:0", **PATH | {"tolerance": None}, have=key)
    desk.run()
    assert desk.port.ends()[2] == "complete"
    assert frames(desk, 2)[-1]["done"] == 200


@pytest.mark.parametrize("wrong", [0, 1.5, "5 %", True])
def test_a_bad_tolerance_is_refused_and_nothing_changes(wrong):
    desk = Desk(linear())
    with pytest.raises(BadParameter, match="tolerance was given as"):
        desk.click("head0:0", **PATH | {"tolerance": wrong})
    assert desk.session.choice.tolerance is None
    assert desk.port.of("accepted") == []
