"""Clicks and what becomes of them, in real JupyterLab with the built-in model: the newest wins, and all are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr

from browser.conftest import SHOW
from browser.page import NotebookPage
from browser.view import View, changed
from browser.wire import MessageLog

Notebook = Callable[..., NotebookPage]

FAST_CLICKS = 50
IN_FLIGHT = 4  # two, and two more where a page that was silent for two seconds got new credit


def test_of_fifty_fast_clicks_the_last_one_alone_is_completed_and_no_older_frame_is_painted(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    view.select("method").select_option("smoothgrad")
    view.set("Samples", 200)
    page.wait_message("accepted", where=lambda said: said["args"]["params"].get("samples") == 200)
    view.option("style:gothic").scroll_into_view_if_needed()
    boxes = [view.option(target).bounding_box() for target in ("style:gothic", "style:neoclassical")]
    view.watch()

    with page.record_messages() as log:
        for i in range(FAST_CLICKS):
            box = boxes[i % 2]
            assert box is not None
            page.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        view.wait_map("style:neoclassical", method="smoothgrad", timeout=120)
        page.page.wait_for_timeout(300)  # for whatever may still come

    requests = [m.custom for m in log.custom("request", sent=True) if m.custom]
    assert len(requests) == FAST_CLICKS
    assert all(request["args"]["params"]["samples"] == 200 for request in requests)
    assert [request["args"]["targets"][0]["index"] for request in requests] == [0, 1] * (FAST_CLICKS // 2)
    accepted = [m.custom for m in log.custom("accepted") if m.custom]
    assert [a["req"] for a in accepted] == [request["req"] for request in requests], "answered in order, each once"
    jobs = [a["job"] for a in accepted]
    assert jobs == list(range(jobs[0], jobs[0] + FAST_CLICKS))
    ends = {job: [m.custom["status"] for m in log.custom("end") if m.custom and m.custom["job"] == job] for job in jobs}
    assert ends == {job: ["superseded"] for job in jobs[:-1]} | {jobs[-1]: ["complete"]}
    check_order(log)
    check_painted(view.log(), jobs[-1])


def test_maps_of_other_targets_come_while_nobody_waits_and_a_click_paints_them_without_a_frame(bench: Notebook) -> None:
    page = bench(["w = sw.SaliencyWidget(model, scenes, target='style')\nw"])
    view = View(page)
    view.wait_map()
    inside = {"head": "perspective", "index": 0}
    page.wait_message("cache", where=lambda said: inside.items() <= said["args"]["targets"][0].items())

    with page.record_messages() as log:
        view.click("perspective:inside")
        view.wait_map("perspective:inside")
        page.wait_message("end", where=lambda said: said["status"] == "unchanged")

    assert not [m for m in log.custom("frame") if m.custom]


def check_order(log: MessageLog) -> None:
    """Frames come between their job's `accepted` and its `end`, numbered upwards, and only as fast as they are painted."""
    newest, seq, acked = 0, 0, 0
    ended: set[int] = set()
    for message in log:
        said = message.custom
        if said is None:
            continue
        if said["type"] == "accepted":
            newest = said["job"]
        elif said["type"] == "end":
            ended.add(said["job"])
        elif said["type"] == "ack":
            acked = said["seq"]
        elif said["type"] == "frame":
            assert newest in (0, said["job"]), "a frame of an overtaken job"
            assert said["job"] not in ended, "a frame after its job's end"
            assert said["seq"] > seq, "frames out of order"
            seq = said["seq"]
            acked = acked or seq - 1
            assert seq - acked <= IN_FLIGHT, "frames are sent faster than they are painted"
    assert newest in ended


def check_painted(log: list[dict[str, Any]], last_job: int) -> None:
    """After the last click only that job's frames are painted; what was drawn before may stay, and says so."""
    clicks = [i for i, entry in enumerate(log) if entry["what"] == "click"]
    assert len(clicks) == FAST_CLICKS
    at_click, after = log[clicks[-1]], log[clicks[-1] + 1 :]
    frames = [(entry["job"], entry["seq"]) for entry in after]
    own = next(i for i, (job, _) in enumerate(frames) if job == str(last_job))
    assert all(job == str(last_job) for job, _ in frames[own:])
    assert all(entry["stale"] for entry in after[:own]), "an older map that does not say that it is one"
    # One frame may have come just before the click, to be painted just after it.
    assert len({*frames[:own], (at_click["job"], at_click["seq"])}) <= 2
    assert len(set(frames[own:])) >= 3, "the map was seen to sharpen"
    assert log[-1]["final"] == "true"


