"""Experiments in real JupyterLab: what the page shows is what Python finds, and the slider shows each place's map."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator

from browser.page import NotebookPage
from browser.view import View

Notebook = Callable[..., NotebookPage]


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
