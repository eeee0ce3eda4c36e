"""What Python shows in a page: the newest finding, as often as a page is told, each map once, and all of it to who asks."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from fake_pages import Desk
from saliency_widget.lab import Finding, Position
from saliency_widget.runner.experimenting import TELL_S, catalogue

SHAPE = (3, 8, 12)
MAP_BYTES = 2 * 8 * 12
SEEN = np.zeros((8, 12, 3), np.uint8)


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def grown(desk):
    """Return findings of a training: each has one more map than the one before."""
    places = [
        Position(f"step {n}", float(n), maps={"gradient": np.random.default_rng(n).standard_normal(SHAPE)})
        for n in range(6)
    ]
    target = desk.session.choice.targets[0]
    whole = Finding("training", target, "It learns.", "Here.", 1, 1, positions=(), slider="step", seen=SEEN)
    return [replace(whole, positions=tuple(places[: n + 1])) for n in range(6)]


def told(desk):
    """Return of each message the labels and whether their maps came with it, and its bytes."""
    return [
        ([(p["label"], p["maps"] is not None) for p in m["found"]["positions"]], len(data))
        for m, data in zip(desk.port.messages, desk.port.data, strict=True)
        if m["type"] == "finding"
    ]


def test_a_finding_is_told_at_once_and_belongs_to_no_job(desk, grown):
    desk.session.showing.show(grown[0])
    (message,) = desk.port.of("finding")
    assert (message["job"], message["image"]) == (None, "")
    assert told(desk) == [([("step 0", True)], MAP_BYTES + SEEN.size)]
    assert desk.port.of("accepted") == []


def test_the_pixels_of_a_place_are_sent_once(desk, grown):
    for finding in grown[:3]:
        desk.session.showing.show(finding)
        desk.alarm.pass_time(TELL_S)
    assert [size for _, size in told(desk)] == [MAP_BYTES + SEEN.size, MAP_BYTES, MAP_BYTES]
    assert told(desk)[-1][0] == [("step 0", False), ("step 1", False), ("step 2", True)]
    keys = [[p["key"] for p in m["found"]["positions"]] for m in desk.port.of("finding")]
    assert keys == [[1], [1, 2], [1, 2, 3]]
    assert [m["found"]["seen"] == "same" for m in desk.port.of("finding")] == [False, True, True]


def test_of_findings_that_come_too_fast_the_newest_is_told_and_nothing_is_missing(desk, grown):
    for finding in grown:
        desk.session.showing.show(finding)
    assert len(told(desk)) == 1
    desk.alarm.pass_time(TELL_S)
    assert [labels for labels, _ in told(desk)] == [
        [("step 0", True)],
        [("step 0", False), *((f"step {n}", True) for n in range(1, 6))],
    ]
    desk.alarm.pass_time(10)
    assert len(told(desk)) == 2


def test_a_page_that_asks_which_experiments_there_are_gets_all_of_it(desk, grown):
    desk.session.showing.show(grown[0])
    desk.alarm.pass_time(TELL_S)
    desk.session.showing.show(grown[1])
    catalogue(desk.session, "late")
    desk.alarm.pass_time(TELL_S)
    assert told(desk)[-1] == ([("step 0", True), ("step 1", True)], 2 * MAP_BYTES + SEEN.size)
    assert [p["key"] for p in desk.port.of("finding")[-1]["found"]["positions"]] == [1, 2]


def test_where_nothing_is_shown_nothing_is_told(desk):
    catalogue(desk.session, "p")
    desk.alarm.pass_time(10)
    assert told(desk) == []


def test_another_training_is_told_in_full(desk, grown):
    desk.session.showing.show(grown[3])
    desk.alarm.pass_time(TELL_S)
    again = [replace(p, maps={"gradient": next(iter(p.maps.values())).copy()}) for p in grown[3].positions]
    desk.session.showing.show(replace(grown[3], positions=tuple(again), seen=SEEN.copy()))
    labels, size = told(desk)[-1]
    assert all(came for _, came in labels)
    assert size == 4 * MAP_BYTES + SEEN.size


def test_the_map_that_is_followed_goes_on(desk, grown):
    job = desk.click()
    desk.session.showing.show(grown[0])
    desk.run()
    assert desk.port.ends() == {job.number: "complete"}


def test_a_closed_widget_is_let_go_of_although_something_was_to_be_told(desk, grown):
    desk.session.showing.show(grown[0])
    desk.session.showing.show(grown[1])
    gone = weakref.ref(desk.session.showing)
    alarm = desk.alarm
    desk.session.close()
    del desk.session
    gc.collect()
    assert gone() is None
    alarm.pass_time(10)
