"""The canvas as an instrument: what is read, marked and looked at closely, against what Python computes of the same map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from browser.page import NotebookPage
from browser.view import View, changed, ready

Notebook = Callable[..., NotebookPage]

PREPARE = """
import numpy as np
def cell(x, y, smooth=1.0):
    '''The map as the page draws it, at a pixel of the picture, and the share of its pixels that are no larger.'''
    about = w.images[w.image]
    l, t, r, b = about["box"]
    m = w.explanation.heatmap(smooth=smooth)
    h, k = m.shape
    v = float(m[int((y + 0.5 - t) / (b - t) * h), int((x + 0.5 - l) / (r - l) * k)])
    return [v, float((np.abs(m) <= abs(v)).mean()), float(np.abs(m).max())]
def inside(l, t, r, b):
    '''Shares of positive and negative evidence in a box in shares of the input.'''
    m = w.explanation.heatmap(smooth=0)
    h, k = m.shape
    ys, xs = (np.arange(h) + 0.5) / h, (np.arange(k) + 0.5) / k
    box = ((ys >= t) & (ys < b))[:, None] & ((xs >= l) & (xs < r))
    up, down = np.clip(m, 0, None), np.clip(-m, 0, None)
    return [float(up[box].sum() / up.sum()), float(down[box].sum() / down.sum()), float(box.mean())]
"""


def opened(bench: Notebook, **size: int) -> tuple[NotebookPage, View]:
    """Give a view with a finished map, and a kernel that can compute what it should say."""
    page = bench(**size)
    view = ready(page, PREPARE)
    return page, view


def point(view: View, across: float, down: float) -> None:
    """Move the mouse to a place on the canvas, in shares of it."""
    left, top, width, height = view.canvas()
    view.notebook.page.mouse.move(left + across * width, top + down * height)
    view.notebook.settle()


def reading(view: View) -> dict[str, str]:
    """Return what the line under the picture says, as numbers."""
    found: dict[str, str] = view.root.locator(".sw-readout").evaluate("(el) => ({ ...el.dataset })")
    return found


def zoom(view: View) -> float:
    """Return how closely the first panel looks."""
    return float(view.root.locator(".sw-pane").first.get_attribute("data-zoom") or 0)


def agrees(page: NotebookPage, read: dict[str, str]) -> None:
    """Check value and rank of a reading against Python's own map."""
    value, rank, top = page.value(f"cell({read['x']}, {read['y']})")
    assert float(read["value"]) == pytest.approx(value, abs=2e-3 * top)
    assert float(read["rank"]) == pytest.approx(rank, abs=0.01)


def test_the_mouse_reads_the_value_that_python_has_there(bench: Notebook) -> None:
    page, view = opened(bench)
    for across, down in ((0.31, 0.42), (0.5, 0.77), (0.9, 0.12)):
        point(view, across, down)
        read = reading(view)
        size = page.value("[w.images[0]['width'], w.images[0]['height']]")
        assert abs(float(read["x"]) - across * size[0]) <= 1.5
        assert abs(float(read["y"]) - down * size[1]) <= 1.5
        agrees(page, read)
    line = view.root.locator(".sw-readout")
    height = line.evaluate("(el) => el.offsetHeight")
    page.page.mouse.move(2, 2)
    page.settle()
    assert "x" not in reading(view)
    assert line.evaluate("(el) => el.offsetHeight") == height, "nothing jumps when a reading comes and goes"


def test_the_colour_that_is_read_is_the_picture_s_own_whatever_lies_on_it(bench: Notebook) -> None:
    page, view = opened(bench)
    view.root.locator(".sw-segments input[value=picture]").check(force=True)
    page.settle(200)
    pixels = view.pixels()
    view.root.locator(".sw-segments input[value=map]").check(force=True)
    for across, down in ((0.2, 0.2), (0.55, 0.6)):
        point(view, across, down)
        colour = reading(view)["colour"]
        read = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        around = pixels[int(down * pixels.shape[0]) - 4 :, int(across * pixels.shape[1]) - 4 :][:9, :9].reshape(-1, 3)
        assert np.abs(around - read).max(axis=1).min() <= 12


