"""Fixtures of the browser tests: one server, one Chromium, a notebook for each test, and what is kept when one fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright

from browser.page import NotebookPage, write_notebook
from browser.server import LabServer

# No sandbox for root in a container; the rest keeps Chromium from calling home at its start.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A camera that shows moving test pictures, and nobody who has to allow it.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]

# What a cell needs before it can show a widget, and the cell that shows one.
SETUP = """
import ipywidgets
import saliency_widget as sw
model = sw.load("demo/vgg")
scenes = sw.demo.buildings(3, seed=5)
"""
# Nothing is computed unasked, so that what a click brings does not depend on how long the test took to it.
SHOW = "w = sw.SaliencyWidget(model, scenes, target='style', idle=False)\nw"

Notebook = Callable[..., NotebookPage]
Contexts = Callable[[float], BrowserContext]
failed = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """One JupyterLab for the whole session. ``SW_KERNEL_PYTHON`` runs its kernels, if set."""
    python = os.environ.get("SW_KERNEL_PYTHON", sys.executable)
    server = LabServer(tmp_path_factory.mktemp("lab"), python)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One headless Chromium for the whole session."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Contexts:
    """Give the browser context for a screen of that many device pixels per CSS pixel."""
    made: dict[float, BrowserContext] = {}

    def context(scale: float) -> BrowserContext:
        if scale not in made:
            made[scale] = browser.new_context(device_scale_factor=scale)
        return made[scale]

    return context


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the screenshots and of what failed tests leave: ``SW_SHOTS``, or a temporary one."""
    wish = os.environ.get("SW_SHOTS")
    folder = Path(wish).resolve() if wish else tmp_path_factory.mktemp("shots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def notebook(lab: LabServer, contexts: Contexts, shots: Path, request: pytest.FixtureRequest) -> Iterator[Notebook]:
    """Open notebooks: ``notebook([cell, ...])`` or ``notebook(path)``.

    All cells are run unless ``run=False``; `width` and `height` are the page's, `scale` the screen's device
    pixels per CSS pixel. When the test ends each page must have been clean (see `PageGuard`). Of a failed
    one a screenshot, the console, the messages and the server's log are kept.
    """
    opened: list[NotebookPage] = []

    def open_notebook(
        cells: Sequence[str] | Path,
        *,
        run: bool = True,
        width: int = 1200,
        height: int = 900,
        scale: float = 1,
    ) -> NotebookPage:
        path = write_notebook(lab.notebooks, cells)
        page = NotebookPage(lab, contexts(scale), path, width=width, height=height)
        opened.append(page)
        if run:
            page.run_all()
        return page

    yield open_notebook
    try:
        for page in opened:
            page.settle()  # what the page did last must have been heard
            page.guard.check()
    except AssertionError:
        request.node.stash[failed] = True
        raise
    finally:
        for number, page in enumerate(opened):
            if request.node.stash.get(failed, False):
                keep(page, shots / "failed" / f"{request.node.name}-{number}".replace("/", "_"))
            page.close()


class Bench:
    """One notebook page, with one kernel that has imported torch, lent to one test after the other."""

    def __init__(self, lab: LabServer, contexts: Contexts) -> None:
        self._lab = lab
        self._contexts = contexts
        self._page: NotebookPage | None = None

    def lend(self, cells: Sequence[str], *, width: int, height: int) -> NotebookPage:
        """Give the page with these cells alone, none of them run, and no widget left in its kernel."""
        if self._page is None:
            path = write_notebook(self._lab.notebooks, [SETUP])
            self._page = NotebookPage(self._lab, self._contexts(1), path)
            self._page.run_all()
        page = self._page
        page.page.set_viewport_size({"width": width, "height": height})
        page.page.evaluate("() => { document.documentElement.style.zoom = ''; }")  # a test may have enlarged the page
        page.execute("ipywidgets.Widget.close_all()")
        page.replace_cells(cells)
        page.guard.problems.clear()
        page.wire.clear()
        return page

    def drop(self) -> None:
        """Close the page; the next test gets another one, with another kernel."""
        page, self._page = self._page, None
        if page is not None:
            page.close()


@pytest.fixture(scope="session")
def _bench(lab: LabServer, contexts: Contexts) -> Iterator[Bench]:
    bench = Bench(lab, contexts)
    yield bench
    bench.drop()


@pytest.fixture
def bench(_bench: Bench, shots: Path, request: pytest.FixtureRequest) -> Iterator[Notebook]:
    """Open one notebook of given cells on the page that the tests share: no kernel to start, no JupyterLab to load.

    `sw`, `model` and `scenes` (three pictures) are there. All cells are run unless ``run=False``. A test that
    restarts the kernel, or leaves anything behind in it, uses `notebook`. After a failure the page is not lent again.
    """
    lent: list[NotebookPage] = []

    def open_cells(
        cells: Sequence[str] = (SHOW,), *, run: bool = True, width: int = 1200, height: int = 900
    ) -> NotebookPage:
        page = _bench.lend(cells, width=width, height=height)
        lent.append(page)
        if run:
            page.run_all()
        return page

    yield open_cells
    try:
        for page in lent:
            page.settle()
            page.guard.check()
    except AssertionError:
        request.node.stash[failed] = True
        raise
    finally:
        if request.node.stash.get(failed, False):
            for page in lent:
                keep(page, shots / "failed" / request.node.name.replace("/", "_"))
            _bench.drop()


def keep(notebook: NotebookPage, folder: Path) -> None:
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, so that the fixture's end knows of it."""
    report = yield
    if report.failed:
        item.stash[failed] = True
    return report
