"""Pages that are lent to tests: one page for many tests, what is asked of it when a test ends, what a failed one leaves."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error

from browser.page import NotebookPage, write_notebook
from browser.server import LabServer

Contexts = Callable[[float], BrowserContext]
failed = pytest.StashKey[bool]()
"""Whether the test of an item has failed; set by pytest's hook in ``conftest.py``, and by :func:`checked`."""


class SharedPage:
    """One notebook page with one kernel, lent to one test after the other: no kernel to start, no JupyterLab to load.

    Parameters
    ----------
    lab : LabServer
    contexts : callable
        Gives a browser context for device pixels per CSS pixel.
    setup : str
        Code that a new kernel runs once.
    forget : str
        Code that the kernel runs before each test, so that nothing of the last one is left.
    """

    def __init__(self, lab: LabServer, contexts: Contexts, *, setup: str = "", forget: str) -> None:
        self._lab = lab
        self._contexts = contexts
        self._setup = setup
        self._forget = forget
        self._page: NotebookPage | None = None

    def lend(self, cells: Sequence[Any], *, width: int = 1200, height: int = 900) -> NotebookPage:
        """Give the page with these cells alone, none of them run; see :meth:`NotebookPage.replace_cells`."""
        if self._page is None:
            self._page = NotebookPage(self._lab, self._contexts(1), write_notebook(self._lab.notebooks, [""]))
            self._page.execute(self._setup)
        page = self._page
        page.page.set_viewport_size({"width": width, "height": height})
        page.page.evaluate("() => { document.documentElement.style.zoom = ''; }")  # a test may have enlarged the page
        page.execute(self._forget)
        page.replace_cells(cells)
        page.guard.problems.clear()
        page.wire.clear()
        return page

    def drop(self) -> None:
        """Close the page; the next test gets another one, with another kernel."""
        page, self._page = self._page, None
        if page is not None:
            page.close()

    @contextlib.contextmanager
    def lending(self, lent: list[NotebookPage], request: pytest.FixtureRequest, shots: Path) -> Iterator[None]:
        """Check what was lent to a test; after a failure the page is not lent again."""
        try:
            with checked(lent, request, shots):
                yield
        finally:
            if request.node.stash.get(failed, False):
                self.drop()


@contextlib.contextmanager
def checked(lent: list[NotebookPage], request: pytest.FixtureRequest, shots: Path) -> Iterator[None]:
    """Let a test have pages; when it ends each must have been clean, and of a failed one is written down what it left."""
    yield
    pages = list(dict.fromkeys(lent))
    try:
        for page in pages:
            page.settle()  # what the page did last must have been heard
            page.guard.check()
    except AssertionError:
        request.node.stash[failed] = True
        raise
    finally:
        if request.node.stash.get(failed, False):
            for number, page in enumerate(pages):
                _keep(page, shots / "failed" / f"{request.node.name}-{number}".replace("/", "_"))


def _keep(notebook: NotebookPage, folder: Path) -> None:
    """Write down what a failed test's page looked like and said."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        notebook.page.screenshot(path=folder / "page.png")
    except Error as error:  # a page that crashed has no picture
        (folder / "page.txt").write_text(str(error))
    (folder / "console.log").write_text("\n".join(notebook.guard.console))
    (folder / "problems.log").write_text("\n".join(notebook.guard.problems))
    (folder / "messages.log").write_text(notebook.wire.summary())
    (folder / "server.log").write_text(notebook.lab.log_tail(500))
    sys.stderr.write(f"kept in {folder}\n")
