"""Other hosts than JupyterLab: Notebook 7 and marimo, in Chromium; and a page of nbconvert, which has no kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from browser.conftest import SETUP, SHOW
from browser.lending import Contexts
from browser.page import NotebookPage, write_notebook
from browser.server import NotebookServer, free_port
from browser.view import View

ROOT = Path(__file__).resolve().parents[2]


# -- Notebook 7 -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def notebook7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookServer]:
    """Jupyter Notebook 7."""
    pytest.importorskip("notebook")
    server = NotebookServer(tmp_path_factory.mktemp("notebook7"))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def test_notebook_7_streams_a_clicked_class_and_fetches_what_needs_a_kernel(
    notebook7: NotebookServer, contexts: Contexts
) -> None:
    page = NotebookPage(notebook7, contexts(1), write_notebook(notebook7.notebooks, [SETUP, SHOW]))
    page.guard.allow(r"reading 'schema'[\s\S]*notebook_core")  # Notebook's own, with or without a widget
    try:
        page.run_all()
        view = View(page)
        view.wait_map()
        other = next(target for target in view.classes if target != view.selected)
        view.select("method").select_option("smoothgrad")
        view.click(other)
        view.wait_map(target=other, method="smoothgrad")
        assert page.value("(w.wait(), str(w.explanation.target))[1]") == other
        part = view.root.locator("details.sw-gallery")
        part.locator("summary").click()
        part.get_by_role("button", name="All classes").click()
        view.root.locator(".sw-tile[data-final=true]").nth(len(view.classes) - 1).wait_for()
        page.guard.check()
    finally:
        page.close()


# -- marimo -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def marimo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the app of ``marimo_app.py``, and give its address."""
    pytest.importorskip("marimo")
    folder = tmp_path_factory.mktemp("marimo")
    app = folder / "app.py"
    app.write_text((Path(__file__).parent / "marimo_app.py").read_text(encoding="utf-8"), encoding="utf-8")
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = ["run", str(app), "--headless", "--host", "127.0.0.1", "--port", str(port), "--no-token"]
    home = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "marimo", *command],
        env=os.environ | home | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        deadline = time.monotonic() + 60
        while not answers(url):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def answers(url: str) -> bool:
    """Whether a server answers there."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own server
            return True
    except (urllib.error.URLError, OSError):
        return False


def wait_map(page: Page, root: Locator, target: str) -> None:
    """Wait until a finished map of the target is painted."""
    page.wait_for_function(
        """([root, target]) => root.dataset.state === "idle" && root.dataset.final === "true"
             && root.dataset.target.startsWith(target)""",
        arg=[root.element_handle(), target],
        timeout=60_000,
    )


def test_marimo_shows_the_first_map_a_clicked_one_and_what_needs_a_kernel(marimo: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 1100})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(marimo)
        root = page.locator(".sw-root").first
        root.wait_for(timeout=60_000)
        # It was computed before there was a page, and marimo told the page of none of it.
        wait_map(page, root, "style:")
        root.locator("[role=option][data-head=perspective]").first.click()
        wait_map(page, root, "perspective:")
        assert root.locator(".sw-alert").is_hidden()
        part = root.locator("details.sw-gallery")
        part.locator("summary").click()
        part.get_by_role("button", name="All classes").click()
        root.locator(".sw-tile[data-final=true]").nth(4).wait_for(timeout=60_000)
        page.reload()
        root.wait_for(timeout=60_000)
        wait_map(page, root, "")
        assert errors == []
    finally:
        page.close()
