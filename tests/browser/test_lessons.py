"""The lessons as a reader meets them in real JupyterLab: each is run up to its first widget, and that is clicked.

With ``LESSON_BUDGET`` set, as by `make lessons`, each is run to its end, and all of its widgets finish their maps; otherwise
`tests/test_lessons.py` alone does that, without a browser. One page and one kernel serve all lessons, which saves 7 s each; the
kernel forgets every name before the next one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest

from browser.lending import Contexts, SharedPage
from browser.page import NotebookPage
from browser.server import ROOT, LabServer
from browser.view import View, changed

LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))[1:]  # the first is the quickstart
SECONDS = 240
"""What a lesson may take on two cores, in full; otherwise it does a small part of its work."""
WHOLE = "LESSON_BUDGET" in os.environ
BUDGET = os.environ.get("LESSON_BUDGET", "0.1")
FORGET = f"""
import gc, os
import ipywidgets
ipywidgets.Widget.close_all()
get_ipython().run_line_magic("reset", "-f")
import gc, os
gc.collect()
os.environ["LESSON_BUDGET"] = {BUDGET!r}
del gc, os
"""


Classroom = Callable[[Path], NotebookPage]


@pytest.fixture(scope="module")
def _classroom(lab: LabServer, contexts: Contexts) -> Iterator[SharedPage]:
    shared = SharedPage(lab, contexts, forget=FORGET)
    yield shared
    shared.drop()


@pytest.fixture
def classroom(_classroom: SharedPage, shots: Path, request: pytest.FixtureRequest) -> Iterator[Classroom]:
    """Open a lesson: a page with its cells, none of them run, and a kernel that knows no name."""
    lent: list[NotebookPage] = []

    def open_lesson(lesson: Path) -> NotebookPage:
        cells = nbformat.read(lesson, as_version=4).cells  # type: ignore[no-untyped-call]
        shows = [at for at, cell in enumerate(cells) if cell.cell_type == "code" and "SaliencyWidget(" in cell.source]
        lent.append(_classroom.lend(cells if WHOLE else cells[: shows[0] + 1]))
        return lent[-1]

    with _classroom.lending(lent, request, shots):
        yield open_lesson


def click_something_else(view: View) -> Callable[[], None]:
    """Click another class; where there is only one value, another model or another picture. Returns how to wait for its map."""
    others = [target for target in view.classes if target != view.selected]
    if others:
        view.click(others[0])
        return lambda: view.wait_map(others[0])
    model = view.select("model")
    before = view.painted["job"]
    if model.is_visible():
        model.select_option(index=1)
    else:
        view.root.locator(".sw-frame[aria-checked=false]").first.click()

    def wait() -> None:
        script = "([root, before]) => root.dataset.job !== before"
        view.notebook.page.wait_for_function(script, arg=[view.root.element_handle(), before])
        view.wait_map()

    return wait


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_in_jupyterlab_and_its_first_widget_answers_a_click(classroom: Classroom, lesson: Path) -> None:
    page = classroom(lesson)
    page.run_all(timeout=SECONDS)
    views = [View(page, nth) for nth in range(page.widget.count())]
    assert views, "the reader has nothing to click"
    for view in reversed(views):
        view.root.scroll_into_view_if_needed()
        view.wait_map()
    first = views[0]
    before = first.pixels()
    wait = click_something_else(first)
    wait()
    first.pixels_when(lambda now: now.shape != before.shape or changed(before, now) > 0.02)
