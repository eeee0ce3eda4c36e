# ruff: noqa: INP001
"""Screenshots of every state of the page over the fake kernel, in both themes and three widths, to be looked at.

    .venv/bin/python js/dev/shots.py FOLDER [STATE ...]

Needs the npm packages of js/, Playwright for Python, and a Chromium (Playwright's own, or the one at CHROMIUM).
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sklearn.datasets import load_sample_images

HERE = Path(__file__).parent
STATES = ("done", "idle", "running", "queued", "error", "disconnected", "empty", "stale", "saved")
STATES += ("long", "longest", "regression", "square")
STATES += ("beside", "map", "mask", "dimmed", "contours", "lines", "sqrt", "rank", "mass")
STATES += ("hover", "zoom", "crosshair", "box", "lasso", "smoothing", "peek")
STATES += ("labels", "versus", "outputs", "cam", "small", "partial", "picture", "control", "about", "equals")
WIDTHS = (960, 700, 320)
THEMES = ("light", "dark")


def build(out: Path) -> None:
    """Bundle the dev page, the real styles and two pictures into one folder that opens from disk."""
    bundle = ["npx", "esbuild", "dev/main.ts", "--bundle", "--format=iife", "--log-level=warning"]
    for command in (["node", "build.mjs", f"--outdir={out}"], [*bundle, f"--outfile={out}/main.js"]):
        subprocess.run(command, cwd=HERE.parent, check=True)  # noqa: S603
    shutil.copy(HERE / "index.html", out)
    folder = Path(load_sample_images().filenames[0]).parent
    for source, name in (("china.jpg", "china.jpg"), ("flower.jpg", "flower.jpg")):
        shutil.copy(folder / source, out / name)
    Image.open(out / "china.jpg").crop((100, 0, 500, 400)).save(out / "square.jpg")


def click(page: Page, head: str, index: int | str) -> None:
    """Choose a class."""
    page.click(f'[data-head="{head}"][data-class="{index}"]')


def wait_final(page: Page) -> None:
    """Wait until the newest map is complete."""
    page.wait_for_selector('.sw-root[data-final="true"][data-state="idle"]')


def pose_idle(page: Page) -> None:
    """Nothing asked for yet."""
    page.wait_for_timeout(200)


def pose_done(page: Page) -> None:
    """A finished map."""
    click(page, "style", 0)
    wait_final(page)


def pose_running(page: Page) -> None:
    """A run that stands at 20 of 50."""
    click(page, "style", 1)
    page.wait_for_function("document.querySelector('.sw-status-facts').textContent.includes('20 of 50')")


def pose_then_class(page: Page) -> None:
    """A first map, then a class that gets no answer."""
    pose_done(page)
    click(page, "perspective", 1)
    page.wait_for_timeout(500)


def pose_error(page: Page) -> None:
    """A class whose map fails."""
    click(page, "style", 2)
    page.wait_for_selector(".sw-alert:visible")


def pose_empty(page: Page) -> None:
    """A map with nothing in it."""
    click(page, "style", 0)
    wait_final(page)


def pose_saved(page: Page) -> None:
    """No kernel, only what the traits hold."""
    page.wait_for_selector('.sw-root[data-state="saved"]')


def pose_long(page: Page) -> None:
    """A search among a thousand classes."""
    page.fill(".sw-filter", "lo")
    page.locator(".sw-option").nth(1).click()
    wait_final(page)


def pose_regression(page: Page) -> None:
    """The value of a regression head, and what would raise it."""
    click(page, "age", "")
    wait_final(page)
    if not page.is_visible("select[data-field=sign]"):
        page.click(".sw-display > summary")
    page.select_option("select[data-field=sign]", "positive")


def method(page: Page, name: str) -> None:
    """Choose a method and wait for its map."""
    page.select_option("select[data-field=method]", name)
    page.wait_for_selector(f'.sw-root[data-method="{name}"]')
    wait_final(page)


def pose_labels(page: Page) -> None:
    """A head of which several labels are true."""
    click(page, "seen", 1)
    wait_final(page)


def pose_versus(page: Page) -> None:
    """Why one class rather than another."""
    pose_done(page)
    page.click('[data-head="style"][data-class="2"]', modifiers=["Shift"])
    page.wait_for_selector('.sw-root[data-target="style:gothic versus neoclassical"]')
    wait_final(page)


def pose_outputs(page: Page) -> None:
    """All outputs of a head."""
    pose_done(page)
    click(page, "style", -1)
    page.wait_for_selector('.sw-root[data-target="style:*"]')
    wait_final(page)


def pose_cam(page: Page) -> None:
    """A map on a layer's grid, with the layers to choose from."""
    pose_done(page)
    method(page, "grad_cam")


