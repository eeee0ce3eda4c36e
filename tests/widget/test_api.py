"""The widget as Python sees it: made, asked, waited for, closed."""

from __future__ import annotations

import io
import threading

import ipywidgets
import numpy as np
import pytest
import torch
import traitlets
from PIL import Image
from torch import nn

import saliency_widget as sw
from fake_pages import FakePage
from saliency_widget import wire
from saliency_widget.errors import BadImage, BadParameter, ModelError, SaliencyError, UnknownMethod, UnknownTarget
from saliency_widget.runner import Closed, Stopped
from saliency_widget.runner.thread import on_compute_thread
from small_models import TwoHeads, keep, picture, two_heads

LONG = 20.0

SYNCED = {
    *("card", "images", "base", "image", "target", "method", "params", "score", "layer", "seed"),
    *("predictions", "result", "result_data", "status", "display"),
}


# -- made -------------------------------------------------------------------------------------------------------------


def test_what_is_synced_is_exactly_what_the_protocol_says(widget):
    hosts = set(ipywidgets.DOMWidget().keys) | {"_esm", "_css", "_anywidget_id"}
    assert set(widget.keys) - hosts == SYNCED
    assert SYNCED - {"display"} == wire.KERNELS


def test_a_new_widget_has_all_that_a_page_needs_to_begin(make):
    widget = make(images=[picture(30, 20), picture(8, 8, seed=1)], labels=["a church", None])
    assert [head["name"] for head in widget.card["heads"]] == ["style", "age"]
    assert widget.card["revision"] == widget._session.model.revision()
    assert "smoothgrad" in [method["name"] for method in widget.card["methods"]]
    assert [(i["label"], i["width"], i["height"]) for i in widget.images] == [("a church", 30, 20), ("", 8, 8)]
    assert widget.images[0]["box"] == pytest.approx([0, 0, 30, 20], abs=0.1)
    assert widget.base[:3] == b"\xff\xd8\xff"
    assert widget.display == {}


def test_what_was_done_to_read_a_picture_is_told_to_the_page(make):
    widget = make(images=[picture(8, 8), np.zeros((8, 8), dtype=np.uint16)])
    assert [image["notes"] for image in widget.images] == [[], ["16-bit values scaled to 8 bits"]]


def test_a_large_picture_is_shown_smaller(make):
    widget = make(images=picture(1200, 600))
    assert Image.open(io.BytesIO(widget.base)).size == (1024, 512)
    assert (widget.images[0]["width"], widget.images[0]["height"]) == (1200, 600)


def test_the_first_job_starts_by_itself(make):
    widget = make(target="age", method="smoothgrad", params={"samples": 3}, seed=5)
    widget.wait(LONG)
    e = widget.explanation
    assert (str(e.target), e.method, e.params["samples"], e.seed) == ("age", "smoothgrad", 3, 5)
    assert widget.status["state"] == "idle"


def test_a_raw_module_will_do(make):
    class Net(nn.Module):
        def forward(self, images):
            return images.mean((2, 3))

    widget = make(Net())
    widget.wait(LONG)
    assert widget.explanation.target.head == "head0"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"target": "style:gotic"}, UnknownTarget, "did you mean 'gothic'"),
        ({"method": "gradiant"}, UnknownMethod, "did you mean 'gradient'"),
        ({"params": {"steps": 1}}, BadParameter, "no parameter 'steps'"),
        ({"score": "loggit"}, BadParameter, "did you mean 'logit'"),
        ({"images": b"nonsense"}, BadImage, "no image that Pillow can read"),
        ({"images": [b""]}, BadImage, "empty"),
        ({"model": 7}, ModelError, "given as int"),
        ({"labels": ["a"]}, BadParameter, "labels"),
    ],
)
def test_what_is_wrong_appears_where_the_widget_is_made_and_leaves_nothing_behind(make, arguments, error, words):
    before = len(ipywidgets.widgets.widget._instances)
    with pytest.raises(error, match=words):
        make(**arguments)
    assert len(ipywidgets.widgets.widget._instances) == before


def test_a_page_that_was_never_built_is_one_clear_error(make, tmp_path):
    (tmp_path / "widget.css").unlink()
    with pytest.raises(FileNotFoundError, match="make build"):
        make()


def test_the_page_is_read_anew_for_each_widget(make, tmp_path):
    (tmp_path / "widget.js").write_text("first")
    assert make()._esm == "first"
    (tmp_path / "widget.js").write_text("second")
    assert make()._esm == "second"


# -- asked ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("target", "age", "age"),
        ("target", ("style", 2), "style:greek_roman"),
        ("target", sw.Target("style", "gothic", versus="neoclassical"), "style:gothic versus neoclassical"),
        ("method", "input_x_gradient", "input_x_gradient"),
        ("score", "probability", "probability"),
        ("seed", 9, 9),
        ("image", 1, 1),
    ],
)
def test_assigning_starts_a_job_and_reads_back_at_once(widget, name, value, read):
    setattr(widget, name, value)
    assert getattr(widget, name) == read
    before = widget.explanation
    widget.wait(LONG)
    assert widget.explanation is not before


def test_a_head_means_its_top_class(widget):
    widget.target = "style"
    top = widget._session.model.predict(picture(seed=0))["style"].top
    assert widget.target == f"style:{top}"
    widget.target = None
    assert widget.target == f"style:{top}"


