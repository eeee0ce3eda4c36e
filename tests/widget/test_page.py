"""The widget as a page sees it: messages, traits, reloads, nonsense; all of it as JSON would carry it."""

from __future__ import annotations

import base64
import copy
import json
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import saliency_widget as sw
from fake_pages import FakePage
from saliency_widget.model import read_image
from small_models import keep, picture

LONG = 20.0


class ThreeHeads(nn.Module):
    """The heads of which the shared samples speak."""

    def forward(self, images):
        mean = images.mean((2, 3))
        return {"style": mean * 2, "perspective": mean[:, :2], "age": mean[:, :1]}


@pytest.fixture
def page(make):
    """A page of the widget of which the shared samples speak."""
    heads = {
        "style": ["gothic", "greek_roman", "neoclassical"],
        "perspective": ["outside", "inside"],
        "age": sw.Regression(unit="years"),
    }
    pictures = [read_image(picture(seed=seed)) for seed in (0, 1)]
    for made, name in zip(pictures, ("img-a1", "img-b2"), strict=True):
        made.__dict__["id"] = name
    widget = make(sw.ImageModel(ThreeHeads(), heads=heads, preprocess=keep, device="cpu"), pictures)
    widget.wait(LONG)
    return FakePage(widget, "p-7f3a", greet=False)


def finish(page):
    """Let all that runs end, the page acknowledging everything."""
    page.widget._session.jobs.wait(LONG)
    for job in page.widget._session.jobs.running():
        assert job.done.wait(LONG)
    page.ack()


def samples(root, kind):
    return json.loads((root / "tests/fixtures/protocol/request.json").read_text())[kind]


# -- requests ---------------------------------------------------------------------------------------------------------


def test_each_sample_of_a_good_request_is_answered_by_accepted_and_one_end(page, root):
    page.send("hello", page=page.name, visible=True, job=0)
    for sample in samples(root, "good"):
        before = len(page.messages)
        page.send_raw(copy.deepcopy(sample["message"]))
        lasting = sample["message"]["kind"] in {"live", "occlude"}
        if lasting:  # which goes on until somebody ends it
            page.send("cancel", job=page.of("accepted")[-1]["job"])
        finish(page)
        answers = [m for m in page.messages[before:] if m["type"] in {"accepted", "end"}]
        assert [m["type"] for m in answers] == ["accepted", "end"], (sample["about"], answers)
        assert answers[0]["req"] == answers[1]["req"] == sample["message"]["req"]
        # The samples of a file and of channels ask for a map that is not there.
        ends = {"live": "cancelled", "occlude": "cancelled", "file": "error", "channels": "error"}
        assert answers[1]["status"] == ends.get(sample["message"]["kind"], "complete")


def test_each_sample_of_a_bad_request_is_refused_with_its_code_and_nothing_changes(page, root):
    before = page.widget.target
    for sample in samples(root, "bad"):
        page.messages.clear()
        page.send_raw(copy.deepcopy(sample["message"]))
        if "req" not in sample["message"]:
            assert page.messages == []
            continue
        (end,) = page.messages
        assert (end["type"], end["job"], end["status"]) == ("end", None, "error"), sample["about"]
        assert end["code"] == sample["code"], sample["about"]
        assert end["req"] == sample["message"]["req"]
        assert end["message"]
    assert page.widget.target == before
    page.click("style:gothic")
    finish(page)
    assert page.ends()[page.widget._session.jobs.count] == "complete"


@pytest.mark.parametrize(
    "content",
    [
        None,
        7,
        [],
        "hello",
        {},
        {"v": 1},
        {"v": 1, "type": "paint"},
        {"id": "x", "kind": "anywidget-command", "name": "f"},
    ],
)
def test_what_is_no_message_is_logged_and_answered_by_nothing(page, content, caplog):
    page.send_raw(content)
    assert page.messages == []
    assert "refused" in caplog.text
    page.click("style:gothic")
    finish(page)
    assert page.of("end")[-1]["status"] == "complete"


def test_a_mistake_of_our_own_in_a_handler_is_an_end_too(page, monkeypatch, caplog):
    def broken(*_, **__):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(page.widget._session, "explain", broken)
    page.click("style:gothic")
    (end,) = page.of("end")
    assert (end["status"], end["code"]) == ("error", "internal")
    assert "Traceback" in caplog.text


