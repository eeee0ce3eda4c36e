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

_FIRST = {"cpu": 4, "cuda": 32}
"""Points per forward, as long as nothing is known of what one takes."""

_MOST = {"cpu": 8, "cuda": 64}
"""On two cores more bring nothing but page faults, and a map that is sent less often."""

_CPU_BYTES = 224 * 2**20
"""What the way back of one chunk may hold: four photographs in ResNet-50, eight in MobileNetV2."""

_CUDA_SHARE = 1 / 16
"""The same on a GPU, as a share of all its memory."""

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
    begun : bool
        Whether anything has.
    """

    def __init__(self, device: torch.device, cancel: CancelToken, chunk: int | None = None) -> None:
        self.device = device
        self.cancel = cancel
        self.chunk = chunk or _FIRST.get(device.type, 4)
        self._most = chunk or _MOST.get(device.type, 4)
        self._fixed = chunk is not None
        self.forwards = 0
        self.backwards = 0
        self.begun = False

    def learn(self, bytes_per_point: float) -> None:
        """Choose the chunk by what one point's way back holds.

        What a network holds depends on the network alone, and so do the chunks: a map that is computed again is the same one.
        """
        if not self._fixed and bytes_per_point > 0:
            fitting = max(1, min(self._most, int(_bytes(self.device) / bytes_per_point)))
            # Seven take longer than eight: points are shared out to an even number of cores.
            self.chunk = fitting - fitting % 2 if fitting > 1 else 1

    def back_off(self, size: int, error: Exception) -> None:
        """Halve the chunk after memory ran out, or give up at a single point."""
        if size == 1:
            message = (
                f"not even one image fits into the memory of {self.device}; use a smaller input_size=, or device='cpu'"
            )
            raise OutOfMemory(message) from error
        self.chunk = self._most = max(1, size // 2)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _bytes(device: torch.device) -> float:
    if device.type == "cuda":
        return _CUDA_SHARE * torch.cuda.get_device_properties(device).total_memory
    return _CPU_BYTES


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
