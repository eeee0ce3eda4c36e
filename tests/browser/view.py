"""The product's widget as a person meets it: one view, driven by its names and read by what it painted.

Only what docs/protocol.md promises to browser tests is used; what should happen is for the tests to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator

from browser.page import THEMES, NotebookPage

# Writes down each paint that changed the view's attributes, and each click, in the order of the page's own events.
WATCH = """(root) => {
  const log = [];
  const names = ["data-state", "data-job", "data-seq", "data-final", "data-target", "data-method"];
  const note = (what) => log.push({
    what,
    at: performance.now(),
    stale: !root.querySelector(".sw-badge").hidden,
    ...Object.fromEntries(names.map((name) => [name.slice(5), root.getAttribute(name)])),
  });
  note("start");
  new MutationObserver(() => note("paint")).observe(root, { attributes: true, attributeFilter: names });
  root.addEventListener("click", () => note("click"), { capture: true });
  root.swLog = log;
}"""

# A message as if the page's own code had sent it, through the model of the view in that cell.
SEND = """async ([cell, message]) => {
  const { content } = window.__lab.panel;
  const mime = "application/vnd.jupyter.widget-view+json";
  const output = content.widgets[cell].model.outputs.toJSON().find((o) => o.data?.[mime]);
  const manager = await content.rendermime.createRenderer(mime, {})._manager.promise;
  const model = await manager.get_model(output.data[mime].model_id);
  model.send(message, {}, []);
}"""


def ready(page: NotebookPage, prepare: str) -> View:
    """Return the page's first view with a finished map, and a kernel that has run some code of the test's."""
    view = View(page)
    view.wait_map()
    page.execute("w.wait()")
    page.execute(prepare)
    return view


class View:
    """One view of a `SaliencyWidget`.

    Parameters
    ----------
    notebook : NotebookPage
        Where it is.
    nth : int
        Which of the page's views, from the top.
    """

    def __init__(self, notebook: NotebookPage, nth: int = 0) -> None:
        self.notebook = notebook
        self.root: Locator = notebook.widget.nth(nth)

    # What is there

    def option(self, target: str) -> Locator:
        """The row of a class, "style:gothic", by the names that a screen reader has for it."""
        head, _, name = target.partition(":")
        rows = self.root.get_by_role("listbox", name=head, exact=True)
        return rows.get_by_role("option", name=re.compile(rf"^{re.escape(name)}(?!\w)"))

    def field(self, label: str) -> Locator:
        """The number field of a slider."""
        return self.root.get_by_role("spinbutton", name=label, exact=True)

    def slider(self, label: str) -> Locator:
        """The track of a slider."""
        return self.root.get_by_role("slider", name=label, exact=True)

    def select(self, name: str) -> Locator:
        """A select: "method", "score", "sign", "colormap", or a parameter."""
        return self.root.locator(f"select[data-field={name}]")

    @property
    def selected(self) -> str:
        """The chosen class, "style:gothic"; fails unless there is exactly one."""
        chosen = self.root.locator("[role=option][data-head][aria-selected=true]")
        head = chosen.get_attribute("data-head")
        return f"{head}:{chosen.locator('.sw-option-name').inner_text()}"

    @property
    def classes(self) -> list[str]:
        """All classes of all heads, in the page's order."""
        found: list[str] = self.root.locator("[role=option][data-head]").evaluate_all(
            "(all) => all.map((o) => `${o.dataset.head}:${o.querySelector('.sw-option-name').textContent}`)"
        )
        return found

    @property
    def painted(self) -> dict[str, str]:
        """What the attributes say of the painted map: state, job, seq, final, target, method."""
        found: dict[str, str] = self.root.evaluate("(root) => ({ ...root.dataset })")
        return found

    @property
    def text(self) -> str:
        """The two lines under the picture."""
        return self.root.locator(".sw-status").inner_text()

    def pixels(self) -> NDArray[np.int16]:
        """Return the (height, width, 3) pixels of the canvas, signed, so that they can be subtracted."""
        return self.notebook.canvas_pixels(self.root.locator("canvas.sw-canvas"))[..., :3].astype(np.int16)

    def pixels_when(self, right: Callable[[NDArray[np.int16]], bool], timeout: float = 3) -> NDArray[np.int16]:
        """Wait until the canvas is as it should be, and return its pixels; a picture takes a moment to be decoded."""
        for _ in range(round(timeout / 0.025)):
            now = self.pixels()
            if right(now):
                return now
            self.notebook.settle(25)
        raise AssertionError(f"the canvas was not painted so within {timeout} s")

    def canvas(self) -> tuple[float, float, float, float]:
        """Scroll to the first canvas, and return where it is on the page: left, top, width, height."""
        canvas = self.root.locator(".sw-canvas").first
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        return box["x"], box["y"], box["width"], box["height"]

    # What is done

    def drag(self, *places: tuple[float, float]) -> None:
        """Drag over places of the canvas, in shares of it."""
        left, top, width, height = self.canvas()
        mouse = self.notebook.page.mouse
        first, *others = [(left + x * width, top + y * height) for x, y in places]
        mouse.move(*first)
        mouse.down()
        for place in others:
            mouse.move(*place, steps=8)
        mouse.up()

    def click(self, target: str) -> None:
        """Click a class."""
        self.option(target).click()

    def set(self, label: str, value: float) -> None:
        """Type a number into a slider's field."""
        field = self.field(label)
        field.fill(f"{value:g}")
        field.press("Tab")  # as a person leaves it; only then it counts

    def send(self, message: dict[str, Any], cell: int = 0) -> None:
        """Send a message of any kind to the kernel, as page code could."""
        self.notebook.page.evaluate(SEND, [cell, message])

    def open_part(self, name: str) -> Locator:
        """Open a part of the panel that is closed at first, and return it once its code is there."""
        part = self.root.locator(f"details.sw-{name}")
        if part.get_attribute("open") is None:
            part.locator("summary").click()
        part.get_by_role("button").first.wait_for()
        return part

    # What is awaited

    def wait(self, timeout: float = 30, **attributes: str) -> None:
        """Wait until the attributes are as given: ``wait(state="idle", target="style:gothic")``."""
        wanted = "".join(f"[data-{name}={json.dumps(value)}]" for name, value in attributes.items())
        # An attribute of the element itself: a selector that needs no other.
        self.notebook.page.wait_for_function(
            "([root, wanted]) => root.isConnected && root.matches(wanted)",
            arg=[self.root.element_handle(timeout=1000 * timeout), f".sw-root{wanted}"],
            timeout=1000 * timeout,
        )

    def wait_map(self, target: str | None = None, timeout: float = 60, **attributes: str) -> None:
        """Wait until a finished map is painted and nothing runs."""
        chosen = {} if target is None else {"target": target}
        self.wait(timeout, state="idle", final="true", **chosen, **attributes)

    # What is kept for eyes

    def photograph(self, name: str, folder: Path) -> None:
        """Save pictures of the view in windows of two widths and in both themes."""
        page = self.notebook
        before = page.page.viewport_size
        for theme in THEMES:
            page.set_theme(theme)
            for width in (1280, 700):
                page.page.set_viewport_size({"width": width, "height": 1000})
                self.root.scroll_into_view_if_needed()
                page.settle(100)  # the canvas takes its new size in the next animation frame
                page.screenshot(f"{name}-{width}-{theme}", folder, self.root)
        page.set_theme("light")
        if before is not None:
            page.page.set_viewport_size(before)

    # What is written down

    def watch(self) -> None:
        """Write down from now on every change of the attributes, and every click."""
        self.root.evaluate(WATCH)

    def log(self) -> list[dict[str, Any]]:
        """What was written down: "start", then each "paint" and "click" with the attributes as they were."""
        found: list[dict[str, Any]] = self.root.evaluate("(root) => root.swLog")
        return found


def changed(before: NDArray[np.int16], after: NDArray[np.int16]) -> float:
    """Return the share of pixels that changed visibly: by more than 8 of 255 in a channel."""
    if before.shape != after.shape:
        raise AssertionError(f"the canvas went from {before.shape} to {after.shape}")
    return float((np.abs(after - before).max(axis=-1) > 8).mean())
