"""A training in one cell, watched in the widget of another one, in real JupyterLab: the map moves while the loop still runs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from browser.conftest import SHOW
from browser.page import NotebookPage
from browser.view import View, changed

Notebook = Callable[..., NotebookPage]

# A net that is taught all styles wrong, so that much changes; a moment passes after each map, as a longer step would take.
TRAIN = """
import time
import torch

learner = sw.load("demo/vgg")
net = learner.module.train().requires_grad_()
pictures = torch.stack([learner.input(scene.image) for scene in scenes])
classes = model.heads["style"].classes
labels = torch.tensor([(classes.index(scene.labels["style"]) + 1) % len(classes) for scene in scenes])
optimiser = torch.optim.SGD(net.parameters(), lr=0.05)
watch = sw.lab.Watch(learner, scenes[0].image, "style", every=2, show=w.show_finding)
for step in range(12):
    optimiser.zero_grad()
    loss = torch.nn.functional.cross_entropy(net(pictures)["style"], labels)
    loss.backward()
    optimiser.step()
    if watch(loss=loss) is not None:
        print("map", step, flush=True)
        time.sleep(0.6)
print("learned")
"""
NEWEST = ".sw-lab-region[data-experiment=training]"


def test_a_training_is_watched_in_the_widget_of_another_cell_while_its_own_still_runs(
    bench: Notebook, shots: Path
) -> None:
    page = bench([SHOW, TRAIN], run=False)
    page.run_cell(0, wait=True)
    view = View(page)
    view.wait_map()
    followed = view.pixels()
    page.run_cell(1)
    region = view.root.locator(NEWEST)
    region.wait_for(timeout=30_000)
    canvas = region.locator(".sw-lab-pane:not([hidden]) canvas").first
    steps, pictures = [], []
    while page.is_running(1):
        step = region.locator(".sw-lab-where").inner_text()
        if step and step not in steps:
            page.settle(50)
            steps.append(step)
            pictures.append(page.canvas_pixels(canvas)[..., :3].astype("int16"))
        page.settle(50)
    page.wait_idle()
    assert len(steps) >= 3, "the loop's cell was done before its maps were seen"
    assert sum(changed(one, other) > 0.02 for one, other in pairwise(pictures)) >= 2
    # Afterwards there is a slider over all steps, and the map that was followed is as it was.
    region.locator(".sw-lab-where", has_text="step 10").wait_for()
    page.settle(300)
    page.screenshot("watch", shots, region)
    slider = region.locator(".sw-lab-slider")
    assert slider.get_attribute("max") == "5"
    slider.focus()
    page.page.keyboard.press("Home")
    region.locator(".sw-lab-where", has_text="step 0").wait_for()
    page.settle(300)
    assert region.locator(".sw-lab-reading").inner_text() == page.value("watch.finding.reading")
    assert changed(pictures[-1], page.canvas_pixels(canvas)[..., :3].astype("int16")) > 0.02
    assert (view.pixels() == followed).all()
    assert "learned" in page.output_text(1)


def test_what_is_shown_is_there_again_after_it_was_closed_and_another_one_is_shown(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    page.execute("found = sw.lab.run('shattered', model, scenes[0].image, w.target, steps=3)")
    page.execute("w.show_finding(found)")
    region = view.root.locator(".sw-lab-region[data-experiment=shattered]")
    region.wait_for(timeout=30_000)
    assert region.locator(".sw-lab-reading").inner_text() == page.value("found.reading")
    region.get_by_role("button", name="Close").click()
    region.wait_for(state="hidden")
    page.execute("w.show_finding(sw.lab.run('taylor', model, scenes[0].image, w.target, steps=4, directions=1))")
    view.root.locator(".sw-lab-region[data-experiment=taylor]").wait_for(timeout=30_000)