def masks(root, kind):
    samples = json.loads((root / "tests/fixtures/protocol/paint.json").read_text())
    return [
        (copy.deepcopy(s["message"]), [base64.b64decode(s["buffer"])] if "buffer" in s else []) for s in samples[kind]
    ]


def begin_to_paint(page):
    page.send("hello", page=page.name, visible=True, job=0)
    page.send("request", req={"page": page.name, "n": 7}, kind="occlude", args={"image": "img-a1"})
    wait_for_scores(page, 1)


def wait_for_scores(page, count):
    end = time.monotonic() + LONG
    while len(page.of("scores")) < count and time.monotonic() < end:
        time.sleep(0.01)
    assert len(page.of("scores")) == count


def test_each_sample_of_a_mask_is_answered_by_the_scores_of_all_heads(page, root):
    begin_to_paint(page)
    for count, (message, data) in enumerate(masks(root, "good"), 2):
        page.send_raw(message, data)
        wait_for_scores(page, count)
        scores = page.of("scores")[-1]
        assert (scores["n"], scores["page"], scores["image"]) == (message["req"]["n"], page.name, "img-a1")
        assert set(scores["heads"]) == {"style", "perspective", "age"}
        assert (scores["kept"] is not None) == message["keep"]
    assert page.ends() == {}


def test_a_mask_that_does_not_fit_gets_one_clear_error_and_painting_goes_on(page, root):
    begin_to_paint(page)
    for message, data in masks(root, "bad"):
        page.messages.clear()
        page.send_raw(message, data)
        (end,) = page.messages
        assert (end["type"], end["job"], end["status"]) == ("end", None, "error")
        assert end["req"] == message["req"]
        assert end["code"] in {"bad_message", "bad_parameter"}
        assert "expected" in end["message"] or "no field" in end["message"] or "did you mean" in end["message"]
    page.messages.clear()
    page.send_raw(*masks(root, "good")[0])
    wait_for_scores(page, 1)


