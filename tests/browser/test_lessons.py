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

from browser.conftest import Contexts, failed, keep
from browser.page import NotebookPage, write_notebook
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


class Classroom:
    """One page, with one kernel, for one lesson after the other."""

    def __init__(self, lab: LabServer, contexts: Contexts) -> None:
        self._lab = lab
        self._contexts = contexts
        self.page: NotebookPage | None = None

    def open(self, lesson: Path) -> NotebookPage:
        """Give the page with the cells of a lesson, none of them run, and a kernel that knows no name."""
        if self.page is None:
            self.page = NotebookPage(self._lab, self._contexts(1), write_notebook(self._lab.notebooks, [""]))
        page = self.page
        page.execute(FORGET)
        cells = nbformat.read(lesson, as_version=4).cells  # type: ignore[no-untyped-call]
        shows = [at for at, cell in enumerate(cells) if cell.cell_type == "code" and "SaliencyWidget(" in cell.source]
        page.replace_cells(cells if WHOLE else cells[: shows[0] + 1])
        page.wire.clear()
        return page

    def drop(self) -> None:
        """Close the page; the next lesson gets another one, with another kernel."""
        page, self.page = self.page, None
        if page is not None:
            page.close()


@pytest.fixture(scope="module")
def _classroom(lab: LabServer, contexts: Contexts) -> Iterator[Classroom]:
    room = Classroom(lab, contexts)
    yield room
    room.drop()


@pytest.fixture
def classroom(_classroom: Classroom, shots: Path, request: pytest.FixtureRequest) -> Iterator[Classroom]:
    """Open a lesson. When the test ends its page must have been clean; of a failed one is kept what `notebook` keeps."""
    yield _classroom
    page = _classroom.page
    if page is None:
        return
    try:
        page.settle()
        page.guard.check()
    except AssertionError:
        request.node.stash[failed] = True
        raise
    finally:
        if request.node.stash.get(failed, False):
            keep(page, shots / "failed" / request.node.name.replace("/", "_"))
            _classroom.drop()


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
    page = classroom.open(lesson)
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
