"""The lessons as a reader meets them: each is run from top to bottom in real JupyterLab, and its first widget is clicked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from browser.page import NotebookPage
from browser.server import ROOT
from browser.view import View, changed

Notebook = Callable[..., NotebookPage]

LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))[1:]  # the first is the quickstart
SECONDS = 180
"""What a lesson may take on two cores, in full (`make lessons`); here it does a small part of its work."""
BUDGET = os.environ.get("LESSON_BUDGET", "0.1")


def click_something(view: View) -> None:
    """Click another class; where there is only one value, another model, or another picture."""
    others = [target for target in view.classes if target != view.selected]
    if others:
        view.click(others[0])
        view.wait_map(others[0])
        return
    before = view.painted["job"]
    model = view.select("model")
    if model.is_visible():
        model.select_option(index=1)
    else:
        view.root.locator(".sw-frame[aria-checked=false]").first.click()
    view.notebook.page.wait_for_function(
        "([root, before]) => root.dataset.job !== before", arg=[view.root.element_handle(), before]
    )
    view.wait_map()


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_in_jupyterlab_and_its_widget_answers_a_click(notebook: Notebook, lesson: Path) -> None:
    page = notebook(lesson, run=False)
    page.execute(f"import os; os.environ['LESSON_BUDGET'] = {BUDGET!r}")
    page.run_all(timeout=SECONDS)
    assert page.widget.count() >= 1
    for nth in reversed(range(page.widget.count())):
        view = View(page, nth)
        view.root.scroll_into_view_if_needed()
        view.wait_map()
    before = view.pixels()
    click_something(view)
    after = view.pixels_when(lambda now: changed(before, now) > 0.02)
    assert changed(before, after) > 0.02
