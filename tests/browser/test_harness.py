"""The harness proves itself on a tiny widget, and the routing that the product relies on with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext

from browser.guard import PageGuard
from browser.page import CellError, NotebookPage
from browser.wire import decode

Notebook = Callable[..., NotebookPage]
Contexts = Callable[[float], BrowserContext]

SHOW = "from browser.tiny_widget import TinyWidget\nw = TinyWidget()\nw"
SLEEP = "import time\nw.label = 'busy'\ntime.sleep(2)"


def click(page: NotebookPage, n: int) -> None:
    """Click and wait until the kernel says that request `n` is done."""
    page.page.locator(".tiny-widget button").first.click()
    wait_end(page, n)


def wait_end(page: NotebookPage, n: int) -> None:
    """Wait until the page has the `end` of request `n`."""
    page.page.wait_for_function("(n) => window.__tiny.messages.some((m) => m.type === 'end' && m.n === n)", arg=n)


def test_a_frame_of_the_websocket_splits_into_channel_and_parts() -> None:
    parts = [b"iopub", b"{}", b"{}", b"{}", b"{}", b"\x01\x02\x03"]
    ends = np.cumsum([8 * (len(parts) + 2), *map(len, parts)])
    head = b"".join(int(n).to_bytes(8, "little") for n in [len(ends), *ends])

    channel, rest = decode(head + b"".join(parts))

    assert channel == "iopub"
    assert rest == parts[1:]


def test_a_click_is_seen_on_the_wire_and_on_the_canvas(notebook: Notebook, shots: Path) -> None:
    page = notebook([SHOW, "print('said', 1 + 1)\n'returned'"])
    assert page.output_text(1) == "said 2\n'returned'"
    button = page.page.locator(".tiny-widget button")
    assert button.inner_text() == "click"

    with page.record_messages() as log:
        click(page, 1)
    assert [m.custom["n"] for m in log.custom("request", sent=True) if m.custom] == [1]
    assert [m.buffers for m in log.custom("frame", sent=False)] == [(50_000,)] * 3
    assert len(log.custom("end")) == 1
    first = page.canvas_pixels()
    assert first.shape == (16, 32, 4)
    assert first[0, 0].tolist() == [60, 60, 60, 255]

    click(page, 2)
    assert page.canvas_pixels()[0, 0].tolist() == [100, 100, 100, 255]
    canvas = page.page.locator(".tiny-widget canvas")
    assert page.painted(canvas)[8, 16].tolist() == [100, 100, 100]
    assert page.screenshot("harness", shots, canvas).stat().st_size > 0


def test_the_kernel_can_be_asked_and_restarted_and_a_cell_that_raises_is_told(
    notebook: Notebook,
) -> None:
    page = notebook(["x = [1, 2]", "1 / 0"], run=False)
    with pytest.raises(CellError, match="ZeroDivisionError"):
        page.run_all()

    assert page.value("x") == [1, 2]
    with pytest.raises(CellError, match="ZeroDivisionError"):
        page.execute("1 / 0")
    page.restart_kernel()
    assert page.value("'x' in globals()") is False


def test_the_theme_changes_and_a_reload_brings_the_widget_back(notebook: Notebook) -> None:
    page = notebook([SHOW])
    page.set_theme("dark")
    assert page.page.evaluate("document.body.dataset.jpThemeLight") == "false"
    page.set_theme("light")
    page.execute("w.label = 'kept'")

    page.reload()

    page.page.locator(".tiny-widget output", has_text="kept").wait_for()
    click(page, 1)


def test_two_pages_of_one_notebook_share_the_kernel(notebook: Notebook) -> None:
    page = notebook([SHOW])
    page.save()
    other = page.second_page()
    other.page.locator(".tiny-widget").wait_for()

    click(page, 1)

    wait_end(other, 1)
    assert (other.canvas_pixels() == page.canvas_pixels()).all()
    other.guard.check()
    other.close(shutdown=False)


def test_an_error_on_the_console_and_a_strange_host_are_noticed(contexts: Contexts) -> None:
    page = contexts(1).new_page()
    guard = PageGuard(page)

    page.evaluate("console.error('something broke')")
    page.evaluate("setTimeout(() => { throw new Error('thrown late'); })")
    page.evaluate("fetch('http://192.0.2.1/x', {signal: AbortSignal.timeout(1)}).catch(() => 0)")
    page.wait_for_timeout(50)

    with pytest.raises(AssertionError) as caught:
        guard.check()
    for part in ("something broke", "thrown late", "192.0.2.1"):
        assert part in str(caught.value)
    guard.allow("something broke|thrown late|192.0.2.1")
    guard.check()
    page.close()


@pytest.mark.parametrize("cured", [True, False], ids=["cured", "plain"])
def test_a_click_is_answered_while_a_cell_runs(notebook: Notebook, cured: bool) -> None:
    """The cure that `SaliencyWidget` has, on this ipykernel; without it 7.4 makes the click wait."""
    page = notebook([SHOW.replace("()", f"(cured={cured})"), SLEEP], run=False)
    page.run_cell(0, wait=True)
    version = tuple(page.value("__import__('ipykernel').version_info[:2]"))
    click(page, 1)

    with page.record_messages() as log:
        page.run_cell(1)
        page.page.locator(".tiny-widget output", has_text="busy").wait_for()
        page.page.locator(".tiny-widget button").click()
        page.wait_idle()
        wait_end(page, 2)

    replies = [log.index(m) for m in log.execute_replies()]
    frames = [log.index(m) for m in log.custom("frame")]
    in_time = frames[0] < replies[0]
    threads = [m.custom["on"] for m in log.custom("accepted") if m.custom]
    assert in_time == (version >= (7, 0) and (cured or version < (7, 4))), json.dumps(threads)
    assert all(name.startswith("subshell-") == in_time for name in threads)
