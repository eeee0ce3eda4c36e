"""The list of mistakes of labels and of values, in JupyterLab: what it lists, in which order, and what a click explains."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator

from browser.page import NotebookPage
from browser.test_access import check
from browser.test_pictures import current
from browser.view import View

Notebook = Callable[..., NotebookPage]

# A network that reads the age of a fish off the background it was trained with, and so errs on honest pictures, with signs
# that follow from the age it reads, and from how light the picture is.
AGED = """
import torch
from saliency_widget.demo.builtin import preprocess
class Reader(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
    def forward(self, x):
        age = self.net(x)["age"]
        light = 2 * x.mean((1, 2, 3))[:, None]
        return {"signs": torch.cat([5 - age, age - 4.5, light], 1), "age": age}

reader = sw.ImageModel(
    Reader(sw.load("demo/scale-age-confounded").module),
    heads={"signs": sw.MultiLabel(["young", "old", "light"]), "age": sw.Regression("years")},
    preprocess=preprocess(),
    device="cpu",
)
scales = sw.demo.scales(12, seed=4)
ages = [s.labels["age"] for s in scales]
signs = [["young"] if age < 5 else ["old"] for age in ages]
"""
BOTH = "[{'age': a, 'signs': s} for a, s in zip(ages, signs)]"
SHOW = "w = sw.SaliencyWidget(reader, [s.image for s in scales], labels=LABELS, target='age', idle=False)\nw"

# What the list should be, computed without the page.
JUDGED = """
import numpy as np
said = [reader.predict(s.image) for s in scales]
error = np.array([one["age"].value for one in said]) - np.array(ages)
p = np.array([one["signs"].probabilities for one in said])
there = np.array([[name in one for name in ("young", "old", "light")] for one in signs])
slip = (p >= 0.5) != there
sure = np.abs(p - 0.5)
"""


def opened(bench: Notebook, labels: str = BOTH, **size: int) -> tuple[NotebookPage, View, Locator]:
    """Give a view whose mistakes were looked for."""
    page = bench([AGED, SHOW.replace("LABELS", labels)], **size)
    view = View(page)
    view.wait_map()
    view.root.locator(".sw-mistakes > summary").click()
    part = view.root.locator(".sw-mistakes")
    part.get_by_text("12 of 12 pictures looked at").wait_for(timeout=60_000)
    page.execute(JUDGED)
    return page, view, part


def listed(part: Locator) -> list[int]:
    """The places of the pictures in the list."""
    found: list[str] = part.locator(".sw-row-open").evaluate_all("(all) => all.map((row) => row.dataset.picture)")
    return [int(place) for place in found]


def words(part: Locator, place: int) -> list[str]:
    """The two lines of a row."""
    return part.locator(f".sw-row-open[data-picture='{place}'] .sw-row-text > *").all_inner_texts()


def test_labels_that_were_missed_or_invented_are_listed_and_one_click_explains_such_a_label(
    bench: Notebook, shots: Path
) -> None:
    page, view, part = opened(bench)
    wrong = page.value("[int(i) for i in sorted(np.where(slip.any(1))[0], key=lambda i: -(sure * slip)[i].max())]")
    assert 2 < len(wrong) < 12
    assert part.locator("summary").inner_text().endswith(f"{len(wrong)} of 12 wrong")
    assert listed(part) == wrong

    kinds = part.locator("select[data-field=mistakes-pair]")
    assert kinds.get_attribute("aria-label") == "Mistake"
    missed = page.value("[int(i) for i in np.where(slip[:, 1] & there[:, 1])[0]]")
    assert missed
    kinds.select_option(label=f"missed old ({len(missed)})")
    assert sorted(listed(part)) == missed
    first = listed(part)[0]
    said, truth = words(part, first)
    assert said.startswith("missed old ")
    assert truth.startswith("in truth old; also invented young ")

    why = part.get_by_role("button", name=f"Explain old, which was missed, picture {first + 1}")
    why.focus()
    page.page.keyboard.press("Enter")
    view.wait_map("signs:old")
    assert page.value("[w.image, w.target]") == [first, "signs:old"]
    old, young = view.option("signs:old"), view.option("signs:young")
    assert old.get_attribute("aria-description") == "true, missed"
    assert young.get_attribute("aria-description") == "not true"
    assert view.root.get_by_text("in truth old · each on its own").is_visible()

    part.get_by_role("button", name=re.compile("^Unsure")).click()
    unsure = page.value("[int(i) for i in sorted(np.where(sure.min(1) < 0.1)[0], key=lambda i: sure[i].min())]")
    assert listed(part) == unsure
    part.get_by_role("button", name="All 12").click()
    assert listed(part) == list(range(12))
    part.get_by_role("button", name=re.compile("^Wrong")).click()
    page.screenshot("mistakes-labels", shots, view.root)


def test_values_are_listed_by_how_far_they_are_off_and_one_click_explains_the_value(
    bench: Notebook, shots: Path
) -> None:
    page, view, part = opened(bench, "[{'age': a} for a in ages]")
    # Nobody knows the signs here, so the list begins with the age.
    assert part.locator("select[data-field=mistakes-head]").input_value() == "age"
    mean = page.value("float(np.abs(error).mean())")
    assert part.locator("summary").inner_text().endswith(f"mean error {mean:.3g} years")
    limit = part.get_by_role("spinbutton", name="Off by more than years")
    usual = float(limit.input_value())
    sizes: Any = page.value("[float(e) for e in np.abs(error)]")
    assert usual == pytest.approx(page.value("float(np.quantile([0, *np.abs(error)], 0.9))"), rel=0.1)
    assert part.get_by_text(f"Nine in ten are off by about {usual} years or less.").is_visible()
    worst = sorted(range(12), key=lambda i: -sizes[i])
    assert listed(part) == [i for i in worst if sizes[i] > usual]
    assert 0 < len(listed(part)) < 4

    limit.fill("2")
    far = [i for i in worst if sizes[i] > 2]
    assert listed(part) == far
    high = page.value("[int(i) for i in np.where(error > 2)[0]]")
    part.get_by_role("button", name=f"Too high {len(high)}").click()
    assert listed(part) == [i for i in far if i in high]
    part.get_by_role("button", name=f"Too low {len(far) - len(high)}").click()
    assert listed(part) == [i for i in far if i not in high]

    first = listed(part)[0]
    off, truth = page.value(f"[abs(error[{first}]), ages[{first}]]")
    assert words(part, first)[1] == f"in truth {truth:g} years, {off:.3g} too low"
    part.locator(f"[data-why='{first}']").click()
    current(page, first)
    assert page.value("[w.image, w.target]") == [first, "age"]
    view.root.get_by_text(f"in truth {truth:g} years, off by {off:.3g}").wait_for()
    part.get_by_role("button", name="All 12").click()
    assert listed(part) == worst
    part.get_by_role("button", name=re.compile("^Too low")).click()
    page.screenshot("mistakes-values", shots, view.root)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_lists_keep_the_rules_of_wcag_and_fit_a_narrow_cell(bench: Notebook, shots: Path, theme: Any) -> None:
    page, view, part = opened(bench, width=1000)
    view.root.evaluate("(root) => { root.parentElement.style.width = '320px'; }")
    page.set_theme(theme)
    try:
        for head in ("signs", "age"):
            part.locator("select[data-field=mistakes-head]").select_option(head)
            page.settle(200)
            check(page)
            wide, room = view.root.evaluate("(root) => [root.scrollWidth, root.clientWidth]")
            assert wide <= room
            page.screenshot(f"mistakes-{head}-{theme}-320", shots, part)
            page.screenshot(f"truth-{theme}-320", shots, view.root.locator(".sw-heads"))
    finally:
        page.set_theme("light")
