"""Experiments in real JupyterLab: what the page shows is what Python finds, and the slider shows each place's map."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from browser.page import NotebookPage
from browser.test_access import check
from browser.view import View

Notebook = Callable[..., NotebookPage]

# How lines look: their ink and their dashes.
LOOKS = "(all) => all.map((one) => getComputedStyle(one)).map(({ stroke, strokeDasharray }) => `${stroke} ${strokeDasharray}`)"


def opened(bench: Notebook) -> tuple[NotebookPage, View, Locator]:
    page = bench()
    view = View(page)
    view.wait_map()
    part = view.open_part("lab")
    part.locator("select[data-field=experiment] option").nth(1).wait_for(state="attached")
    return page, view, part


def run(view: View, part: Locator, name: str) -> Locator:
    part.locator("select[data-field=experiment]").select_option(name)
    part.get_by_role("button", name="Run").click()
    region = view.root.locator(f".sw-lab-region[data-experiment={name}]")
    view.root.locator(f".sw-lab-region[data-experiment={name}][data-final=true]").wait_for(timeout=120_000)
    return region


def test_randomised_weights_are_walked_through_with_a_slider_and_the_numbers_are_pythons(bench: Notebook) -> None:
    page, view, part = opened(bench)
    region = run(view, part, "randomise")
    page.execute("w.wait(); found = sw.lab.run('randomise', model, scenes[w.image].image, w.target, method='gradient')")
    assert region.locator(".sw-lab-reading").inner_text() == page.value("found.reading")
    assert region.locator(".sw-lab-caveat").inner_text() == page.value("found.caveat")
    shown = region.locator(".sw-lab-numbers dt").all_inner_texts()
    expected = page.value("[n.text for n in found.numbers]")
    assert shown[: len(expected)] == expected
    slider = region.locator(".sw-lab-slider")
    assert int(slider.get_attribute("max") or 0) == page.value("len(found.positions)") - 1
    page.settle(800)
    canvas = region.locator(".sw-lab-pane:not([hidden]) canvas").first
    first = page.canvas_pixels(canvas)
    slider.focus()
    page.page.keyboard.press("End")
    page.settle(1300)
    assert region.locator(".sw-lab-where").inner_text() == page.value("found.positions[-1].label")
    assert (page.canvas_pixels(canvas) != first).mean() > 0.05
    assert page.value("w.explanation.method") == "gradient", "the followed map is as it was"


def test_an_experiment_streams_stops_at_a_click_and_a_class_that_is_clicked_comes_first(bench: Notebook) -> None:
    page, view, part = opened(bench)
    part.locator("select[data-field=experiment]").select_option("class_model")
    part.get_by_role("button", name="Run").click()
    running = view.root.locator(".sw-lab-region[data-experiment=class_model][data-final=false]")
    running.wait_for(timeout=30_000)
    view.click("style:gothic")
    view.wait_map("style:gothic")
    assert running.count() == 1, "it goes on beside the clicked map"
    part.get_by_role("button", name="Stop").click()
    part.get_by_role("button", name="Run").wait_for()
    page.wait_message("end", where=lambda end: end["status"] == "cancelled")


@pytest.mark.parametrize("name", ["localisation", "taylor"])
def test_what_was_found_fits_its_column_and_its_plots_say_in_words_what_they_show(bench: Notebook, name: str) -> None:
    page, view, part = opened(bench)
    region = run(view, part, name)
    page.settle(300)
    wide, room = region.evaluate("(el) => [el.scrollWidth, el.clientWidth]")
    assert wide <= room
    plots = region.get_by_role("img").and_(region.locator("svg"))
    assert plots.count() > 0
    assert all("from" in (plot.get_attribute("aria-label") or "") for plot in plots.all())


def test_several_methods_are_compared_in_one_plot_and_in_a_table_of_pythons_numbers(
    bench: Notebook, shots: Path
) -> None:
    page, view, part = opened(bench)
    part.locator("select[data-field=experiment]").select_option("faithfulness")
    view.set("Neighbours", 0)
    view.set("Steps", 6)
    own = part.get_by_role("checkbox", name=re.compile("^Gradient 1 gradient"))
    assert own.is_checked()
    assert own.is_disabled()
    before = part.get_by_text(re.compile("forwards and")).inner_text()
    other = part.get_by_role("checkbox", name=re.compile("^Grad-CAM 1 gradient"))
    other.focus()
    page.page.keyboard.press("Space")
    assert part.get_by_text(re.compile("forwards and 2 gradients")).inner_text() > before
    region = run(view, part, "faithfulness")
    methods = "method=['gradient', 'grad_cam'], neighbours=0, steps=6"
    page.execute(f"w.wait(); found = sw.lab.run('faithfulness', model, scenes[w.image].image, w.target, {methods})")
    names = ["Gradient", "Grad-CAM", "edge detector", "random map"]
    assert region.locator(".sw-chart").count() == 2
    for chart in region.locator(".sw-chart").all():
        assert chart.locator("li span").all_inner_texts() == names
        inks = chart.locator("svg > path").evaluate_all(LOOKS)
        assert len(set(inks)) == len(names)
    rows = region.locator(".sw-lab-table tbody tr")
    assert rows.locator("button").all_inner_texts() == names
    for figure in ("deletion_area", "insertion_area"):
        expected = page.value(f"[n.text for p in found.positions for n in p.numbers if n.name == '{figure}']")
        assert rows.locator(f"td[data-figure={figure}]").all_inner_texts() == expected
    canvas = region.locator(".sw-lab-pane:not([hidden]) canvas").first
    first = page.canvas_pixels(canvas)
    rows.locator("button", has_text="Grad-CAM").click()
    page.settle(500)
    assert region.locator(".sw-lab-where").inner_text() == "Grad-CAM"
    assert (page.canvas_pixels(canvas) != first).mean() > 0.05
    assert other.is_checked(), "what was chosen stays"
    for theme in ("light", "dark"):
        page.set_theme(theme)
        check(page)
        page.screenshot(f"lab-methods-{theme}", shots, region)
    page.set_theme("light")
    view.root.evaluate("(root) => { root.parentElement.style.width = '320px'; }")
    page.settle(300)
    wide, room = region.evaluate("(el) => [el.scrollWidth, el.clientWidth]")
    assert wide <= room


def test_the_line_goes_to_the_picture_of_the_widget_that_is_chosen(bench: Notebook) -> None:
    page, view, part = opened(bench)
    other = part.get_by_label("Other picture")
    assert other.locator("option").nth(1).is_disabled(), "the picture itself"
    other.select_option(label="Picture 3")
    part.locator("img.sw-thumb").wait_for()
    region = run(view, part, "taylor")
    assert "towards Picture 3" in region.get_by_role("heading").inner_text()
    page.execute("w.wait(); found = sw.lab.run('taylor', model, scenes[0].image, w.target, other=scenes[2].image)")
    page.execute("black = sw.lab.run('taylor', model, scenes[0].image, w.target)")
    shown = region.locator(".sw-lab-numbers dt").all_inner_texts()
    expected = page.value("[n.text for n in found.numbers]")
    assert shown[: len(expected)] == expected
    assert page.value("[n.text for n in black.numbers]") != expected
    panel = region.locator(".sw-chart", has_text="to the other picture").locator("svg").first
    assert "share of the way" in (panel.get_attribute("aria-label") or "")
