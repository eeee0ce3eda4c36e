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
    """Draw the picture beside the picture with the map over it.

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
    heat = explanation.on_image(sign, max_side=_SIDE, **options)
    height, width = heat.shape
    image = np.asarray(explanation.picture.image.resize((width, height)))
    seen = np.isfinite(heat)
    magnitudes = np.abs(heat[seen])
    limit = float(np.percentile(magnitudes, clip)) or float(magnitudes.max(initial=0.0))
    figure = _Shown(figsize=(_WIDTH, _WIDTH * min(1.2, height / width) / 2 + 1.1), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.imshow(image)
        axes.set_axis_off()
    _dim(right, seen, explanation)
    if limit > 0:
        low = -limit if sign == "signed" else 0.0
        alpha = np.where(seen, opacity * np.clip(np.abs(heat) / limit, 0, 1) ** 0.5, 0.0)
        drawn = right.imshow(
            np.where(seen, heat, 0.0),
            cmap=colormap or (_SIGNED if sign == "signed" else _UNSIGNED),
            vmin=low,
            vmax=limit,
            alpha=alpha,
            interpolation="nearest",
        )
        drawn_bar = figure.colorbar(drawn, ax=[left, right], orientation="horizontal", shrink=0.6, aspect=50, pad=0.02)
        if drawn_bar.solids is not None:
            drawn_bar.solids.set_alpha(1)
        drawn_bar.ax.tick_params(labelsize=8)
        drawn_bar.set_label(_unit(explanation), fontsize=8)
    else:
        right.text(0.5, 0.5, _nothing(sign), transform=right.transAxes, ha="center", va="center", fontsize=9, wrap=True,
                   bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none"})  # fmt: skip
    figure.suptitle(_caption(explanation), fontsize=9)
    return figure


def _dim(axes: Any, seen: Any, explanation: Explanation) -> None:
    """Dim and outline what the model never saw."""
    if seen.all():
        return
    shade = np.zeros((*seen.shape, 4))
    shade[..., 3] = np.where(seen, 0.0, 0.55)
    axes.imshow(shade, interpolation="nearest")
    left, top, right, bottom = explanation.geometry.shrunk(_SIDE).box
    axes.add_patch(
        Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, edgecolor="white", linewidth=1)
    )


def _caption(explanation: Explanation) -> str:
    label = methods()[explanation.method].label if explanation.method in methods() else explanation.method
    steps = f"{explanation.done}/{explanation.total}" if explanation.progress < 1 else f"{explanation.total}"
    quality = "".join(f" · {figure.text}" for figure in explanation.quality)
    stretched = "" if explanation.geometry.exact else " · stretched: preprocess= is no resize and crop"
    return f"{label} · {explanation.target} · {steps} evaluations{quality}{stretched}"


def _unit(explanation: Explanation) -> str:
    method = methods().get(explanation.method)
    multiplies = method is not None and method.multiplies
    head = explanation.prediction[explanation.target.head]
    score = explanation.score if head.classes is not None else head.unit or "value"
    return score if multiplies else f"{score} per unit of the model's input"


def _nothing(sign: str) -> str:
    if sign in {"positive", "negative"}:
        return f"there is no {sign} evidence"
    return "the map is zero everywhere"
