"""Several models in one widget, in real JupyterLab: a trained network and the same one untrained, side by side and by turns."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from browser.page import NotebookPage
from browser.view import View, changed

Notebook = Callable[..., NotebookPage]

TWO = """from saliency_widget.demo.models import load
both = {"trained": model, "untrained": load("vgg", trained=False)}
w = sw.SaliencyWidget(both, scenes, target="style:gothic", idle=False)
w"""
PREPARE = """
import numpy as np
def end(names, clip):
    maps = [sw.explain(both[name], scenes[0], "style:gothic").attribution.sum(0) for name in names]
    return max(float(np.percentile(np.abs(one), clip)) for one in maps)
def score(name):
    return float(both[name].predict(scenes[0])["style"].logits[0])
"""


def opened(bench: Notebook) -> tuple[NotebookPage, View]:
    page = bench([TWO])
    view = View(page)
    view.wait_map("style:gothic")
    page.execute("w.wait()")
    page.execute(PREPARE)
    return page, view


def test_all_models_stand_side_by_side_on_one_scale_and_a_click_chooses_one(bench: Notebook) -> None:
    page, view = opened(bench)
    view.set("Smoothing", 0)
    view.open_part("gallery").get_by_role("button", name="All models").click()
    tiles = view.root.locator(".sw-gallery-region .sw-tile[data-final=true]")
    tiles.nth(1).wait_for()
    page.settle(1300)  # drawn finely once nothing moves
    names = tiles.locator(".sw-tile-name").all_inner_texts()
    assert names == ["trained", "untrained"]
    notes = tiles.locator(".sw-tile-note").all_inner_texts()
    assert [float(note.removeprefix("logit ").replace("\N{MINUS SIGN}", "-")) for note in notes] == pytest.approx(
        [page.value(f"score({name!r})") for name in names], rel=5e-3
    )
    ends = tiles.evaluate_all("(all) => all.map((t) => Number(t.dataset.scale))")
    clip = view.field("Clip at").input_value()
    assert ends == pytest.approx([page.value(f"end({names}, {clip})")] * 2, rel=1e-3)
    tiles.nth(1).locator(".sw-tile-name").click()
    page.page.wait_for_function("(el) => el.value === 'untrained'", arg=view.select("model").element_handle())
    view.wait_map("style:gothic")
    page.execute("w.wait()")
    assert page.value("w.model") == "untrained"


def test_another_model_brings_its_own_scores_and_map_and_going_back_paints_the_first_again(bench: Notebook) -> None:
    page, view = opened(bench)
    page.settle(1300)
    first, said = view.pixels(), view.option("style:gothic").inner_text()
    view.select("model").select_option("untrained")
    page.wait_message("end", where=lambda end: end["status"] == "complete")
    view.wait_map("style:gothic")
    page.settle(1300)
    assert changed(first, view.pixels()) > 0.05
    assert view.option("style:gothic").inner_text() != said
    assert page.value("w.predictions['model']") == "untrained"
    with page.record_messages() as log:
        view.select("model").select_option("trained")
        page.wait_message("end", where=lambda end: end["status"] == "unchanged")
    assert not [m for m in log.custom("frame") if m.custom]
    page.settle(1300)
    assert changed(first, view.pixels()) == 0
    assert view.option("style:gothic").inner_text() == said


def test_what_is_painted_is_scored_by_the_model_that_is_chosen(bench: Notebook) -> None:
    page, view = opened(bench)
    part = view.open_part("paint")
    field = part.get_by_role("spinbutton", name="Hide the top %")
    field.fill("20")
    field.press("Tab")
    rows = part.locator(".sw-paint-body")
    page.wait_message("scores", where=lambda said: said["painted"])
    page.settle(300)
    by_trained = rows.inner_text()
    view.select("model").select_option("untrained")
    page.wait_message("end", where=lambda end: end["status"] == "complete")
    page.wait_message("scores", where=lambda said: said["painted"])
    page.settle(500)
    assert rows.inner_text() != by_trained
    assert part.get_by_role("button", name="Clear").is_enabled(), "what was painted is still there"
