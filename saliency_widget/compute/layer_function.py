"""Scores as a function of what one layer puts out: its activations, their gradients, and scores with others in their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from saliency_widget.compute.chunks import ScoreChunk, chunked
from saliency_widget.errors import ModelError, NotFinite
from saliency_widget.model.facts import first_tensor
from saliency_widget.model.layers import Layer
from saliency_widget.model.shadow import tapped

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
                return _with_tensor(output, self.layer.put(self._own(output), grids))

            with tapped(self.layer.name, replace):
                scores = self._f.forwards_of(point.expand(len(grids), *point.shape), self.layer.name)
            return ScoreChunk(start, scores)

        return chunked(self._f.pace, activations, run)

    def _gradients(self, start: int, points: Tensor) -> LayerChunk:
        found: list[Tensor] = []

        def capture(output: Any) -> Any:
            activations = self._own(output).detach().requires_grad_()
            found.append(activations)
            # What goes on is a copy: a ReLU that works in place would overwrite what was captured.
            return _with_tensor(output, activations.clone())

        def run() -> tuple[Tensor, Tensor]:
            found.clear()
            with tapped(self.layer.name, capture):
                scores = self._f.forward(points, grad=True, layer=self.layer.name)
            if len(found) != 1:
                message = f"layer '{self.layer.name}' was called {len(found)} times; choose one that is called once"
                raise ModelError(message)
            if not scores.requires_grad:
                message = f"the scores do not depend on what layer '{self.layer.name}' puts out; choose another layer"
                raise ModelError(message)
            return scores.detach(), self._f.gradients_of(scores, found[0])

        scores, gradients = self._f.differentiate(run)
        if not bool(torch.isfinite(gradients).all() & torch.isfinite(scores).all() & torch.isfinite(found[0]).all()):
            raise NotFinite(self._f.blame(points.detach(), scores))
        activations = self.layer.grid(found[0].detach())
        return LayerChunk(start, scores, activations, torch.stack([self.layer.grid(g) for g in gradients]))

    def _own(self, output: Any) -> Tensor:
        tensor = first_tensor(output)
        if tensor is None:
            message = f"layer '{self.layer.name}' gives {type(output).__name__}, not a tensor"
            raise ModelError(message)
        return tensor


def _with_tensor(output: Any, tensor: Tensor) -> Any:
    """Return a layer's output with its first tensor replaced."""
    if not isinstance(output, tuple | list):
        return tensor
    parts = (tensor, *output[1:])
    return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