class NoTorch(TorchDispatchMode):
    """Any tensor operation on this thread is an error."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        raise AssertionError(f"{func} in a handler")


def test_no_handler_computes_anything(page):
    with NoTorch(), pytest.raises(AssertionError):
        torch.zeros(1)  # it would be seen
    with NoTorch():
        page.send("hello", page=page.name, visible=True, job=0)
        page.click("style:gothic", method="smoothgrad", params={"samples": 100})
        page.click("age", image=1)
        page.send("request", req={"page": page.name, "n": 9}, kind="predict", args={"image": "img-a1"})
        page.send("visible", page=page.name, on=False)
        page.send("visible", page=page.name, on=True)
        page.send("ack", page=page.name, seq=1)
        page.send("cancel", job=page.widget._session.jobs.count)
        page.send("bye", page=page.name)
        page.set(target="age", display={"opacity": 1})
    finish(page)


def test_a_frame_comes_with_its_numbers(page):
    page.send("hello", page=page.name, visible=True, job=0)
    page.click("style:gothic")
    finish(page)
    (frame,) = page.of("frame")
    (data,) = page.data[page.messages.index(frame)]
    drawn = np.frombuffer(data, "<i2").reshape(frame["shape"]) * frame["scales"][0]
    assert np.allclose(drawn, page.widget.explanation.heatmap(), atol=frame["scales"][0])


def test_a_map_of_nothing_but_zeros_and_a_contrast_of_equals_can_be_sent_as_json(page):
    page.send("hello", page=page.name, visible=True, job=0)
    contrast = [{"head": "style", "index": 0, "versus": 1}, {"head": "perspective", "index": 1, "versus": None}]
    page.click(method="smoothgrad", params={"samples": 1, "noise": 0}, targets=contrast)
    finish(page)
    assert page.of("end")[-1]["status"] == "complete"


# -- traits -----------------------------------------------------------------------------------------------------------


def test_all_that_a_job_changed_is_synced_in_one_message_after_its_end(page):
    page.send("hello", page=page.name, visible=True, job=0)
    page.updates.clear()
    page.click("age", method="input_x_gradient", seed=4, tolerance=0.05)
    finish(page)
    (state,) = page.updates
    assert set(state) == {"target", "method", "seed", "result", "result_data"}
    assert (state["target"], state["method"], state["seed"]) == ("age", "input_x_gradient", 4)
    assert state["result"]["names"] == ["age"]
    assert len(state["result_data"]) == 2 * 8 * 12


def test_a_page_that_sets_the_choice_runs_nothing_and_is_put_right(page, caplog):
    jobs = page.widget._session.jobs.count
    target, card = page.widget.target, page.widget.get_state("card")["card"]
    page.set(target="age", method="smoothgrad", card={}, _esm="alert(1)")
    assert page.widget.target == target
    assert page.widget._session.jobs.count == jobs
    assert page.echoes == []
    assert page.updates == [{"target": target, "method": "gradient", "card": card, "_esm": page.widget._esm}]
    assert "may not set" in caplog.text


def test_a_page_that_sends_back_what_the_kernel_has_is_left_alone(page, caplog):
    page.set(target=page.widget.target, seed=0)
    assert page.updates == []
    assert caplog.text == ""


def test_a_page_may_set_the_display_and_the_other_pages_hear_of_it(page):
    page.set(display={"opacity": 0.5, "colormap": "red-blue"})
    assert page.widget.display == {"opacity": 0.5, "colormap": "red-blue"}
    assert page.echoes == [{"display": {"opacity": 0.5, "colormap": "red-blue"}}]
    assert page.updates == []


def test_a_display_that_is_none_is_put_right(page):
    page.set(display={"opacity": 0.5})
    page.set(display="bright")
    assert page.widget.display == {"opacity": 0.5}
    assert page.updates == [{"display": {"opacity": 0.5}}]


def test_setting_the_display_asks_for_no_job(page):
    jobs = page.widget._session.jobs.count
    page.set(display={"opacity": 0.5})
    assert page.widget._session.jobs.count == jobs


def test_a_reloaded_page_finds_the_last_map_in_the_state(page):
    page.widget.explain("age")
    state = page.widget.get_state()
    assert state["result"]["names"] == ["age"]
    assert len(state["result_data"]) == 2 * 8 * 12
    assert state["target"] == "age"
    json.dumps({name: value for name, value in state.items() if not isinstance(value, bytes)}, allow_nan=False)


def test_without_a_page_the_state_is_synced_so_that_a_notebook_run_by_a_script_shows_it(page):
    page.widget.explain("age")
    assert page.updates[-1]["result"]["names"] == ["age"]


# -- pages ------------------------------------------------------------------------------------------------------------


def test_hello_is_answered_by_welcome_with_the_kernels_version(page):
    import ipykernel

    page.send("hello", page=page.name, visible=True, job=0)
    assert page.messages == [
        {"v": 1, "type": "welcome", "page": page.name, "job": 1, "running": False, "ipykernel": ipykernel.__version__}
    ]


def test_a_page_whose_greeting_was_lost_is_served_all_the_same(page):
    page.click("age")
    page.widget.wait(LONG)
    page.send("ack", page=page.name, seq=0)
    page.click("style:gothic")
    finish(page)
    assert page.of("frame")[-1]["final"]


def test_a_map_seen_before_is_not_sent_again(page):
    page.send("hello", page=page.name, visible=True, job=0)
    page.click("age")
    finish(page)
    key = page.of("frame")[-1]["key"]
    page.click("style:gothic")
    finish(page)
    page.click("age", have=key)
    finish(page)
    assert page.of("end")[-1]["status"] == "unchanged"
    assert page.widget.result["names"] == ["age"]
    assert page.updates[-1]["result"]["key"] == key
    assert str(page.widget.explanation.target) == "age"


# -- ipykernel --------------------------------------------------------------------------------------------------------


class Comm74:
    """As much of ipykernel 7.4's comm as decides where a page's message is handled."""

    comm_id = "c1"
    kernel = None

    def __init__(self):
        self.last = "main"

    def on_msg(self, callback):
        pass

    def close(self):
        pass

    def _reply_subshell_for(self, _data, _default):
        return self.last


def test_messages_go_to_the_shell_that_the_page_chose_whoever_published_last(widget):
    widget.comm = comm = Comm74()
    comm.last = "the main shell, which is busy"
    assert comm._reply_subshell_for({"content": {}}, "a subshell") == "a subshell"
    assert Comm74()._reply_subshell_for({}, "a subshell") == "main"  # nobody else's comm is touched


def test_a_comm_of_another_ipykernel_is_left_as_it_is(widget):
    class Comm73(Comm74):
        _reply_subshell_for = property()

    comm = Comm73()
    assert not hasattr(comm, "_reply_subshell_for")
    widget.comm = comm
    assert "_reply_subshell_for" not in vars(comm)
