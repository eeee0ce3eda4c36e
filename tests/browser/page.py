"""A notebook open in JupyterLab, as a test drives it; what a widget should do is for the tests to say."""

from __future__ import annotations

import base64
import io
import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import nbformat
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import BrowserContext, Locator, Page

from browser.guard import PageGuard
from browser.server import KERNEL, LabServer
from browser.wire import MessageLog, listen

WIDGET = ".sw-root"
Theme = Literal["dark", "light"]
THEMES: dict[Theme, str] = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

# JupyterLab redraws a restored output before its widget's model is back, logs this once, and draws it
# again when it is: seen with every widget after a reload.
RESTORE_NOISE = r"widget model not found.*jupyterlab-manager"

# The tools that the scripts below share: the app, the notebook's panel, and whether a cell runs.
TOOLS = """
window.__lab ??= {
  runs: 0,
  get app() { return window.jupyterapp; },
  get panel() {
    const widgets = [...(this.app?.shell?.widgets("main") ?? [])];
    return widgets.find((w) => w.content?.widgets && w.context && w.sessionContext);
  },
  get kernel() { return this.panel.sessionContext.session?.kernel; },
  prompt(cell) { return cell.inputArea?.promptNode?.textContent ?? ""; },
  running() {
    return this.runs > 0 || this.panel.content.widgets.some((c) => this.prompt(c).includes("*"));
  },
  run(command) {
    this.runs += 1;
    this.app.commands.execute(command).finally(() => { this.runs -= 1; });
  },
};
"""
READY = """() => {
  const panel = window.__lab?.panel;
  return panel?.context?.isReady && ["idle", "busy"].includes(window.__lab.kernel?.status)
    && panel.content.widgets.length > 0 && panel.content.widgets.every((c) => c.isVisible);
}"""


class CellError(AssertionError):
    """A cell raised; the message is its traceback."""


def write_notebook(folder: Path, cells: Sequence[str] | Path) -> Path:
    """Write a notebook that runs on the tested kernel: code cells, or a copy of an existing notebook."""
    if isinstance(cells, Path):
        path = folder / f"{cells.stem}-{uuid.uuid4().hex[:8]}.ipynb"
        shutil.copyfile(cells, path)
        book = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    else:
        path = folder / f"cells-{uuid.uuid4().hex[:8]}.ipynb"
        made = [nbformat.v4.new_code_cell(source) for source in cells]  # type: ignore[no-untyped-call]
        book = nbformat.v4.new_notebook(cells=made)  # type: ignore[no-untyped-call]
    book.metadata["kernelspec"] = {"name": KERNEL, "display_name": KERNEL, "language": "python"}
    nbformat.write(book, path)  # type: ignore[no-untyped-call]
    return path


