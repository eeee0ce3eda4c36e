"""A session, its jobs and its pages, step by step on one thread: who gets what, in which order, and what is never lost."""

from __future__ import annotations

import gc
import threading
import weakref
from collections import Counter

import pytest
import torch
from torch import nn

import saliency_widget as sw
from fake_pages import Desk
from saliency_widget.errors import BadImage, BadParameter, SaliencyError, UnknownMethod, UnknownTarget
from saliency_widget.explain import explain
from saliency_widget.runner import Closed, Stopped
from saliency_widget.runner.flow import CREDIT, RESET
from saliency_widget.runner.state import base_jpeg
from small_models import TwoHeads, keep, picture

MANY = {"method": "smoothgrad", "params": {"samples": 40}}
"""Eleven steps: a chunk of one sample, then of four."""


def types(port, *, without=()):
    return [m["type"] for m in port.messages if m["type"] not in without]


# -- one job ----------------------------------------------------------------------------------------------------------


def test_a_request_is_accepted_before_anything_is_computed():
    desk = Desk()
    desk.click()
    assert types(desk.port) == ["welcome", "accepted"]
    assert desk.port.messages[1]["req"] == {"page": "p", "n": 1}
    desk.run()
    assert types(desk.port)[1:4] == ["accepted", "frame", "end"]


def test_accepted_says_what_was_understood_every_parameter_of_it():
    desk = Desk()
    desk.click(method="integrated_gradients", params={"steps": 3}, seed=7)
    (accepted,) = desk.port.of("accepted")
    assert accepted["args"] == {
        "image": desk.pictures[0].id,
        "targets": [{"head": "style", "index": 0, "versus": None}],
        "method": "integrated_gradients",
        "params": desk.session.choice.params,
        "score": "logit",
        "layer": None,
        "seed": 7,
    }


def test_the_map_sharpens_and_the_last_frame_says_that_it_is_the_last():
    desk = Desk()
    desk.click(**MANY)
    desk.run()
    done = [(f["done"], f["final"]) for f in desk.port.frames]
    assert done[:3] == [(1, False), (5, False), (9, False)]
    assert done[-1] == (40, True)
    assert [f["seq"] for f in desk.port.frames] == list(range(1, len(done) + 1))
    assert desk.port.ends() == {1: "complete"}


def test_what_is_streamed_ends_as_what_is_explained_in_one_go():
    desk = Desk()
    job = desk.click(**MANY)
    desk.run()
    alone = explain(desk.model, desk.pictures[0], "style:gothic", "smoothgrad", samples=40)
    assert (job.explanations[0].attribution == alone.attribution).all()


def test_without_a_page_no_frame_is_made_and_python_gets_its_explanation(monkeypatch):
    monkeypatch.setattr(
        "saliency_widget.runner.work.encode", counted := Counted("saliency_widget.runner.frames.encode")
    )
    desk = Desk(page=None)
    job = desk.session.ask(MANY)
    desk.run()
    assert counted.times == 1 + 2  # the last one for a reload, and its two siblings
    assert desk.port.frames == []
    assert desk.session.jobs.result(job)[0].done == 40


def test_a_frame_that_would_not_go_out_is_not_made(monkeypatch):
    monkeypatch.setattr(
        "saliency_widget.runner.work.encode", counted := Counted("saliency_widget.runner.frames.encode")
    )
    desk = Desk()
    desk.click(**MANY)
    desk.run(ack=False)
    assert counted.times == CREDIT + 1 + 2


class Counted:
    def __init__(self, name):
        module, _, function = name.rpartition(".")
        self.call = getattr(__import__(module, fromlist=[function]), function)
        self.times = 0

    def __call__(self, *args, **kwargs):
        self.times += 1
        return self.call(*args, **kwargs)


