"""The notebook that `make demo` opens, run from top to bottom and clicked through; and how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.lending import Contexts
from browser.page import NotebookPage, write_notebook
from browser.server import ROOT, LabServer
from browser.view import View, changed

QUICKSTART = ROOT / "notebooks" / "00-quickstart.ipynb"


@pytest.fixture(scope="module")
def quickstart(lab: LabServer, contexts: Contexts) -> Iterator[NotebookPage]:
    """The real notebook, all of whose cells ran without an error."""
    page = NotebookPage(lab, contexts(1), write_notebook(lab.notebooks, QUICKSTART), width=1280)
    try:
        page.run_all(timeout=240)  # VGG-16, and a few seconds of training
        yield page
    finally:
        page.close()


def test_all_three_widgets_of_the_quickstart_finish_their_maps(quickstart: NotebookPage) -> None:
    assert quickstart.widget.count() == 3
    for nth, (method, head) in enumerate(
        [("smoothgrad", "style"), ("gradient", "class"), ("smoothgrad", "perspective")]
    ):
        view = View(quickstart, nth)
        view.root.scroll_into_view_if_needed()
        view.wait_map(method=method, timeout=120)
        assert view.selected.startswith(f"{head}:")
    quickstart.settle()
    quickstart.guard.check()


def test_each_class_of_both_heads_paints_another_map(quickstart: NotebookPage) -> None:
    view = View(quickstart)
    view.root.scroll_into_view_if_needed()
    view.wait_map(timeout=120)
    assert view.classes == [
        *("style:gothic", "style:neoclassical", "style:greek_roman"),
        *("perspective:inside", "perspective:outside"),
    ]
    first = view.selected
    maps = {first: view.pixels()}

    for target in [target for target in view.classes if target != first]:
        view.click(target)
        view.wait_map(target, method="smoothgrad", timeout=120)
        assert view.selected == target
        maps[target] = view.pixels()

    for target, pixels in maps.items():
        for other, others in maps.items():
            assert target == other or changed(pixels, others) > 0.05, f"{target} looks like {other}"
    # One that was seen before comes from the page, at once, and is the same.
    with quickstart.record_messages() as log:
        view.click(first)
        view.wait_map(first)
        quickstart.wait_message("end", where=lambda end: end["status"] == "unchanged")
    assert (view.pixels() == maps[first]).all()
    assert not log.custom("frame")
    quickstart.guard.check()


def test_the_quickstart_is_photographed_and_nothing_stands_out_sideways(quickstart: NotebookPage, shots: Path) -> None:
    """The pictures are for eyes: a finished map, a running one, a cancelled one, a photograph."""
    view, photograph = View(quickstart), View(quickstart, 1)
    view.root.scroll_into_view_if_needed()
    view.wait_map(timeout=120)
    view.photograph("quickstart-final", shots)
    view.set("Samples", 1000)
    view.wait(state="running", final="false")
    view.photograph("quickstart-running", shots)
    view.root.get_by_role("button", name="Cancel").click()
    view.wait(state="idle")
    quickstart.screenshot("quickstart-cancelled", shots, view.root)
    view.root.get_by_role("button", name="Reset to defaults").click()
    view.wait_map(timeout=120)

    photograph.root.scroll_into_view_if_needed()
    photograph.wait_map(timeout=120)
    photograph.photograph("quickstart-photograph", shots)

    for width in (1280, 700, 480):
        quickstart.page.set_viewport_size({"width": width, "height": 1000})
        quickstart.settle(100)
        for each in (view, photograph):
            outside = each.root.evaluate(
                """(root) => {
                  const edges = root.getBoundingClientRect();
                  const out = (e) => {
                    const { left, right, width } = e.getBoundingClientRect();
                    return width > 1 && (left < edges.left - 1 || right > edges.right + 1);
                  };
                  // Code scrolls in its own box.
                  return [...root.querySelectorAll("*:not(pre *)")].filter(out).map((e) => e.outerHTML.slice(0, 80));
                }"""
            )
            assert outside == [], f"at {width} px"
    quickstart.guard.check()
