"""How good a map is before it is done: error against the converged map after 10, 25, 50 and 100 % of the work.

For every method whose running estimates are of the final map, on the trained built-in model and a held-out scene.

``python benchmarks/anytime.py`` writes docs/anytime.md and docs/images/anytime.webp; with the names of methods, only these, to
the screen.
"""

from __future__ import annotations

import argparse
import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr

import saliency_widget as sw

__all__ = ["SHARES", "Curve", "curve", "estimating_methods"]

DOCS = Path(__file__).resolve().parent.parent / "docs"
SHARES = (0.1, 0.25, 0.5, 1.0)
CONVERGED = 2000
SEED, TARGET = 500_017, "style"
_COUNTS = ("steps", "samples")


@dataclass(frozen=True)
class Curve:
    """How one method's map comes to be.

    Attributes
    ----------
    errors : tuple of float
        Relative distance of each estimate from the converged map, at each share of the work.
    ranks : tuple of float
        Rank correlation of each estimate with the run's own final map.
    seconds : float
        Of the run.
    """

    method: str
    done: tuple[float, ...]
    errors: tuple[float, ...]
    ranks: tuple[float, ...]
    seconds: float


def estimating_methods() -> dict[str, dict[str, int]]:
    """Return the methods whose estimates are of the final map and take more than one step, with the parameters of a long run."""
    found = {}
    for name, method in sw.methods().items():
        counts = [count for count in _COUNTS if count in method.parameters and method.parameters[count].default > 1]
        if method.kind == "estimate" and counts:
            limit = method.parameters[counts[0]].range
            found[name] = {counts[0]: int(min(CONVERGED, limit.maximum if limit else CONVERGED))}
    return found


def curve(
    model: sw.ImageModel, image: Any, method: str, truth: NDArray[np.float32] | None = None, **params: Any
) -> Curve:
    """Run a method and look at its estimates at each share of the work."""
    began = time.perf_counter()
    maps = [(e.progress, e.attribution.sum(0)) for e in sw.stream(model, image, TARGET, method, **params)]
    seconds = time.perf_counter() - began
    final = maps[-1][1]
    chosen = [next(m for m in maps if m[0] >= share) for share in SHARES]
    goal = final if truth is None else truth
    return Curve(
        method,
        tuple(progress for progress, _ in chosen),
        tuple(float(np.linalg.norm(m - goal) / np.linalg.norm(goal)) for _, m in chosen),
        tuple(float(spearmanr(m, final, axis=None).statistic) for _, m in chosen),
        seconds,
    )


def _plot(curves: list[Curve], path: Path) -> None:
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    errors, ranks = figure.subplots(1, 2)
    styles = ["-", "--", ":"]
    for place, found in enumerate(curves):
        share = [100 * d for d in found.done]
        look = {"color": f"C{place % 10}", "linestyle": styles[place // 10], "marker": "o", "markersize": 3}
        errors.plot(share, found.errors, label=found.method, **look)
        ranks.plot(share, found.ranks, **look)
    errors.set_yscale("log")
    errors.set_ylabel("distance from the converged map, relative")
    ranks.set_ylabel("rank correlation with the run's final map")
    for axes in (errors, ranks):
        axes.set_xlabel("work done, %")
        axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130)
    Image.open(file).convert("RGB").save(path, quality=88)


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only these methods")
    words = parser.parse_args().words
    model = sw.load("demo/vgg")
    image = sw.demo.buildings(1, seed=SEED)[0].image
    curves = []
    for method, long in estimating_methods().items():
        if words and method not in words:
            continue
        truth = sw.explain(model, image, TARGET, method, seed=1, **long).attribution.sum(0)
        curves.append(curve(model, image, method, truth))
        found = curves[-1]
        errors, ranks = ([f"{number:.3f}" for number in numbers] for numbers in (found.errors, found.ranks))
        print(method, long, errors, ranks, f"{found.seconds:.1f} s", flush=True)
    lines = [
        "# How good a map is before it is done",
        "",
        f"Made by `python benchmarks/anytime.py`: `demo/vgg`, scene {SEED}, top class of its style, each method with its",
        f"default parameters. Error: distance from the map of {CONVERGED} steps or samples (another seed), relative to it.",
        "Rank: Spearman's correlation with the run's own final map.",
        "",
        "![Errors and rank correlations](images/anytime.webp)",
        "",
        "| method | error at 10 % | 25 % | 50 % | 100 % | rank at 10 % | 25 % | 50 % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for found in curves:
        cells = [f"{e:.3f}" for e in found.errors] + [f"{r:.3f}" for r in found.ranks[:3]]
        lines.append(f"| `{found.method}` | " + " | ".join(cells) + " |")
    if words:
        print("\n".join(lines))
        return
    _plot(curves, DOCS / "images" / "anytime.webp")
    (DOCS / "anytime.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
