"""The widget as Python waits for it: in time, with what the job died of, and told when it was overtaken or closed."""

from __future__ import annotations

import threading

import pytest

from fake_pages import FakePage
from gates import LONG
from saliency_widget.errors import ModelError, SaliencyError
from saliency_widget.runner import Closed, Stopped


def test_wait_gives_up_in_time_and_can_be_called_again(gated):
    gated.gate.open.clear()
    gated.target = "age"
    with pytest.raises(TimeoutError):
        gated.wait(0.01)
    gated.gate.open.set()
    gated.wait(LONG)
    assert str(gated.explanation.target) == "age"


def test_wait_raises_what_the_job_died_of_and_the_widget_goes_on(gated, caplog):
    gated.gate.error = ValueError("a shape")
    gated.target = "age"
    with pytest.raises(ModelError, match=r"ValueError.*a shape"):
        gated.wait(LONG)
    assert gated.status == {"state": "error", "code": "model_error", "message": str(gated._session.jobs.newest.error)}
    assert "a shape" in caplog.text
    gated.gate.error = None
    gated.explain("style:0")
    assert gated.status["state"] == "idle"


def test_explain_says_that_a_click_overtook_it(gated):
    gated.gate.open.clear()
    page = FakePage(gated)
    raised = []

    def wait():
        try:
            gated.explain("age")
        except SaliencyError as error:
            raised.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert gated.gate.reached.wait(LONG)
    page.click("style:0")
    gated.gate.open.set()
    waiter.join(LONG)
    assert [type(e) for e in raised] == [Stopped]
    assert "superseded" in str(raised[0])


def test_wait_ends_when_another_thread_closes_the_widget(gated):
    gated.gate.open.clear()
    gated.target = "age"
    raised = []

    def wait():
        try:
            gated.wait(LONG)
        except SaliencyError as error:
            raised.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert gated.gate.reached.wait(LONG)
    gated.close()
    waiter.join(LONG)
    assert not waiter.is_alive()
    assert [type(e) for e in raised] in ([Closed], [])