def test_escape_cancels_a_job_and_the_page_goes_on(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    page.count_commands()
    view.select("method").select_option("smoothgrad")
    view.set("Samples", 1000)

    with page.record_messages() as log:
        view.click("style:gothic")
        view.wait(state="running", final="false", target="style:gothic", method="smoothgrad")
        page.page.keyboard.press("Escape")
        view.wait(state="idle")
        page.page.wait_for_timeout(300)

    job = view.painted["job"]
    assert [m.custom["job"] for m in log.custom("cancel", sent=True) if m.custom] == [int(job)]
    ends = [m for m in log.custom("end") if m.custom and m.custom["job"] == int(job)]
    assert [m.custom["status"] for m in ends if m.custom] == ["cancelled"]
    assert not [m for m in log.custom("frame") if log.index(m) > log.index(ends[0])]
    assert view.painted["final"] == "false"
    assert "Cancelled at" in view.text
    assert page.commands() == [], "JupyterLab heard the key"
    assert view.root.evaluate("(root) => root.contains(document.activeElement)"), "the focus left the widget"

    view.select("method").select_option("gradient")
    view.wait_map("style:gothic", method="gradient")


def test_a_target_set_in_a_cell_is_selected_and_painted(bench: Notebook) -> None:
    page = bench([SHOW, "w.target = 'perspective:inside'"], run=False)
    page.run_cell(0, wait=True)
    view = View(page)
    view.wait_map()
    before = view.pixels()
    assert view.selected != "perspective:inside"

    page.run_cell(1, wait=True)

    view.wait_map("perspective:inside")
    assert view.selected == "perspective:inside"
    assert changed(before, view.pixels()) > 0.05


def test_what_is_painted_is_the_explanation_that_python_holds(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    view.select("sign").select_option("absolute")
    view.select("colormap").select_option("grey")
    view.set("Smoothing", 2)
    view.set("Clip at", 100)
    view.root.get_by_role("radio", name="Map", exact=True).check(force=True)  # its circle is drawn by its label

    maps = []
    for target in ("style:gothic", "perspective:outside"):
        view.click(target)
        view.wait_map(target)
        grey = Image.fromarray(view.pixels()[..., 0].astype(np.uint8)).resize((224, 224), Image.Resampling.BOX)
        maps.append(np.asarray(grey, dtype=float))
        held = np.asarray(page.value("w.explanation.heatmap(sign='absolute', smooth=2.0).tolist()"))
        assert page.value("str(w.explanation.target)") == target
        assert alike(maps[-1], held) > 0.98
    # The number is high because the maps agree, not because all maps do.
    assert alike(*maps) < 0.8


def alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the rank correlation: greys are even steps for the eye, not in numbers."""
    return float(spearmanr(one.ravel(), other.ravel()).statistic)


def test_two_views_of_one_widget_agree_after_a_click_in_one(bench: Notebook) -> None:
    page = bench([SHOW, "w"])
    one, two = View(page), View(page, 1)
    one.wait_map()
    two.wait_map()
    before = two.pixels()

    two.click("perspective:inside")

    for view in (one, two):
        view.wait_map("perspective:inside")
        assert view.selected == "perspective:inside"
    assert one.painted == two.painted
    assert changed(before, two.pixels()) > 0.05
    assert (one.pixels() == two.pixels()).all()


def test_running_the_cell_again_closes_the_old_widget_and_the_new_one_answers(bench: Notebook) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    page.execute("old = w")

    page.run_cell(0, wait=True)

    assert page.value("[old.comm is None, len([x for x in ipywidgets.Widget.widgets.values() if x is old])]") == [
        True,
        0,
    ]
    assert page.widget.count() == 1
    view = View(page)
    view.wait_map()
    view.click("style:neoclassical")
    view.wait_map("style:neoclassical")
