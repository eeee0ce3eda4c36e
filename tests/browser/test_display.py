"""How a map is drawn is the page's own business: at once, and the kernel hears of nothing but the synced choice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from browser.page import NotebookPage
from browser.view import View, changed
from browser.wire import MessageLog

Notebook = Callable[..., NotebookPage]

CONTROLS: dict[str, Callable[[View], object]] = {
    "opacity": lambda view: view.slider("Opacity").fill("300"),
    "smoothing": lambda view: view.slider("Smoothing").fill("500"),
    "clipping": lambda view: view.slider("Clip at").fill("0"),
    "diverging colours": lambda view: view.select("colormap").select_option("purple-green"),
    "sign": lambda view: view.select("sign").select_option("positive"),
    "colours": lambda view: view.select("colormap").select_option("viridis"),
    "map alone": lambda view: view.root.get_by_role("radio", name="Map").check(force=True),
    "picture alone": lambda view: view.root.get_by_role("radio", name="Picture").check(force=True),
}


def repainted(view: View, before: NDArray[np.int16], name: str) -> NDArray[np.int16]:
    """Return the pixels of the next paint that shows."""
    try:
        return view.pixels_when(lambda now: changed(before, now) > 0.02, timeout=1)
    except AssertionError as error:
        raise AssertionError(f"{name} changed nothing") from error


def only_display(log: MessageLog) -> list[dict[str, object]]:
    """Return the synced display choices that the page sent; fails if it sent anything else."""
    sent = [m for m in log if m.sent and m.type == "comm_msg"]
    assert all(m.content["data"]["method"] == "update" for m in sent)
    states = [m.content["data"]["state"] for m in sent]
    assert all(set(state) == {"display"} for state in states)
    return [state["display"] for state in states]


def test_display_controls_repaint_at_once_and_ask_the_kernel_nothing(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    page.execute("w.wait()")
    painted, before = view.painted, view.pixels()

    with page.record_messages() as log:
        for name, change in CONTROLS.items():
            change(view)
            before = repainted(view, before, name)
        page.page.wait_for_timeout(500)  # until the choice has been written

    assert view.painted == painted
    choices = only_display(log)
    assert 1 <= len(choices) < len(CONTROLS)
    chosen = {"opacity": 0.3, "smooth": 5, "clip": 90, "sign": "positive", "colormap": "viridis"}
    assert {name: choices[-1][name] for name in chosen} == chosen
    assert {name: page.value("w.display")[name] for name in chosen} == chosen
    assert not log.custom(sent=False)


def test_a_dragged_slider_is_written_once_it_rests(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    page.execute("w.wait()")
    box = view.slider("Opacity").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    view.watch()

    with page.record_messages() as log:
        page.page.mouse.move(box["x"] + box["width"] * 0.9, middle)
        page.page.mouse.down()
        page.page.mouse.move(box["x"] + box["width"] * 0.1, middle, steps=30)
        page.page.mouse.up()
        page.page.wait_for_timeout(500)

    choices = only_display(log)
    assert len(choices) in (1, 2)  # two if the hand was held up for a quarter of a second
    assert 5 <= float(view.field("Opacity").input_value()) <= 20
    assert 0.05 <= page.value("w.display['opacity']") <= 0.2


def test_a_locked_scale_stays_for_the_next_class(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    scale = view.root.locator(".sw-scale-bar")
    before = scale.get_attribute("aria-label")
    view.root.get_by_label("Lock scale").check()

    view.click("perspective:inside")
    view.wait_map("perspective:inside")

    locked = view.pixels()
    assert scale.get_attribute("aria-label") == before
    view.root.get_by_label("Lock scale").uncheck()
    repainted(view, locked, "unlocked scale")
    assert scale.get_attribute("aria-label") != before
