"""The matplotlib figure of one explanation: picture, map, colour bar, caption; the page draws its own."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from saliency_widget import Explanation, SaliencyError, methods

__all__ = ["draw"]

_SIGNED, _UNSIGNED = "RdBu_r", "inferno"
_WIDTH = 8.0
_SIDE = 1200
"""Pixels of the picture's long side in the figure; more would not be seen at its size."""

_SMALL = 64
"""Inputs and pictures of up to this many pixels are drawn as what they are: squares."""


class _Shown(Figure):
    """A figure that a notebook shows without pyplot, which alone would tell it how."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


def draw(
    explanation: Explanation,
    sign: str = "signed",
    *,
    colormap: str | None = None,
    opacity: float = 0.75,
    clip: float = 99.5,
    **options: Any,
) -> Figure:
    """Draw the picture beside the picture with the map over it; of a method that makes a picture, that one.

    Parameters
    ----------
    explanation : Explanation
    sign, **options
        As for :meth:`Explanation.heatmap`.
    colormap : str, optional
        A matplotlib name; diverging and centred on zero for signed maps, sequential otherwise, if not given.
    opacity : float
        Of the map where it is strongest, in [0, 1]; where there is no evidence the picture shows through.
    clip : float
        Percentile of the magnitudes at which the colours end, in (0, 100].

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    SaliencyError
        If `opacity` or `clip` is out of range.
    """
    if not 0 <= opacity <= 1 or not 0 < clip <= 100:
        message = (
            f"opacity={opacity!r}, clip={clip!r}: expected an opacity from 0 to 1 and a percentile above 0, up to 100"
        )
        raise SaliencyError(message)
    if explanation.kind == "picture":
        return _made(explanation)
    geometry = explanation.geometry.shrunk(_SIDE)
    heat = explanation.on_image(sign, max_side=_SIDE, **options)
    height, width = heat.shape
    image = np.asarray(explanation.picture.image.resize((width, height)))
    seen = np.isfinite(heat)
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    if max(geometry.input_size) <= _SMALL:
        heat = _cells(explanation.heatmap(sign, **options), geometry)  # type: ignore[arg-type]
        left, top, right, bottom = (edge - 0.5 for edge in geometry.box)
        extent = (left, right, bottom, top)
    known = np.isfinite(heat)
    magnitudes = np.abs(heat[known])
    limit = float(np.percentile(magnitudes, clip)) or float(magnitudes.max(initial=0.0))
    figure = _Shown(figsize=(_WIDTH, _WIDTH * min(1.2, height / width) / 2 + 1.1), layout="constrained")
    FigureCanvasAgg(figure)
    panes = figure.subplots(1, 2)
    pane = panes[1]
    for axes in panes:
        axes.imshow(image, interpolation="nearest" if max(width, height) <= _SMALL else None)
        axes.set_axis_off()
    _dim(pane, seen, geometry.box)
    if limit > 0:
        low = -limit if sign == "signed" else 0.0
        alpha = np.where(known, opacity * np.clip(np.abs(heat) / limit, 0, 1) ** 0.5, 0.0)
        drawn = pane.imshow(
            np.where(known, heat, 0.0),
            cmap=colormap or (_SIGNED if sign == "signed" else _UNSIGNED),
            vmin=low,
            vmax=limit,
            alpha=alpha,
            interpolation="nearest",
            extent=extent,
        )
        pane.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))  # a map of a padded picture reaches beyond it
        drawn_bar = figure.colorbar(drawn, ax=list(panes), orientation="horizontal", shrink=0.6, aspect=50, pad=0.02)
        if drawn_bar.solids is not None:
            drawn_bar.solids.set_alpha(1)
        drawn_bar.ax.tick_params(labelsize=8)
        drawn_bar.ax.ticklabel_format(axis="x", scilimits=(-3, 4))
        drawn_bar.ax.xaxis.get_offset_text().set_fontsize(8)
        drawn_bar.set_label(_unit(explanation), fontsize=8)
    else:
        pane.text(0.5, 0.5, _nothing(sign), transform=pane.transAxes, ha="center", va="center", fontsize=9, wrap=True,
                   bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none"})  # fmt: skip
    figure.suptitle(_caption(explanation), fontsize=9)
    return figure


def _made(explanation: Explanation) -> Figure:
    """Draw the picture that a method made."""
    made = explanation.rgb()
    height, width = made.shape[:2]
    figure = _Shown(figsize=(_WIDTH / 2, _WIDTH / 2 * height / width + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.imshow(made, interpolation="nearest" if max(width, height) <= _SMALL else None)
    axes.set_axis_off()
    figure.suptitle(_caption(explanation), fontsize=9, wrap=True)
    return figure


def _cells(heat: Any, geometry: Any) -> Any:
    """Return a heatmap in its own pixels, NaN where they lie on padding and not on the picture."""
    left, top, right, bottom = geometry.box
    rows, columns = heat.shape
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = top + (np.arange(rows) + 0.5) * (bottom - top) / rows
    on_it = ((y > 0) & (y < geometry.size[1]))[:, None] & ((x > 0) & (x < geometry.size[0]))[None, :]
    return np.where(on_it, heat, np.nan)


def _dim(axes: Any, seen: Any, box: tuple[float, float, float, float]) -> None:
    """Dim and outline what the model never saw."""
    if seen.all():
        return
    height, width = seen.shape
    shade = np.zeros((height, width, 4))
    shade[..., 3] = np.where(seen, 0.0, 0.55)
    axes.imshow(shade, interpolation="nearest")
    # Where the input reaches beyond the picture the line would not be seen.
    left, right = sorted((min(max(edge, 0.0), width) - 0.5) for edge in box[::2])
    top, bottom = sorted((min(max(edge, 0.0), height) - 0.5) for edge in box[1::2])
    axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor="white", linewidth=1))


def _caption(explanation: Explanation) -> str:
    label = methods()[explanation.method].label if explanation.method in methods() else explanation.method
    steps = f"{explanation.done}/{explanation.total}" if explanation.progress < 1 else f"{explanation.total}"
    quality = "".join(f" · {figure.text}" for figure in explanation.quality)
    stretched = "" if explanation.geometry.exact else " · stretched: preprocess= is no resize and crop"
    return f"{label} · {explanation.target} · {steps} evaluations{quality}{stretched}"


def _unit(explanation: Explanation) -> str:
    method = methods().get(explanation.method)
    head = explanation.prediction[explanation.target.head]
    score = explanation.score if head.classes is not None else head.unit or "value"
    return score if method is None else method.unit(score)


def _nothing(sign: str) -> str:
    if sign in {"positive", "negative"}:
        return f"there is no {sign} evidence"
    if sign in {"increase", "decrease"}:
        return f"there is nothing that would {sign} the value"
    return "the map is zero everywhere"
