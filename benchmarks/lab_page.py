"""Notebooks in real JupyterLab and Chromium, as the browser tests open them, for benchmarks that measure the page."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

from browser.conftest import CHROMIUM_ARGUMENTS  # noqa: E402 - found by the line above
from browser.page import NotebookPage, write_notebook  # noqa: E402
from browser.server import LabServer  # noqa: E402
from browser.view import View  # noqa: E402
from find_chromium import find_or_install  # noqa: E402

__all__ = ["ROOT", "View", "notebooks"]


@contextmanager
def notebooks(script: str = "") -> Iterator[Callable[[Sequence[str]], View]]:
    """Give what opens a notebook of cells, runs them all and returns its first view; who is done with it closes its page.

    Parameters
    ----------
    script : str
        JavaScript that runs in each page before all else.
    """
    lab = LabServer(Path(tempfile.mkdtemp()) / "lab")
    lab.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_or_install(), args=CHROMIUM_ARGUMENTS)
            context = browser.new_context()
            if script:
                context.add_init_script(script)

            def opened(cells: Sequence[str]) -> View:
                page = NotebookPage(lab, context, write_notebook(lab.notebooks, cells), width=1400, height=1000)
                page.run_all(timeout=300)
                return View(page)

            yield opened
            browser.close()
    finally:
        lab.stop()
