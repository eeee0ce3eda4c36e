"""The pages of a session: slow, gone, reloaded or hidden, none of them holds up a job or misses its last frame."""

from __future__ import annotations

import gc
import weakref

from fake_pages import MANY, Desk
from saliency_widget.runner.flow import CREDIT, RESET


def test_a_slow_page_has_two_frames_in_flight_and_no_backlog_is_kept_for_it():
    desk = Desk()
    desk.click(method="smoothgrad", params={"samples": 200})
    while desk.turn(seconds=RESET / 10):
        pass
    assert len(desk.port.frames) <= CREDIT * (1 + 52 // 10)
    desk.ack()
    assert desk.port.frames[-1]["final"]
    assert desk.port.ends() == {1: "complete"}


def test_a_page_that_is_gone_delays_the_end_by_the_reset_and_python_not_at_all():
    desk = Desk()
    job = desk.click(**MANY)
    desk.run(ack=False)
    assert job.done.is_set()
    assert desk.port.ends() == {}
    desk.alarm.pass_time(RESET)
    assert desk.port.ends() == {1: "complete"}
    desk.alarm.pass_time(RESET)
    assert desk.port.synced[-1]["result"]["job"] == 1
    assert desk.alarm.set == []


def test_an_alarm_that_is_set_is_not_set_again_for_each_message():
    desk = Desk()
    desk.click(**MANY)
    desk.run(ack=False)
    before = desk.alarm.times
    for _ in range(100):
        desk.session.ack("p", 0)
    assert desk.alarm.times == before


def test_an_alarm_keeps_no_session_alive():
    desk = Desk()
    desk.click(**MANY)
    desk.run(ack=False)
    alarm, session = desk.alarm, weakref.ref(desk.session)
    assert alarm.set
    del desk
    gc.collect()
    assert session() is None
    alarm.pass_time(2 * RESET)


def test_a_page_that_was_reloaded_follows_the_running_job():
    desk = Desk()
    desk.click(**MANY)
    desk.turn(5)
    newest = desk.port.frames[-1]
    desk.session.bye("p")
    before = len(desk.port.messages)
    desk.session.hello("q", visible=True)
    welcome, accepted, frame = desk.port.messages[before:]
    assert (welcome["type"], welcome["job"], welcome["running"]) == ("welcome", 1, True)
    assert (accepted["type"], accepted["job"], accepted["req"]) == ("accepted", 1, {"page": "p", "n": 1})
    assert (frame["type"], frame["done"], frame["seq"]) == ("frame", newest["done"], newest["seq"] + 1)


def test_a_page_that_greets_twice_is_welcomed_twice():
    desk = Desk()
    desk.session.hello("p", visible=True)
    assert [m["running"] for m in desk.port.of("welcome")] == [False, False]


def test_while_no_page_looks_nothing_is_drawn_but_the_last_frame_comes():
    desk = Desk()
    desk.session.visible("p", on=False)
    desk.click(**MANY)
    desk.run()
    assert [f["final"] for f in desk.port.frames] == [True]


def test_python_starts_a_job_that_the_pages_can_follow():
    desk = Desk()
    desk.session.ask({"target": "age"})
    assert desk.port.of("accepted")[0]["req"] is None
    desk.run()
    assert desk.port.of("end")[0]["req"] is None
