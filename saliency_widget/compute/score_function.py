"""The score of one or many targets as a function of the model's input, and its gradient, chunk by chunk.

All that concerns speed and devices is decided here and nowhere else: chunk size, back-off when memory is short,
cancellation inside the network. What is done with the gradients is the methods' business.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from saliency_widget.compute import baseline, noise
from saliency_widget.compute.cancel import CancelToken
from saliency_widget.errors import BadParameter, ModelError, NotFinite, OutOfMemory
from saliency_widget.model import ImageModel, Picture, Target
from saliency_widget.model.diagnose import broken_backwards
from saliency_widget.model.image_model import is_out_of_memory
from saliency_widget.model.shadow import watched

__all__ = ["SCORES", "Chunk", "Score", "ScoreFunction"]

Score = Literal["logit", "log_softmax", "probability"]
SCORES: tuple[Score, ...] = ("logit", "log_softmax", "probability")

_CHUNK = {"cpu": 4, "cuda": 32}
"""Points per forward. On two cores more than four bring nothing but page faults."""


@dataclass(frozen=True)
class Chunk:
    """What one forward, and one backward for each target, gave.

    Attributes
    ----------
    start : int
        Index of the chunk's first point.
    scores : Tensor
        Shape (n, T): the score of each target at each point.
    gradients : Tensor
        Shape (T, n, C, h, w): their gradients with respect to the points.
    """

    start: int
    scores: Tensor
    gradients: Tensor


class ScoreFunction:
    """Scores and input gradients of T targets of one picture.

    Parameters
    ----------
    model : ImageModel
        Its heads must be known.
    picture : Picture
        The picture that is explained.
    targets : sequence of Target
        Resolved targets, of one or several heads.
    score : {"logit", "log_softmax", "probability"}
        The number whose gradient is taken; the value itself for a regression head.
    layer : str or None
        The layer for methods that need one.
    seed : int
        Seed of :meth:`noise` and of the noise baseline.
    cancel : CancelToken, optional
        Looked at before each layer, forwards and backwards.
    chunk : int, optional
        Points per forward; chosen by device where not given.

    Attributes
    ----------
    x : Tensor
        The model's input for the picture, (C, h, w).
    image : Tensor
        The picture, (3, H, W) in [0, 1].
    forwards, backwards : int
        How many points have gone forwards, and how many target gradients backwards.
    """

    def __init__(
        self,
        model: ImageModel,
        picture: Picture,
        targets: Sequence[Target],
        *,
        score: Score = "logit",
        layer: str | None = None,
        seed: int = 0,
        cancel: CancelToken | None = None,
        chunk: int | None = None,
    ) -> None:
        if score not in SCORES:
            message = f"unknown score {score!r}; expected one of {', '.join(SCORES)}"
            raise BadParameter(message)
        self.targets = tuple(targets)
        self.layer = layer
        self.image = picture.tensor
        self.forwards = 0
        self.backwards = 0
        self._model = model
        self._score = score
        self._seed = seed
        self._cancel = cancel or CancelToken()
        self._chunk = chunk or _CHUNK.get(model.device.type, 4)
        model.refresh()
        with torch.inference_mode(mode=False):
            self.x = model.input(picture)
        if not bool(torch.isfinite(self.x).all()):
            raise NotFinite(model.blame(self.x[None]))

    def each(self, points: Iterable[Tensor]) -> Iterator[Chunk]:
        """Yield scores and gradients for any number of inputs, chunk by chunk.

        The first chunk holds one point, so that the first estimate comes after one forward and one backward.

        Parameters
        ----------
        points : iterable of Tensor
            Model inputs (C, h, w); taken one chunk at a time.

        Yields
        ------
        Chunk

        Raises
        ------
        Cancelled, ModelError, NotFinite, OutOfMemory
        """
        source = iter(points)
        start = 0
        waiting: list[Tensor] = list(itertools.islice(source, 1))
        while waiting:
            size = min(len(waiting), self._chunk)
            self._cancel.check()
            try:
                chunk = self._gradients(start, torch.stack(waiting[:size]))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._back_off(size, error)
                continue
            yield chunk
            start += size
            waiting = waiting[size:]
            waiting += itertools.islice(source, max(0, self._chunk - len(waiting)))

    def scores(self, points: Tensor) -> Tensor:
        """Return the scores (n, T) of points (n, C, h, w) without gradients, in one forward per chunk."""
        done: list[Tensor] = []
        while (start := sum(map(len, done))) < len(points):
            size = min(self._chunk, len(points) - start)
            try:
                with watched(self._cancel.check):
                    done.append(self._forward(points[start : start + size], grad=False))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._back_off(size, error)
        return torch.cat(done)

    def baseline(self, name: baseline.Baseline) -> Tensor:
        """Return the model's input (C, h, w) for a baseline named in pixel space."""
        with torch.inference_mode(mode=False):
            return self._model.input(baseline.pixels(name, self.image, self._seed, tuple(self.x.shape[1:])))

    def noise(self, index: int) -> Tensor:
        """Return the `index`-th draw of standard normal noise, (C, h, w), the same whatever the chunk size."""
        return noise.draw(self._seed, index, tuple(self.x.shape), self.x.device, self.x.dtype)

    def _gradients(self, start: int, points: Tensor) -> Chunk:
        # The caller may be inside inference_mode, no_grad or autocast, which would reach into the backward pass too.
        with (
            torch.inference_mode(mode=False),
            torch.enable_grad(),
            torch.autocast(self.x.device.type, enabled=False),
            watched(self._cancel.check),
        ):
            points = points.detach().requires_grad_()
            scores = self._forward(points, grad=True)
            if not scores.requires_grad:
                message = (
                    "the model's output has no gradient with respect to its input; its forward must not use torch.no_grad, "
                    ".detach(), .item(), NumPy or argmax on the way"
                )
                raise ModelError(message)
            last = len(self.targets) - 1
            gradients = torch.stack([self._gradient(scores[:, t], points, keep=t < last) for t in range(last + 1)])
        self.backwards += gradients.shape[0] * gradients.shape[1]
        scores = scores.detach()
        # One look at both: on a GPU each look waits for the device.
        if not bool(torch.isfinite(gradients).all() & torch.isfinite(scores).all()):
            raise NotFinite(self._blame(points.detach(), scores))
        return Chunk(start, scores, gradients)

    def _gradient(self, score: Tensor, points: Tensor, *, keep: bool) -> Tensor:
        # Of the input only, by autograd.grad: .backward() would write into the user's parameters' .grad.
        if not score.requires_grad:
            return torch.zeros_like(points)
        try:
            (gradient,) = torch.autograd.grad(
                score.sum(), points, retain_graph=keep, allow_unused=True, materialize_grads=True
            )
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            message = f"the model has no gradient with respect to its input: {error}"
            raise ModelError(message) from error
        return gradient

    def _blame(self, points: Tensor, scores: Tensor) -> str:
        """Say where NaN or infinity came from, on the way there or on the way back."""
        if not bool(torch.isfinite(scores).all()):
            return self._model.blame(points)

        def backwards() -> None:
            inputs = points.requires_grad_()
            torch.autograd.grad(self._forward(inputs, grad=True).sum(), inputs, allow_unused=True)

        with torch.inference_mode(mode=False), torch.enable_grad():
            layer = broken_backwards(self._model.shadow, backwards)
        where = f"layer '{layer}'" if layer else "the score itself"
        return (
            f"the scores are finite, but their gradient is NaN or infinite, first behind {where} on the way back; a square "
            "root, a logarithm or a division at zero does that"
        )

    def _forward(self, points: Tensor, *, grad: bool) -> Tensor:
        outputs = self._model.scores(points, grad=grad)
        self.forwards += len(points)
        return self._select(outputs)

    def _select(self, outputs: dict[str, Tensor]) -> Tensor:
        """Return the scores (n, T) of the targets, from all heads' outputs."""
        return torch.stack([self._one(outputs[target.head], target) for target in self.targets], dim=1)

    def _one(self, outputs: Tensor, target: Target) -> Tensor:
        if target.index is None:
            return outputs[:, 0]
        if self._score == "log_softmax":
            outputs = outputs.log_softmax(1)
        elif self._score == "probability":
            outputs = outputs.softmax(1)
        chosen = outputs[:, target.index]
        return chosen if target.versus_index is None else chosen - outputs[:, target.versus_index]

    def _back_off(self, size: int, error: Exception) -> None:
        """Halve the chunk after memory ran out, or give up at a single point."""
        if size == 1:
            message = (
                f"not even one gradient fits into the memory of {self._model.device} for an input of {tuple(self.x.shape)}; "
                "use a smaller input_size=, or device='cpu'"
            )
            raise OutOfMemory(message) from error
        self._chunk = max(1, size // 2)
        if self._model.device.type == "cuda":
            torch.cuda.empty_cache()
