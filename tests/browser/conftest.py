"""Fixtures of the browser tests: one server, one Chromium, a notebook for each test, and what is kept when one fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from browser.lending import Contexts, SharedPage, checked, failed
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

    try:
        with checked(opened, request, shots):
            yield open_notebook
    finally:
        for page in opened:
            page.close()


@pytest.fixture(scope="session")
def _bench(lab: LabServer, contexts: Contexts) -> Iterator[SharedPage]:
    shared = SharedPage(lab, contexts, setup=SETUP, forget="ipywidgets.Widget.close_all()")
    yield shared
    shared.drop()


@pytest.fixture
def bench(_bench: SharedPage, shots: Path, request: pytest.FixtureRequest) -> Iterator[Notebook]:
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

    with _bench.lending(lent, request, shots):
        yield open_cells


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, so that the fixture's end knows of it."""
    report = yield
    if report.failed:
        item.stash[failed] = True
    return report
