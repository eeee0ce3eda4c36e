"""What a run will cost, said before the click, and what is taken away of a map: code that is run, a picture, all numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator

from browser.page import NotebookPage
from browser.view import View

Notebook = Callable[..., NotebookPage]

DIFFERENCE = "float(abs(e.attribution - w.explanation.attribution).max() / abs(w.explanation.attribution).max())"


def panel(view: View) -> Locator:
    """The part "Take away", opened."""
    found = view.root.locator("details.sw-takeaway")
    if found.get_attribute("open") is None:
        found.locator("summary").click()
    found.get_by_role("button", name="Download PNG").wait_for()
    return found


def code(view: View, *parts: str) -> str:
    """The code in the box, once it holds all of `parts`."""
    box = panel(view).get_by_role("region", name="Python code of this map")
    view.notebook.page.wait_for_function(
        "([box, parts]) => parts.every((part) => box.textContent.includes(part))",
        arg=[box.element_handle(), list(parts)],
        timeout=15_000,
    )
    return box.inner_text()


def download(view: View, button: str, folder: Path) -> Path:
    """Press a button and keep the file that comes, under the name that it has."""
    with view.notebook.page.expect_download() as coming:
        panel(view).get_by_role("button", name=button).click()
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def test_the_copied_code_makes_the_map_on_screen_again(bench: Notebook, shots: Path) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    view.click("perspective:inside")
    view.wait_map("perspective:inside")
    view.select("method").select_option("smoothgrad")
    view.wait_map("perspective:inside", method="smoothgrad")
    view.set("Samples", 6)
    page.page.wait_for_function(
        "(root) => /\\b6 gradients/.test(root.querySelector('.sw-status').innerText)", arg=view.root.element_handle()
    )
    view.select("sign").select_option("absolute")
    view.set("Smoothing", 2)
    text = code(view, "samples=6", "perspective:inside", '"absolute", smooth=2')
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel(view).get_by_role("button", name="Copy", exact=True).click()
    view.root.get_by_text("Copied", exact=True).wait_for()
    copied = page.page.evaluate("() => navigator.clipboard.readText()")
    page.page.context.clear_permissions()
    assert copied.strip() == text.strip()
    assert 'sw.load("demo/vgg")' in copied

    page.execute(f"images = scenes\n{copied}")
    assert page.value(DIFFERENCE) <= 1e-6
    assert page.value("float(abs(heatmap - w.explanation.heatmap('absolute', smooth=2)).max() / heatmap.max())") <= 1e-6
    for theme in ("light", "dark"):
        page.set_theme(theme)
        page.screenshot(f"takeaway-{theme}", shots, panel(view))
        page.screenshot(f"cost-{theme}", shots, view.root.get_by_role("group", name="Method"))
    page.set_theme("light")


def test_where_the_clipboard_is_forbidden_the_code_is_copied_the_old_way(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    text = code(view, "sw.explain")
    page.page.evaluate(
        """() => Object.defineProperty(navigator, "clipboard", {
          configurable: true, value: { writeText: () => Promise.reject(new Error("forbidden")) } })"""
    )
    panel(view).get_by_role("button", name="Copy", exact=True).click()
    view.root.get_by_text(re.compile("Copied|Ctrl C")).wait_for()
    selected = page.page.evaluate("() => String(window.getSelection())")
    page.page.evaluate("() => { delete navigator.clipboard; window.getSelection().removeAllRanges(); }")
    assert selected.strip() == text.strip()


@pytest.mark.parametrize("mode", ["overlay", "beside", "contours"])
def test_the_png_shows_what_is_on_screen_with_its_scale_and_names(
    bench: Notebook, shots: Path, tmp_path: Path, mode: str
) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    page.execute("target = str(w.explanation.target)")
    view.root.locator(f".sw-top .sw-segments input[value={mode}]").check(force=True)
    page.settle(200)
    path = download(view, "Download PNG", tmp_path if mode != "overlay" else shots)
    assert path.name == f"demo-vgg_{page.value('target').replace(':', '-')}_gradient.png"
    made = np.asarray(Image.open(path).convert("RGB")).astype(int)
    # The picture begins under the title, between equal margins, and is as wide as it is high.
    ground = (made == 255).all(axis=2)
    columns = np.flatnonzero(~ground[made.shape[0] // 2])
    left, right = columns[0], columns[-1] + 1
    side = (right - left - left) // 2 if mode == "beside" else right - left
    rows = np.flatnonzero(~ground[:, left + side // 2 - 2 : left + side // 2 + 2].any(axis=1))
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    tall = max(runs, key=len)
    assert abs(len(tall) - side) <= 2, (len(tall), side)
    canvas = view.root.locator(".sw-stage .sw-panes canvas.sw-canvas").last
    shown = page.canvas_pixels(canvas)[..., :3]
    first = right - side if mode == "beside" else left
    cut = Image.fromarray(made[tall[0] : tall[0] + side, first : first + side].astype(np.uint8))
    small = [
        np.asarray(im.resize((64, 64), Image.Resampling.BOX)).astype(float) for im in (cut, Image.fromarray(shown))
    ]
    assert np.abs(small[0] - small[1]).mean() < (9 if mode == "contours" else 5)
    bar = made[tall[-1] + 3 :]
    assert (np.abs(bar - bar.mean(axis=2, keepdims=True)).max(axis=2) > 60).any(), "the scale has colours"
    assert (bar.max(axis=2) < 80).sum() > 50, "and numbers"
    view.root.locator(".sw-top .sw-segments input[value=overlay]").check(force=True)


def test_the_npz_holds_the_very_numbers(bench: Notebook, tmp_path: Path) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    path = download(view, "Download NPZ", tmp_path)
    assert path.name.startswith("demo-vgg_style-")
    assert path.name.endswith("_gradient.npz")
    page.execute(f"loaded = sw.Explanation.load({str(path)!r})")
    assert page.value("bool((loaded.attribution == w.explanation.attribution).all())")
    assert page.value("str(loaded.target) == str(w.explanation.target)")


def seconds(text: str) -> float:
    """What "50 gradients, about 2.4 s here" says, in seconds."""
    if "under 0.1 s" in text:
        return 0.1
    found = re.search(r"about ([\d.]+) (s|min|h) here", text)
    assert found, text
    return float(found[1]) * {"s": 1, "min": 60, "h": 3600}[found[2]]


def test_what_a_run_costs_is_said_before_it_and_follows_the_sliders(bench: Notebook) -> None:
    page = bench(["w = sw.SaliencyWidget(model, scenes, target='style', idle=False, tolerance=None)\nw"])
    view = View(page)
    view.wait_map()
    cost = view.root.locator(".sw-cost")
    assert cost.inner_text().startswith("1 gradient, ")
    listed = view.select("method").locator("option[value=occlusion]").inner_text()
    assert re.fullmatch(r"Occlusion · (about|under) [\d.]+ (s|min)", listed), listed
    view.select("method").select_option("smoothgrad")
    view.wait_map(method="smoothgrad")
    page.execute("before = w.explanation.elapsed")
    once = seconds(cost.inner_text())
    took = page.value("before")
    assert took / 2 - 0.1 <= once <= 2 * took + 0.1, (cost.inner_text(), took)

    slider = view.slider("Samples")
    slider.focus()
    said = [cost.inner_text()]
    for _ in range(3):
        page.page.keyboard.press("ArrowRight")
        page.settle(40)
        said.append(cost.inner_text())
    counts = [int(text.split()[0]) for text in said]
    assert counts == sorted(set(counts)), said
    assert counts[0] == 50
    assert all(text.startswith(f"{count} gradients, ") for count, text in zip(counts, said, strict=True))
    page.page.keyboard.press("Escape")
