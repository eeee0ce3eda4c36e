"""Parts of the page that its reader may not change, or not see yet: said in one trait, kept by the kernel, never by Python."""

from __future__ import annotations

import io
import time

import pytest
from PIL import Image

import saliency_widget as sw
from fake_pages import FakePage
from gates import LONG
from saliency_widget.errors import BadParameter
from small_models import picture, two_heads

ARGS = {"method": "gradient", "params": {}, "score": "logit", "layer": None, "seed": 0, "tolerance": None}
PARTS = ("image", "model", "target", "method", "display", "predictions", "truth")


@pytest.fixture
def quiz(make):
    """A widget of two pictures whose target was named, with its first map."""
    made = make(two_heads(), [picture(seed=0), picture(seed=1)], target="style:gothic", tolerance=None)
    made.wait(LONG)
    return made


def ask(page, kind="explain", **args):
    """Ask as a page does, and return how it ended."""
    page.requests += 1
    req = {"page": page.name, "n": page.requests}
    page.send("request", req=req, kind=kind, args=args)
    return answer(page, req)


def answer(page, req):
    deadline = time.monotonic() + LONG
    while not (ends := [m for m in page.of("end") if m["req"] == req]):
        assert time.monotonic() < deadline, "no answer"
        time.sleep(0.005)
    return ends[0]


def chosen(widget, **other):
    """The arguments of a click that changes nothing but what is named."""
    name, cls = widget.target.split(":")
    index = next(h["classes"].index(cls) for h in widget.card["heads"] if h["name"] == name)
    target = {"head": name, "index": index, "versus": None}
    return {"image": widget.images[0]["id"], "targets": [target], **ARGS, "have": None, **other}


def choice_of(widget):
    return {name: getattr(widget, name) for name in ("image", "target", "method", "params", "score", "seed", "layer")}


def test_nothing_is_locked_at_first(widget):
    assert widget.locked == {"parts": [], "reveal": []}


def test_locked_parts_are_named_in_one_order_and_only_hidden_ones_can_be_revealed(widget):
    widget.lock("truth", "method")
    assert widget.locked == {"parts": ["method", "truth"], "reveal": ["truth"]}
    widget.lock("predictions", reveal=False)
    assert widget.locked == {"parts": ["method", "predictions", "truth"], "reveal": ["truth"]}


def test_locking_once_more_without_a_button_takes_the_button_away(widget):
    widget.lock("truth")
    widget.lock("truth", reveal=False)
    assert widget.locked == {"parts": ["truth"], "reveal": []}


def test_one_part_is_unlocked_or_all(widget):
    widget.lock(*PARTS)
    widget.unlock("truth", "image")
    assert widget.locked["parts"] == ["model", "target", "method", "display", "predictions"]
    widget.unlock()
    assert widget.locked == {"parts": [], "reveal": []}


@pytest.mark.parametrize("call", ["lock", "unlock"])
def test_an_unknown_part_is_one_error_that_lists_the_known_ones(widget, call):
    with pytest.raises(BadParameter, match=r"'methods'.*did you mean 'method'.*image, model, target") as error:
        getattr(widget, call)("methods")
    assert all(part in str(error.value) for part in PARTS)
    assert widget.locked["parts"] == []


def test_locking_nothing_says_what_can_be_locked(widget):
    with pytest.raises(BadParameter, match="nothing was named") as error:
        widget.lock()
    assert all(part in str(error.value) for part in PARTS)


def test_reveal_is_true_or_false(widget):
    with pytest.raises(BadParameter, match="reveal was given as 'later'"):
        widget.lock("truth", reveal="later")


def test_the_trait_is_not_written_by_hand_and_travels_with_the_saved_state(widget):
    widget.lock("method")
    with pytest.raises(Exception, match="read-only"):
        widget.locked = {}
    assert widget.get_state()["locked"] == {"parts": ["method"], "reveal": []}


