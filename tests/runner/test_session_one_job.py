"""One job of a session, step by step on one thread: accepted, predicted, sharpened, ended, kept for a reload."""

from __future__ import annotations

import pytest
import torch

from fake_pages import MANY, Desk
from saliency_widget.explain import explain
from saliency_widget.runner.flow import CREDIT


def test_a_request_is_accepted_before_anything_is_computed():
    desk = Desk()
    desk.click()
    assert desk.port.types == ["welcome", "accepted"]
    assert desk.port.messages[1]["req"] == {"page": "p", "n": 1}
    desk.run()
    assert desk.port.types[1:4] == ["accepted", "frame", "end"]


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
        "tolerance": None,
    }


def test_the_map_sharpens_and_the_last_frame_says_that_it_is_the_last():
    desk = Desk()
    desk.click(**MANY)
    desk.run()
    done = [(f["done"], f["final"]) for f in desk.port.frames]
    assert done[:3] == [(1, False), (9, False), (17, False)]
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
    counted = Counted("saliency_widget.runner.frames.encode")
    for module in ("work", "siblings"):
        monkeypatch.setattr(f"saliency_widget.runner.{module}.encode", counted)
    desk = Desk(page=None)
    job = desk.session.ask(MANY)
    desk.run()
    assert counted.times == 1 + 2  # the last one for a reload, and its two siblings
    assert desk.port.frames == []
    assert desk.session.jobs.result(job)[0].done == 40


def test_a_frame_that_would_not_go_out_is_not_made(monkeypatch):
    counted = Counted("saliency_widget.runner.frames.encode")
    for module in ("work", "siblings"):
        monkeypatch.setattr(f"saliency_widget.runner.{module}.encode", counted)
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
    assert desk.port.synced[-1]["base"][:4] == b"RIFF"
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