def test_the_prediction_of_a_new_picture_is_shown_before_its_map():
    desk = Desk()
    desk.click(image=desk.pictures[1].id, **MANY)
    desk.turn()
    assert desk.port.synced[-1]["predictions"]["image"] == desk.pictures[1].id
    assert desk.port.synced[-1]["image"] == 1
    assert desk.port.synced[-1]["base"][:3] == b"\xff\xd8\xff"
    assert desk.port.frames == []


def test_the_prediction_is_what_the_model_says_and_is_made_once():
    desk = Desk()
    desk.click()
    desk.run()
    said = desk.port.state["predictions"]["heads"]
    expected = desk.model.predict(desk.pictures[0])
    assert said["style"]["logits"] == pytest.approx(expected["style"].logits.tolist(), rel=1e-6)
    assert said["style"]["probabilities"] == pytest.approx(expected["style"].probabilities.tolist(), rel=1e-6)
    assert said["age"] == {"value": expected["age"].value}
    desk.model.predict = None  # it is not asked again for the same picture
    desk.click("age")
    desk.run()
    assert desk.port.ends() == {1: "complete", 2: "complete"}


def test_new_weights_make_a_new_prediction_and_a_new_card():
    desk = Desk()
    desk.click()
    desk.run()
    before = desk.port.state["predictions"], desk.session.revision
    with torch.no_grad():
        desk.model.module.style.weight.mul_(2)
    desk.click()
    desk.run()
    assert desk.port.state["predictions"] != before[0]
    assert desk.port.state["card"]["revision"] == desk.session.revision != before[1]


def test_no_target_is_the_top_class_of_the_first_head():
    desk = Desk()
    desk.click(None)
    assert desk.port.of("accepted")[0]["args"]["targets"] == []
    desk.run()
    top = desk.model.predict(desk.pictures[0])["style"].top
    assert desk.port.frames[-1]["names"] == [f"style:{top}"]
    assert desk.port.state["target"] == f"style:{top}"


def test_the_top_class_is_known_at_once_where_the_picture_was_predicted():
    desk = Desk()
    desk.click("age")
    desk.run()
    desk.session.ask({"target": "style"})
    assert desk.port.of("accepted")[-1]["args"]["targets"][0]["index"] is not None


def test_the_top_class_of_another_picture_is_not_taken_for_this_ones():
    desk = Desk()
    desk.click("age")
    desk.run()
    desk.session.ask({"target": "style", "image": 1})
    assert desk.port.of("accepted")[-1]["args"]["targets"] == []


def test_the_result_is_there_for_a_reload_with_all_that_it_is_of():
    desk = Desk()
    desk.click(**MANY)
    desk.run()
    result, final = desk.port.synced[-1]["result"], desk.port.frames[-1]
    assert {name: final[name] for name in result if name in final} == {
        name: result[name] for name in result if name in final
    }
    assert result["image"] == desk.pictures[0].id
    assert result["args"] == desk.port.of("accepted")[0]["args"]
    assert result["job"] == 1
    assert desk.port.synced[-1]["result_data"] == desk.port.data[desk.port.messages.index(final)]


def test_values_are_written_before_the_end_so_that_who_waits_for_it_finds_them():
    desk = Desk()
    desk.click()
    seen = []
    send = desk.port.send

    def spy(kind, fields, data=None):
        if kind == "end":
            seen.append(desk.port.state.get("result", {}))
        send(kind, fields, data)

    desk.port.send = spy
    desk.run()
    assert seen[0].get("job") == 1


# -- many jobs --------------------------------------------------------------------------------------------------------


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


# -- stopping ---------------------------------------------------------------------------------------------------------


class Probe(nn.Module):
    """A layer that notes that it was reached, and then does what the test wants; all copies of a model share it."""

    def __init__(self, name, reached):
        super().__init__()
        self.name, self.reached, self.then = name, reached, None

    def __deepcopy__(self, memo):
        return self

    def forward(self, images):
        self.reached.append(self.name)
        if self.then is not None:
            self.then()
        return images * 1


