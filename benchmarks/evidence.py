"""Measures whether each head looks at its own evidence: attribution inside the true masks, beside controls.

For each held-out scene and each mask: the share of the absolute attribution that lies inside, divided by the mask's share of
the picture (1 is what a blind map gets), for the head that owns the mask and for the other head on the same mask. Beside it an
edge detector and the same network untrained. Also the completeness error of Integrated Gradients.

    python benchmarks/evidence.py --scenes 100 --markdown docs/evidence.md
"""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

import saliency_widget as sw

HEADS = ("style", "perspective")
METHODS = {"smoothgrad": {"samples": 50}, "integrated_gradients": {"steps": 50}}
FIRST_SEED = 500_000
SMALLEST_CHANGE = 0.5


def share_ratio(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return how much more of a map's weight lies inside a mask than its area would give."""
    total = float(values.sum())
    return float(values[mask].sum()) / total / float(mask.mean()) if total > 0 else float("nan")


def edges(scene: sw.demo.Scene) -> NDArray[np.float32]:
    """Return the gradient magnitude of a picture's brightness: a map that knows no model."""
    grey = np.asarray(scene.image.convert("L"), np.float32)
    down, across = np.gradient(grey)
    return np.hypot(down, across)


def interval(numbers: list[float]) -> tuple[float, float, float]:
    """Return the mean and its 95 % bootstrap interval."""
    values = np.array(numbers)
    draws = np.random.default_rng(0).choice(values, (2000, len(values))).mean(1)
    return float(values.mean()), *(float(q) for q in np.quantile(draws, (0.025, 0.975)))


def score_at_black(model: sw.ImageModel, target: sw.Target) -> float:
    """Return a target's logit at the baseline."""
    return float(model.predict(np.zeros((224, 224, 3), np.uint8))[target.head].logits[target.index])


def measure(
    model: sw.ImageModel, scenes: list[sw.demo.Scene], what: str
) -> tuple[dict[tuple[str, str, str], list[float]], list[float]]:
    """Return ratios by (method, mask, head), and IG's completeness errors where the score changes enough."""
    ratios: dict[tuple[str, str, str], list[float]] = {}
    errors: list[float] = []  # of the maps whose score really changes, not of those that say so themselves
    for scene in tqdm(scenes, desc=what, unit="scene"):
        targets = [f"{head}:{scene.labels[head]}" for head in HEADS]
        for method, params in METHODS.items():
            for head, e in zip(
                HEADS, sw.explain(model, scene.image, target=targets, method=method, **params), strict=True
            ):
                heat = e.heatmap("absolute")
                for mask in HEADS:
                    ratios.setdefault((method, mask, head), []).append(share_ratio(heat, scene.evidence[mask]))
                if method == "integrated_gradients":
                    change = abs(e.score_value - score_at_black(model, e.target))
                    errors += [e.quality[0].value] if change > SMALLEST_CHANGE else []
    return ratios, errors


def row(name: str, method: str, own: list[float], other: list[float]) -> str:
    """Return a table row."""
    cells = [f"{mean:.2f} ({low:.2f} to {high:.2f})" for mean, low, high in (interval(own), interval(other))]
    higher = np.mean(np.array(own) > np.array(other))
    return f"| {name} | {method} | {cells[0]} | {cells[1]} | {higher:.0%} |"


def report(name: str, count: int, device: str) -> list[str]:
    """Return the report as lines of Markdown."""
    scenes = [sw.demo.building(FIRST_SEED + i, 0) for i in range(count)]
    trained = sw.load(f"demo/{name}", device=device)
    ratios, errors = measure(trained, scenes, f"demo/{name}")
    untrained, _ = measure(sw.load(f"demo/{name}", weights=None, device=device), scenes, "untrained")
    lines = []
    for mask in HEADS:
        other = HEADS[1 - HEADS.index(mask)]
        lines += ["", f"### The mask of *{mask}*", ""]
        lines += [
            f"| model | method | head *{mask}* (owns the mask) | head *{other}* on the same mask | own head higher in |"
        ]
        lines += ["|---|---|---|---|---|"]
        for model, found in ((f"demo/{name}", ratios), ("untrained", untrained)):
            lines += [row(model, m, found[m, mask, mask], found[m, mask, other]) for m in METHODS]
        mean, low, high = interval([share_ratio(edges(s), s.evidence[mask]) for s in scenes])
        lines += [f"| none | edge detector | {mean:.2f} ({low:.2f} to {high:.2f}) | the same | |"]
    quantiles = np.quantile(errors, (0.5, 0.95))
    lines += ["", "### Completeness of Integrated Gradients", ""]
    found = f"median error {quantiles[0]:.2%}, 95th percentile {quantiles[1]:.2%}"
    cases = f"{len(errors)} maps whose score changes by more than {SMALLEST_CHANGE}"
    return [*lines, f"50 steps, black baseline, {cases}: {found}."]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="vgg")
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--markdown", type=Path, help="also write the report here")
    given = parser.parse_args()
    lines = report(given.model, given.scenes, given.device)
    command = f"python benchmarks/evidence.py --model {given.model} --scenes {given.scenes}"
    head = f"""# Does each head look at its own evidence?

Made by `{command}` (torch {torch.__version__.split("+")[0]}, {platform.machine()}).

Held-out scenes, the true class of each head, absolute heatmap. The figures are the mean, and its 95 % bootstrap interval, of
*share of the attribution inside the mask / the mask's share of the picture*: 1 is what a map gets that knows nothing.

How to read it: windows, columns and mouldings are edges, so an edge detector finds the mask of *style* better than any method
does. A high figure alone proves little. What no edge detector can do is to differ between two heads on the same mask: that is the
comparison of the two columns, and the untrained network shows that it comes from the training and not from the architecture."""
    text = "\n".join([head, *lines, ""])
    print(text)
    if given.markdown:
        given.markdown.write_text(text)


if __name__ == "__main__":
    main()