def test_arrow_keys_move_a_crosshair_that_reads_and_is_said_aloud(bench: Notebook) -> None:
    page, view = opened(bench)
    canvas = view.root.get_by_role("application")
    canvas.focus()
    for key in ("ArrowRight", "Shift+ArrowDown", "ArrowLeft"):
        page.page.keyboard.press(key)
    page.settle()
    first = reading(view)
    agrees(page, first)
    page.page.keyboard.press("ArrowRight")
    page.settle()
    box, input_ = page.value("[w.images[0]['box'], w.images[0]['input']]")
    moved = float(reading(view)["x"]) - float(first["x"])
    assert moved == pytest.approx((box[2] - box[0]) / input_[0], abs=1)
    said = view.root.get_by_role("status").filter(has_text="rank")
    said.wait_for(state="attached")
    assert f"x {reading(view)['x']}, y {reading(view)['y']}" in said.inner_text()
    page.page.keyboard.press("Enter")
    view.root.get_by_role("status").filter(has_text="of the evidence in 5 % of the pixels").wait_for(state="attached")
    assert "Arrow keys move a crosshair" in canvas.evaluate(
        "(el) => document.getElementById(el.getAttribute('aria-describedby')).textContent"
    )


def test_zoom_keeps_the_place_under_the_mouse_and_fit_brings_the_same_pixels_back(bench: Notebook) -> None:
    page, view = opened(bench)
    before = view.pixels()
    point(view, 0.3, 0.6)
    there = reading(view)
    page.page.keyboard.down("Control")
    for _ in range(4):
        page.page.mouse.wheel(0, -100)
        page.settle()
    page.page.keyboard.up("Control")
    assert zoom(view) > 4
    point(view, 0.3, 0.6)
    for axis in ("x", "y"):
        assert abs(float(reading(view)[axis]) - float(there[axis])) <= 1
    agrees(page, reading(view))
    # Pixels of the model's input are squares now: neighbours on the screen are the same.
    close = view.pixels()
    assert (close[:, 1:] == close[:, :-1]).all(axis=-1).mean() > 0.6

    # A drag takes the picture along.
    left, top, width, height = view.canvas()
    page.page.mouse.down()
    page.page.mouse.move(left + 0.4 * width, top + 0.6 * height, steps=4)
    page.page.mouse.up()
    page.settle()
    assert abs(float(reading(view)["x"]) - float(there["x"])) <= 1
    assert changed(close, view.pixels()) > 0.1

    view.root.get_by_role("button", name="Fit the picture").click()
    page.page.mouse.move(2, 2)
    page.settle()
    assert zoom(view) == 1
    assert (view.pixels() == before).all()
    assert "mode" not in page.value("w.display"), "looking closely is not saved"


def test_two_panels_share_cursor_and_zoom(bench: Notebook) -> None:
    page, view = opened(bench)
    view.root.locator(".sw-segments input[value=beside]").check(force=True)
    page.settle(200)
    point(view, 0.4, 0.5)
    crosses = view.root.locator(".sw-mark-cross").evaluate_all("(all) => all.map((p) => p.getAttribute('d') !== '')")
    assert crosses == [False, True], "the other panel has the cross, this one the pointer"
    agrees(page, reading(view))
    view.root.get_by_role("button", name="Zoom in").click()
    page.settle()
    zooms = view.root.locator(".sw-pane").evaluate_all("(all) => all.map((p) => Number(p.dataset.zoom))")
    assert zooms == [1.5, 1.5]


def shares(view: View) -> dict[str, dict[str, Any]]:
    """Return the marked region's shares by target."""
    rows: list[dict[str, Any]] = view.root.locator(".sw-shares tr[data-target]").evaluate_all(
        "(all) => all.map((row) => ({ ...row.dataset }))"
    )
    return {row.pop("target"): {name: float(value) for name, value in row.items()} for row in rows}