def test_a_page_hears_of_a_lock_at_once_and_cannot_lift_it(quiz):
    page = FakePage(quiz)
    quiz.lock("method")
    page.set(locked={"parts": [], "reveal": []})
    assert quiz.locked["parts"] == ["method"]
    assert ask(page, **chosen(quiz, method="smoothgrad"))["code"] == "locked"


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("method", {"method": "input_x_gradient"}),
        ("method", {"score": "probability"}),
        ("method", {"seed": 3}),
        ("method", {"tolerance": 0.1}),
        ("target", {"targets": [{"head": "style", "index": 1, "versus": None}]}),
        ("target", {"targets": [{"head": "style", "index": 0, "versus": 1}]}),
        ("target", {"targets": [{"head": "age", "index": None, "versus": None}]}),
    ],
)
def test_a_request_that_changes_a_locked_part_is_refused_in_one_sentence_and_changes_nothing(quiz, part, other):
    page = FakePage(quiz)
    before = choice_of(quiz)
    quiz.lock(part)
    end = ask(page, **chosen(quiz, **other))
    assert (end["job"], end["status"], end["code"]) == (None, "error", "locked")
    assert end["message"].startswith(f"the {part} of this widget is locked")
    assert choice_of(quiz) == before


@pytest.mark.parametrize("kind", ["explain", "predict"])
def test_another_picture_is_refused_while_the_image_is_locked(quiz, kind):
    page = FakePage(quiz)
    quiz.lock("image")
    other = quiz.images[1]["id"]
    end = ask(page, kind, **(chosen(quiz, image=other) if kind == "explain" else {"image": other}))
    assert end["code"] == "locked"
    assert quiz.image == 0


def test_pictures_of_the_reader_are_refused_while_the_image_is_locked(quiz):
    page = FakePage(quiz)
    quiz.lock("image")
    file = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(file, "PNG")
    req = {"page": page.name, "n": 91}
    page.send_raw({"v": 1, "type": "image", "req": req, "name": "mine.png"}, [file.getvalue()])
    assert answer(page, req)["code"] == "locked"
    args = chosen(quiz)
    del args["have"]
    assert ask(page, "live", **args)["code"] == "locked"
    assert ask(page, "cut", image=quiz.images[0]["id"], box=[0, 0, 5, 5])["code"] == "locked"
    assert len(quiz.images) == 2


def test_many_maps_side_by_side_do_not_get_around_a_lock(quiz):
    page = FakePage(quiz)
    quiz.lock("method")
    cell = chosen(quiz)
    del cell["have"]
    assert ask(page, "grid", cells=[cell, {**cell, "method": "input_x_gradient"}])["code"] == "locked"
    assert ask(page, "grid", cells=[cell])["status"] == "complete"


def test_what_is_not_locked_can_be_chosen(quiz):
    page = FakePage(quiz)
    quiz.lock("method", "image", "model", "display", "predictions", "truth")
    end = ask(page, **chosen(quiz, targets=[{"head": "style", "index": 2, "versus": None}]))
    assert end["status"] == "complete"
    assert quiz.target == "style:greek_roman"


def test_python_is_never_locked(quiz):
    quiz.lock(*PARTS)
    quiz.method = "input_x_gradient"
    quiz.explain("style:greek_roman", image=1)
    assert (quiz.method, quiz.target, quiz.image) == ("input_x_gradient", "style:greek_roman", 1)


def test_after_unlocking_the_page_may_choose_again(quiz):
    page = FakePage(quiz)
    quiz.lock("method")
    quiz.unlock("method")
    assert ask(page, **chosen(quiz, method="input_x_gradient"))["status"] == "complete"
    assert quiz.method == "input_x_gradient"


def test_another_model_may_be_chosen_under_a_locked_method_and_not_under_a_locked_model(make):
    widget = make({"a": two_heads(), "b": two_heads()}, target="style:gothic", tolerance=None)
    widget.wait(LONG)
    page = FakePage(widget)
    widget.lock("method")
    assert ask(page, **chosen(widget, model="b"))["status"] == "complete"
    widget.lock("model")
    assert ask(page, **chosen(widget, model="a"))["code"] == "locked"
    assert widget.model == "b"


def test_the_display_of_a_page_is_put_back_while_it_is_locked(quiz):
    page = FakePage(quiz)
    page.set(display={"opacity": 0.5})
    assert quiz.display == {"opacity": 0.5}
    quiz.lock("display")
    page.set(display={"opacity": 0.1})
    assert quiz.display == {"opacity": 0.5}


def test_the_text_of_a_notebook_without_widgets_does_not_give_the_predictions_away(quiz):
    assert "%" in quiz._repr_mimebundle_()[0]["text/plain"]
    quiz.lock("predictions")
    assert "%" not in quiz._repr_mimebundle_()[0]["text/plain"]


def test_a_closed_widget_cannot_be_locked(quiz):
    quiz.close()
    with pytest.raises(sw.SaliencyError, match="closed"):
        quiz.lock("method")
