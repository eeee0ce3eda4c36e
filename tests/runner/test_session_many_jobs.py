"""Jobs that come while others run: the newest one counts, each ends once, and none disturbs another."""

from __future__ import annotations

from collections import Counter

from fake_pages import MANY, Desk


def test_of_fifty_fast_requests_only_the_last_is_computed_and_each_ends_once():
    desk = Desk()
    for number in range(50):
        desk.click("style:gothic" if number % 2 else "age", **MANY)
        desk.turn()  # each has just begun when the next one comes
        desk.ack()
    desk.run()
    ends = desk.port.of("end")
    assert Counter(m["status"] for m in ends) == {"superseded": 49, "complete": 1}
    assert len(desk.port.synced) <= 3  # at the prediction and at the end, not for each
    assert sorted(m["job"] for m in ends) == list(range(1, 51))
    assert desk.port.ends()[50] == "complete"
    jobs = [f["job"] for f in desk.port.frames]
    assert jobs == sorted(jobs)
    assert desk.port.frames[-1]["job"] == 50


def test_a_request_that_was_overtaken_before_it_began_costs_nothing():
    desk = Desk()
    for _ in range(10):
        desk.click(**MANY)
    assert desk.port.ends() == dict.fromkeys(range(1, 10), "superseded")
    assert len(desk.schedule._tasks) == 1
    desk.run()
    assert desk.port.ends()[10] == "complete"


def test_nothing_of_a_job_is_sent_after_its_end():
    desk = Desk()
    for _ in range(5):
        desk.click(**MANY)
        desk.turn(3)
    desk.run()
    ended = set()
    for message in desk.port.messages:
        assert message.get("job") not in ended or message["type"] in {"welcome", "cache"}
        if message["type"] == "end":
            ended.add(message["job"])


def test_a_job_that_was_overtaken_after_its_last_estimate_is_not_shown():
    desk = Desk()
    first = desk.click()
    desk.turn(2)  # predicted, and its only estimate made
    second = desk.click("age")
    desk.run()
    assert desk.port.ends() == {first.number: "superseded", second.number: "complete"}
    assert desk.port.state["result"]["job"] == second.number
    assert desk.session.explanations[0].target.head == "age"


def test_a_prediction_comes_in_between_and_the_map_goes_on_undisturbed():
    desk, quiet = Desk(), Desk()
    for each in (desk, quiet):
        each.click(**MANY)
        each.turn(4)
    desk.session.predict({"page": "p", "n": 99}, image=desk.pictures[1].id)
    for each in (desk, quiet):
        each.run()
    assert list(desk.port.ends()) == [2, 1]
    assert desk.port.ends() == {1: "complete", 2: "complete"}
    assert desk.port.state["predictions"]["image"] == desk.pictures[1].id
    assert desk.port.state["image"] == 1
    one, other = desk.session.explanations[0], quiet.session.explanations[0]
    assert (one.attribution == other.attribution).all()


def test_two_widgets_on_one_thread_both_go_on():
    first, second = Desk(), Desk()
    second.schedule = second.session.jobs._schedule = first.schedule
    first.click(**MANY)
    second.click(**MANY)
    for _ in range(12):
        first.turn()
        second.clock.advance(0.02)
        first.ack()
        second.ack()
    assert abs(first.port.frames[-1]["done"] - second.port.frames[-1]["done"]) <= 4
    assert first.port.frames[-1]["done"] >= 9
    first.run()
    assert first.port.ends() == second.port.ends() == {1: "complete"}


def test_a_job_that_was_told_to_stop_makes_way_before_another_widget_goes_on():
    first, second = Desk(), Desk()
    second.schedule = second.session.jobs._schedule = first.schedule
    first.click(**MANY)
    second.click(**MANY)
    first.turn(5)  # the first has had one turn more, so it would be the second's
    first.session.cancel(1)
    first.turn()
    assert first.port.ends() == {1: "cancelled"}


def test_a_job_ends_as_what_stopped_it_first_says():
    desk = Desk()
    desk.click(**MANY)
    desk.turn(3)
    desk.session.cancel(1)
    desk.click("age")
    desk.run()
    assert desk.port.ends() == {1: "cancelled", 2: "complete"}