class Probed(nn.Module):
    """Three layers that note that they were reached."""

    def __init__(self):
        super().__init__()
        self.reached = []
        self.layers = nn.Sequential(*(Probe(name, self.reached) for name in "abc"))

    def forward(self, images):
        return self.layers(images).mean((2, 3))


@pytest.fixture
def probed():
    """A desk with a model whose layers note that they were reached, and those layers."""
    module = Probed()
    model = sw.ImageModel(module, preprocess=keep, device="cpu")
    model.discover(picture())
    module.reached.clear()
    return Desk(model), module


def test_cancel_ends_a_running_job_at_the_next_layer(probed):
    desk, module = probed
    desk.click("head0:0", **MANY)
    desk.turn(3)
    module.reached.clear()
    desk.session.cancel(1)
    desk.turn()
    assert desk.port.ends() == {1: "cancelled"}
    assert module.reached == []


@pytest.mark.parametrize("turns", [3, 0], ids=["a map", "a prediction"])
def test_cancel_from_inside_the_network_stops_there(probed, turns):
    desk, module = probed
    desk.click("head0:0", **MANY)
    desk.turn(turns)
    module.reached.clear()
    module.layers[1].then = lambda: desk.session.cancel(1)
    desk.turn()
    assert module.reached == ["a", "b"]
    assert desk.port.ends() == {1: "cancelled"}


def test_a_model_that_fails_because_it_was_stopped_counts_as_stopped(probed):
    desk, module = probed
    desk.click("head0:0", **MANY)
    desk.turn(3)

    def fails():
        desk.session.cancel(1)
        raise ValueError("half a picture")

    module.layers[1].then = fails
    desk.turn()
    assert desk.port.ends() == {1: "cancelled"}
    assert desk.port.state["status"]["state"] == "idle"


def test_stopping_is_no_failure_so_nothing_is_logged(caplog):
    caplog.set_level("DEBUG", logger="saliency_widget")
    desk = Desk()
    desk.click(**MANY)
    desk.turn(3)
    desk.session.cancel(1)
    desk.run()
    assert caplog.text == ""


def test_what_is_shown_of_a_picture_is_always_of_the_current_one(probed):
    desk, module = probed
    asked = []

    def switch():
        if not asked:
            asked.append(desk.session.predict({"page": "p", "n": 9}, image=desk.pictures[1].id))

    module.layers[1].then = switch  # while the other picture is being predicted
    desk.click("head0:0")
    desk.run()
    desk.session.ask({"image": 0})
    desk.run()
    assert len(desk.port.synced) >= 2
    for synced in desk.port.synced:
        if "predictions" in synced:
            assert synced["predictions"]["image"] == desk.pictures[synced["image"]].id


def test_cancel_ends_a_job_that_has_not_begun_at_once():
    desk = Desk()
    desk.click()
    desk.session.cancel(1)
    assert desk.port.ends() == {1: "cancelled"}
    assert not desk.turn()


def test_cancelling_what_has_ended_or_never_was_does_nothing():
    desk = Desk()
    desk.click()
    desk.run()
    before = len(desk.port.messages)
    desk.session.cancel(1)
    desk.session.cancel(77)
    assert len(desk.port.messages) == before


def test_a_cancelled_job_says_idle_and_leaves_the_last_result():
    desk = Desk()
    desk.click()
    desk.run()
    desk.click(**MANY)
    desk.turn(3)
    desk.session.cancel(2)
    desk.run()
    assert desk.port.state["status"]["state"] == "idle"
    assert desk.port.state["result"]["job"] == 1


