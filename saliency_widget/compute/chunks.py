"""The pace of a computation: how many points go through the network at once, and less when memory runs out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from saliency_widget.compute.cancel import CancelToken
from saliency_widget.errors import OutOfMemory
from saliency_widget.model.image_model import is_out_of_memory

__all__ = ["Pace", "ScoreChunk", "chunked"]

_CHUNK = {"cpu": 4, "cuda": 32}
"""Points per forward. On two cores more than four bring nothing but page faults."""

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class ScoreChunk:
    """What one forward gave.

    Attributes
    ----------
    start : int
        Index of the chunk's first point.
    scores : Tensor
        Shape (n, T): the score of each target at each point.
    """

    start: int
    scores: Tensor


class Pace:
    """What all score functions of one run share: the chunk size, the counters, the token that stops it.

    Parameters
    ----------
    device : torch.device
        Where it runs.
    cancel : CancelToken
        Looked at before each chunk, and inside the network.
    chunk : int, optional
        Points per forward; chosen by device where not given.

    Attributes
    ----------
    forwards, backwards : int
        How many points have gone forwards, and how many target gradients backwards.
    """

    def __init__(self, device: torch.device, cancel: CancelToken, chunk: int | None = None) -> None:
        self.device = device
        self.cancel = cancel
        self.chunk = chunk or _CHUNK.get(device.type, 4)
        self.forwards = 0
        self.backwards = 0

    def back_off(self, size: int, error: Exception) -> None:
        """Halve the chunk after memory ran out, or give up at a single point."""
        if size == 1:
            message = (
                f"not even one image fits into the memory of {self.device}; use a smaller input_size=, or device='cpu'"
            )
            raise OutOfMemory(message) from error
        self.chunk = max(1, size // 2)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def chunked(pace: Pace, points: Iterable[Tensor], run: Callable[[int, Tensor], _Found]) -> Iterator[_Found]:
    """Stack points into chunks and yield what `run` makes of each.

    The first chunk holds one point, so that the first estimate comes after one forward and one backward.

    Parameters
    ----------
    pace : Pace
        Says how many at once.
    points : iterable of Tensor
        All of one shape; taken one chunk at a time.
    run : callable
        Takes the index of the chunk's first point and the points, stacked.

    Raises
    ------
    Cancelled
        Between two chunks, or whatever `run` raises.
    OutOfMemory
        If a single point does not fit.
    """
    source = iter(points)
    start = 0
    waiting: list[Tensor] = list(itertools.islice(source, 1))
    while waiting:
        size = min(len(waiting), pace.chunk)
        pace.cancel.check()
        try:
            found = run(start, torch.stack(waiting[:size]))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            pace.back_off(size, error)
            continue
        yield found
        start += size
        waiting = waiting[size:]
        waiting += itertools.islice(source, max(0, pace.chunk - len(waiting)))
