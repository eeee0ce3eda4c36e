"""Scores and gradients of an image model, on its device: the one room where speed lives; no method is in here."""

from saliency_widget.compute.baseline import Baseline
from saliency_widget.compute.cancel import Cancelled, CancelToken
from saliency_widget.compute.chunks import ScoreChunk
from saliency_widget.compute.layer_function import LayerChunk, LayerFunction
from saliency_widget.compute.score_function import SCORES, Chunk, Score, ScoreFunction

__all__ = [
    "SCORES",
    "Baseline",
    "CancelToken",
    "Cancelled",
    "Chunk",
    "LayerChunk",
    "LayerFunction",
    "Score",
    "ScoreChunk",
    "ScoreFunction",
]
