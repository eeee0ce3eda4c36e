"""One picture per model: all methods x both heads on one scene, each method on one scale for both heads.

``python benchmarks/montage.py demo/vgg --out docs/images``
"""

from __future__ import annotations

import argparse
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import saliency_widget as sw

__all__ = ["draw"]

SEED = 500_017
COLUMNS = 4
_COUNTS = ("steps", "samples", "channels")


def draw(model: sw.ImageModel, image: Any, *, budget: int = 50) -> Figure:
    """Return the picture.

    Parameters
    ----------
    model : ImageModel
    image : image
    budget : int
        Steps or samples of the methods that have them, at most.
    """
    model.discover(image)
    heads = list(model.heads)
    cells: list[tuple[str, list[sw.Explanation]]] = []
    left_out = []
    for name, method in sw.methods().items():
        applies = method.applies(model)
        if not applies:
            left_out.append(f"{method.label}: {applies.reason}")
            continue
        params = {}
        for count in _COUNTS:
            if count in method.parameters and method.parameters[count].default > 1:
                params[count] = min(max(budget, 2), method.parameters[count].default)
        cells.append((method.label, sw.explain(model, image, heads, name, **params)))
    rows = math.ceil((len(cells) + 1) / COLUMNS)
    figure = Figure(figsize=(1.75 * COLUMNS * len(heads), 2.05 * rows), layout="constrained")
    axes = figure.subplots(rows, COLUMNS * len(heads), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    axes[0, 0].imshow(cells[0][1][0].picture.image)
    axes[0, 0].set_title(model.name, fontsize=8)
    for place, (label, explanations) in enumerate(cells, start=1):
        row, column = divmod(place, COLUMNS)
        _cell(axes[row, column * len(heads) : (column + 1) * len(heads)], label, explanations)
    if left_out:
        figure.supxlabel("Left out: " + "; ".join(left_out), fontsize=6, wrap=True)
    return figure


def _cell(axes: Any, label: str, explanations: list[sw.Explanation]) -> None:
    """Draw one method's maps, one for each head, on one scale."""
    if explanations[0].kind == "picture":
        for ax, e in zip(axes, explanations, strict=True):
            ax.imshow(e.rgb())
    else:
        maps = [e.heatmap() for e in explanations]
        scale = max(float(np.percentile(np.abs(m), 99.5)) for m in maps) or 1.0
        for ax, m in zip(axes, maps, strict=True):
            ax.imshow(m, cmap="RdBu_r", vmin=-scale, vmax=scale)
    for ax, e in zip(axes, explanations, strict=True):
        ax.set_title(f"{label}\n{e.target}", fontsize=6)


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="demo/vgg")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--budget", type=int, default=50, help="steps or samples, at most")
    given = parser.parse_args()
    scene = sw.demo.buildings(1, seed=SEED)[0]
    file = io.BytesIO()
    draw(sw.load(given.model), scene.image, budget=given.budget).savefig(file, format="png", dpi=90)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / f"montage-{given.model.replace('/', '-')}.webp"
    Image.open(file).convert("RGB").save(path, quality=75, method=6)
    print(path)


if __name__ == "__main__":
    main()
