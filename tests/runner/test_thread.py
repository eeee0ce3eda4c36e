"""The compute thread: priorities, turns, stopping, dying; on a schedule that is stepped by hand wherever that will do."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
import torch

from saliency_widget.runner.thread import (
    ComputeThread,
    Lane,
    Priority,
    Schedule,
    Task,
    compute_thread,
    on_compute_thread,
)

LONG = 20.0
"""Seconds that a test waits for something that takes none; only a broken one waits that long."""


def nothing(*_):
    pass


def task(log, name, steps, lane=None, priority=Priority.EXPLAIN, **how):
    def work():
        for step in range(steps):
            log.append(f"{name}{step}")
            yield

    return Task(work, lane or Lane(), priority, how.get("fail", nothing), how.get("stop", nothing))


def run_all(schedule):
    while schedule.turn():
        pass


def test_a_task_is_run_step_by_step():
    schedule, log = Schedule(), []
    schedule.submit(task(log, "a", 3))
    run_all(schedule)
    assert log == ["a0", "a1", "a2"]


def test_a_higher_priority_comes_in_between_and_the_lower_one_goes_on():
    schedule, log = Schedule(), []
    schedule.submit(task(log, "explain", 3))
    schedule.turn()
    schedule.submit(task(log, "predict", 2, priority=Priority.NOW))
    run_all(schedule)
    assert log == ["explain0", "predict0", "predict1", "explain1", "explain2"]


def test_idle_work_waits_for_everything_else():
    schedule, log = Schedule(), []
    schedule.submit(task(log, "idle", 2, priority=Priority.IDLE))
    schedule.turn()
    schedule.submit(task(log, "explain", 2))
    run_all(schedule)
    assert log == ["idle0", "explain0", "explain1", "idle1"]


def test_two_widgets_take_turns():
    schedule, log = Schedule(), []
    schedule.submit(task(log, "a", 3))
    schedule.submit(task(log, "b", 3))
    run_all(schedule)
    assert log == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_widget_with_many_tasks_gets_no_more_turns_than_another():
    schedule, log, lane = Schedule(), [], Lane()
    for name in "abc":
        schedule.submit(task(log, name, 2, lane))
    schedule.submit(task(log, "x", 3))
    run_all(schedule)
    assert [entry[0] for entry in log[:6]].count("x") == 3


def test_a_task_that_has_not_begun_can_be_taken_out_and_one_that_has_cannot():
    schedule, log = Schedule(), []
    begun, waiting = task(log, "a", 2), task(log, "b", 2)
    schedule.submit(begun)
    schedule.turn()
    schedule.submit(waiting)
    assert schedule.discard(waiting)
    assert not schedule.discard(waiting)
    assert not schedule.discard(begun)
    run_all(schedule)
    assert log == ["a0", "a1"]


def test_a_task_that_was_told_to_stop_is_wound_up_before_anything_else():
    schedule, log = Schedule(), []
    stopped = task(log, "stopped", 2, priority=Priority.IDLE)
    schedule.submit(stopped)
    schedule.turn()
    schedule.submit(task(log, "now", 1, priority=Priority.NOW))
    schedule.hurry(stopped)
    run_all(schedule)
    assert log == ["stopped0", "stopped1", "now0"]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1), KeyboardInterrupt(), MemoryError()])
def test_a_task_that_raises_anything_is_told_and_the_others_go_on(error):
    schedule, log, told = Schedule(), [], []

    def raises():
        raise error
        yield

    schedule.submit(Task(raises, Lane(), Priority.NOW, told.append, nothing))
    schedule.submit(task(log, "a", 1))
    run_all(schedule)
    assert told == [error]
    assert log == ["a0"]


def test_a_schedule_keeps_nothing_of_a_task_that_is_done():
    class Widget:
        pass

    widget, schedule = Widget(), Schedule()
    here = weakref.ref(widget)

    def work(widget=widget):
        yield widget

    schedule.submit(Task(work, Lane(), Priority.NOW, nothing, nothing))
    run_all(schedule)
    del widget, work
    gc.collect()
    assert here() is None


class Mortal(ComputeThread):
    """A compute thread whose loop itself can be made to fail, which no task should be able to do."""

    dies = False

    def _step(self, task):
        if self.dies:
            self.dies = False
            raise SystemExit
        return super()._step(task)


@pytest.fixture
def thread():
    thread = Mortal("test")
    yield thread
    thread.stop(LONG)


def test_the_thread_starts_at_first_use_and_is_a_daemon(thread):
    assert thread._thread is None
    done = threading.Event()
    thread.submit(Task(lambda: iter([done.set()]), Lane(), Priority.NOW, nothing, nothing))
    assert done.wait(LONG)
    assert thread._thread.daemon
    assert thread._thread.name == "saliency-compute-test"


def test_a_thread_that_died_has_its_task_told_and_a_new_one_does_the_rest(thread, caplog):
    told, done = [], threading.Event()
    thread.dies = True
    with thread._changed:  # both are there before the first is begun
        thread.submit(Task(lambda: iter([None]), Lane(), Priority.NOW, told.append, nothing))
        thread.submit(Task(lambda: iter([done.set()]), Lane(), Priority.EXPLAIN, nothing, nothing))
        first = thread._thread
    assert done.wait(LONG)
    assert thread._thread is not first
    assert [type(error) for error in told] == [SystemExit]
    assert "died" in caplog.text


def test_a_task_that_cannot_even_be_told_of_its_failure_does_not_stop_the_next_one(thread, caplog):
    done = threading.Event()

    def fails():
        raise ValueError
        yield

    def cannot_be_told(_error):
        raise RuntimeError

    thread.submit(Task(fails, Lane(), Priority.NOW, cannot_be_told, nothing))
    thread.submit(Task(lambda: iter([done.set()]), Lane(), Priority.EXPLAIN, nothing, nothing))
    assert done.wait(LONG)
    assert "could not be ended" in caplog.text


def test_a_thread_that_has_died_is_started_again_by_the_next_task(thread, caplog):
    told = threading.Event()
    thread.dies = True
    thread.submit(Task(lambda: iter([None]), Lane(), Priority.NOW, lambda _: told.set(), nothing))
    assert told.wait(LONG)
    done = threading.Event()
    thread.submit(Task(lambda: iter([done.set()]), Lane(), Priority.NOW, nothing, nothing))
    assert done.wait(LONG)
    assert "died" in caplog.text


def test_stopping_asks_the_running_step_to_end_and_begins_no_other():
    thread, log = ComputeThread("test"), []
    begun, stop = threading.Event(), threading.Event()

    def work():
        begun.set()
        assert stop.wait(LONG)
        log.append("ended")
        yield
        log.append("another step")

    thread.submit(Task(work, Lane(), Priority.NOW, nothing, stop.set))
    assert begun.wait(LONG)
    thread.stop(LONG)
    assert log == ["ended"]
    assert not thread._thread.is_alive()


def test_an_idle_thread_keeps_nothing_of_a_task_alive(thread):
    class Widget:
        pass

    widget, idle = Widget(), threading.Event()
    here = weakref.ref(widget)

    def work(widget=widget):
        yield widget

    thread.submit(Task(work, Lane(), Priority.NOW, nothing, nothing))
    # Tasks are run in their order, so once this one is, the thread has let go of the one before.
    thread.submit(Task(lambda: iter([idle.set()]), Lane(), Priority.IDLE, nothing, nothing))
    assert idle.wait(LONG)
    del widget, work
    gc.collect()
    assert here() is None


def test_there_is_one_thread_for_each_device():
    assert compute_thread("cpu") is compute_thread(torch.device("cpu"))
    assert compute_thread("cuda") is compute_thread("cuda:0")
    assert compute_thread("cuda:1") is not compute_thread("cuda:0")
    assert compute_thread("cpu") is not compute_thread("cuda")


def test_code_knows_whether_it_runs_on_a_compute_thread(thread):
    found, done = [], threading.Event()

    def work():
        found.append(on_compute_thread())
        done.set()
        yield

    thread.submit(Task(work, Lane(), Priority.NOW, nothing, nothing))
    assert done.wait(LONG)
    assert found == [True]
    assert not on_compute_thread()
