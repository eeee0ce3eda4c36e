"""Takes the pictures of docs/images in a real JupyterLab: ``make pictures``; it tests nothing.

Run it when the page's looks have changed, look at what it made, and commit it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

from browser.conftest import CHROMIUM_ARGUMENTS  # noqa: E402
from browser.page import NotebookPage, write_notebook  # noqa: E402
from browser.server import LabServer  # noqa: E402
from browser.view import View  # noqa: E402
from find_chromium import find_or_install  # noqa: E402

IMAGES = ROOT / "docs" / "images"
CELL = """
import saliency_widget as sw
w = sw.SaliencyWidget(sw.load("demo/vgg"), sw.demo.buildings(24, seed=2024), method="smoothgrad", params={"samples": 200})
w.explain("style:gothic", image=23, wait=False)
w
"""
QUALITY = 88


def main() -> int:
    """Take them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = LabServer(Path(folder) / "lab")
        lab.start()
        browser = playwright.chromium.launch(executable_path=find_or_install(), args=CHROMIUM_ARGUMENTS)
        try:
            path = write_notebook(lab.notebooks, [CELL])
            page = NotebookPage(lab, browser.new_context(device_scale_factor=1.5), path, width=1180, height=1300)
            page.run_all()
            view = View(page)
            view.wait_map("style:gothic", timeout=120)
            view.set("Smoothing", 2)
            page.page.evaluate("document.activeElement.blur()")
            page.settle(2500)  # until the circle of the smoothing is gone
            shot = page.screenshot("widget", Path(folder), page.widget)
            with Image.open(shot) as image:
                image.convert("RGB").save(IMAGES / "widget.webp", quality=QUALITY, method=6)
            page.close()
        finally:
            browser.close()
            lab.stop()
    print(IMAGES / "widget.webp")
    return 0


if __name__ == "__main__":
    sys.exit(main())