def test_a_box_has_the_shares_of_evidence_that_python_counts_for_each_known_class(bench: Notebook) -> None:
    page, view = opened(bench)
    view.click("style:gothic")
    view.wait_map("style:gothic")
    view.click("perspective:inside")
    view.wait_map("perspective:inside")
    page.execute("w.wait()")
    view.root.get_by_role("button", name="Mark a box").click()
    point(view, 0.25, 0.25)
    page.page.mouse.down()
    point(view, 0.5, 0.7)
    point(view, 0.75, 0.75)
    page.page.mouse.up()
    page.settle()

    found = shares(view)
    assert next(iter(found)) == "perspective:inside"
    assert "style:gothic" in found
    left, top, right, bottom = page.value("w.images[0]['box']")
    width, height = page.value("[w.images[0]['width'], w.images[0]['height']]")
    box = [(share * width - left) / (right - left) for share in (0.25, 0.75)]
    box[1:1] = [(0.25 * height - top) / (bottom - top)]
    box += [(0.75 * height - top) / (bottom - top)]
    positive, negative, area = page.value(f"inside(*{box})")
    assert found["perspective:inside"]["positive"] == pytest.approx(positive, abs=0.02)
    assert found["perspective:inside"]["negative"] == pytest.approx(negative, abs=0.02)
    told = float(view.root.locator(".sw-shares").get_attribute("data-area") or 0)
    assert told == pytest.approx(area, abs=0.02)
    assert f"{100 * told:.1f} %" in view.root.get_by_role("group", name="Marked region").inner_text()

    view.root.get_by_role("button", name="Clear the marked region").click()
    view.root.locator(".sw-shares").wait_for(state="hidden")
    # By keys, the tool being chosen: Enter on both corners.
    view.root.get_by_role("application").focus()
    for key in ("ArrowRight", "Enter", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        page.page.keyboard.press(key)
    page.settle()
    assert shares(view)
    cells = page.value("w.images[0]['input'][0] * w.images[0]['input'][1]")
    told = float(view.root.locator(".sw-shares").get_attribute("data-area") or 0)
    assert told == pytest.approx(121 / cells, rel=1e-6)


def test_the_picture_alone_is_seen_while_its_button_or_key_is_held(bench: Notebook) -> None:
    page, view = opened(bench)
    page.page.mouse.move(2, 2)
    before = view.pixels()
    eye = view.root.get_by_role("button", name="Hold to see the picture alone")
    eye.hover()
    page.page.mouse.down()
    held = view.pixels_when(lambda now: changed(before, now) > 0.05)
    page.page.mouse.up()
    view.pixels_when(lambda now: bool((now == before).all()))
    view.option("style:gothic").focus()
    page.page.keyboard.down("p")
    view.pixels_when(lambda now: bool((now == held).all()))
    page.page.keyboard.up("p")
    view.pixels_when(lambda now: bool((now == before).all()))


def test_a_slider_of_the_smoothing_shows_its_radius_on_the_picture(bench: Notebook) -> None:
    page, view = opened(bench)
    view.slider("Smoothing").fill("500")
    mark = view.root.locator(".sw-mark-radius")
    wide = mark.evaluate("(path) => path.getBBox().width")
    box, input_ = page.value("[w.images[0]['box'], w.images[0]['input']]")
    width = page.value("w.images[0]['width']")
    pixel = view.canvas()[2] / width * (box[2] - box[0]) / input_[0]
    assert wide == pytest.approx(2 * 5 * pixel, rel=0.02)
    page.page.wait_for_function("(path) => path.getAttribute('d') === ''", arg=mark.element_handle())


def test_everything_stands_in_a_cell_of_320_pixels(bench: Notebook) -> None:
    page, view = opened(bench)
    view.root.evaluate("(root) => { root.parentElement.style.width = '320px'; }")
    page.settle(200)
    point(view, 0.4, 0.4)
    beyond = view.root.evaluate(
        """(root) => [...root.querySelectorAll(".sw-stage *")]
          .filter((el) => el.checkVisibility() && !el.closest(".sw-hidden") && !el.closest(".sw-over"))
          .filter((el) => el.getBoundingClientRect().right > root.getBoundingClientRect().right + 1)
          .map((el) => el.className)"""
    )
    assert beyond == []
    assert view.root.locator(".sw-value").inner_text() != ""