def test_assigning_parameters_fills_in_the_rest(widget):
    widget.method = "smoothgrad"
    widget.params = {"samples": 2}
    assert widget.params == {"samples": 2, "noise": 0.15}
    widget.wait(LONG)
    assert widget.explanation.total == 2


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("target", "style:gotic", UnknownTarget),
        ("method", "gradiant", UnknownMethod),
        ("params", {"steps": 1}, BadParameter),
        ("score", "loggit", BadParameter),
        ("seed", "1", BadParameter),
        ("image", 2, BadImage),
    ],
)
def test_what_does_not_fit_raises_and_leaves_all_as_it_was(widget, name, value, error):
    before = {each: getattr(widget, each) for each in SYNCED}
    count = widget._session.jobs.count
    with pytest.raises(error):
        setattr(widget, name, value)
    assert {each: getattr(widget, each) for each in SYNCED} == before
    assert widget._session.jobs.count == count


@pytest.mark.parametrize("name", ["card", "images", "base", "predictions", "result", "result_data", "status"])
def test_what_the_kernel_finds_out_cannot_be_assigned(widget, name):
    with pytest.raises(traitlets.TraitError, match="read-only"):
        setattr(widget, name, getattr(widget, name))


def test_another_picture_brings_its_prediction_and_its_pixels(widget):
    first = widget.base, widget.predictions
    widget.image = 1
    widget.wait(LONG)
    assert widget.predictions["image"] == widget.images[1]["id"] != first[1]["image"]
    assert widget.base != first[0]


def test_explain_changes_several_things_at_once_and_returns_what_came_out(widget):
    e = widget.explain("age", method="smoothgrad", params={"samples": 4}, image=1, seed=2)
    assert (str(e.target), e.method, e.total, e.seed) == ("age", "smoothgrad", 4, 2)
    assert e.picture.id == widget.images[1]["id"]
    assert e is widget.explanation
    assert (widget.target, widget.method, widget.image, widget.seed) == ("age", "smoothgrad", 1, 2)


def test_explain_of_a_list_gives_a_list(widget):
    both = widget.explain(["style:gothic", "age"])
    assert [str(e.target) for e in both] == ["style:gothic", "age"]
    assert widget.explanation is both[0]
    assert [str(e.target) for e in widget.explain(["age"])] == ["age"]


def test_explain_keeps_what_is_not_named(widget):
    widget.explain("style:gothic", method="smoothgrad", params={"samples": 3})
    e = widget.explain("age")
    assert (e.method, e.params["samples"]) == ("smoothgrad", 3)


def test_explain_need_not_wait(widget):
    assert widget.explain("age", wait=False) is None
    widget.wait(LONG)
    assert str(widget.explanation.target) == "age"


def test_an_interrupt_while_explain_waits_cancels_the_job(widget, monkeypatch):
    cancelled = []

    def interrupted(_job):
        raise KeyboardInterrupt

    monkeypatch.setattr(widget._session.jobs, "result", interrupted)
    monkeypatch.setattr(widget._session, "cancel", cancelled.append)
    with pytest.raises(KeyboardInterrupt):
        widget.explain("age")
    assert cancelled == [widget._session.jobs.count]


# -- waited for -------------------------------------------------------------------------------------------------------


class Gated(TwoHeads):
    """Waits inside its forward until the test lets it go on."""

    def __init__(self):
        super().__init__()
        self.gate = Gate()

    def forward(self, images):
        self.gate.pass_through()
        return super().forward(images)


class Gate(nn.Module):
    """Open until it is shut; a copy of a model shares it."""

    def __init__(self):
        super().__init__()
        self.open, self.reached = threading.Event(), threading.Event()
        self.open.set()
        self.error = None

    def __deepcopy__(self, memo):
        return self

    def pass_through(self):
        self.reached.set()
        if not self.open.wait(LONG):
            raise TimeoutError
        if self.error is not None:
            raise self.error


@pytest.fixture
def gated(make):
    module = Gated()
    model = sw.ImageModel(module, preprocess=keep, device="cpu")
    widget = make(model)
    widget.wait(LONG)
    widget.gate = module.gate
    module.gate.reached.clear()
    yield widget
    module.gate.open.set()


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


# -- observed ---------------------------------------------------------------------------------------------------------


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


# -- closed -----------------------------------------------------------------------------------------------------------


def test_a_closed_widget_refuses_work_and_keeps_its_last_explanation(widget):
    last = widget.explanation
    widget.close()
    widget.close()
    assert widget.explanation is last
    assert widget.wait() is None
    for ask in (
        lambda: setattr(widget, "target", "age"),
        lambda: widget.explain("age"),
        lambda: widget.on_explanation(print),
    ):
        with pytest.raises(Closed, match="closed"):
            ask()
    assert "SaliencyWidget(" in repr(widget)


def test_closing_ends_the_running_job_for_the_page(gated):
    page = FakePage(gated)
    gated.gate.open.clear()
    page.click("style:0")
    assert gated.gate.reached.wait(LONG)
    gated.close()
    (end,) = page.of("end")
    assert (end["status"], end["code"]) == ("error", "closed")


def test_where_no_widget_can_be_shown_the_text_says_what_it_is(widget):
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == f"SaliencyWidget(TwoHeads, target='{widget.target}', method='gradient')"
    assert "application/vnd.jupyter.widget-view+json" in data


def test_the_users_model_is_what_it_was(make):
    model = two_heads()
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    widget = make(model, method="smoothgrad", params={"samples": 8})
    widget.wait(LONG)
    widget.explain("age")
    widget.close()
    assert all(torch.equal(before[name], value) for name, value in model.module.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.module.parameters())
    assert model.module.training
