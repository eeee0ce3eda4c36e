"""A click while a cell runs: answered at once where the kernel has subshells, said to wait where it has none.

`make matrix` runs this file on several versions of ipykernel.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from browser.conftest import SHOW
from browser.page import NotebookPage
from browser.view import View

Notebook = Callable[..., NotebookPage]

SLEEP = "print('begun', flush=True)\nimport time\ntime.sleep({seconds})"
SET = "w.target = 'perspective:outside'\n"
# A trait that is ipywidgets' own: it goes over the widget's comm, and starts no job.
SET_OFTEN = """
import time
print('begun', flush=True)
for i in range(15):
    w.tooltip = str(i)
    time.sleep(0.2)
"""
LONG_JOB = "w.explain('perspective:outside', method='smoothgrad', params={'samples': 200}, wait=False)\n"
# Whether the page is loaded again before, and what the cell does.
SITUATIONS = {
    "nothing else": (False, SLEEP.format(seconds=5)),
    "the cell set the target": (False, SET + SLEEP.format(seconds=3)),
    "the cell goes on setting a trait": (False, SET_OFTEN),
    "the cell began a long job": (False, LONG_JOB + SLEEP.format(seconds=3)),
    "the page was loaded again": (True, SLEEP.format(seconds=3)),
    "the page was loaded again and the cell set the target": (True, SET + SLEEP.format(seconds=3)),
}


def subshells(page: NotebookPage) -> bool:
    """Whether the kernel can answer while a cell runs."""
    return bool(page.value("__import__('ipykernel').version_info[0] >= 7"))


@pytest.mark.parametrize(("again", "cell"), SITUATIONS.values(), ids=SITUATIONS.keys())
def test_a_click_while_a_cell_runs_is_answered_before_the_cell_ends(
    bench: Notebook, shots: Path, again: bool, cell: str
) -> None:
    page = bench([SHOW, cell], run=False)
    page.run_cell(0, wait=True)
    in_time = subshells(page)
    if again:
        page.reload()
    view = View(page)
    view.wait_map()

    with page.record_messages() as log:
        page.run_cell(1)
        page.wait_output(1, "begun")
        view.click("style:gothic")
        if not in_time:
            view.wait(state="queued", timeout=2)
            assert "queued" in view.text.lower()
            page.screenshot("queued", shots, view.root)
            assert page.is_running(1)
        page.wait_idle()
        view.wait(target="style:gothic")
        page.page.keyboard.press("Escape")  # it may be the long job's method
        view.wait(state="idle")

    requests = [m.custom for m in log.custom("request", sent=True) if m.custom]
    assert len(requests) == 1
    (accepted,) = [m for m in log.custom("accepted") if m.custom and m.custom["req"] == requests[0]["req"]]
    assert accepted.custom is not None
    frames = [m for m in log.custom("frame") if m.custom and m.custom["job"] == accepted.custom["job"]]
    (reply,) = log.execute_replies()
    assert (log.index(accepted) < log.index(reply)) == in_time
    assert (log.index(frames[0]) < log.index(reply)) == in_time


def test_a_widget_shown_by_a_cell_that_goes_on_works_before_that_cell_ends(bench: Notebook) -> None:
    """The page's first message goes to the main shell, which is busy: it greets again until it is heard."""
    show = SHOW.replace("\nw", "\nfrom IPython.display import display\ndisplay(w)\n")
    page = bench([show + SLEEP.format(seconds=7)], run=False)
    in_time = subshells(page)

    with page.record_messages() as log:
        page.run_cell(0)
        view = View(page)
        view.root.wait_for()
        if in_time:
            view.wait_map()
            view.click("style:gothic")
            view.wait_map("style:gothic")
            assert page.is_running(0)
        page.wait_idle()
        view.wait_map()

    (reply,) = log.execute_replies()
    assert (log.index(log.custom("welcome")[0]) < log.index(reply)) == in_time
    view.click("perspective:inside")
    view.wait_map("perspective:inside")
