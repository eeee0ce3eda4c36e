"""A faster copy of a network that computes the same: batch norms merged into their convolutions, channels last.

Whether it does compute the same is tried on an input before it is used. It follows no in-place change of the weights, as the
shadow does, so they are compared, all of them, each time that it is asked for.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from saliency_widget.errors import ModelError
from saliency_widget.model.fingerprint import digest
from saliency_widget.model.merging import CONVOLUTIONS, Course, merge
from saliency_widget.model.precision import REDUCED
from saliency_widget.model.watching import alone

if TYPE_CHECKING:
    from saliency_widget.model.image_model import ImageModel

__all__ = ["Tuning"]

_SCORES_OFF = 1e-4
"""Largest distance of a score, relative to the largest: float32 in another order differs by 1e-6."""

_GRADIENT_OFF = 0.02
"""Largest distance of a gradient, relative to it: that of a deep network of ReLUs differs by 1e-3 by rounding alone."""


class Tuning:
    """The faster copy of one model, and the memory of what it was made from.

    Attributes
    ----------
    changed : frozenset of str
        Modules whose output in the copy is that of the batch norm behind them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._structure: tuple[object, ...] = ()
        self._pairs: dict[str, str] = {}
        self.changed: frozenset[str] = frozenset()
        self._last = False
        self._source: nn.Module | None = None
        self._digest = ""
        self._made: ImageModel | None = None
        self._reduced: tuple[ImageModel, ImageModel] | None = None

    def reduced(self, fast: ImageModel) -> ImageModel:
        """Return a faster copy in reduced precision: convolutions and matrix products in bfloat16, all else in float32.

        Parameters
        ----------
        fast : ImageModel
            What :meth:`of` returned.
        """
        with self._lock, torch.inference_mode(mode=False):
            if self._reduced is None or self._reduced[0] is not fast:

                def prepare(network: nn.Module) -> None:
                    for layer in _convolutions(network):  # once, and not again in each forward
                        layer.weight = nn.Parameter(layer.weight.detach().to(REDUCED), requires_grad=False)

                self._reduced = (fast, fast.altered(prepare, reduced=REDUCED))
            return self._reduced[1]

    def of(self, model: ImageModel, point: Tensor) -> ImageModel:
        """Return the faster copy of a model, or the model itself where there is none.

        Parameters
        ----------
        model : ImageModel
            On its shadow, which has just been refreshed.
        point : Tensor
            One input (C, h, w), on which the copy is tried the first time.
        """
        if not _may_be_tuned(model):
            return model
        with self._lock, torch.inference_mode(mode=False):
            source = model.shadow
            found = digest(_weights(source))
            if source is not self._source or found != self._digest:
                self._source = None  # until all is done
                structure = tuple((name, type(layer)) for name, layer in source.named_modules())
                known = structure == self._structure
                made = self._make(model, last=self._last) if known else self._study(model, point)
                if digest(_weights(source)) != found:
                    # Somebody trains the network: half of a copy may be older than the rest, and a comparison says nothing.
                    self._structure = structure if known else ()
                    return model
                self._structure, self._source, self._digest, self._made = structure, source, found, made
            return self._made or model

    def _study(self, model: ImageModel, point: Tensor) -> ImageModel | None:
        """Find out which batch norms can be merged, and which layout of the memory the network takes."""
        # In the middle of a job: what that looks at is not meant for this, and its cancel must leave no half answer behind.
        with contextlib.suppress(ModelError, RuntimeError), alone():
            course = Course()
            with torch.no_grad():
                model.altered(course.prepare, course.around).scores(point[None], grad=False)
            merging = course.pairs().items()
            pairs = {norm: layer for norm, layer in merging if _convolves(model.shadow.get_submodule(layer))}
            self.changed = course.outputs(pairs.values())
            points = torch.stack([point, point.flip(-1)][: 2 if model.batches else 1])
            truth = _both(model, points)
            for self._pairs, self._last in ((pairs, True), (pairs, False), ({}, True)):
                made = self._make(model, last=self._last)
                if made is not None and _agrees(made, points, truth):
                    return made
        self._pairs, self._last, self.changed = {}, False, frozenset()
        return None

    def _make(self, model: ImageModel, *, last: bool) -> ImageModel | None:
        if not (last or self._pairs):
            return None

        def prepare(network: nn.Module) -> None:
            for name in merge(network, self._pairs):
                if type(network.get_submodule(name)) is nn.BatchNorm2d:  # one derived from it may do more
                    host, _, own = name.rpartition(".")
                    setattr(network.get_submodule(host), own, nn.Identity())
            if last:
                for layer in _convolutions(network):
                    ordered = layer.weight.detach().contiguous(memory_format=torch.channels_last)
                    layer.weight = nn.Parameter(ordered, requires_grad=False)

        return model.altered(prepare)


def _may_be_tuned(model: ImageModel) -> bool:
    """Whether a model is one for which a faster copy is known: convolutions in float32, all of which can be seen into."""
    facts = model.facts
    return (
        model.on_shadow
        and facts is not None
        and not facts.opaque
        and model.dtype == torch.float32
        and model.device.type in {"cpu", "cuda"}
        and any(True for _ in _convolutions(model.shadow))
    )


def _convolutions(network: nn.Module) -> Iterator[nn.Conv2d]:
    """Yield the convolutions whose weights are what they multiply by."""
    for layer in network.modules():
        if type(layer) is nn.Conv2d and layer._parameters.get("weight") is not None:  # noqa: SLF001
            yield layer


def _weights(network: nn.Module) -> Iterator[Tensor]:
    """Yield the weights that the copy has copies of."""
    for layer in network.modules():
        if _convolves(layer) or isinstance(layer, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
            yield from layer.parameters(recurse=False)


def _convolves(layer: nn.Module) -> bool:
    return isinstance(layer, CONVOLUTIONS)


def _both(model: ImageModel, points: Tensor) -> tuple[Tensor, Tensor]:
    """Return all scores of points, side by side, and the gradient of a mixture of them."""
    inputs = points.detach().clone().requires_grad_()
    with torch.enable_grad():
        scores = torch.cat([values.flatten(1) for values in model.scores(inputs, grad=True).values()], 1)
        weights = torch.linspace(-1, 1, scores.shape[1], device=scores.device, dtype=scores.dtype)
        (gradient,) = torch.autograd.grad((scores * weights).sum(), inputs, allow_unused=True, materialize_grads=True)
    return scores.detach(), gradient


def _agrees(model: ImageModel, points: Tensor, truth: tuple[Tensor, Tensor]) -> bool:
    try:
        scores, gradient = _both(model, points)
    except (ModelError, RuntimeError):  # a forward may call view() on what is not contiguous any more
        return False
    near = (scores - truth[0]).abs().max() <= _SCORES_OFF * truth[0].abs().max()
    return bool(near & ((gradient - truth[1]).norm() <= _GRADIENT_OFF * truth[1].norm()))
