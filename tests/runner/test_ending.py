"""However a job's steps end before their time, somebody is told once, and only the letting go itself goes on."""

from __future__ import annotations

import pytest

from saliency_widget.compute import Cancelled
from saliency_widget.runner.ending import Ending


def steps(told, error=None):
    with Ending(lambda: told.append("stopped"), told.append):
        yield
        if error is not None:
            raise error


def test_steps_that_come_to_their_end_tell_nobody():
    told = []
    assert list(steps(told)) == [None]
    assert told == []


def test_a_cancellation_ends_the_steps_and_is_told_as_one():
    told = []
    assert list(steps(told, Cancelled())) == [None]
    assert told == ["stopped"]


@pytest.mark.parametrize("error", [ValueError("wrong"), SystemExit(1), KeyboardInterrupt()])
def test_any_other_error_is_told_and_does_not_reach_the_thread(error):
    told = []
    assert list(steps(told, error)) == [None]
    assert told == [error]


def test_steps_that_are_let_go_of_tell_that_they_were_stopped_and_close():
    told = []
    begun = steps(told)
    next(begun)
    begun.close()
    assert told == ["stopped"]


def test_the_letting_go_is_not_held_up():
    with pytest.raises(GeneratorExit), Ending(lambda: None, lambda _: None):
        raise GeneratorExit
