"""How a map is drawn is the page's own business: at once, and the kernel hears of nothing but the synced choice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from browser.page import NotebookPage
from browser.view import View, changed
from browser.wire import MessageLog

Notebook = Callable[..., NotebookPage]


def mode(view: View, name: str) -> None:
    """Choose how the map lies on the picture: overlay, beside, map, picture, mask, contours."""
    view.root.locator(f".sw-segments input[value={name}]").check(force=True)


CONTROLS: dict[str, Callable[[View], object]] = {
    "opacity": lambda view: view.slider("Opacity").fill("300"),
    "smoothing": lambda view: view.slider("Smoothing").fill("500"),
    "clipping": lambda view: view.slider("Clip at").fill("0"),
    "diverging colours": lambda view: view.select("colormap").select_option("purple-green"),
    "sign": lambda view: view.select("sign").select_option("positive"),
    "colours": lambda view: view.select("colormap").select_option("viridis"),
    "square root": lambda view: view.select("curve").select_option("sqrt"),
    "ranks": lambda view: view.select("curve").select_option("rank"),
    "contour lines": lambda view: mode(view, "contours"),
    "mask": lambda view: mode(view, "mask"),
    "map alone": lambda view: view.root.get_by_role("radio", name="Map", exact=True).check(force=True),
    "picture alone": lambda view: view.root.get_by_role("radio", name="Picture", exact=True).check(force=True),
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
    chosen |= {"curve": "rank", "mode": "picture"}
    assert {name: choices[-1][name] for name in chosen} == chosen
    assert {name: page.value("w.display")[name] for name in chosen} == chosen
    assert not log.custom(sent=False)


def test_a_dragged_slider_is_written_once_it_rests(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    page.execute("w.wait()")
    view.slider("Opacity").scroll_into_view_if_needed()
    page.settle(500)  # until the strip of pictures and the cost of a run are there
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


def number(text: str) -> float:
    """Read a number as the page writes it: with a long minus, and 4.2 x 10 to the power of -5 raised."""
    plain = str.maketrans("\u2212⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")
    return float(text.translate(plain).replace(" \u00d7 10", "e"))


def ticks(view: View) -> list[float]:
    """Return the numbers under the colour bar."""
    return [number(text) for text in view.root.locator(".sw-scale-numbers > span").all_inner_texts()]


def test_the_numbers_under_the_bar_are_right_for_each_scale(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    view.set("Smoothing", 2)
    view.set("Clip at", 98)
    page.execute("import numpy as np; page_map = np.abs(w.explanation.heatmap(smooth=2.0))")
    end, half, quarter = page.value("[float(np.percentile(page_map, 98)), *np.percentile(page_map, (50, 25)).tolist()]")

    linear = ticks(view)
    view.select("curve").select_option("sqrt")
    page.settle()
    root = ticks(view)
    view.select("curve").select_option("rank")
    page.settle()
    rank = ticks(view)

    assert linear == pytest.approx([-end, -end / 2, 0, end / 2, end], rel=0.06, abs=1e-12)
    assert root == pytest.approx([-end, -end / 4, 0, end / 4, end], rel=0.06, abs=1e-12)
    assert rank[3] == pytest.approx(half, rel=0.06)
    assert view.root.get_by_label("Lock scale").is_disabled(), "ranks are of this map alone"
    view.select("sign").select_option("absolute")
    page.settle()
    size = ticks(view)
    assert size[0] == 0
    # Of absolute values that are smoothed: at least as large as those of the smoothed map.
    assert quarter * 0.9 < size[1] < size[2] < size[3] < size[4]


def test_a_mask_leaves_the_picture_where_the_map_is_above_its_percentile(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    view.set("Opacity", 100)
    mode(view, "picture")
    page.settle(200)
    picture = view.pixels()
    mode(view, "mask")

    view.set("Threshold", 75)
    page.settle(200)
    difference = np.abs(view.pixels() - picture).max(axis=-1)

    # At the centres of the map's cells: those above the percentile are the picture's own, the others are not.
    page.execute("m = abs(w.explanation.heatmap(smooth=1.0))")
    size = np.array(page.value("m.tolist()"))
    about = page.value("w.images[0]")
    left, top, right, bottom = about["box"]
    rows = (top + (np.arange(size.shape[0]) + 0.5) / size.shape[0] * (bottom - top)) / about["height"]
    columns = (left + (np.arange(size.shape[1]) + 0.5) / size.shape[1] * (right - left)) / about["width"]
    at = difference[(rows * difference.shape[0]).astype(int)][:, (columns * difference.shape[1]).astype(int)]
    assert (at[size >= np.percentile(size, 80)] <= 8).mean() > 0.6
    assert (at[size <= np.percentile(size, 60)] > 8).mean() > 0.85
    view.set("Threshold", 0)
    view.pixels_when(lambda now: bool((np.abs(now - picture) <= 8).mean() > 0.97))
    view.set("Threshold", 75)
    page.settle(200)
    before = view.pixels()
    view.select("rest").select_option("dim")
    repainted(view, before, "the rest dimmed instead of blurred")


def test_side_by_side_shows_the_picture_and_the_map_with_nothing_over_either(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    mode(view, "beside")
    canvases = view.root.locator("canvas.sw-canvas")
    page.settle(200)
    left, right = (page.canvas_pixels(canvases.nth(i))[..., :3].astype(np.int16) for i in (0, 1))
    mode(view, "map")
    page.settle(200)
    alone = view.pixels()

    assert left.shape == right.shape
    assert changed(left, right) > 0.3
    # The map alone, at half the size: every second pixel is nearly the same.
    step = alone.shape[0] / right.shape[0]
    rows = (np.arange(right.shape[0]) * step).astype(int)
    columns = (np.arange(right.shape[1]) * step).astype(int)
    assert np.abs(alone[rows][:, columns] - right).mean() < 12
    assert canvases.count() == 1


def test_contour_lines_cover_little_of_the_picture_and_follow_their_number(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    mode(view, "contours")
    page.settle(200)
    marks = view.root.locator(".sw-scale-mark")
    assert marks.count() == 8  # four on each side of zero
    four = view.pixels()
    view.set("Lines", 1)
    repainted(view, four, "fewer lines")
    assert marks.count() == 2
    assert view.root.locator(".sw-display-note").is_visible() == (float(view.field("Smoothing").input_value()) < 1.1)


def test_channels_are_put_together_by_the_kernel_as_python_does(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    page.execute("w.wait(); import numpy as np")
    view.set("Smoothing", 0)
    sums = view.pixels()
    for way in ("max", "norm"):
        view.select("channels").select_option(way)
        before = sums
        view.pixels_when(lambda now, old=before: now.shape == old.shape and bool((now != old).any()))
        end = page.value(f"float(np.percentile(np.abs(w.explanation.heatmap(channels={way!r})), 99.5))")
        shown = view.root.locator(".sw-scale-numbers > *").last.inner_text()
        assert float(shown) == pytest.approx(end, rel=0.02)
    view.select("channels").select_option("sum")
    assert (view.pixels_when(lambda now: bool((now == sums).all())) == sums).all()
