"""How good a map is before it is done: error against the converged map after 10, 25, 50 and 100 % of the work.

For every method whose running estimates are of the final map, on the trained built-in model, averaged over held-out scenes.

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

__all__ = ["SEEDS", "SHARES", "TARGET", "Curve", "Truths", "curve", "estimating_methods"]

DOCS = Path(__file__).resolve().parent.parent / "docs"
SHARES = (0.1, 0.25, 0.5, 1.0)
CONVERGED = 2000
SEEDS, TARGET = (500_017, 500_018, 500_021), "style"
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


class Truths:
    """Converged maps of one picture; those that come from one run are computed once.

    Parameters
    ----------
    model : ImageModel
    image : image
    limit : int
        The most steps or samples.
    """

    def __init__(self, model: sw.ImageModel, image: Any, limit: int = CONVERGED) -> None:
        self._model = model
        self._image = image
        self._limit = limit
        self._runs: dict[str, sw.Explanation] = {}

    def __getitem__(self, method: str) -> NDArray[np.float32]:
        root = sw.methods()[method].sibling_of or method
        if root not in self._runs:
            long = {name: min(count, self._limit) for name, count in estimating_methods()[method].items()}
            self._runs[root] = sw.explain(self._model, self._image, TARGET, root, seed=1, **long)
        found = self._runs[root]
        attribution = found.attribution if method == root else found.sibling_maps[method]
        return attribution.sum(0)


def _mean(curves: list[Curve]) -> Curve:
    def mean(field: str) -> tuple[float, ...]:
        return tuple(np.mean([getattr(one, field) for one in curves], axis=0).tolist())

    seconds = sum(one.seconds for one in curves)
    return Curve(curves[0].method, mean("done"), mean("errors"), mean("ranks"), seconds)


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
    images = [sw.demo.buildings(1, seed=seed)[0].image for seed in SEEDS]
    truths = [Truths(model, image) for image in images]
    curves = []
    for method in estimating_methods():
        if words and method not in words:
            continue
        found = _mean([curve(model, image, method, known[method]) for image, known in zip(images, truths, strict=True)])
        curves.append(found)
        errors, ranks = ([f"{number:.3f}" for number in numbers] for numbers in (found.errors, found.ranks))
        print(method, errors, ranks, f"{found.seconds:.1f} s", flush=True)
    lines = [
        "# How good a map is before it is done",
        "",
        f"Made by `python benchmarks/anytime.py`: `demo/vgg`, the mean over scenes {', '.join(map(str, SEEDS))}, top class",
        "of their style, each method with its default parameters. Error: distance from the map of",
        f"{CONVERGED} steps or samples, or the most that the method takes (another seed), relative to it. Rank: Spearman's",
        "correlation with the run's own final map.",
        "",
        "What is left at 100 % is what the default number of steps or samples leaves. Blur IG's steps are even in sigma, as its",
        "authors have them, so that most of the picture's detail comes back in the last one: more steps help it most.",
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
