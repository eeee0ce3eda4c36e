"""What is wrong is said in plain words, where it was asked, and the widget goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from browser.conftest import SHOW
from browser.page import NotebookPage
from browser.view import View

Notebook = Callable[..., NotebookPage]

# A model that cannot take dark pictures, and says nothing of it.
FRAGILE = """
import numpy as np
import torch

class Root(torch.nn.Module):
    def forward(self, x):
        {dark}
        return (x - 0.2).sqrt()

class Fragile(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.square_root = Root()
        self.tone = torch.nn.Linear(3, 3)

    def forward(self, x):
        return {{"tone": self.tone(self.square_root(x.mean((2, 3))))}}

torch.manual_seed(0)
light, dark = (np.full((48, 64, 3), level, np.uint8) for level in (230, 5))
light[10:30, 20:40] = 160
fragile = sw.ImageModel(
    Fragile().eval(), heads={{"tone": ["warm", "cold", "neutral"]}}, preprocess=lambda image: image, input_size=(48, 64)
)
w = sw.SaliencyWidget(fragile, [light, dark], labels=["warm", "cold"])
w
"""
RAISES = "if float(x.mean()) < 0.2: raise RuntimeError('too dark to see')"
FAULTS = {"not a number": ("pass", ["NaN", "square_root"]), "raises": (RAISES, ["RuntimeError", "too dark to see"])}


@pytest.mark.parametrize(("dark", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_a_picture_that_the_model_cannot_take_is_named_and_the_next_one_works(
    bench: Notebook, shots: Path, dark: str, said: list[str]
) -> None:
    page = bench([FRAGILE.format(dark=dark)])
    view = View(page)
    view.wait_map()

    light = page.value("len(w.base)")

    view.root.get_by_role("button", name="Next picture").click()
    view.wait(state="error")
    alert = view.root.get_by_role("alert")
    for part in said:
        assert part in alert.inner_text()
    view.pixels_when(lambda now: now.max() < 40)  # the dark picture, and no map over it
    assert "2 / 2" in view.root.inner_text()
    assert page.value("[w.image, len(w.base)]") != [1, light]
    view.photograph("error", shots)
    view.option("tone:cold").click()  # fails again, and is said again
    page.wait_message("end", 2, where=lambda end: end["status"] == "error")
    view.wait(state="error")
    assert alert.is_visible()

    view.root.get_by_role("button", name="Previous picture").click()
    view.wait_map("tone:cold")
    assert alert.is_hidden()
    view.pixels_when(lambda now: now.max() > 100)
    view.click("tone:neutral")
    view.wait_map("tone:neutral")


def test_an_unknown_class_raises_in_its_cell_with_the_nearest_name_and_the_widget_answers(bench: Notebook) -> None:
    page = bench([SHOW, "w.target = 'style:gotic'", "w.method = 'smoothgard'", "w.params = {'step': 3}"], run=False)
    page.run_cell(0, wait=True)
    view = View(page)
    view.wait_map()
    painted = view.painted

    for cell, nearest in ((1, "gothic"), (2, "smoothgrad")):
        page.run_cell(cell)
        page.wait_idle(allow_errors=True)
        last = page.output_text(cell).strip().splitlines()[-1]
        assert f"did you mean '{nearest}'" in last
    page.run_cell(3)
    page.wait_idle(allow_errors=True)
    assert "'step'" in page.output_text(3)

    assert view.painted == painted
    assert page.value("[w.target, w.method]") == [painted["target"], painted["method"]]
    view.click("style:gothic")
    view.wait_map("style:gothic")


def test_messages_that_are_no_requests_are_refused_and_ignored(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    painted = view.painted
    req = {"page": "console", "n": 1}
    strange: list[dict[str, Any]] = [
        {"v": 1, "type": "dance", "req": req},
        {"v": 99, "type": "request", "req": req, "kind": "explain", "args": {}},
        {"v": 1, "type": "request", "req": req, "kind": "bake", "args": {}},
        {"v": 1, "type": "request", "req": req, "kind": "explain", "args": {"image": "nowhere", "targets": "all"}},
    ]
    silent: list[dict[str, Any]] = [
        {},
        {"v": 1},
        {"v": 1, "type": "ack", "page": None, "seq": "x"},
        {"v": 1, "type": "cancel", "job": 10**9},
    ]

    with page.record_messages() as log:
        for message in [*silent, *strange]:
            view.send(message)
        page.page.wait_for_timeout(300)

    ends = [m.custom for m in log.custom("end") if m.custom]
    assert [(end["job"], end["req"], end["status"]) for end in ends] == [(None, req, "error")] * len(strange)
    assert all(len(end["message"]) > 20 for end in ends)
    assert {end["code"] for end in ends} <= {"bad_message", "unknown_image"}
    assert not log.custom("accepted")
    assert view.painted == painted
    view.click("style:gothic")
    view.wait_map("style:gothic")
