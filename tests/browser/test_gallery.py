"""Maps compared in real JupyterLab: all classes and methods at once, on one scale, pinned, and two on each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Locator

from browser.page import NotebookPage
from browser.view import View, ready

Notebook = Callable[..., NotebookPage]

PREPARE = """
import numpy as np
from scipy.stats import spearmanr
def one(target, method="gradient"):
    picture = scenes[w.image].image
    return sw.explain(model, picture, target, method, **({} if method == "gradient" else {"tolerance": 0.05})).heatmap()
def end(targets, clip):
    '''The largest of the ends of the maps' own scales, as the page clips them.'''
    return float(max(np.percentile(np.abs(one(t)), clip) for t in targets))
def alike(a, b):
    x, y = one(a).ravel(), one(b).ravel()
    return [float(spearmanr(x, y)[0]), float(np.corrcoef(x, y)[0, 1])]
def difference_end(a, b, clip):
    return float(np.percentile(np.abs(one(a) - one(b)), clip))
"""


def opened(bench: Notebook, **size: int) -> tuple[NotebookPage, View, Locator]:
    """Give a view with a finished map, and the part "Compare maps", opened."""
    page = bench(**size)
    view = ready(page, PREPARE)
    view.open_part("gallery")
    return page, view, view.root.locator(".sw-gallery-region")


def press(view: View, name: str) -> None:
    """Press a button of the part."""
    view.root.locator("details.sw-gallery").get_by_role("button", name=name).click()


def wait_tiles(region: Locator, count: int, timeout: float = 90) -> list[str]:
    """Wait until so many maps are finished, and return what they are of."""
    done = region.locator(".sw-tile[data-final=true]")
    done.nth(count - 1).wait_for(timeout=1000 * timeout)
    assert region.locator(".sw-tile").count() == count
    found: list[str] = done.evaluate_all("(all) => all.map((t) => t.dataset.target)")
    return found


def ink(page: NotebookPage, tile: Locator) -> np.ndarray:
    """Return a small map's pixels."""
    return page.canvas_pixels(tile.locator("canvas"))[..., :3].astype(np.int16)


def test_every_class_of_every_head_has_its_map_on_one_scale_and_a_click_makes_one_big(bench: Notebook) -> None:
    page, view, region = opened(bench)
    view.set("Smoothing", 0)
    press(view, "All classes")
    targets = wait_tiles(region, len(view.classes))
    page.settle(1300)  # drawn finely once nothing moves
    assert targets == view.classes
    assert len({ink(page, tile).tobytes() for tile in region.locator(".sw-tile").all()}) == len(targets)
    ends = region.locator(".sw-tile").evaluate_all("(all) => all.map((t) => Number(t.dataset.scale))")
    assert len(set(ends)) == 1
    clip = view.field("Clip at").input_value()
    assert ends[0] == pytest.approx(page.value(f"end({targets}, {clip})"), rel=1e-3)
    view.root.get_by_label("One scale").uncheck()
    page.settle(200)
    assert len(set(region.locator(".sw-tile").evaluate_all("(all) => all.map((t) => t.dataset.scale)"))) > 1
    other = next(t for t in targets if t != view.selected)
    region.locator(f".sw-tile[data-target='{other}'] .sw-tile-name").click()
    view.wait_map(target=other)
    assert view.selected == other


def test_the_cursor_reads_all_maps_at_once(bench: Notebook) -> None:
    page, view, region = opened(bench)
    press(view, "All classes")
    wait_tiles(region, len(view.classes))
    page.settle(1100)  # drawn finely once nothing moves
    canvas = view.root.locator(".sw-figure .sw-canvas").first
    canvas.scroll_into_view_if_needed()
    canvas.hover(position={"x": 120, "y": 150})
    page.settle(200)
    values = region.locator(".sw-tile-value").all_inner_texts()
    assert all(values)
    assert len(set(values)) > 1
    shown = view.root.locator(".sw-readout").get_attribute("data-value")
    assert shown is not None
    main = region.locator(f".sw-tile[data-target='{view.selected}'] .sw-tile-value")
    assert float(main.get_attribute("data-value") or "nan") == pytest.approx(float(shown), abs=1e-9)


