"""Pictures that a loop shows one by one, in real JupyterLab: each with its map, while the loop's own cell still runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from browser.conftest import SHOW
from browser.page import NotebookPage
from browser.view import View, changed

Notebook = Callable[..., NotebookPage]

# A picture that moves sideways, until there is a file that says that it is enough.
LOOP = """
import time
from pathlib import Path
import numpy as np

picture = np.array(scenes[0].image)
for n in range(1200):
    left = w.show_frame(np.roll(picture, 6 * n, axis=1))
    time.sleep(0.04)
    if Path(ENOUGH).exists():
        break
print("ended")
"""


def test_a_loop_s_pictures_are_shown_while_it_runs_and_a_click_changes_their_class(
    bench: Notebook, tmp_path: Path, shots: Path
) -> None:
    enough = tmp_path / "enough"
    page = bench([SHOW, LOOP.replace("ENOUGH", repr(str(enough)))], run=False)
    page.run_cell(0, wait=True)
    view = View(page)
    view.wait_map()
    first, still = view.selected, view.pixels()
    page.run_cell(1)
    try:
        view.wait(state="live")
        page.page.wait_for_function(
            "(root) => /From Python, live: [1-9].* frames a second/.test(root.querySelector('.sw-status').innerText)",
            arg=view.root.element_handle(),
        )
        before = view.pixels()
        after = view.pixels_when(lambda now: changed(before, now) > 0.1)
        view.pixels_when(lambda now: changed(after, now) > 0.1)
        other = next(target for target in view.classes if target != first)
        view.click(other)
        view.wait(state="live", target=other)
        assert page.is_running(1)
        page.screenshot("show-frame", shots, view.root)
    finally:
        enough.touch()
    page.wait_idle()
    assert page.output_text(1).strip() == "ended"
    # Python goes back to the chosen picture, and nothing was kept.
    page.execute("w.show_frame(None)")
    view.wait_map(other)
    view.click(first)
    view.wait_map(first)
    assert changed(still, view.pixels()) < 0.01
    assert page.value("len(w.images)") == 3


def test_stop_on_the_page_ends_the_pictures_of_the_loop_that_runs(bench: Notebook, tmp_path: Path) -> None:
    enough = tmp_path / "enough"
    page = bench([SHOW, LOOP.replace("ENOUGH", repr(str(enough)))], run=False)
    page.run_cell(0, wait=True)
    view = View(page)
    view.wait_map()
    still = view.pixels()
    page.run_cell(1)
    try:
        view.wait(state="live")
        view.pixels_when(lambda now: changed(still, now) > 0.1)
        view.open_part("live").get_by_role("button", name="Stop live").click()
        view.wait_map()
        page.settle(500)
        assert page.is_running(1)
        assert changed(still, view.pixels()) < 0.01
    finally:
        enough.touch()
    page.wait_idle()
    assert page.value("left") > 0
