"""Pictures in, in a real JupyterLab: stepped through, added, cut out, marked before, and sorted by what the model got wrong."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser.page import NotebookPage
from browser.view import View

Notebook = Callable[..., NotebookPage]

EIGHT = "w = sw.SaliencyWidget(model, sw.demo.buildings(8, seed=5), target='style', idle=False)\nw"
# What is said to be true is not: two of four labels are of another style.
WRONG = """
some = sw.demo.buildings(4, seed=5)
model.discover(some[0])
styles = model.heads["style"].classes
said = [s.labels["style"] for s in some]
other = {a: b for a, b in zip(styles, styles[1:] + styles[:1])}
w = sw.SaliencyWidget(model, [s.image for s in some], labels=[other[said[0]], said[1], said[2], other[said[3]]],
                      target='style', idle=False)
w
"""
DATASET = """
import torch
class Buildings(torch.utils.data.Dataset):
    read = []
    def __len__(self):
        return 5000
    def __getitem__(self, i):
        self.read.append(i)
        s = sw.demo.building(5, i, 96)
        return s.image, s.labels, s.evidence
w = sw.SaliencyWidget(model, Buildings(), target='style', idle=False)
w
"""
DROP = """(figure, files) => {
  const data = new DataTransfer();
  for (const [name, type, bytes] of files) {
    data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, { type }));
  }
  for (const type of ["dragenter", "dragover", "drop"]) {
    figure.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


def opened(bench: Notebook, cell: str, **size: int) -> tuple[NotebookPage, View]:
    """Give a view with a finished map."""
    page = bench([cell], **size)
    view = View(page)
    view.wait_map()
    return page, view


def part(view: View, name: str) -> None:
    """Open a part of the panel."""
    view.root.locator(f".sw-{name} > summary").click()


def plain(colour: str, size: tuple[int, int] = (64, 48), kind: str = "PNG") -> bytes:
    """Return a file of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return file.getvalue()


def frames(view: View) -> list[dict[str, object]]:
    """What the strip shows: the place, and how wide its small picture is (0 for a number)."""
    found: list[dict[str, object]] = view.root.locator(".sw-frame").evaluate_all(
        "(all) => all.map((f) => ({ at: Number(f.dataset.picture), on: f.getAttribute('aria-checked') === 'true',"
        " width: f.querySelector('img')?.naturalWidth ?? 0 }))"
    )
    return found


def current(page: NotebookPage, index: int) -> None:
    """Wait until the kernel's current picture is that one, with its map."""
    for _ in range(200):
        if page.value("w.image") == index:
            page.execute("w.wait()")
            return
        page.settle(50)
    raise AssertionError(f"picture {index} never became current; it is {page.value('w.image')}")


def test_the_strip_shows_the_pictures_and_a_click_or_an_arrow_steps_to_one(bench: Notebook, shots: Path) -> None:
    page, view = opened(bench, EIGHT)
    view.root.locator(".sw-frame img").nth(7).wait_for()
    assert [f["at"] for f in frames(view)] == list(range(8))
    assert all(f["width"] == 128 for f in frames(view))

    before = view.pixels()
    view.root.locator(".sw-frame[data-picture='3']").click()
    current(page, 3)
    view.wait_map()
    assert [f["at"] for f in frames(view) if f["on"]] == [3]
    assert np.abs(view.pixels() - before).mean() > 5, "another picture is on the canvas"

    view.root.locator(".sw-frame[data-picture='3']").press("ArrowRight")
    current(page, 4)
    assert view.root.evaluate("(root) => document.activeElement.dataset.picture") == "4"
    page.screenshot("pictures-strip", shots, view.root)


def test_of_a_data_set_only_what_is_looked_at_is_read(bench: Notebook) -> None:
    page, view = opened(bench, DATASET)
    view.root.locator(".sw-frame img").first.wait_for()
    page.settle(500)
    assert len(page.value("sorted(set(Buildings.read))")) < 25
    assert view.root.locator(".sw-count").inner_text() == "1 / 5000"

    view.root.locator(".sw-frame[data-picture='0']").press("End")
    current(page, 4999)
    view.root.locator(".sw-frame[data-picture='4999'] img").wait_for()
    assert len(page.value("sorted(set(Buildings.read))")) < 45
    assert [image["at"] for image in page.value("w.images")] == [0, 4999]
    assert view.root.locator(".sw-frame").count() < 25


def test_a_mask_has_its_outline_on_the_picture_and_each_maps_share_inside(bench: Notebook, shots: Path) -> None:
    page, view = opened(bench, EIGHT)
    button = view.root.locator("button[data-mask=style]")
    button.click()
    line = view.root.locator(".sw-figure .sw-ink.sw-mark-mask").first
    line.wait_for(state="attached")
    canvas = view.root.locator(".sw-canvas").first.bounding_box()
    drawn = line.bounding_box()
    assert canvas is not None
    assert drawn is not None
    page.execute(
        "import numpy as np\n"
        "m = w._session.pictures.entry(0).masks['style']\n"
        "ys, xs = np.where(m)\n"
        "h = w.explanation.heatmap(smooth=0)\n"
        "up, down = np.clip(h, 0, None), np.clip(-h, 0, None)"
    )
    left, top, right, bottom = page.value("[int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1]")
    scale = canvas["width"] / 224
    assert drawn["x"] - canvas["x"] == pytest.approx(left * scale, abs=3)
    assert drawn["y"] - canvas["y"] == pytest.approx(top * scale, abs=3)
    assert drawn["width"] == pytest.approx((right - left) * scale, abs=5)
    assert drawn["height"] == pytest.approx((bottom - top) * scale, abs=5)

    row = view.root.locator(".sw-shares[data-mask=style] tr[data-target]").first
    expected = page.value("[float(up[m].sum() / up.sum()), float(down[m].sum() / down.sum()), float(m.mean())]")
    assert float(row.get_attribute("data-positive") or "nan") == pytest.approx(expected[0], abs=2e-3)
    assert float(row.get_attribute("data-negative") or "nan") == pytest.approx(expected[1], abs=2e-3)
    area = view.root.locator(".sw-shares[data-mask=style]").get_attribute("data-area")
    assert float(area or "nan") == pytest.approx(expected[2], abs=1e-4)
    page.screenshot("pictures-mask", shots, view.root)

    # The outline goes with the picture as that is looked at closely, and away when it is switched off.
    view.root.get_by_role("button", name="Zoom in").click()
    page.settle(100)
    closer = line.bounding_box()
    assert closer is not None
    assert closer["width"] > 1.1 * drawn["width"]
    button.click()
    assert view.root.locator(".sw-figure .sw-mark-mask").count() == 0


def test_a_dropped_picture_is_added_and_shown_and_what_is_none_is_refused_in_words(
    bench: Notebook, shots: Path
) -> None:
    page, view = opened(bench, EIGHT)
    view.root.locator(".sw-frame img").first.wait_for()
    files = [
        ["red.png", "image/png", base64.b64encode(plain("red")).decode()],
        ["notes.txt", "text/plain", base64.b64encode(b"hello, world, hello").decode()],
        ["blue.gif", "image/gif", base64.b64encode(plain("blue", (30, 60), "GIF")).decode()],
    ]
    view.root.locator(".sw-figure").evaluate(DROP, files)
    current(page, 9)
    images = page.value("w.images")
    assert [(image["label"], image["width"], image["height"]) for image in images[8:]] == [
        ("red.png", 64, 48),
        ("blue.gif", 30, 60),
    ]
    view.wait_map()
    view.root.locator(".sw-stage label", has_text="Picture").last.click()
    blue = view.pixels_when(lambda p: bool(np.median(p[..., 2]) > 200))
    assert np.median(blue[..., 0]) < 60
    assert "notes.txt" in view.root.locator(".sw-pictures [role=alert]").inner_text()
    page.screenshot("pictures-added", shots, view.root)


def test_a_chosen_file_a_part_and_a_camera_s_picture_are_added(bench: Notebook) -> None:
    page, view = opened(bench, EIGHT)
    part(view, "pictures")
    adding = view.root.locator(".sw-pictures")
    adding.get_by_role("button", name="Choose files…").wait_for()
    assert adding.get_by_role("button", name="Cut it out").is_disabled()
    adding.locator("input[type=file]").set_input_files(
        {"name": "green.jpg", "mimeType": "image/jpeg", "buffer": plain("green", kind="JPEG")}
    )
    current(page, 8)
    assert page.value("w.images[8]['label']") == "green.jpg"

    view.root.locator(".sw-frame[data-picture='0']").click()
    current(page, 0)
    view.wait_map()
    adding.get_by_role("button", name="Mark a part").click()
    view.drag((0.25, 0.25), (0.75, 0.5))
    adding.get_by_role("button", name="Cut it out").click()
    current(page, 9)
    width, height = page.value("[w.images[9]['width'], w.images[9]['height']]")
    assert (width, height) == (pytest.approx(112, abs=3), pytest.approx(56, abs=3))

    adding.get_by_role("button", name="Webcam").click()
    page.page.wait_for_function(
        "(screen) => screen.width > 0 && screen.getContext('2d').getImageData(9, 9, 1, 1).data[3] > 0",
        arg=adding.locator("canvas").element_handle(),
    )
    adding.get_by_role("button", name="Take the picture").click()
    current(page, 10)
    assert page.value("w.images[10]['label']") == "webcam.jpg"
    adding.get_by_role("button", name="Camera off").click()
    assert not adding.locator("canvas").is_visible()


def test_mistakes_are_listed_and_one_click_explains_predicted_rather_than_true(bench: Notebook, shots: Path) -> None:
    page, view = opened(bench, WRONG)
    part(view, "mistakes")
    mistakes = view.root.locator(".sw-mistakes")
    mistakes.get_by_text("4 of 4 pictures looked at").wait_for(timeout=30_000)
    assert mistakes.locator("summary").inner_text().endswith("2 of 4 wrong")
    rows = mistakes.locator(".sw-row-open")
    assert sorted(rows.evaluate_all("(all) => all.map((r) => r.dataset.picture)")) == ["0", "3"]
    page.execute("truth = [c['truth']['style'] for c in w.images]\ntop = model.predict(some[3].image)['style'].top")
    assert page.value("[truth[0] != truth[3] or truth[0], model.heads['style'].classes[truth[3]] == other[said[3]]]")[1]

    mistakes.get_by_role("button", name="All 4").click()
    assert rows.count() == 4
    mistakes.get_by_role("button", name="Wrong 2").click()
    mistakes.locator("[data-why='3']").click()
    current(page, 3)
    truth, predicted = page.value("[other[said[3]], top]")
    assert page.value("w.target") == f"style:{predicted} versus {truth}"
    view.wait_map(f"style:{predicted} versus {truth}")
    said_of = view.option(f"style:{truth}").locator(".sw-option-name")
    assert said_of.evaluate("(name) => getComputedStyle(name, '::after').content") == '" ✓ · compared with"'
    page.screenshot("pictures-mistakes", shots, view.root)

    rows.first.click()
    current(page, int(rows.first.get_attribute("data-picture") or -1))
