"""The flow control of live maps: the newest one is kept until it may go, and none goes after its job's end."""

from __future__ import annotations

import pytest

from fake_pages import FakeClock
from saliency_widget.runner.flow import CREDIT, INTERVAL, RESET, Flow


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def flow(clock):
    flow = Flow(clock)
    flow.hello("a", visible=True)
    return flow


def contents(outgoing):
    return [item.content for item in outgoing if item.what == "frame"]


def without_credit(flow, clock):
    for n in range(CREDIT):
        clock.advance(INTERVAL)
        assert contents(flow.latest(f"in flight {n}")) == [f"in flight {n}"]
    clock.advance(INTERVAL)


def test_a_map_without_credit_waits_and_goes_with_the_acknowledgement(flow, clock):
    without_credit(flow, clock)
    assert contents(flow.latest("kept")) == []
    assert contents(flow.ack("a", 1)) == ["kept"]
    assert contents(flow.ack("a", 3)) == []


def test_a_newer_map_takes_the_place_of_the_one_that_waits(flow, clock):
    without_credit(flow, clock)
    flow.latest("old")
    flow.latest("new")
    assert contents(flow.ack("a", 1)) == ["new"]


def test_two_maps_within_one_frame_of_the_screen_are_both_sent_the_second_one_when_it_is_due(flow, clock):
    assert contents(flow.latest(1)) == [1]
    assert contents(flow.latest(2)) == []
    assert flow.deadline() == pytest.approx(clock() + INTERVAL)
    clock.advance(INTERVAL)
    assert contents(flow.tick()) == [2]
    assert flow.deadline() is None


def test_a_page_that_is_silent_gets_the_newest_map_after_the_reset(flow, clock):
    without_credit(flow, clock)
    flow.latest("kept")
    due = flow.deadline()
    assert due is not None
    assert due <= clock() + RESET
    clock.advance(RESET)
    assert contents(flow.tick()) == ["kept"]


def test_a_map_that_waits_is_forgotten_with_its_job_or_when_another_is_accepted(flow, clock):
    without_credit(flow, clock)
    flow.latest("kept")
    flow.latest(None)
    assert contents(flow.ack("a", 2)) == []
    without_credit(flow, clock)
    flow.latest("kept")
    flow.overtaken()
    assert contents(flow.ack("a", 4)) == []


def test_a_hidden_page_gets_the_newest_map_when_it_is_seen_again(flow, clock):
    flow.visible("a", on=False)
    assert contents(flow.latest("unseen")) == []
    assert flow.deadline() is None
    clock.advance(INTERVAL)
    assert contents(flow.visible("a", on=True)) == ["unseen"]


@pytest.mark.parametrize("in_flight", range(1, CREDIT + 1))
def test_the_state_goes_before_a_map_that_waits_and_wakes_nobody_in_between(flow, clock, in_flight):
    for n in range(in_flight):
        flow.latest(n)
        clock.advance(INTERVAL)
    flow.changed()
    flow.latest("kept")
    assert flow.deadline() > clock(), "a deadline in the past would ring without end"
    out = flow.ack("a", in_flight)
    assert [item.what for item in out] == ["state", "frame"]
