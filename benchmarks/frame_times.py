"""How long the page itself works for one drawn frame while a hand drags a slider, in real JupyterLab and Chromium.

    python benchmarks/frame_times.py             to docs/frames.md (needs Chromium, as the browser tests do)

Every slider of the display is dragged through its range, one step for each animation frame, with a map of 224 px, with one of
1024 px, and with twelve small maps beside it. What counts is the time spent in the page's own handlers and animation frames; what
the browser does with the pixels after that is not ours, and not counted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any

from lab_page import ROOT, View, notebooks

PAGE = ROOT / "docs" / "frames.md"
LIMIT_MS = 16.0

SETUP = """
import torch, numpy as np
from torch import nn
import saliency_widget as sw
torch.manual_seed(0)
body = [nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 16, 5, 2, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten()]
net = nn.Sequential(*body, nn.Linear(256, 12)).eval()
heads = {"class": [f"class {i}" for i in range(12)]}
scene = sw.demo.buildings(1, seed=5)[0].image
"""
SHOW = """
w = sw.SaliencyWidget(sw.ImageModel(net, heads=heads, input_size=SIZE), scene, target="class:0", idle=False)
w
"""

# Counts the time in animation frames and in handlers of input events; one entry for each frame.
COUNT = """
(() => {
  const spent = (window.__spent = { now: 0, frames: [] });
  const timed = (run) => function (...args) {
    const from = performance.now();
    try { return run.apply(this, args); } finally { spent.now += performance.now() - from; }
  };
  const raf = window.requestAnimationFrame.bind(window);
  window.__raf = raf;
  window.requestAnimationFrame = (run) => raf(timed(run));
  const add = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, run, options) {
    const own = type === "input" && typeof run === "function" ? timed(run) : run;
    return add.call(this, type, own, options);
  };
})();
"""

DRAG = """async (slider) => {
  const spent = window.__spent;
  const [low, high] = [Number(slider.min), Number(slider.max)];
  const frames = [];
  for (let i = 0; i <= 60; i++) {
    slider.value = String(low + ((high - low) * i) / 60);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    // From one frame's first callback to the next one's: the handler of this move, and all that it let be drawn.
    await new Promise((done) => window.__raf(done));
    frames.push(spent.now);
    spent.now = 0;
  }
  return frames;
}"""

SLIDERS = ("Opacity", "Smoothing", "Clip at")
IN_MODE = {"mask": "Threshold", "contours": "Lines"}


def figures(frames: list[float]) -> dict[str, float]:
    """Return median and 95th percentile of the frames after the first few."""
    kept = sorted(frames[5:])
    return {"median": statistics.median(kept), "p95": kept[int(0.95 * (len(kept) - 1))]}


def drag(view: View, label: str) -> dict[str, float]:
    """Drag a slider through its range."""
    track = view.slider(label)
    track.scroll_into_view_if_needed()
    before = track.input_value()
    found: list[float] = track.evaluate(DRAG)
    track.evaluate("(s, v) => { s.value = v; s.dispatchEvent(new Event('input', { bubbles: true })); }", before)
    view.notebook.settle(400)
    return figures(found)


def rows(view: View, what: str) -> list[dict[str, Any]]:
    """Drag every slider of a view."""
    made = [{"what": what, "slider": label, **drag(view, label)} for label in SLIDERS]
    for mode, label in IN_MODE.items():
        view.root.locator(f".sw-segments input[value={mode}]").first.check(force=True)
        view.notebook.settle(300)
        made.append({"what": what, "slider": label, **drag(view, label)})
    view.root.locator(".sw-segments input[value=overlay]").first.check(force=True)
    view.notebook.settle(300)
    for row in made:
        print(f"{row['what']}, {row['slider']}: median {row['median']:.1f} ms, p95 {row['p95']:.1f} ms", flush=True)
    return made


def measure() -> list[dict[str, Any]]:
    """Open a notebook for each size, and drag."""
    found = []
    with notebooks(COUNT) as opened:
        for size in (224, 1024):
            view = opened([SETUP, SHOW.replace("SIZE", str(size))])
            view.wait_map()
            found += rows(view, f"{size} px")
            view.root.locator("details.sw-gallery summary").click()
            view.root.get_by_role("button", name="All classes").click()
            view.root.locator(".sw-tile[data-final=true]").nth(11).wait_for(timeout=60_000)
            found += rows(view, f"{size} px and twelve panels")
            view.notebook.close()
    return found


def table(found: list[dict[str, Any]]) -> str:
    """Return the page of docs/."""
    lines = [
        "# The page's own work for a frame",
        "",
        "Made by `python benchmarks/frame_times.py` in Chromium without a GPU, on two cores. Milliseconds of JavaScript for one",
        "animation frame while a slider is dragged through its range; 16 are there for 60 frames a second. A large map, and",
        "small panels, are drawn on a coarser grid while the hand moves, and exactly when it rests; of many panels a few are",
        "drawn in each frame.",
        "",
        "| map | slider | median | 95th percentile | |",
        "|---|---|--:|--:|---|",
    ]
    for row in found:
        verdict = "" if row["median"] < LIMIT_MS else "over 16 ms"
        lines.append(f"| {row['what']} | {row['slider']} | {row['median']:.1f} | {row['p95']:.1f} | {verdict} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry", action="store_true", help="to the screen alone")
    given = parser.parse_args()
    text = table(measure())
    print(text)
    if not given.dry:
        PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
