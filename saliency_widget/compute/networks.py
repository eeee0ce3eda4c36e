"""Through which network a point goes: the one as it is, its faster copy, or none, where somebody has just been that way."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from saliency_widget.compute.chunks import Pace
from saliency_widget.compute.shortcut import behind
from saliency_widget.model import ImageModel
from saliency_widget.model.passes import INPUT, Held, Pass, run

__all__ = ["Networks", "still"]


class Networks:
    """The network as it is, and the faster copy that takes over when one point has gone through it, so that no estimate waits.

    Parameters
    ----------
    plain : ImageModel
        The network as it is.
    pace : Pace
        Counts what goes through, and knows whether anything has.
    held : Held, optional
        The picture's own way, where somebody has just gone it.
    reduced : bool
        Whether gradients after the first may be computed in reduced precision. Scores alone never are: their differences count.
    """

    def __init__(self, plain: ImageModel, pace: Pace, held: Held | None = None, *, reduced: bool = False) -> None:
        self._reduces = reduced
        self._plain = plain
        self._pace = pace
        self._held = held
        self._fast: ImageModel | None = None
        self._behind: tuple[str, Tensor, ImageModel] | None = None

    def forth(self, x: Tensor, points: Tensor, layer: str) -> tuple[Pass, Held | None]:
        """Go forwards so that gradients can be taken at a layer, or at the input.

        Parameters
        ----------
        x : Tensor
            The picture's input (C, h, w).
        points : Tensor
            Shape (n, C, h, w).
        layer : str

        Returns
        -------
        Pass
        Held or None
            What puts the pass back where the next run may find it: that of the picture itself, with which a run began.
        """
        held = self._own_way(x, points, layer)
        if held is not None:
            held.found.watch.check = self._pace.cancel.check
        made = run(self._next_for_gradients(x, layer), points, layer) if held is None else held.found
        self._pace.forwards += len(points) if held is None else 0
        self._pace.begun = True
        self._pace.learn(made.watch.held / len(points))
        return made, held

    def scores(self, x: Tensor, points: Tensor) -> Mapping[str, Tensor]:
        """Return each head's outputs (n, K) for points (n, C, h, w), without gradients; as :meth:`forth` otherwise."""
        outputs = self._next(x, INPUT).scores(points, grad=False)
        self._pace.forwards += len(points)
        self._pace.begun = True
        return outputs

    def scores_behind(self, point: Tensor, layer: str, count: int) -> Mapping[str, Tensor]:
        """Return each head's outputs (count, K) for copies of a point (C, h, w), of which somebody replaces a layer's output."""
        if self._behind is None or self._behind[0] != layer or not torch.equal(self._behind[1], point):
            self._behind = (layer, point, behind(self._next(point, layer), point, layer))
        outputs = self._behind[2].scores(point.expand(count, *point.shape), grad=False)
        self._pace.forwards += count
        self._pace.begun = True
        return outputs

    def _own_way(self, x: Tensor, points: Tensor, layer: str) -> Held | None:
        held, self._held = self._held, None
        model = self._plain
        if self._pace.begun:
            model.kept.drop()  # its memory is wanted for more points at a time
            return None
        if len(points) != 1 or not model.on_shadow or not torch.equal(points[0], x):
            return None
        if held is not None and held.found.layer == layer:
            return held
        held = model.kept.take(model, points, layer)
        if held is None:
            held = model.kept.make(model, points, layer)
            self._pace.forwards += 1
        return held

    def _next(self, x: Tensor, layer: str) -> ImageModel:
        if not self._pace.begun:
            return self._plain
        if self._fast is None:
            self._fast = self._plain.tuning.of(self._plain, x)
        return self._plain if layer in self._plain.tuning.changed else self._fast

    def _next_for_gradients(self, x: Tensor, layer: str) -> ImageModel:
        network = self._next(x, layer)
        return self._plain.tuning.reduced(network) if self._reduces and network is not self._plain else network


def still(network: nn.Module) -> None:
    """Give a copy of a network weights of its own."""
    for weight in network.parameters():
        weight.data = weight.data.clone()
