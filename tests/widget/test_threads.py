"""The widget under many threads at once: pages, Python and the compute thread; nothing is lost, nothing waits for ever."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from functools import partial

import pytest

from fake_pages import FakePage
from saliency_widget.runner import Closed
from saliency_widget.runner.thread import compute_thread
from small_models import two_heads

LONG = 60.0

MANY = {"method": "smoothgrad", "params": {"samples": 60}}


def together(*tasks):
    """Run functions on threads of their own, all at once; raise what one of them raised."""
    start, errors = threading.Barrier(len(tasks)), []

    def run(task):
        start.wait(LONG)
        try:
            task()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive(), "a deadlock"
    if errors:
        raise errors[0]


def settle(widget, *pages):
    """Let all jobs end, and all pages acknowledge all."""
    widget.wait(LONG)
    for _ in range(2):  # the first may make way for a final frame
        for page in pages:
            page.send("ack", page=page.name, seq=widget._session._outbox.flow.seq)


def test_setting_the_target_from_python_while_a_job_runs_loses_nothing(widget):
    page = FakePage(widget)
    for number in range(30):
        widget.target = "age" if number % 2 else "style:gothic"
    settle(widget, page)
    assert widget.target == "age"
    assert str(widget.explanation.target) == "age"
    ends = Counter(page.ends().values())
    assert sum(ends.values()) == 30
    assert set(ends) <= {"complete", "superseded"}
    assert page.ends()[31] == "complete"
    assert page.updates[-1]["target"] == "age"
    assert page.updates[-1]["result"]["names"] == ["age"]


def test_two_pages_and_python_at_once_get_one_end_for_each_job_and_none_is_forgotten(widget):
    pages = [FakePage(widget, "a")]
    pages.append(FakePage(widget, "b"))  # takes the comm over: it hears what both are told

    def clicks(page, target):
        for number in range(20):
            page.click(target, **(MANY if number % 3 else {}))
            page.send("ack", page=page.name, seq=widget._session._outbox.flow.seq)
            if number % 5 == 4:
                page.send("cancel", job=widget._session.jobs.count)

    def python():
        for number in range(20):
            widget.explain("age", wait=False, seed=number)

    together(lambda: clicks(pages[0], "style:gothic"), lambda: clicks(pages[1], "age"), python)
    settle(widget, *pages)
    heard = pages[1]
    accepted = [m["job"] for m in heard.of("accepted")]
    assert accepted == sorted(accepted)
    assert len(accepted) == 60
    ends = Counter(m["job"] for m in heard.of("end"))
    assert sorted(ends) == accepted
    assert set(ends.values()) == {1}
    ended = set()
    for message in heard.messages:
        if message["type"] == "frame":
            assert message["job"] not in ended
        if message["type"] == "end":
            ended.add(message["job"])
    seqs = [m["seq"] for m in heard.of("frame")]
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_page_that_moves_a_slider_while_jobs_end_makes_no_news_get_lost(widget):
    seen = []
    widget.observe(lambda change: seen.append(change["new"]["job"]), "result")
    page = FakePage(widget)

    def slider():
        for number in range(200):
            page.set(display={"opacity": number / 200})

    def python():
        for number in range(40):
            widget.explain("age", seed=number)

    together(slider, python)
    settle(widget, page)
    assert seen == list(range(2, 42))
    assert widget.display == {"opacity": 199 / 200}
    assert page.updates[-1]["result"]["job"] == 41


def test_an_observer_of_the_display_that_waits_is_told_that_it_cannot(widget):
    page = FakePage(widget)
    raised = []

    def waits(_change):
        widget.target = "age"
        try:
            widget.wait(LONG)
        except RuntimeError as error:
            raised.append(error)

    widget.observe(waits, "display")
    page.set(display={"opacity": 0.3})
    assert len(raised) == 1
    settle(widget, page)
    assert str(widget.explanation.target) == "age"


def test_widgets_share_one_thread_and_both_come_to_an_end(make):
    model = two_heads()
    widgets = [make(model), make(two_heads())]
    together(*(lambda w=w: [w.explain("age", **MANY) for _ in range(3)] for w in widgets))
    names = [t.name for t in threading.enumerate() if t.name.startswith("saliency-compute")]
    assert names == ["saliency-compute-cpu"]


def test_a_widget_closed_from_anywhere_at_any_time_closes(make):
    for number in range(20):
        widget = make(**MANY)
        page = FakePage(widget)

        def wait(widget=widget):
            with contextlib.suppress(Closed):
                widget.wait(LONG)

        together(widget.close, partial(page.click, "age", seed=number), wait)
        assert widget.comm is None


def test_after_the_thread_has_died_the_next_click_is_served(widget, caplog, monkeypatch):
    thread = compute_thread("cpu")
    page = FakePage(widget)

    def dies(_task):
        monkeypatch.undo()
        raise SystemExit

    monkeypatch.setattr(thread, "_step", dies)
    page.click("age")
    with pytest.raises(Exception, match="SystemExit"):
        widget.wait(LONG)
    assert page.of("end")[-1]["code"] == "internal"
    assert widget.explain("style:gothic").done == 1
    assert "died" in caplog.text
