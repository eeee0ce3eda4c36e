"""Waiting for a session's jobs: until the newest has ended, no longer than asked for, and never where it would last for ever."""

from __future__ import annotations

import threading

import pytest

from fake_pages import MANY, Desk
from saliency_widget.runner import Stopped


def test_waiting_ends_with_the_newest_job_not_with_the_page():
    desk = Desk()
    desk.click(**MANY)
    waiter = threading.Thread(target=desk.session.jobs.wait)
    waiter.start()
    desk.click("age")
    desk.run(ack=False)
    waiter.join(20)
    assert not waiter.is_alive()
    assert str(desk.session.explanations[0].target) == "age"


def test_waiting_for_nothing_returns_at_once():
    Desk().session.jobs.wait()


def test_waiting_gives_up_in_time():
    desk = Desk()
    desk.click()
    with pytest.raises(TimeoutError, match="job 1"):
        desk.session.jobs.wait(0)


def test_the_result_of_a_job_that_was_overtaken_is_an_error_that_says_so():
    desk = Desk()
    first = desk.click()
    desk.click("age")
    desk.run()
    with pytest.raises(Stopped, match="superseded"):
        desk.session.jobs.result(first)


def test_waiting_where_it_would_last_for_ever_raises_instead():
    desk = Desk()
    desk.click()
    with desk.lock, pytest.raises(RuntimeError, match="callback"):
        desk.session.jobs.wait()
