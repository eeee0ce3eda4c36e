"""The widget as Python asks it: what was understood reads back at once, and what does not fit changes nothing."""

from __future__ import annotations

import pytest
import traitlets

import saliency_widget as sw
from gates import LONG
from saliency_widget.errors import BadImage, BadParameter, UnknownMethod, UnknownTarget
from small_models import picture


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
    top = widget._session.models[""].predict(picture(seed=0))["style"].top
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
def test_what_does_not_fit_raises_and_leaves_all_as_it_was(widget, synced, name, value, error):
    before = {each: getattr(widget, each) for each in synced}
    count = widget._session.jobs.count
    with pytest.raises(error):
        setattr(widget, name, value)
    assert {each: getattr(widget, each) for each in synced} == before
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