class NotebookPage:
    """One page with one notebook.

    Parameters
    ----------
    lab : LabServer
        The server that has the notebook.
    context : BrowserContext
        Shared by the tests, for its cache: loading JupyterLab afresh takes seconds.
    path : Path
        The notebook, in the server's folder.
    width, height : int
        Of the page, in CSS pixels.

    Attributes
    ----------
    page : Page
        Playwright's page, for whatever is not below.
    guard : PageGuard
        Console errors, uncaught errors, requests to other hosts; checked when the test ends.
    wire : MessageLog
        All kernel messages of this page so far.
    """

    def __init__(
        self,
        lab: LabServer,
        context: BrowserContext,
        path: Path,
        *,
        width: int = 1200,
        height: int = 900,
    ) -> None:
        self.lab = lab
        self.context = context
        self.path = path
        self.page: Page = context.new_page()
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.add_init_script(TOOLS)
        self.guard = PageGuard(self.page)
        self.wire = listen(context.new_cdp_session(self.page))
        self.page.goto(lab.address(path))
        self._wait_ready()

    def second_page(self) -> NotebookPage:
        """Open the same notebook, on the same kernel, in another page; the caller closes it.

        Save first: the other page shows the widgets of the saved outputs.
        """
        other = NotebookPage(self.lab, self.context, self.path)
        other.guard.allow(RESTORE_NOISE)
        return other

    # Cells

    def run_all(self, timeout: float = 120) -> None:
        """Run every cell and wait; raises CellError if one raises."""
        self.page.evaluate("() => window.__lab.run('notebook:run-all-cells')")
        self.wait_idle(timeout)

    def replace_cells(self, cells: Sequence[Any]) -> None:
        """Put other cells in place of all: code, or cells of a notebook; nothing is run, and the kernel is not asked."""
        wanted = [["code", one] if isinstance(one, str) else [one.cell_type, one.source] for one in cells]
        self.page.evaluate(
            """(wanted) => {
              const { sharedModel } = window.__lab.panel.content.model;
              const cell = ([cell_type, source]) => cell_type === "code"
                ? { cell_type, source, metadata: {}, outputs: [], execution_count: null }
                : { cell_type, source, metadata: {} };
              sharedModel.transact(() => {
                sharedModel.deleteCellRange(0, sharedModel.cells.length);
                sharedModel.insertCells(0, wanted.map(cell));
              });
            }""",
            wanted,
        )

    def run_cell(self, index: int, *, wait: bool = False) -> None:
        """Start a cell; it goes on running unless told to wait. Markdown cells count in `index` too."""
        self.page.evaluate(
            """(index) => {
              const { content } = window.__lab.panel;
              content.deselectAll();
              content.activeCellIndex = index;
              window.__lab.run("notebook:run-cell");
            }""",
            index,
        )
        if wait:
            self.wait_idle()

    def is_running(self, index: int) -> bool:
        """Whether a cell shows [*]."""
        script = "(i) => window.__lab.prompt(window.__lab.panel.content.widgets[i]).includes('*')"
        return bool(self.page.evaluate(script, index))

    def wait_idle(self, timeout: float = 120, *, allow_errors: bool = False) -> None:
        """Wait until no cell runs or waits.

        The cells are asked, not the kernel's status: comm messages on a subshell make that "idle" while a
        cell runs.

        Raises
        ------
        CellError
            If a cell's output is an error, unless `allow_errors`.
        """
        self.page.wait_for_function("() => !window.__lab.running()", timeout=timeout * 1000)
        if not allow_errors:
            for index, outputs in enumerate(self._outputs()):
                for output in outputs:
                    if output["output_type"] == "error":
                        raise CellError("\n".join([f"cell {index}", *output["traceback"]]))

    def output_text(self, index: int) -> str:
        """What a cell printed and returned, as plain text."""
        return "".join(_text(output) for output in self._outputs()[index])

    def wait_output(self, index: int, text: str, timeout: float = 30) -> None:
        """Wait until a cell has printed something, which it may do long before it ends."""
        self.page.wait_for_function(
            """([index, text]) => {
              const outputs = window.__lab.panel.content.widgets[index].model.outputs.toJSON();
              return outputs.some((o) => [o.text ?? ""].flat().join("").includes(text));
            }""",
            arg=[index, text],
            timeout=timeout * 1000,
        )

    def _outputs(self) -> list[list[dict[str, Any]]]:
        script = "() => window.__lab.panel.content.widgets.map((c) => c.model.outputs?.toJSON() ?? [])"
        found: list[list[dict[str, Any]]] = self.page.evaluate(script)
        return found

    # Commands

    def count_commands(self) -> None:
        """Write down from now on each command that JupyterLab executes; a reload forgets them."""
        self.page.evaluate(
            """() => {
              const { commands } = window.__lab.app;
              window.__lab.executed = [];
              window.__lab.counting ??= commands.commandExecuted.connect((_, { id }) => window.__lab.executed.push(id));
            }"""
        )

    def commands(self) -> list[str]:
        """The commands that were executed since `count_commands`."""
        found: list[str] = self.page.evaluate("() => window.__lab.executed")
        return found

    # Kernel

    def execute(self, code: str) -> str:
        """Run code in the kernel, outside the notebook, and return what it prints.

        It goes through the page's own connection and so waits its turn behind a running cell.
        """
        reply: dict[str, Any] = self.page.evaluate(
            """async (code) => {
              const request = { code, store_history: false, stop_on_error: false };
              const future = window.__lab.kernel.requestExecute(request);
              let text = "";
              future.onIOPub = ({ content }) => { if (content.name === "stdout") text += content.text; };
              const { content } = await future.done;
              return { text, status: content.status, traceback: content.traceback };
            }""",
            code,
        )
        if reply["status"] != "ok":
            raise CellError("\n".join(reply["traceback"] or [reply["status"]]))
        return str(reply["text"])

    def value(self, expression: str) -> Any:
        """Return the value of a Python expression in the kernel, through JSON."""
        return json.loads(self.execute(f"import json; print(json.dumps({expression}))"))

    def restart_kernel(self) -> None:
        """Restart the kernel as the menu does, after its question has been answered."""
        self.page.evaluate("async () => { await window.__lab.kernel.restart(); }")

    # What is seen

    @property
    def widget(self) -> Locator:
        """The product's widget, or all of its views: `.first`, `.nth(1)`."""
        return self.page.locator(WIDGET)

    def canvas_pixels(self, canvas: str | Locator = "canvas") -> NDArray[np.uint8]:
        """Return the (height, width, 4) pixels of the first visible canvas: its own, before CSS.

        `canvas` is a selector inside the page, or a locator.
        """
        located = self.page.locator(canvas) if isinstance(canvas, str) else canvas
        found: dict[str, Any] = located.locator("visible=true").first.evaluate(
            """(canvas) => {
              const { width, height } = canvas;
              const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
              let text = "";
              for (let i = 0; i < data.length; i += 32768) {
                text += String.fromCharCode(...data.subarray(i, i + 32768));
              }
              return { width, height, data: btoa(text) };
            }"""
        )
        flat = np.frombuffer(base64.b64decode(found["data"]), dtype=np.uint8)
        return flat.reshape(found["height"], found["width"], 4)

    def painted(self, locator: Locator) -> NDArray[np.uint8]:
        """Return the (height, width, 3) pixels of an element as a person sees them: layers, CSS and all."""
        shot = locator.screenshot(animations="disabled")
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def screenshot(self, name: str, folder: Path, locator: Locator | None = None) -> Path:
        """Save a picture of the page, or of one element, as ``folder/name.png``."""
        path = folder / f"{name}.png"
        if locator is None:
            self.page.screenshot(path=path)
        else:
            locator.screenshot(path=path)
        return path

    def set_theme(self, theme: Theme) -> None:
        """Change JupyterLab's theme and wait until it is on. The server keeps it: set it back."""
        self._wait_splash()
        self.page.evaluate(
            "async (theme) => { await window.__lab.app.commands.execute('apputils:change-theme', {theme}); }",
            THEMES[theme],
        )
        self.page.wait_for_function("(theme) => document.body.dataset.jpThemeName === theme", arg=THEMES[theme])
        self._wait_splash()

    def _wait_splash(self) -> None:
        """Wait until JupyterLab has taken its splash off: of two that overlap (the start's, a theme's) it removes one twice."""
        self.page.wait_for_function("() => document.getElementById('jupyterlab-splash') === null")

    # Coming and going

    def save(self) -> None:
        """Save the notebook with its outputs; without that a reload shows none."""
        self.page.evaluate("async () => { await window.__lab.panel.context.save(); }")

    def reload(self, *, save: bool = True) -> None:
        """Reload the page, as F5 does, and wait for the notebook; its widgets may come later."""
        if save:
            self.save()
        self.guard.allow(RESTORE_NOISE)
        self.page.reload()
        self._wait_ready()

    @contextmanager
    def record_messages(self) -> Iterator[MessageLog]:
        """Give a log of the kernel messages from here to the end of the block."""
        self.settle()  # what was said before is still on its way to us
        begin = len(self.wire)
        log = MessageLog()
        try:
            yield log
        finally:
            self.settle()
            log.messages.extend(self.wire.messages[begin:])

    def wait_message(
        self, type_: str, count: int = 1, *, timeout: float = 30, where: Callable[[dict[str, Any]], bool] | None = None
    ) -> dict[str, Any]:
        """Wait until the page has sent or got that many custom messages of a type, and return the last one's content."""
        for _ in range(round(timeout / 0.02)):
            found = [m.custom for m in self.wire.custom(type_) if m.custom and (where is None or where(m.custom))]
            if len(found) >= count:
                return found[-1]
            self.settle(20)
        raise AssertionError(f"fewer than {count} messages of type {type_} within {timeout} s")

    def settle(self, milliseconds: float = 50) -> None:
        """Let the page and Playwright go on for a moment (`time.sleep` would stop both)."""
        self.page.wait_for_timeout(milliseconds)

    def close(self, *, shutdown: bool = True) -> None:
        """Close the page; end its kernel first, unless another page goes on with it."""
        try:
            if shutdown:
                self.page.evaluate("() => window.__lab.panel?.sessionContext.shutdown()")
        finally:
            self.page.close()

    def _wait_ready(self) -> None:
        self.page.wait_for_function(READY, timeout=60_000)


def _text(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        return "".join(output["text"])
    if output["output_type"] == "error":
        return "\n".join(output["traceback"])
    return "".join(output.get("data", {}).get("text/plain", ""))
