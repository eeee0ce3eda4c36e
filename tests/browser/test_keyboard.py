"""The widget by keyboard alone, and JupyterLab, which must not hear those keys."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from browser.page import NotebookPage
from browser.view import View, changed

Notebook = Callable[..., NotebookPage]

# What has the focus, by the name that a person has for it; null outside the widget.
FOCUSED = """(root) => {
  const el = document.activeElement;
  if (!root.contains(el)) return null;
  const { head, field } = el.dataset;
  return head ?? field ?? el.ariaLabel ?? el.labels?.[0]?.textContent ?? el.textContent;
}"""
# JupyterLab's own keys for a cell: insert, delete, cut, copy, paste, undo, kinds, scrolling, running, moving.
COMMAND_KEYS = [
    *"abddxcvzmyrljko0",
    "0",
    "i",
    "i",
    "f",
    "Backspace",
    "Delete",
    "ArrowDown",
    "ArrowUp",
    "Enter",
    "Space",
]


def cells(page: NotebookPage) -> list[str]:
    """Kind and source of every cell, and which one is active."""
    found: list[str] = page.page.evaluate(
        """() => {
          const { content } = window.__lab.panel;
          const all = content.widgets.map(({ model }) => `${model.type}: ${model.sharedModel.source}`);
          return [...all, String(content.activeCellIndex)];
        }"""
    )
    return found


def test_tab_reaches_every_control_in_the_order_of_the_page_and_leaves_again(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    view.select("method").select_option("smoothgrad")
    view.wait_map(method="smoothgrad")

    view.root.focus()
    seen = []
    for _ in range(60):
        page.page.keyboard.press("Tab")
        seen.append(view.root.evaluate(FOCUSED))
        if seen[-1] is None:
            break

    assert seen[-1] is None, "Tab is caught in the widget"
    stops = [name for name, _ in groupby(seen)]  # track and field of one slider have one name
    wanted = ["Next picture", "Zoom in", "Mark a box", "Overlay", "Lock scale", "style", "perspective"]
    wanted += ["method", "Samples", "Noise", "score"]
    wanted += ["Display", "sign", "colormap", "Opacity", "Smoothing", "curve", "clip_by", "Clip at"]
    assert [name for name in stops if name in wanted] == wanted


def test_arrow_keys_walk_the_classes_and_each_is_computed(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    view.click("style:gothic")
    view.wait_map("style:gothic")
    before = view.pixels()

    for key, target in (
        ("ArrowDown", "style:neoclassical"),
        ("ArrowRight", "style:greek_roman"),
        ("ArrowUp", "style:neoclassical"),
        ("End", "style:greek_roman"),
        ("Home", "style:gothic"),
    ):
        page.page.keyboard.press(key)
        view.wait_map(target)
        assert view.selected == target
        assert view.root.evaluate("() => document.activeElement.getAttribute('aria-selected')") == "true"
        now = view.pixels()
        assert changed(before, now) > 0.05, target
        before = now

    view.option("perspective:inside").focus()
    page.page.keyboard.press("Space")
    view.wait_map("perspective:inside")


def test_arrow_keys_move_a_slider_by_one_step_of_its_parameter(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    view.select("method").select_option("smoothgrad")
    view.wait_map(method="smoothgrad")

    with page.record_messages() as log:
        view.slider("Noise").focus()
        for _ in range(3):
            page.page.keyboard.press("ArrowRight")
        view.wait(state="running")
        view.wait_map(method="smoothgrad")

    assert view.field("Noise").input_value() == "0.18"
    requests = [m.custom["args"]["params"] for m in log.custom("request", sent=True) if m.custom]
    assert [params["noise"] for params in requests] == [0.18], "asked once, when the slider rests"


def test_jupyterlab_does_not_hear_the_keys_that_the_widget_is_given(bench: Notebook) -> None:
    page = bench(["w = sw.SaliencyWidget(model, scenes, target='style')\nw", "'another cell'"])
    view = View(page)
    view.wait_map()
    view.click("style:gothic")
    before = cells(page)
    page.count_commands()

    for place in (
        view.option("style:neoclassical"),
        view.root.get_by_role("application"),
        view.select("sign"),
        view.slider("Opacity"),
        view.field("Opacity"),
        view.root,
    ):
        place.focus()
        for key in COMMAND_KEYS:
            page.page.keyboard.press(key)

    assert page.commands() == []
    assert cells(page) == before
    assert page.page.locator(".jp-Dialog").count() == 0
    assert view.root.evaluate("(root) => root.contains(document.activeElement)")
    # And JupyterLab does hear them elsewhere, or the lines above would say nothing.
    page.page.evaluate(
        "() => { window.__lab.panel.content.mode = 'command'; window.__lab.panel.content.node.focus(); }"
    )
    page.page.keyboard.press("b")
    page.page.wait_for_function("() => window.__lab.executed.length > 0")
    assert page.commands() == ["notebook:insert-cell-below"]
    assert cells(page) != before