def pose_partial(page: Page) -> None:
    """A run whose frames are no estimates."""
    pose_idle(page)
    page.select_option("select[data-field=method]", "guided_ig")
    page.wait_for_function("document.querySelector('.sw-status-facts').textContent.includes('20 of 50')")


def pose_picture(page: Page) -> None:
    """A picture in place of a map."""
    pose_done(page)
    method(page, "class_appearance")


def pose_control(page: Page) -> None:
    """A control, with the way back."""
    pose_done(page)
    page.click(".sw-chip >> nth=0")
    page.wait_for_selector('.sw-root[data-method="edges"]')
    wait_final(page)


def pose_about(page: Page) -> None:
    """What there is to know about the model."""
    pose_done(page)
    page.click(".sw-about > summary")


def pose_equals(page: Page) -> None:
    """A method that is here the same as a simpler one."""
    pose_done(page)
    method(page, "guided_backprop")


def mode(page: Page, name: str) -> None:
    """Choose how the map lies on the picture."""
    page.check(f".sw-segments input[value={name}]", force=True)


def choose(page: Page, field: str, value: str) -> None:
    """Open Display if it is not, and choose there."""
    if not page.is_visible(f"select[data-field={field}]"):
        page.click(".sw-display > summary")
    page.select_option(f"select[data-field={field}]", value)


def shown(name: str, **chosen: str) -> Callable[[Page], None]:
    """Give the pose of a finished map in a mode, with some choices of Display."""

    def pose(page: Page) -> None:
        pose_done(page)
        mode(page, name)
        for field, value in chosen.items():
            choose(page, field, value)

    return pose


