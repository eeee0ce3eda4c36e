"""The widget as it calls Python back, by `on_explanation`, `observe` and links: on the compute thread, whatever they do."""

from __future__ import annotations

import threading

import ipywidgets
import traitlets

from gates import LONG
from saliency_widget.runner.thread import on_compute_thread


def test_each_finished_explanation_is_called_out_on_the_compute_thread(widget):
    called = []
    unsubscribe = widget.on_explanation(lambda e: called.append((str(e.target), on_compute_thread())))
    widget.explain(["style:gothic", "age"])
    widget.wait(LONG)
    assert called == [("style:gothic", True), ("age", True)]
    unsubscribe()
    unsubscribe()
    widget.explain("age")
    assert len(called) == 2


def test_waiting_in_a_callback_raises_and_the_job_ends_all_the_same(widget):
    raised = []

    def callback(_explanation):
        for wait in (widget.wait, lambda: widget.explain("age")):
            try:
                wait()
            except RuntimeError as error:
                raised.append(str(error))
        unsubscribe()

    unsubscribe = widget.on_explanation(callback)
    widget.target = "style:gothic"
    widget.wait(LONG)
    assert len(raised) == 2
    assert "callback" in raised[0]


def test_a_callback_may_start_the_next_job(widget):
    seen = []

    def next_one(e):
        seen.append(str(e.target))
        if len(seen) == 1:
            widget.target = "age"

    widget.on_explanation(next_one)
    widget.target = "style:gothic"
    widget.wait(LONG)
    assert seen == ["style:gothic", "age"]


def test_a_callback_may_close_the_widget(widget):
    widget.on_explanation(lambda _e: widget.close())
    widget.target = "age"
    done = threading.Event()
    session = widget._session
    waiter = threading.Thread(target=lambda: (session.jobs.newest.done.wait(LONG), done.set()))
    waiter.start()
    assert done.wait(LONG)
    assert widget.comm is None


def test_who_observes_the_choice_is_told_once_a_job_on_the_compute_thread(widget):
    seen = []
    widget.observe(lambda change: seen.append((change["old"], change["new"], on_compute_thread())), "target")
    before = widget.target
    widget.target = "style:gothic" if before != "style:gothic" else "style:greek_roman"
    widget.target = "age"
    widget.wait(LONG)
    assert seen[-1][1:] == ("age", True)
    assert seen[0][0] == before
    assert len(seen) <= 2


def test_an_observer_that_fails_is_logged_and_the_job_ends_well(widget, caplog):
    def fails(_change):
        raise ValueError("mine")

    widget.observe(fails, "target")
    widget.target = "age"
    widget.wait(LONG)
    assert widget.status["state"] == "idle"
    assert "who observes 'target' failed" in caplog.text


def test_a_link_to_another_widget_works_both_ways(widget):
    choice = ipywidgets.Dropdown(options=["style:gothic", "style:greek_roman", "age"])
    widget.target = "style:greek_roman"
    widget.wait(LONG)
    link = traitlets.link((widget, "target"), (choice, "value"))
    choice.value = "age"
    widget.wait(LONG)
    assert widget.target == "age"
    widget.target = "style:gothic"
    widget.wait(LONG)
    assert choice.value == "style:gothic"
    link.unlink()
