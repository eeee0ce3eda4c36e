"""Access: axe-core's rules of WCAG 2.2 AA on the whole page, narrow cells, zoom, the map in words, and no trap for keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from browser.page import NotebookPage
from browser.view import View

Notebook = Callable[..., NotebookPage]

AXE = Path(__file__).resolve().parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Of the page around a widget, which is the host's.
NOT_OURS = ["region", "page-has-heading-one", "landmark-one-main", "heading-order"]

RUN = """async ([rules, off]) => {
  const found = await axe.run(document.querySelector(".sw-root"), {
    runOnly: { type: "tag", values: rules },
    rules: Object.fromEntries(off.map((name) => [name, { enabled: false }])),
  });
  const told = (list) => list.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")}: ${n.failureSummary}`));
  return { wrong: told(found.violations), passed: found.passes.length };
}"""


def check(page: NotebookPage) -> None:
    """Run axe-core on the first view."""
    if not page.page.evaluate("() => 'axe' in window"):
        page.page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.page.evaluate(RUN, [RULES, NOT_OURS])
    assert found["passed"] > 10, "the rules were not run"
    assert found["wrong"] == []


def parts(view: View) -> list[str]:
    """Open all parts that are closed at first, and return their names."""
    summaries = view.root.locator(".sw-panel details:not([open]) > summary")
    names: list[str] = summaries.all_inner_texts()
    while summaries.count():
        summaries.first.click()
        view.notebook.settle(300)
    return names


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_keeps_the_rules_of_wcag_2_2_aa_with_every_part_open(bench: Notebook, theme: Any) -> None:
    page = bench(width=1100)
    view = View(page)
    view.wait_map()
    page.set_theme(theme)
    try:
        check(page)
        parts(view)
        page.settle(500)
        view.root.get_by_role("button", name="All classes").click()
        view.root.locator(".sw-tile[data-final=true]").nth(len(view.classes) - 1).wait_for()
        for tile in view.root.locator(".sw-tile").all()[:2]:
            tile.get_by_role("button", name="Compare").click()
        page.settle(300)
        check(page)
    finally:
        page.set_theme("light")


def test_a_narrow_cell_and_a_zoomed_page_need_no_scrolling_sideways(bench: Notebook) -> None:
    page = bench(width=1000)
    view = View(page)
    view.wait_map()
    parts(view)
    view.root.get_by_role("button", name="All classes").click()
    view.root.locator(".sw-tile").first.wait_for()
    for width in (320, 480, 700):
        view.root.evaluate("(root, width) => { root.parentElement.style.width = `${width}px`; }", width)
        page.settle(200)
        wide, room = view.root.evaluate("(root) => [root.scrollWidth, root.clientWidth]")
        assert wide <= room, f"{wide} px in a cell of {room}"
        cut = view.root.evaluate(
            """(root) => [...root.querySelectorAll("button, select, input:not([type=radio]), label, summary")]
              .filter((el) => el.offsetParent !== null)
              .filter((el) => el.getBoundingClientRect().right > root.getBoundingClientRect().right + 1)
              .map((el) => el.outerHTML.slice(0, 120))"""
        )
        assert cut == []
    view.root.evaluate("(root) => { root.parentElement.style.width = ''; }")
    page.page.evaluate("() => { document.documentElement.style.zoom = '2'; }")
    page.settle(300)
    wide, room = view.root.evaluate("(root) => [root.scrollWidth, root.clientWidth]")
    assert wide <= room + 1
    other = next(target for target in view.classes if target != view.selected)
    view.click(other)
    view.wait_map(target=other)


def test_a_finished_map_is_described_in_words(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    other = next(target for target in view.classes if target != view.selected)
    view.click(other)
    view.wait_map(target=other)
    words = re.compile(rf"{other.partition(':')[2]}: strongest at .* of the evidence in 5 % of the pixels")
    said = view.root.get_by_role("status").filter(has_text=words)
    said.wait_for(state="attached")
    page.execute("import numpy as np; w.wait(); m = np.abs(w.explanation.heatmap(smooth=1.0))")
    share = page.value("float(np.sort(m.ravel())[-round(0.05 * m.size):].sum() / m.sum())")
    assert f"{round(100 * share)} % of the evidence in 5 %" in said.inner_text()
    rows, columns = ["upper", "", "lower"], ["left", "", "right"]
    page.execute(
        "h, k = m.shape; t = [[m[i*h//3:(i+1)*h//3, j*k//3:(j+1)*k//3].sum() for j in range(3)] for i in range(3)]"
    )
    best = page.value("int(np.argmax(t))")
    for word in (rows[best // 3], columns[best % 3]):
        assert word in said.inner_text()


def test_tab_goes_through_the_whole_page_and_out_of_it(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    parts(view)
    page.settle(400)
    inside = "() => document.activeElement.closest('.sw-root') !== null"
    view.root.locator("button:enabled:visible, select:visible, [tabindex='0']:visible").first.focus()
    steps = 0
    visible = 0
    while page.page.evaluate(inside) and steps < 200:
        outline = page.page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]; }"
        )
        visible += outline[0] != "none"
        page.page.keyboard.press("Tab")
        steps += 1
    assert 20 < steps < 200, "Tab leaves the widget in the end"
    assert visible >= steps - 8, "what has the focus is seen to have it"
