"""Scores as a function of what one layer puts out: its activations, their gradients, and scores with others in their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from saliency_widget.compute.chunks import ScoreChunk, chunked
from saliency_widget.errors import ModelError, NotFinite
from saliency_widget.model.layers import Layer
from saliency_widget.model.passes import own_tensor, with_tensor
from saliency_widget.model.watching import tapped

if TYPE_CHECKING:
    from saliency_widget.compute.score_function import ScoreFunction

__all__ = ["LayerChunk", "LayerFunction"]


@dataclass(frozen=True)
class LayerChunk:
    """What one forward, and one backward to the layer for each target, gave.

    Attributes
    ----------
    start : int
        Index of the chunk's first point.
    scores : Tensor
        Shape (n, T).
    activations : Tensor
        Shape (n, K, h, w): the layer's output as a grid.
    gradients : Tensor
        Shape (T, n, K, h, w): the scores' gradients with respect to it.
    """

    start: int
    scores: Tensor
    activations: Tensor
    gradients: Tensor


class LayerFunction:
    """What :meth:`ScoreFunction.at` returns.

    Parameters
    ----------
    f : ScoreFunction
        Whose scores and inputs these are.
    layer : Layer
        Where.
    """

    def __init__(self, f: ScoreFunction, layer: Layer) -> None:
        self.layer = layer
        self._f = f

    def each(self, points: Iterable[Tensor]) -> Iterator[LayerChunk]:
        """Yield activations and gradients at the layer for any number of inputs (C, h, w), chunk by chunk.

        The way back ends at the layer, so that it costs less than a gradient of the input.

        Raises
        ------
        Cancelled, ModelError, NotFinite, OutOfMemory
        """
        return chunked(self._f.pace, points, self._gradients)

    def scored(self, point: Tensor, activations: Iterable[Tensor]) -> Iterator[ScoreChunk]:
        """Yield the scores of one input with other activations in place of the layer's own.

        Parameters
        ----------
        point : Tensor
            The input, (C, h, w).
        activations : iterable of Tensor
            Each (K, h, w), as :meth:`each` gives them. Class tokens and the like stay as they are.
        """

        def run(start: int, grids: Tensor) -> ScoreChunk:
            def replace(output: Any) -> Any:
                return with_tensor(output, self.layer.put(own_tensor(output, self.layer.name), grids))

            with tapped(self.layer.name, replace):
                scores = self._f.forwards_behind(point, self.layer.name, len(grids))
            return ScoreChunk(start, scores)

        return chunked(self._f.pace, activations, run)

    def _gradients(self, start: int, points: Tensor) -> LayerChunk:
        found: list[Tensor] = []

        def run() -> tuple[Tensor, Tensor]:
            with self._f.passing(points, self.layer.name) as (scores, leaf, keep):
                if not scores.requires_grad:
                    message = (
                        f"the scores do not depend on what layer '{self.layer.name}' puts out; choose another layer"
                    )
                    raise ModelError(message)
                found[:] = [leaf.detach()]
                return scores.detach(), self._f.gradients_of(scores, leaf, keep=keep)

        scores, gradients = self._f.differentiate(run)
        (activations,) = found
        if not bool(torch.isfinite(gradients).all() & torch.isfinite(scores).all() & torch.isfinite(activations).all()):
            raise NotFinite(self._f.blame(points, scores))
        return LayerChunk(
            start, scores, self.layer.grid(activations), torch.stack([self.layer.grid(g) for g in gradients])
        )
