"""What goes wrong in a session, in the model, the request, the comm or a callback: said once, and the next job runs."""

from __future__ import annotations

import pytest
import torch

import saliency_widget as sw
from fake_pages import MANY, Desk
from saliency_widget.errors import BadImage, BadParameter, SaliencyError, UnknownMethod, UnknownTarget
from saliency_widget.runner.state import base_picture
from small_models import TwoHeads, keep, picture


class Failing(TwoHeads):
    """Raises what it is told to."""

    error = None

    def forward(self, images):
        if self.error is not None:
            raise self.error
        return super().forward(images)


def failing():
    model = sw.ImageModel(Failing(), preprocess=keep, device="cpu")
    model.discover(picture())
    return model


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ValueError("wrong shape"), "model_error", "ValueError.*wrong shape"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory", "smaller"),
        (MemoryError(), "model_error", "MemoryError"),
        (SystemExit(3), "internal", "SystemExit: 3"),
        (KeyboardInterrupt(), "internal", "KeyboardInterrupt"),
    ],
)
def test_whatever_a_model_raises_becomes_an_error_and_the_next_job_runs(error, code, words, caplog):
    model = failing()
    desk = Desk(model)
    desk.click("style:0", method="smoothgrad", params={"samples": 3, "noise": 0.1})
    desk.turn()
    Failing.error = error
    try:
        desk.run()
    finally:
        Failing.error = None
    (end,) = desk.port.of("end")
    assert (end["status"], end["code"]) == ("error", code)
    assert desk.port.state["status"] == {"state": "error", "code": code, "message": end["message"]}
    with pytest.raises(SaliencyError, match=words):
        desk.session.jobs.wait()
    assert "Traceback" in caplog.text
    desk.click("style:0")
    desk.run()
    assert desk.port.ends()[2] == "complete"
    assert desk.port.state["status"]["state"] == "idle"


def test_a_picture_that_the_model_cannot_take_is_shown_without_a_prediction_and_the_next_one_with_its_own():
    desk = Desk(failing())
    desk.click("style:0")
    desk.run()
    Failing.error = ValueError("too dark")
    try:
        desk.click("style:0", image=desk.pictures[1].id)
        desk.run()
    finally:
        Failing.error = None
    assert desk.port.state["status"]["state"] == "error"
    assert desk.port.state["predictions"] == {"image": desk.pictures[1].id, "heads": {}}
    assert desk.port.state["base"] == base_picture(desk.pictures[1])
    desk.click("style:0")
    desk.run()
    assert desk.port.state["base"] == base_picture(desk.pictures[0])
    assert desk.port.state["predictions"]["image"] == desk.pictures[0].id
    assert "style" in desk.port.state["predictions"]["heads"]


def test_a_failed_job_keeps_no_tensor_of_the_frames_it_failed_in():
    model = failing()
    desk = Desk(model)
    job = desk.click("style:0")
    Failing.error = ValueError("no")
    try:
        desk.run()
    finally:
        Failing.error = None
    error = job.error
    while error is not None:
        trace = error.__traceback__
        while trace is not None:
            held = [v for v in trace.tb_frame.f_locals.values() if isinstance(v, torch.Tensor)]
            assert held == []
            trace = trace.tb_next
        error = error.__cause__


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"targets": [{"head": "stile", "index": 0, "versus": None}]}, UnknownTarget),
        ({"targets": [{"head": "style", "index": 9, "versus": None}]}, UnknownTarget),
        ({"targets": [{"head": "stile", "index": None, "versus": None}]}, UnknownTarget),
        ({"method": "gradiant"}, UnknownMethod),
        ({"params": {"steps": 3}}, BadParameter),
        ({"method": "smoothgrad", "params": {"samples": 0}}, BadParameter),
        ({"score": "logits"}, BadParameter),
        ({"image": "nowhere"}, BadImage),
    ],
)
def test_a_request_that_does_not_fit_is_refused_and_the_running_job_goes_on(change, error):
    desk = Desk()
    desk.click(**MANY)
    desk.turn(3)
    choice = desk.session.choice
    with pytest.raises(error):
        desk.click(**change)
    assert desk.session.choice is choice
    desk.run()
    assert desk.port.ends() == {1: "complete"}


def test_a_comm_that_is_gone_stops_nothing(caplog):
    desk = Desk()
    desk.port.broken = True
    job = desk.click(**MANY)
    desk.run()
    assert job.explanations[0].done == 40
    assert "could not be told" in caplog.text


def test_a_callback_that_fails_is_logged_and_the_others_are_called(caplog):
    desk = Desk()
    called = []

    def fails(_explanation):
        raise SystemExit("no")

    desk.session.callbacks += [fails, called.append]
    desk.click()
    desk.run()
    assert [str(e.target) for e in called] == ["style:gothic"]
    assert "on_explanation failed" in caplog.text
    assert desk.port.ends() == {1: "complete"}