def test_two_maps_on_each_other_say_how_alike_they_are_and_where_they_differ(bench: Notebook) -> None:
    page, view, region = opened(bench)
    view.set("Smoothing", 0)
    press(view, "All classes")
    targets = wait_tiles(region, len(view.classes))
    first, second = targets[0], targets[-1]
    for target in (first, second):
        region.locator(f".sw-tile[data-target='{target}']").get_by_role("button", name="Compare").click()
    duel = region.locator(".sw-duel")
    duel.wait_for()
    rank, linear = page.value(f"alike({first!r}, {second!r})")
    assert float(duel.get_attribute("data-rank") or "nan") == pytest.approx(rank, abs=0.01)
    assert float(duel.get_attribute("data-linear") or "nan") == pytest.approx(linear, abs=0.01)
    stack = duel.locator(".sw-duel-stack")

    def look() -> np.ndarray:
        page.settle(200)
        return page.painted(stack).astype(np.int16)[..., :3]

    divider = duel.get_by_role("slider", name="Divider")
    divider.fill("0")
    right = look()
    divider.fill("100")
    left = look()
    divider.fill("50")
    both = look()
    half = both.shape[1] // 2
    assert np.abs(both[:, : half - 8] - left[:, : half - 8]).mean() < 1
    assert np.abs(both[:, half + 8 :] - right[:, half + 8 :]).mean() < 1
    assert np.abs(left - right).mean() > 1
    duel.get_by_role("radio", name="Difference").check(force=True)
    apart = look()
    assert np.abs(apart - left).mean() > 5
    clip = view.field("Clip at").input_value()
    end = page.value(f"difference_end({first!r}, {second!r}, {clip})")
    assert float(duel.get_attribute("data-end") or "nan") == pytest.approx(end, rel=1e-3)
    duel.get_by_role("radio", name="Blink").check(force=True)
    fronts = set()
    for _ in range(12):
        fronts.add(duel.get_attribute("data-front"))
        page.settle(200)
    assert fronts == {"A", "B"}
    duel.get_by_role("button", name="Stop blinking").click()
    still = duel.get_attribute("data-front")
    page.settle(1600)
    assert duel.get_attribute("data-front") == still


def test_all_methods_stand_side_by_side_and_a_click_during_it_comes_first(bench: Notebook) -> None:
    _, view, region = opened(bench)
    press(view, "All methods")
    region.locator(".sw-tile[data-final=true]").nth(2).wait_for(timeout=60_000)
    other = next(t for t in view.classes if t != view.selected)
    view.click(other)
    view.wait_map(target=other, timeout=10)
    region.locator(f".sw-tile[data-final=true][data-target='{other}']").nth(3).wait_for(timeout=60_000)
    assert set(region.locator(".sw-tile[data-target]").evaluate_all("(all) => all.map((t) => t.dataset.target)")) <= {
        other,
        "",
    }
    region.get_by_role("button", name="Stop").click()
    view.wait_map(target=other)


def test_a_pinned_map_stays_when_the_picture_changes(bench: Notebook) -> None:
    page, view, region = opened(bench)
    press(view, "Pin this map")
    tile = region.locator(".sw-tile")
    tile.wait_for()
    page.settle(1100)  # drawn finely once nothing moves
    before = ink(page, tile)
    view.root.get_by_role("button", name="Next picture").click()
    view.wait_map()
    page.settle(1100)
    assert (ink(page, tile) == before).all()
    press(view, "Pin this map")
    region.locator(".sw-tile").nth(1).wait_for()
    assert (ink(page, region.locator(".sw-tile").nth(1)) != before).any()
    for remove in region.get_by_role("button", name="Remove").all()[::-1]:
        remove.click()
    assert region.is_hidden()