def test_closing_ends_what_runs_and_what_waits_once_and_sends_nothing_more():
    desk = Desk()
    desk.click(**MANY)
    desk.turn(3)
    desk.session.predict({"page": "p", "n": 5}, image=desk.pictures[1].id)
    desk.session.close()
    assert desk.port.ends() == {1: "error", 2: "error"}
    assert {m["code"] for m in desk.port.of("end")} == {"closed"}
    before = len(desk.port.messages)
    desk.run()
    desk.session.close()
    desk.session.hello("q", visible=True)
    assert len(desk.port.messages) == before
    with pytest.raises(Closed, match="closed"):
        desk.click()


def test_closing_sends_the_end_that_waited_for_a_page_and_calls_its_alarm_off():
    desk = Desk()
    desk.click(**MANY)
    desk.run(ack=False)
    assert desk.port.ends() == {}
    assert desk.alarm.set
    desk.session.close()
    assert desk.port.ends() == {1: "complete"}
    assert desk.alarm.set == []


def test_a_job_whose_thread_dies_under_it_ends_with_an_error():
    desk = Desk()
    job = desk.click(**MANY)
    desk.turn(3)
    job.task.fail(SystemExit())
    assert desk.port.ends() == {1: "error"}
    assert job.done.is_set()
    desk.run()
    assert len(desk.port.of("end")) == 1


# -- what goes wrong --------------------------------------------------------------------------------------------------


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
    desk.click("style:0")
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
    assert desk.port.state["base"] == base_jpeg(desk.pictures[1])
    desk.click("style:0")
    desk.run()
    assert desk.port.state["base"] == base_jpeg(desk.pictures[0])
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


# -- maps that are known ----------------------------------------------------------------------------------------------


def test_a_map_that_the_page_has_is_not_computed_again():
    desk = Desk()
    desk.click(**MANY)
    desk.run()
    key = desk.port.frames[-1]["key"]
    desk.click("age")
    desk.run()
    frames = len(desk.port.frames)
    desk.click(**MANY, have=key)
    desk.run()
    assert desk.port.ends()[3] == "unchanged"
    assert len(desk.port.frames) == frames
    assert desk.port.state["result"]["key"] == key
    assert str(desk.session.explanations[0].target) == "style:gothic"


def test_a_map_of_other_weights_is_computed_again():
    desk = Desk()
    desk.click()
    desk.run()
    key = desk.port.frames[-1]["key"]
    with torch.no_grad():
        desk.model.module.style.weight.mul_(2)
    desk.click(have=key)
    desk.run()
    assert desk.port.ends()[2] == "complete"
    assert desk.port.frames[-1]["key"] != key


def test_a_map_that_only_the_page_still_has_is_computed_again():
    desk = Desk()
    desk.click()
    desk.run()
    key = desk.port.frames[-1]["key"]
    desk.session._shelf._maps.clear()
    desk.click(have=key)
    desk.run()
    assert desk.port.ends()[2] == "complete"


def test_siblings_follow_the_end_once_all_is_quiet_and_are_known_afterwards():
    desk = Desk()
    desk.click(**MANY)
    desk.run()
    kinds = types(desk.port)
    assert kinds[-3:] == ["end", "cache", "cache"]
    square = next(m for m in desk.port.of("cache") if m["method"] == "smoothgrad_squared")
    assert square["args"]["method"] == "smoothgrad_squared"
    assert square["final"]
    desk.click(method="smoothgrad_squared", params={"samples": 40}, have=square["key"])
    desk.run()
    assert desk.port.ends()[2] == "unchanged"
    alone = explain(desk.model, desk.pictures[0], "style:gothic", "smoothgrad_squared", samples=40)
    assert (desk.session.explanations[0].attribution == alone.attribution).all()


def test_siblings_are_not_sent_to_a_page_that_has_not_kept_up():
    desk = Desk()
    desk.click(**MANY)
    desk.run(ack=False)
    assert desk.port.of("cache") == []
    desk.click("age")
    desk.run()
    assert desk.port.of("cache") == []


# -- pages ------------------------------------------------------------------------------------------------------------


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


# -- waiting ----------------------------------------------------------------------------------------------------------


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
