"""The matplotlib figure of a finding: its curves, and some places of its slider; the page draws its own."""

from __future__ import annotations

import io
import textwrap
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from saliency_widget.errors import BadParameter
from saliency_widget.lab.finding import Curve, Finding, Position

__all__ = ["draw"]

_WIDTH = 9.0
_SIGNED = "RdBu_r"
_CLIP = 99.5
_OPACITY = 0.85
_PANELS = 3
"""Panels of curves in a row."""

_IN_PLACE = 5
"""Curves of which the legend lies within the plot."""

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#999933")
"""Told apart by most people with a colour vision of their own (Okabe & Ito 2008)."""

_CONTROLS = ("#777777", "#aaaaaa")
_STYLES = {"main": "-", "reference": "--", "control": ":"}


class _Shown(Figure):
    """A figure that a notebook shows without pyplot, which alone would tell it how."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


def draw(finding: Finding, positions: int = 6) -> Figure:
    """Draw a finding's curves above the pictures and maps of some places of its slider.

    Parameters
    ----------
    finding : Finding
    positions : int
        How many places at most, evenly chosen.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    BadParameter
        If `positions` is no whole number from 0.
    """
    if isinstance(positions, bool) or not hasattr(positions, "__index__") or positions < 0:
        message = f"positions was given as {positions!r}; expected how many places of the slider are drawn, from 0"
        raise BadParameter(message)
    panels: dict[str, list[Curve]] = {}
    for curve in finding.curves:
        panels.setdefault(curve.panel, []).append(curve)
    chosen = _chosen(finding.positions, positions)
    rows = _rows(chosen)
    curve_rows = -(-len(panels) // _PANELS)
    side = _WIDTH / max(len(chosen), 4)
    below = 0.13 * (most + 1) if (most := max(map(len, panels.values()), default=0)) > _IN_PLACE else 0.0
    heights = [(2.7 + below) * curve_rows, (side + 0.2) * len(rows) + 0.2 * bool(rows)]
    text = textwrap.fill(finding.reading, 128) + "\n" + textwrap.fill(f"Mind: {finding.caveat}", 128)
    head = 0.2 * (text.count("\n") + 2)
    figure = _Shown(figsize=(_WIDTH, max(1.5, sum(heights) + head)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(text, fontsize=8, x=0.01, ha="left")
    parts = [height for height in heights if height]
    if not parts:
        return figure
    made: Any = figure.subfigures(len(parts), 1, height_ratios=parts, squeeze=False)
    places = iter(made.ravel())
    if panels:
        _draw_curves(next(places), panels, curve_rows)
    if rows:
        _draw_places(next(places), chosen, rows, finding)
    return figure


def _chosen(positions: tuple[Position, ...], most: int) -> list[Position]:
    """Return some places, evenly chosen, the first and the last among them, and before others those with maps."""
    if most == 0:
        return []
    shown = [position for position in positions if position.maps or position.pictures]
    with_maps = [position for position in shown if position.maps]
    if 1 < len(with_maps) < len(shown):
        shown = sorted({*with_maps, *_even(shown, max(0, most - len(with_maps)))}, key=shown.index)
    return _even(shown, most)


def _even(positions: list[Position], most: int) -> list[Position]:
    if most == 0:
        return []
    places = np.linspace(0, len(positions) - 1, min(most, len(positions))).round().astype(int)
    return [positions[place] for place in dict.fromkeys(places.tolist())]


def _rows(chosen: list[Position]) -> list[str]:
    """Return the names of all pictures and maps, in their order; those that lie at one place only share a row."""
    pictures = dict.fromkeys(name for position in chosen for name in position.pictures)
    most = max((len(position.maps) for position in chosen), default=0)
    return [*pictures, *(f"\0{i}" for i in range(most))]


def _draw_curves(part: Any, panels: dict[str, list[Curve]], rows: int) -> None:
    columns = min(len(panels), _PANELS)
    grid = part.subplots(rows, columns, squeeze=False)
    for axes in grid.ravel()[len(panels) :]:
        axes.set_axis_off()
    for axes, (title, curves) in zip(grid.ravel(), panels.items(), strict=False):
        mains, greys = iter(_COLOURS * 8), iter(_CONTROLS * 16)
        for curve in curves:
            colour = "#444444" if curve.role == "reference" else next(greys if curve.role == "control" else mains)
            marker = "." if 2 < len(curve.x) < 9 else None
            axes.plot(
                curve.x, curve.y, _STYLES[curve.role], color=colour, label=curve.label, linewidth=1.3, marker=marker
            )
            if curve.lower is not None and curve.upper is not None:
                axes.fill_between(curve.x, curve.lower, curve.upper, color=colour, alpha=0.15, linewidth=0)
        measured = np.concatenate([curve.y for curve in curves if curve.role != "reference"] or [np.zeros(1)])
        _hold(axes, measured[np.isfinite(measured)])
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(textwrap.fill(curves[0].x_unit, 130 // columns), fontsize=7)
        axes.set_ylabel(textwrap.fill(curves[0].y_unit, 32), fontsize=7)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25, linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
        if len(curves) > 1 or curves[0].label != title:
            # Of many curves the legend would cover some.
            place = {} if len(curves) <= _IN_PLACE else {"loc": "upper left", "bbox_to_anchor": (0, -0.2), "ncols": 2}
            axes.legend(fontsize=6.5, frameon=False, **place)


def _hold(axes: Any, measured: NDArray[np.float64]) -> None:
    """Keep a prediction that runs away from flattening what was measured."""
    if not len(measured):
        return
    low, high = float(measured.min()), float(measured.max())
    span = high - low or abs(high) or 1.0
    ends = axes.get_ylim()
    axes.set_ylim(max(ends[0], low - 1.5 * span), min(ends[1], high + 1.5 * span))


def _draw_places(part: Any, chosen: list[Position], rows: list[str], finding: Finding) -> None:
    grid = part.subplots(len(rows), max(len(chosen), 1), squeeze=False)
    for column, position in enumerate(chosen):
        maps = list(position.maps.items())
        for row, name in enumerate(rows):
            axes = grid[row, column]
            axes.set_xticks([])
            axes.set_yticks([])
            for spine in axes.spines.values():
                spine.set_visible(False)
            caption = ""
            if name.startswith("\0"):
                at = int(name[1:])
                if at < len(maps):
                    label, attribution = maps[at]
                    _draw_map(axes, attribution, finding.seen)
                    caption = label if label != position.label else ""
            elif name in position.pictures:
                axes.imshow(position.pictures[name], interpolation=_grain(position.pictures[name]))
                caption = name
            if row == 0:
                axes.set_title(textwrap.fill(position.label, 22), fontsize=7)
            if caption and (column == 0 or _differs(chosen, column, row, rows)):
                axes.set_xlabel(textwrap.fill(caption, 24), fontsize=6)
    if any(position.maps for position in chosen):
        part.supxlabel(
            "red speaks for the target, blue against it; each map has a scale of its own",
            x=0.99,
            ha="right",
            fontsize=6,
        )


def _differs(chosen: list[Position], column: int, row: int, rows: list[str]) -> bool:
    """Whether a map is another one than that at its left."""
    if not rows[row].startswith("\0"):
        return False
    at = int(rows[row][1:])
    own, left = (list(position.maps)[at : at + 1] for position in (chosen[column], chosen[column - 1]))
    return own != left


def _draw_map(axes: Any, attribution: NDArray[Any], seen: NDArray[np.uint8] | None) -> None:
    heat = attribution.sum(0, dtype=np.float64)
    if seen is not None and seen.shape[:2] == heat.shape:
        grey = seen.mean(2) / 255
        axes.imshow(0.35 + 0.65 * grey, cmap="gray", vmin=0, vmax=1, interpolation=_grain(seen))
    size = np.abs(heat)
    limit = float(np.percentile(size, _CLIP)) or float(size.max())
    if limit > 0:
        alpha = _OPACITY * np.sqrt(np.clip(size / limit, 0, 1))
        axes.imshow(heat, cmap=_SIGNED, vmin=-limit, vmax=limit, alpha=alpha, interpolation="nearest")
    else:
        axes.text(0.5, 0.5, "zero everywhere", transform=axes.transAxes, ha="center", va="center", fontsize=7)


def _grain(picture: NDArray[Any]) -> str | None:
    return "nearest" if max(picture.shape[:2]) <= 64 else None
