"""Draws the pictures of the original experiment: a grid of maps for each head, and the shares with their intervals."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from experiment_cases import ARCHITECTURES, CASES, CONTROLS, HEADS, ROWS, label
from experiment_figures import Figures
from experiment_maps import Map, run_case
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

import saliency_widget as sw

__all__ = ["Row", "draw_all", "draw_grid", "draw_shares"]

GRID = (
    *("gradient", "smoothgrad", "integrated_gradients", "smoothgrad_ig", "blur_ig", "xrai"),
    *("guided_backprop", "lrp", "grad_cam", "occlusion", "edges"),
)
"""The columns of the grid."""

GRID_SEED = 500_003
"""A gothic building from outside, with battlements and spires."""

COLOURS = dict(zip(ARCHITECTURES, ("#1b7837", "#c2571a", "#2166ac", "#7b3294"), strict=True))
MARKS = dict(zip(ARCHITECTURES, ("o", "s", "^", "D"), strict=True))

_CLIP = 99.5


@dataclass(frozen=True, eq=False)
class Row:
    """One architecture in the grid: its maps by (map, head), and how sure it is of each head's true class, in [0, 1]."""

    maps: Mapping[tuple[str, str], Map]
    sure: Mapping[str, float]


def draw_all(f: Figures, folder: Path) -> None:
    """Draw all pictures into a folder."""
    scene = sw.demo.building(GRID_SEED, 0)
    rows = {name: _row(sw.load(f"demo/{name}"), scene) for name in ARCHITECTURES}
    for head in HEADS:
        save(draw_grid(scene, rows, head), folder / f"experiment-grid-{head}.webp", 75)
    save(draw_shares(f), folder / "experiment-shares.webp", 85)


def _row(model: sw.ImageModel, scene: sw.demo.Scene) -> Row:
    chosen = [case for case in CASES if case.name in GRID]
    maps = {(one.name, one.head): one for case in chosen for one in run_case(model, scene, case)[0]}
    said = {head: model.predict(scene.image)[head] for head in HEADS}
    sure = {
        head: float(one.probabilities[list(one.classes or ()).index(scene.labels[head])]) for head, one in said.items()
    }
    return Row(maps, sure)


def draw_grid(scene: sw.demo.Scene, rows: Mapping[str, Row], head: str) -> Figure:
    """Return the maps of one head: a row for each architecture, a column for each method, each map on its own scale.

    Parameters
    ----------
    scene : Scene
    rows : mapping of str to Row
        By architecture.
    head : str
    """
    close = ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    figure = Figure(figsize=(1.12 * (len(GRID) + 1), 1.14 * len(rows) + 0.1), layout=close)
    axes = figure.subplots(len(rows), len(GRID) + 1, squeeze=False)
    seen = np.where(scene.evidence[head][..., None], np.asarray(scene.image), np.asarray(scene.image) // 4)
    for line, (architecture, row) in zip(axes, rows.items(), strict=True):
        for ax, name in zip(line, ("", *GRID), strict=True):
            ax.set(xticks=[], yticks=[])
            for side in ax.spines.values():
                side.set_visible(False)
            if name:
                drawn = row.maps[name, head].drawn
                ax.imshow(drawn, cmap="inferno", vmin=0, vmax=float(np.percentile(drawn, _CLIP)) or 1.0)
            else:
                ax.imshow(scene.image if architecture == next(iter(rows)) else seen)
                ax.set_ylabel(f"{architecture}\n{row.sure[head]:.0%} sure", fontsize=8)
    for ax, name in zip(axes[0], ("", *GRID), strict=True):
        ax.set_title(label(name).removesuffix(" (control)") if name else scene.labels[head], fontsize=7)
    return figure


def draw_shares(f: Figures) -> Figure:
    """Return, for each head, the share in its own mask, and how much less the other head's map has there."""
    names = [name for name in ROWS if name in f.maps][::-1]
    figure = Figure(figsize=(11, 0.27 * len(names) + 1.1), layout="constrained")
    axes = figure.subplots(1, 4, sharey=True)
    panels = [(key, head) for key in ("own", "contrast") for head in HEADS]
    for ax, (key, head) in zip(axes, panels, strict=True):
        for place, model in enumerate(ARCHITECTURES):
            shown = [(y, one) for y, name in enumerate(names) if (one := f.of(model, name, head, key)) is not None]
            if key == "contrast":
                shown = [(y, one) for y, one in shown if names[y] not in CONTROLS]
            ax.errorbar(
                [one.mean for _, one in shown],
                [y + 0.27 - 0.18 * place for y, _ in shown],
                xerr=[[one.mean - one.low for _, one in shown], [one.high - one.mean for _, one in shown]],
                fmt=MARKS[model],
                color=COLOURS[model],
                markersize=3.2,
                linewidth=1,
                label=model,
            )
        ax.axvline(1 if key == "own" else 0, color="0.4", linewidth=0.8)
        ax.set_title(f"{head}: {'own mask' if key == 'own' else 'less the other head'}", fontsize=9)
        ax.grid(axis="y", color="0.92")
        ax.tick_params(labelsize=8)
        ax.set_axisbelow(True)
    axes[0].set_yticks(range(len(names)), [label(name).removesuffix(" (control)") for name in names], fontsize=8)
    axes[0].set_ylim(-0.7, len(names) - 0.3)
    figure.supxlabel(
        "share of the map's weight in the mask / the mask's share of the picture (95 % intervals)", fontsize=8
    )
    figure.legend(
        *axes[0].get_legend_handles_labels(), fontsize=8, loc="outside upper center", ncols=len(ARCHITECTURES)
    )
    return figure


def save(figure: Figure, path: Path, quality: int) -> None:
    """Write a figure as WebP."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(file).convert("RGB").save(path, quality=quality, method=6)
