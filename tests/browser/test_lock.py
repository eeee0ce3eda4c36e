"""Quizzes in a real JupyterLab: what is locked stays, whatever a reader tries; what is hidden is not there until it is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from browser.page import NotebookPage
from browser.view import View

Notebook = Callable[..., NotebookPage]

QUIZ = """
w = sw.SaliencyWidget(model, scenes, target='style:gothic', idle=False)
w.lock({parts})
w
"""
CHOICE = "[w.method, w.target, w.image, w.score, w.params]"
# All that is written anywhere on the view, seen or not, and all that a screen reader is told.
EVERYTHING = """(root) => [...root.querySelectorAll(":not(style)")].flatMap((one) => [
  ...["aria-label", "aria-description", "aria-valuetext", "title"].map((name) => one.getAttribute(name) ?? ""),
  ...[...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent),
]).join("\\n")"""
SENTENCE = "the method of this widget is locked, so the page cannot change it; w.unlock('method') in Python frees it"
TARGET = {"head": "style", "index": 0, "versus": None}


def quiz(bench: Notebook, parts: str, **size: int) -> tuple[NotebookPage, View]:
    """Give a locked view with a finished map."""
    page = bench([QUIZ.format(parts=parts)], **size)
    view = View(page)
    view.wait_map("style:gothic")
    return page, view


def numbers(view: View) -> list[str]:
    """What stands beside the classes and can be seen."""
    shown: list[str] = view.root.locator(".sw-option-number").evaluate_all(
        "(all) => all.filter((one) => getComputedStyle(one).visibility === 'visible').map((one) => one.textContent)"
    )
    return shown


@pytest.mark.browser
def test_a_locked_method_and_target_cannot_be_changed_by_click_or_key(bench: Notebook) -> None:
    page, view = quiz(bench, "'method', 'target'")
    before = page.value(CHOICE)
    method = view.root.get_by_role("group", name="Method")
    assert method.get_by_text("Locked for this question").is_visible()
    assert view.select("method").is_disabled()
    assert view.select("score").is_disabled()
    assert view.option("style:neoclassical").is_disabled()
    with page.record_messages() as log:
        # By force: a person who clicks all the same.
        view.option("style:neoclassical").click(force=True)
        view.option("style:gothic").focus()
        for key in ("ArrowDown", "End", "Enter"):
            page.page.keyboard.press(key)
        view.option("perspective:inside").click(force=True, modifiers=["Shift"])
        view.select("method").focus()
        page.page.keyboard.press("ArrowDown")
        for chip in view.root.locator(".sw-compare .sw-chip").all():
            chip.click(force=True)
        page.settle(300)
    assert [m.custom for m in log.custom("request")] == []
    assert view.selected == "style:gothic"
    assert page.value(CHOICE) == before


@pytest.mark.browser
def test_a_request_made_by_hand_is_refused_with_the_sentence_and_nothing_changes(bench: Notebook) -> None:
    page, view = quiz(bench, "'method'")
    before = page.value(CHOICE)
    image = page.value("w.images[0]['id']")
    args = {
        "image": image,
        "targets": [TARGET],
        "method": "input_x_gradient",
        "params": {},
        "score": "logit",
        "layer": None,
        "seed": 0,
        "tolerance": 0.05,
        "have": None,
    }
    view.send({"v": 1, "type": "request", "req": {"page": "by-hand", "n": 1}, "kind": "explain", "args": args})
    end = page.wait_message("end", where=lambda m: (m.get("req") or {}).get("page") == "by-hand")
    assert (end["job"], end["status"], end["code"]) == (None, "error", "locked")
    assert end["message"] == SENTENCE
    assert page.value(CHOICE) == before
    assert view.painted["method"] == "gradient"


@pytest.mark.browser
def test_predictions_are_nowhere_until_they_are_revealed(bench: Notebook) -> None:
    page, view = quiz(bench, "'predictions'")
    assert re.search(r"\d\s?%", view.root.evaluate(EVERYTHING)) is None
    assert numbers(view) == []
    assert view.root.locator(".sw-best").count() == 0
    assert view.root.get_by_text("Paint to occlude").is_hidden()
    button = view.root.get_by_role("button", name="Reveal predictions")
    button.focus()
    page.page.keyboard.press("Enter")
    button.wait_for(state="hidden")
    said = [float(text.rstrip(" %").lstrip("< ")) for text in numbers(view)]
    heads = page.value("[len(h['classes']) for h in w.card['heads']]")
    assert len(said) == sum(heads)
    assert sum(said[: heads[0]]) == pytest.approx(100, abs=1)
    assert view.root.locator(".sw-best").count() == len(heads)
    assert view.root.get_by_text("Paint to occlude").is_visible()


@pytest.mark.browser
def test_the_truth_is_shown_beside_the_answer_with_its_masks_once_it_is_revealed(bench: Notebook, shots: Path) -> None:
    page, view = quiz(bench, "'truth'")
    # The masks come with code of the kernel's: once it is here, they could be shown.
    view.root.locator(".sw-frame").first.wait_for()
    assert view.root.locator("[data-mask]").count() == 0
    assert "in truth" not in view.root.evaluate(EVERYTHING)
    assert view.root.get_by_text("Mistakes", exact=True).is_hidden()
    view.root.get_by_role("button", name="Reveal truth").click()
    truth = page.value("scenes[0].labels")
    for head in ("style", "perspective"):
        row = view.option(f"{head}:{truth[head]}")
        assert "true" in (row.get_attribute("aria-description") or "")
        assert view.root.get_by_text(f"in truth {truth[head]}").is_visible()
    masks = view.root.locator("button[data-mask]")
    assert masks.count() == page.value("len(scenes[0].evidence)")
    assert all(one.get_attribute("aria-pressed") == "true" for one in masks.all())
    assert view.root.get_by_text("Mistakes", exact=True).is_visible()
    page.screenshot("truth", shots, view.root)


@pytest.mark.browser
def test_without_a_button_only_python_shows_what_is_hidden(bench: Notebook) -> None:
    page, view = quiz(bench, "'predictions', reveal=False")
    assert view.root.get_by_role("button", name="Reveal predictions").is_hidden()
    assert view.root.get_by_text("Predictions are hidden").is_visible()
    page.execute("w.unlock()")
    view.root.get_by_text("Predictions are hidden").wait_for(state="hidden")
    assert numbers(view) != []


@pytest.mark.browser
def test_a_locked_picture_cannot_be_left_by_steps_strip_or_files(bench: Notebook) -> None:
    page, view = quiz(bench, "'image'")
    view.root.locator(".sw-frame").first.wait_for()
    assert view.root.get_by_role("button", name="Next picture").is_disabled()
    view.root.locator('.sw-frame[data-picture="1"]').click(force=True)
    view.root.locator('.sw-frame[data-picture="0"]').focus()
    page.page.keyboard.press("ArrowRight")
    part = view.open_part("pictures")
    assert part.get_by_role("button", name="Choose files…").is_disabled()
    assert view.open_part("live").get_by_role("button", name="Moving crop").is_disabled()
    page.settle(200)
    assert page.value("w.image") == 0
    assert view.root.locator(".sw-count").inner_text() == "1 / 3"


@pytest.mark.browser
def test_a_reload_of_a_saved_notebook_keeps_the_lock_and_forgets_what_was_revealed(notebook: Notebook) -> None:
    page = notebook(
        [
            "import saliency_widget as sw\nmodel = sw.load('demo/vgg')\nscenes = sw.demo.buildings(3, seed=5)",
            QUIZ.format(parts="'predictions', 'method'"),
        ]
    )
    view = View(page)
    view.wait_map("style:gothic")
    view.root.get_by_role("button", name="Reveal predictions").click()
    assert numbers(view) != []
    page.reload()
    view = View(page)
    view.wait_map("style:gothic")
    assert numbers(view) == []
    assert view.select("method").is_disabled()