def point(page: Page, x: float, y: float) -> tuple[float, float]:
    """Move the mouse to a place on the picture, in shares of it."""
    page.locator(".sw-canvas").last.scroll_into_view_if_needed()
    box = page.locator(".sw-canvas").last.bounding_box() or {}
    at = (box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.move(*at)
    return at


def pose_hover(page: Page) -> None:
    """The mouse on one of two linked panels."""
    shown("beside")(page)
    point(page, 0.48, 0.72)


def pose_zoom(page: Page) -> None:
    """A part of the picture, its pixels as squares, under a crosshair."""
    pose_done(page)
    point(page, 0.49, 0.66)
    page.focus(".sw-canvas")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("+")


def pose_crosshair(page: Page) -> None:
    """The crosshair of the keys."""
    pose_done(page)
    page.focus(".sw-canvas")
    for key in ("ArrowRight", "Shift+ArrowDown", "Shift+ArrowDown"):
        page.keyboard.press(key)


def pose_box(page: Page) -> None:
    """A marked box, with two known classes."""
    pose_done(page)
    click(page, "perspective", 1)
    page.wait_for_selector('.sw-root[data-target="perspective:inside"]')
    wait_final(page)
    page.click("[aria-label='Mark a box']")
    point(page, 0.25, 0.1)
    page.mouse.down()
    point(page, 0.5, 0.5)
    page.mouse.up()


def pose_lasso(page: Page) -> None:
    """A region drawn by hand."""
    pose_done(page)
    page.click("[aria-label='Mark with a lasso']")
    point(page, 0.58, 0.6)
    page.mouse.down()
    for step in range(1, 40):
        turn = 2 * math.pi * step / 40
        point(page, 0.5 + 0.08 * math.cos(turn), 0.6 + 0.2 * math.sin(turn))
    page.mouse.up()


def pose_smoothing(page: Page) -> None:
    """The radius of the smoothing, while it is chosen."""
    pose_done(page)
    if not page.is_visible("input[aria-label=Smoothing]"):
        page.click(".sw-display > summary")
    page.fill("input[aria-label=Smoothing]", "600")


def pose_peek(page: Page) -> None:
    """The picture alone, while its button is held."""
    pose_done(page)
    page.hover("[aria-label='Hold to see the picture alone']")
    page.mouse.down()


POSES: dict[str, Callable[[Page], None]] = {
    "done": pose_done,
    "idle": pose_idle,
    "running": pose_running,
    "queued": pose_then_class,
    "error": pose_error,
    "disconnected": pose_then_class,
    "empty": pose_empty,
    "stale": pose_then_class,
    "saved": pose_saved,
    "long": pose_long,
    "regression": pose_regression,
    "square": pose_done,
    "longest": pose_idle,
    "beside": shown("beside"),
    "map": shown("map"),
    "mask": shown("mask", rest="blur"),
    "dimmed": shown("mask", rest="dim", sign="positive"),
    "contours": shown("contours"),
    "lines": shown("contours", sign="absolute", colormap="viridis"),
    "sqrt": shown("map", curve="sqrt", colormap="brown-teal"),
    "rank": shown("map", curve="rank", sign="absolute", colormap="cividis"),
    "mass": shown("overlay", clip_by="mass", colormap="purple-green"),
    "hover": pose_hover,
    "zoom": pose_zoom,
    "crosshair": pose_crosshair,
    "box": pose_box,
    "lasso": pose_lasso,
    "smoothing": pose_smoothing,
    "peek": pose_peek,
    "labels": pose_labels,
    "versus": pose_versus,
    "outputs": pose_outputs,
    "cam": pose_cam,
    "small": pose_cam,
    "partial": pose_partial,
    "picture": pose_picture,
    "control": pose_control,
    "about": pose_about,
    "equals": pose_equals,
}


def main(folder: Path, states: list[str]) -> None:
    """Take all pictures, and fail if the page writes an error to the console."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        build(Path(scratch))
        chromium = os.environ.get("CHROMIUM", shutil.which("chromium"))
        flags = ["--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
        flags += ["--no-sandbox", "--allow-file-access-from-files"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        errors: list[str] = []
        for width in WIDTHS:
            for theme in THEMES:
                scheme = "dark" if theme == "dark" else "light"
                context = browser.new_context(viewport={"width": width + 32, "height": 700}, color_scheme=scheme)
                page = context.new_page()
                page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
                page.on("pageerror", lambda e: errors.append(str(e)))
                for state in states:
                    scenario = {"stale": "queued", "longest": "long", "partial": "running"}.get(state, state)
                    pictures = "square.jpg,flower.jpg" if state == "square" else "china.jpg,flower.jpg"
                    size = 32 if state == "small" else 224
                    query = f"scenario={scenario}&theme={theme}&width={width}&pictures={pictures}&size={size}"
                    page.goto(f"file://{scratch}/index.html?{query}")
                    page.wait_for_selector(".sw-canvas")
                    page.wait_for_timeout(150)
                    POSES[state](page)
                    page.wait_for_timeout(250)
                    page.screenshot(path=folder / f"{state}-{theme}-{width}.png", full_page=True)
                    overflow = page.evaluate("document.documentElement.scrollWidth > innerWidth")
                    if overflow:
                        errors.append(f"{state} {theme} {width}: wider than its cell")
                context.close()
        browser.close()
    for error in errors:
        print(error)  # noqa: T201
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(STATES))
