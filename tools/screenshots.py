"""Takes the pictures of docs/ in a real JupyterLab: ``make pictures``; it tests nothing.

Run it when the page's looks have changed, look at what it made, and commit it. ``--only NAME`` takes one picture anew.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import BrowserContext, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

from browser.conftest import CHROMIUM_ARGUMENTS  # noqa: E402
from browser.page import NotebookPage, write_notebook  # noqa: E402
from browser.server import LabServer  # noqa: E402
from browser.view import View  # noqa: E402
from find_chromium import find_or_install  # noqa: E402

IMAGES = ROOT / "docs" / "images"
PAGE = ROOT / "docs" / "gallery.md"
SETUP = """
import saliency_widget as sw
scenes = sw.demo.buildings(24, seed=2024)
model = sw.load("demo/vgg")
"""
FOUR = """
model = {name: sw.load(f"demo/{name}") for name in ("vgg", "mobilenet", "inception", "efficientnet")}
"""
SHOW = """
w = sw.SaliencyWidget(model, scenes, method="METHOD", idle=False)
w.explain("style:gothic", image=23, wait=False)
w
"""
WIDE, NARROW = 1180, 440
QUALITY = 84
SHEET = 1600
"""Pixels across a sheet of four."""


def mode(name: str) -> Callable[[View], None]:
    """Return what chooses a mode of display."""
    return lambda view: view.root.locator(f".sw-top .sw-segments input[value={name}]").check(force=True)


def classes(view: View) -> None:
    """Show all classes."""
    view.open_part("gallery").get_by_role("button", name="All classes").click()
    view.root.locator(".sw-tile[data-final=true]").nth(len(view.classes) - 1).wait_for(timeout=60_000)


def methods(view: View) -> None:
    """Show all methods."""
    view.open_part("gallery").get_by_role("button", name="All methods").click()
    tiles = view.root.locator(".sw-tile")
    tiles.first.wait_for()
    view.root.locator(".sw-tile[data-final=true]").nth(tiles.count() - 1).wait_for(timeout=300_000)


def two(view: View) -> None:
    """Lay two classes over each other."""
    classes(view)
    tiles = view.root.locator(".sw-tile")
    for nth in (0, view.classes.index("perspective:inside")):
        tiles.nth(nth).get_by_role("button", name="Compare").click()


def region(view: View) -> None:
    """Mark a box."""
    view.root.get_by_role("button", name="Mark a box").click()
    box: Any = view.root.locator(".sw-figure .sw-canvas").first.bounding_box() or {}
    mouse = view.notebook.page.mouse
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ((0.3, 0.2), (0.7, 0.6))]
    mouse.move(*at[0])
    mouse.down()
    mouse.move(*at[1], steps=5)
    mouse.up()


def paint(view: View) -> None:
    """Hide what the map claims to be the strongest."""
    part = view.open_part("paint")
    field = part.get_by_role("spinbutton", name="Hide the top %")
    field.fill("10")
    field.press("Tab")
    view.root.locator(".sw-paint-results").wait_for(timeout=20_000)
    view.notebook.settle(1500)


def mistakes(view: View) -> None:
    """List the mistakes."""
    part = view.open_part("mistakes")
    view.notebook.settle(6000)
    part.get_by_role("button", name="All 24").click()
    view.notebook.settle(500)


def takeaway(view: View) -> None:
    """Show the code of the map."""
    view.open_part("takeaway")
    view.notebook.settle(1500)


def models(view: View) -> None:
    """Show all models."""
    view.open_part("gallery").get_by_role("button", name="All models").click()
    view.root.locator(".sw-tile[data-final=true]").nth(3).wait_for(timeout=120_000)


def experiment(view: View) -> None:
    """Randomise the weights, and look at a place between."""
    part = view.open_part("lab")
    part.locator("select[data-field=experiment] option").nth(1).wait_for(state="attached")
    part.locator("select[data-field=experiment]").select_option("randomise")
    part.get_by_role("button", name="Run").click()
    view.root.locator(".sw-lab-region[data-final=true]").wait_for(timeout=300_000)
    slider = view.root.locator(".sw-lab-slider")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    view.notebook.settle(1000)


VIEWS: dict[str, tuple[str, str, Callable[[View], None]]] = {
    "overlay": ("SmoothGrad over its picture", "smoothgrad", mode("overlay")),
    "beside": ("Side by side", "smoothgrad", mode("beside")),
    "mask": ("Mask: only the pixels above a threshold", "smoothgrad", mode("mask")),
    "contours": ("Contour lines", "grad_cam", mode("contours")),
    "region": ("A marked box, and its share of the evidence", "smoothgrad", region),
    "classes": ("All classes of all heads, on one scale", "smoothgrad", classes),
    "two": ("Two maps on each other", "smoothgrad", two),
    "paint": ("Paint to occlude: the map's strongest tenth is hidden", "smoothgrad", paint),
    "mistakes": ("Mistakes", "gradient", mistakes),
    "takeaway": ("Take away", "integrated_gradients", takeaway),
    "models": ("Four architectures on one scale", "smoothgrad", models),
    "experiment": ("An experiment: weights randomised layer by layer", "gradient", experiment),
    "methods": ("All methods", "smoothgrad", methods),
}


def take(lab: LabServer, context: BrowserContext, name: str) -> None:
    """Take one view in two themes and two widths, as one sheet."""
    _, method, prepare = VIEWS[name]
    shots: list[Image.Image] = []
    for width in (WIDE, NARROW):
        cells = [SETUP + (FOUR if name == "models" else ""), SHOW.replace("METHOD", method)]
        page = NotebookPage(lab, context, write_notebook(lab.notebooks, cells), width=width, height=1500)
        page.run_all()
        view = View(page)
        view.wait_map("style:gothic", timeout=120)
        view.set("Smoothing", 2)
        prepare(view)
        themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for theme in themes:
            page.set_theme(theme)
            page.page.evaluate("document.activeElement.blur()")
            page.settle(1500)  # until the circle of the smoothing is gone
            shots.append(whole(view))
        page.set_theme("light")
        page.close()
    sheet(shots).save(IMAGES / f"view-{name}.webp", quality=QUALITY, method=6)


def whole(view: View) -> Image.Image:
    """Return a view as a picture, however long it is."""
    root = view.root
    height = int(root.evaluate("(el) => el.getBoundingClientRect().height")) + 260
    page = view.notebook.page
    size = page.viewport_size or {"width": WIDE, "height": 900}
    page.set_viewport_size({"width": size["width"], "height": max(900, min(6000, height))})
    view.notebook.settle(600)
    root.scroll_into_view_if_needed()
    found = Image.open(io.BytesIO(root.screenshot())).convert("RGB")
    page.set_viewport_size(size)
    return found


def sheet(shots: list[Image.Image]) -> Image.Image:
    """Lay pictures side by side, the tops in one line; a narrow one may be longer, and is cut where the wide ones end."""
    gap = 16
    longest = max(shot.height for shot in shots[:2])
    shots = [shot.crop((0, 0, shot.width, min(shot.height, longest))) for shot in shots]
    across = sum(shot.width for shot in shots) + gap * (len(shots) - 1)
    made = Image.new("RGB", (across, max(shot.height for shot in shots)), (246, 247, 249))
    left = 0
    for shot in shots:
        made.paste(shot, (left, 0))
        left += shot.width + gap
    made.thumbnail((SHEET, 10_000), Image.Resampling.LANCZOS)
    return made


def portrait(lab: LabServer, browser_context: BrowserContext) -> None:
    """Take the picture at the top of the README."""
    cells = [SETUP, SHOW.replace("METHOD", "smoothgrad")]
    page = NotebookPage(lab, browser_context, write_notebook(lab.notebooks, cells), width=WIDE, height=1300)
    page.run_all()
    view = View(page)
    view.wait_map("style:gothic", timeout=120)
    view.set("Smoothing", 2)
    classes(view)
    page.page.evaluate("document.activeElement.blur()")
    page.settle(2500)
    whole(view).save(IMAGES / "widget.webp", quality=88, method=6)
    page.close()


def film(lab: LabServer, context: BrowserContext) -> None:
    """Take a short animated picture: a class and a head are clicked, and their maps sharpen."""
    many = "tolerance=None, params={'samples': 300}, idle=False"
    cells = [SETUP, SHOW.replace("METHOD", "smoothgrad").replace("idle=False", many)]
    page = NotebookPage(lab, context, write_notebook(lab.notebooks, cells), width=1000, height=2000)
    page.run_all()
    view = View(page)
    view.wait_map("style:gothic", timeout=120)
    view.set("Smoothing", 1.5)
    page.page.evaluate("document.activeElement.blur()")
    page.settle(1500)
    view.root.evaluate("(el) => el.scrollIntoView({ block: 'start' })")
    page.settle(300)
    box: Any = view.root.bounding_box() or {}
    clip = {"x": box["x"], "y": box["y"], "width": box["width"], "height": min(box["height"], 620)}
    frames: list[Image.Image] = []

    def shoot(times: int) -> None:
        for _ in range(times):
            shot = page.page.screenshot(clip=clip)  # type: ignore[arg-type]
            image = Image.open(io.BytesIO(shot)).convert("RGB")
            image.thumbnail((760, 760), Image.Resampling.LANCZOS)
            frames.append(image)
            page.settle(120)

    shoot(4)
    for target in ("perspective:outside", "style:neoclassical", "style:gothic"):
        view.click(target)
        shoot(14)
    frames[0].save(
        IMAGES / "streaming.webp", save_all=True, append_images=frames[1:], duration=160, loop=0, quality=62, method=6
    )
    page.close()


def page_of_all() -> str:
    """Return docs/gallery.md."""
    lines = [
        "# The page, view by view",
        "",
        "Taken by `make pictures` in JupyterLab: light and dark, in a wide cell and in one of 440 px.",
    ]
    for name, (title, _, _) in VIEWS.items():
        lines += ["", f"## {title}", "", f"![{title}](images/view-{name}.webp)"]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[*VIEWS, "widget", "streaming"])
    only = parser.parse_args().only or [*VIEWS, "widget", "streaming"]
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = LabServer(Path(folder) / "lab")
        lab.start()
        browser = playwright.chromium.launch(executable_path=find_or_install(), args=CHROMIUM_ARGUMENTS)
        try:
            for name in only:
                context = browser.new_context(device_scale_factor=1.5 if name == "widget" else 1)
                if name in VIEWS:
                    take(lab, context, name)
                else:
                    (portrait if name == "widget" else film)(lab, context)
                context.close()
                print(name, flush=True)
        finally:
            browser.close()
            lab.stop()
    PAGE.write_text(page_of_all(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
