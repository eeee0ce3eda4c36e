"""A page that is loaded again, a second page, and a kernel that is restarted: what was drawn is not lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from browser.conftest import SETUP, SHOW
from browser.page import NotebookPage
from browser.view import View, changed

Notebook = Callable[..., NotebookPage]

# Every forward of every model goes through here.
COUNT = """
import threading
if not hasattr(sw.ImageModel, "plain_forward"):
    sw.ImageModel.plain_forward = sw.ImageModel._forward
forwards = 0
def counting(self, *args, **options):
    global forwards
    forwards += 1
    return sw.ImageModel.plain_forward(self, *args, **options)
sw.ImageModel._forward = counting
"""
UNCOUNT = "sw.ImageModel._forward = sw.ImageModel.plain_forward"


@contextmanager
def nothing_computed(page: NotebookPage) -> Iterator[None]:
    """Fail if the kernel ran the model, or began a job, inside the block."""
    page.execute(COUNT)
    before = page.value("w._session.jobs.count")
    try:
        yield
        assert page.value("[forwards, w._session.jobs.count]") == [0, before]
    finally:
        page.execute(UNCOUNT)


def same(before: NDArray[np.int16]) -> Callable[[NDArray[np.int16]], bool]:
    """Whether pixels are those of before, as far as anybody can see: a saved map has 12 bits, so a few take the next colour."""

    def are(now: NDArray[np.int16]) -> bool:
        away = np.abs(now - before) if now.shape == before.shape else np.array([255])
        return int(away.max()) <= 12 and float((away > 2).mean()) < 0.0005

    return are


def test_after_a_reload_the_last_map_is_there_and_nothing_is_computed(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    view.click("perspective:inside")
    view.wait_map("perspective:inside")
    view.select("colormap").select_option("purple-green")
    page.execute("w.wait()")
    wait_display(page, colormap="purple-green")
    before, painted = view.pixels(), view.painted

    with nothing_computed(page):
        page.wire.clear()
        page.reload()
        view = View(page)
        view.wait(timeout=10, state="idle", final="true", target="perspective:inside")
        view.pixels_when(same(before))
        page.page.wait_for_timeout(300)

    assert view.selected == "perspective:inside"
    assert view.painted["method"] == painted["method"]
    assert not page.wire.custom("request", sent=True)
    assert not page.wire.custom("frame")

    view.click("style:gothic")
    view.wait_map("style:gothic")
    assert changed(before, view.pixels()) > 0.05


def wait_display(page: NotebookPage, **wanted: object) -> None:
    """Wait until the kernel has the page's display choice, which is written when a control has rested."""
    for _ in range(60):
        if page.value(f"{{**w.display}} | {wanted!r} == w.display"):
            return
        page.settle(50)
    raise AssertionError(f"the kernel never heard of {wanted}")


def test_a_second_page_shows_the_same_map_and_both_follow_a_click_in_one(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    page.execute("w.wait()")
    before = view.pixels()
    page.save()
    with nothing_computed(page):
        second = page.second_page()
        other = View(second)
        other.wait_map()
        other.pixels_when(same(before))

    try:
        other.select("colormap").select_option("purple-green")
        wait_display(page, colormap="purple-green")
        other.click("perspective:inside")
        for each in (view, other):
            each.wait_map("perspective:inside")
            assert each.selected == "perspective:inside"
        assert view.painted == other.painted
        assert view.select("colormap").input_value() == "purple-green"
        assert (view.pixels() == other.pixels()).all()
        assert changed(before, view.pixels()) > 0.05
        second.guard.check()
    finally:
        second.close(shutdown=False)


def test_a_page_loaded_while_a_job_runs_follows_it_and_can_cancel_it(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    page.save()
    view.select("method").select_option("smoothgrad")
    view.set("Samples", 1000)
    job = str(page.wait_message("accepted", where=lambda said: said["args"]["params"].get("samples") == 1000)["job"])
    view.wait(state="running", final="false", job=job)
    page.wire.clear()

    page.reload(save=False)

    view = View(page)
    view.wait(state="running", final="false", method="smoothgrad", job=job)
    seq = int(view.painted["seq"])
    page.page.wait_for_function(
        "([root, seq]) => Number(root.dataset.seq) > seq + 2", arg=[view.root.element_handle(), seq]
    )
    assert view.field("Samples").input_value() == "1000"
    assert not page.wire.custom("request", sent=True)
    view.root.get_by_role("button", name="Cancel").click()
    view.wait(state="idle")
    assert page.wait_message("end", where=lambda end: end["job"] == int(job))["status"] == "cancelled"


def test_after_a_kernel_restart_a_click_says_disconnected_and_the_drawing_stays(
    notebook: Notebook, shots: Path
) -> None:
    page = notebook([SETUP, SHOW])
    view = View(page)
    view.wait_map()
    before, painted = view.pixels(), view.painted

    page.restart_kernel()
    view.click("style:neoclassical")

    view.wait(state="disconnected")
    assert "disconnected" in view.text.lower()
    page.screenshot("disconnected", shots, view.root)
    after = view.painted
    assert {k: after[k] for k in ("job", "seq", "target", "final")} == {
        k: painted[k] for k in ("job", "seq", "target", "final")
    }
    assert changed(before, view.pixels()) == 0

    page.run_all()
    view = View(page)
    view.wait_map()
    view.click("style:neoclassical")
    view.wait_map("style:neoclassical")
