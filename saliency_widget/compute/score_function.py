"""The score of one or many targets as a function of the model's input, and its gradient, chunk by chunk.

All that concerns speed and devices is decided here and nowhere else: chunk size, back-off when memory is short,
cancellation inside the network. What is done with the gradients is the methods' business.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from saliency_widget.compute import baseline, noise
from saliency_widget.compute.cancel import CancelToken
from saliency_widget.compute.chunks import Pace, ScoreChunk, chunked
from saliency_widget.compute.layer_function import LayerFunction
from saliency_widget.compute.networks import Networks, still
from saliency_widget.compute.way_back import WeightsChanged, gradients_at
from saliency_widget.errors import BadParameter, NotFinite
from saliency_widget.model import Head, ImageModel, Picture, Target
from saliency_widget.model.diagnose import broken_backwards
from saliency_widget.model.entrance import MadeOf
from saliency_widget.model.facts import Facts
from saliency_widget.model.passes import INPUT, Held
from saliency_widget.model.passes import run as run_pass
from saliency_widget.model.scoring import SCORES, Score, scores_of
from saliency_widget.model.watching import watched

__all__ = ["SCORES", "Chunk", "Score", "ScoreFunction"]

_Found = TypeVar("_Found")

_TRIES = 2


@dataclass(frozen=True)
class Chunk(ScoreChunk):
    """What one forward gave, and one backward for each target.

    Attributes
    ----------
    gradients : Tensor
        Shape (T, n, C, h, w): the gradients of the scores with respect to the points.
    """

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
    held : Held, optional
        The picture's way through the network, where somebody has just gone it; the run may begin with it.
    reduced : bool
        Whether gradients after the first may be computed in reduced precision.
    running : bool
        Whether anybody looks at estimates before the last one.

    Attributes
    ----------
    x : Tensor
        The model's input for the picture, (C, h, w).
    image : Tensor
        The picture, (C, H, W) in [0, 1].
    targets : tuple of Target
    layer : str or None
    seed : int
    running : bool
        Where it is false, methods need not make their running estimates good ones.
    pace : Pace
        Chunk size and counters, shared with all that is derived from this one.
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
        held: Held | None = None,
        reduced: bool = False,
        running: bool = True,
    ) -> None:
        if score not in SCORES:
            message = f"unknown score {score!r}; expected one of {', '.join(SCORES)}"
            raise BadParameter(message)
        self.targets = tuple(targets)
        self.layer = layer
        self.image = picture.tensor
        self._picture = picture
        self.seed = seed
        self.running = running
        self.pace = Pace(model.device, cancel or CancelToken(), chunk if model.batches else 1)
        self._model = model
        self._networks = Networks(model, self.pace, held, reduced=reduced)
        self._score: Score = score
        self._change: Callable[[Tensor], Tensor] | None = None
        if held is None:
            model.refresh()
        with torch.inference_mode(mode=False):
            self.x = model.input(picture) if held is None else held.found.points[0]
        if not bool(torch.isfinite(self.x).all()):
            raise NotFinite(model.blame(self.x[None]))

    @property
    def forwards(self) -> int:
        """How many points have gone forwards."""
        return self.pace.forwards

    @property
    def backwards(self) -> int:
        """How many target gradients have gone backwards."""
        return self.pace.backwards

    # -- what methods ask ---------------------------------------------------------------------------------------------

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
        return chunked(self.pace, points, self._gradients)

    def scored(self, points: Iterable[Tensor]) -> Iterator[ScoreChunk]:
        """Yield scores alone for any number of inputs (C, h, w), chunk by chunk, without gradients."""
        return chunked(self.pace, points, lambda start, stack: ScoreChunk(start, self.forwards_of(stack)))

    def scores(self, points: Tensor) -> Tensor:
        """Return the scores (n, T) of points (n, C, h, w) without gradients, in one forward per chunk."""
        return torch.cat([chunk.scores for chunk in self.scored(points)])

    def only(self, index: int) -> ScoreFunction:
        """Return the same function of one of its targets alone, for methods whose path depends on the target."""
        other = copy.copy(self)
        other.targets = (self.targets[index],)
        return other

    @property
    def score(self) -> Score:
        """What is taken of a class: its logit, the logarithm of its probability, its probability."""
        return self._score

    @property
    def facts(self) -> Facts:
        """What was seen of the network while an image went through it."""
        return self._model.facts or Facts()

    @property
    def heads(self) -> Mapping[str, Head]:
        """The model's heads, by name."""
        return self._model.heads

    def like(self, targets: Sequence[Target], score: Score | None = None) -> ScoreFunction:
        """Return the same function of other resolved targets, for methods that compare the target with its like.

        Parameters
        ----------
        targets : sequence of Target
            Resolved, of any of the model's heads.
        score : {"logit", "log_softmax", "probability"}, optional
            The run's own where not given.
        """
        other = copy.copy(self)
        other.targets = tuple(targets)
        other._score = score or self._score  # noqa: SLF001 - another one of this class
        return other

    def at(self, layer: str | None = None) -> LayerFunction:
        """Return activations, gradients and scores at a layer; the run's own where none is named."""
        return LayerFunction(self, self._model.layer(layer or self.layer))

    @contextlib.contextmanager
    def rules(
        self,
        prepare: Callable[[nn.Module], object] | None = None,
        around: Callable[[], AbstractContextManager[object]] | None = None,
        outputs: Callable[[Tensor], Tensor] | None = None,
    ) -> Iterator[ScoreFunction]:
        """Yield the same function on a private copy of the network that follows other rules.

        Nobody else sees the copy, so it may live across the estimates of a run.

        Parameters
        ----------
        prepare : callable, optional
            Changes the copy in any way: hooks, other sub-modules. Its weights are the model's own and must not be written.
        around : callable, optional
            Returns a context manager that is entered around every forward, such as a ``TorchFunctionMode``.
        outputs : callable, optional
            What each head's outputs (n, K) go through before they are scored; it must not change their values.
        """
        other = copy.copy(self)
        other._change = outputs  # noqa: SLF001 - another one of this class
        with torch.inference_mode(mode=False):
            other._model = self._model.altered(prepare, around)  # noqa: SLF001 - another one of this class
        other._networks = Networks(other._model, self.pace)  # noqa: SLF001 - another one of this class
        yield other

    def baseline(self, name: baseline.Baseline) -> Tensor:
        """Return the model's input (C, h, w) for a baseline named in pixel space."""
        grid = tuple(self.x.shape[1:])
        made = lambda: baseline.pixels(name, self.image, self.seed, grid)  # noqa: E731
        with torch.inference_mode(mode=False):
            return self._model.input(MadeOf(self._picture, (name, self.seed, grid), made))

    @property
    def references(self) -> tuple[Tensor, ...]:
        """The model's inputs (C, h, w) for the pictures of its data set; empty where none were given."""
        with torch.inference_mode(mode=False):
            return tuple(self._model.input(picture) for picture in self._model.references)

    def to_input(self, pixels: Tensor) -> Tensor:
        """Return the model's input (C, h, w) for pixels (C, H, W) in [0, 1]."""
        with torch.inference_mode(mode=False):
            return self._model.input(pixels)

    def to_pixels(self, points: Tensor) -> Tensor:
        """Return the colours in [0, 1] that inputs (n, C, h, w) stand for."""
        return self._model.to_pixels(points)

    def noise(self, index: int) -> Tensor:
        """Return the `index`-th draw of standard normal noise, (C, h, w), the same whatever the chunk size."""
        return noise.draw(self.seed, index, tuple(self.x.shape), self.x.device, self.x.dtype)

    # -- what a layer's function asks ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def passing(self, points: Tensor, layer: str = INPUT) -> Iterator[tuple[Tensor, Tensor, bool]]:
        """Go forwards with points (n, C, h, w), or find that somebody has gone that way.

        Yields the scores (n, T), what their gradients can be taken with respect to (the output of `layer`, or the input), and
        whether the way back may be wanted again.
        """
        made, held = self._networks.forth(self.x, points, layer)
        yield self._scored(made.outputs), made.leaf, held is not None
        if held is not None:
            held.put_back()

    def _scored(self, outputs: Mapping[str, Tensor]) -> Tensor:
        if self._change is not None:
            outputs = {name: self._change(values) for name, values in outputs.items()}
        return scores_of(outputs, self._model.heads, self.targets, self._score)

    def forwards_of(self, points: Tensor) -> Tensor:
        """Return the scores (n, T) of points (n, C, h, w) in one forward without gradients, which can be cancelled."""
        with torch.inference_mode(mode=False), torch.no_grad(), watched(self.pace.cancel.check):
            return self._scored(self._networks.scores(self.x, points))

    def forwards_behind(self, point: Tensor, layer: str, count: int) -> Tensor:
        """Return the scores (count, T) of copies of a point (C, h, w) of which somebody replaces a layer's output."""
        with torch.inference_mode(mode=False), torch.no_grad(), watched(self.pace.cancel.check):
            return self._scored(self._networks.scores_behind(point, layer, count))

    def differentiate(self, run: Callable[[], _Found]) -> _Found:
        """Return what `run` returns, which goes forwards and backwards once; it can be cancelled.

        Where somebody trains the network meanwhile, its weights may change between the way there and the way back: then it
        is run again, in the end on weights that stand still.
        """
        for _ in range(_TRIES):
            with contextlib.suppress(WeightsChanged):
                return self._differentiate(run)
        self._model = self._model.altered(still)
        self._networks = Networks(self._model, self.pace)
        return self._differentiate(run)

    def _differentiate(self, run: Callable[[], _Found]) -> _Found:
        # The caller may be inside of inference_mode, no_grad or autocast, which would reach into the way back too.
        with (
            torch.inference_mode(mode=False),
            torch.enable_grad(),
            torch.autocast(self.x.device.type, enabled=False),
            watched(self.pace.cancel.check),
        ):
            return run()

    def gradients_of(self, scores: Tensor, inputs: Tensor, *, keep: bool = False) -> Tensor:
        """Return the gradients (T, *inputs.shape) of the scores (n, T) with respect to inputs (n, ...).

        With `keep` the way back can be gone again.
        """
        found = gradients_at(scores, inputs, keep=keep)
        self.pace.backwards += found.shape[0] * found.shape[1]
        return found

    # -- inside -------------------------------------------------------------------------------------------------------

    def _gradients(self, start: int, points: Tensor) -> Chunk:
        def run() -> tuple[Tensor, Tensor]:
            with self.passing(points) as (scores, leaf, keep):
                return scores.detach(), self.gradients_of(scores, leaf, keep=keep)

        scores, gradients = self.differentiate(run)
        # One look at both: on a GPU each look waits for the device.
        if not bool(torch.isfinite(gradients).all() & torch.isfinite(scores).all()):
            raise NotFinite(self.blame(points, scores))
        return Chunk(start, scores, gradients)

    def blame(self, points: Tensor, scores: Tensor) -> str:
        """Say where NaN or infinity came from, on the way there or on the way back."""
        if not bool(torch.isfinite(scores).all()):
            return self._model.blame(points)

        def backwards() -> None:
            made = run_pass(self._model, points)
            torch.autograd.grad(self._scored(made.outputs).sum(), made.leaf, allow_unused=True)

        with torch.inference_mode(mode=False), torch.enable_grad():
            layer = broken_backwards(self._model.shadow, backwards)
        where = f"layer '{layer}'" if layer else "the score itself"
        return (
            f"the scores are finite, but their gradient is NaN or infinite, first behind {where} on the way back; a square "
            "root, a logarithm or a division at zero does that"
        )
