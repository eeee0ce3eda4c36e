"""One input's way through the network, and the last one kept with what its way back needs; it takes no gradient.

What a network says of a picture, and the gradient of any of its scores, need the same way there. It is gone once: the prediction
and the map share it, and another class of the same picture costs a way back alone.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from saliency_widget.errors import ModelError
from saliency_widget.model.facts import first_tensor
from saliency_widget.model.fingerprint import digest, tensors
from saliency_widget.model.watching import Watch, tapped, watched

if TYPE_CHECKING:
    from saliency_widget.model.image_model import ImageModel

__all__ = ["INPUT", "Held", "Kept", "Pass", "own_tensor", "run", "with_tensor"]

INPUT = ""
"""The name of the layer from which a gradient goes back to the input itself."""

MOST_BYTES = 512 * 2**20
"""What the ways back of all kept passes may hold. That of one photograph in ResNet-50 holds a sixth of it."""


@dataclass(frozen=True, eq=False)
class Pass:
    """What a forward gave, from which gradients can be taken.

    Attributes
    ----------
    points : Tensor
        Shape (n, C, h, w): what went in.
    layer : str
        Where the way back ends: a layer's name, or `INPUT`.
    leaf : Tensor
        What the gradient is taken with respect to: the points, or what the layer put out.
    outputs : mapping of str to Tensor
        Each head's outputs (n, K).
    watch : Watch
        Whose check is called on the way back.
    """

    points: Tensor
    layer: str
    leaf: Tensor
    outputs: Mapping[str, Tensor]
    watch: Watch

    def of(self, points: Tensor, layer: str) -> bool:
        """Whether this is the pass of these points to that layer."""
        return self.layer == layer and self.points.shape == points.shape and bool(torch.equal(self.points, points))


def run(model: ImageModel, points: Tensor, layer: str = INPUT) -> Pass:
    """Run a model forwards on points (n, C, h, w), so that gradients can be taken at a layer, or at the input.

    Raises
    ------
    ModelError
        If the model raises, or the layer is not called exactly once.
    """
    points = points.detach()
    with torch.inference_mode(mode=False), torch.enable_grad(), watched() as watch:
        if layer == INPUT:
            leaf = points.clone().requires_grad_()
            return Pass(points, layer, leaf, model.scores(leaf, grad=True), watch)
        found: list[Tensor] = []

        def capture(output: Any) -> Any:
            activations = own_tensor(output, layer).detach().requires_grad_()
            found.append(activations)
            # What goes on is a copy: a ReLU that works in place would overwrite what was captured.
            return with_tensor(output, activations.clone())

        with tapped(layer, capture):
            outputs = model.scores(points, grad=True)
    if len(found) != 1:
        message = f"layer '{layer}' was called {len(found)} times; choose one that is called once"
        raise ModelError(message)
    return Pass(points, layer, found[0], outputs, watch)


def own_tensor(output: Any, layer: str) -> Tensor:
    """Return the tensor that a layer's output is, or begins with."""
    tensor = first_tensor(output)
    if tensor is None:
        message = f"layer '{layer}' gives {type(output).__name__}, not a tensor"
        raise ModelError(message)
    return tensor


def with_tensor(output: Any, tensor: Tensor) -> Any:
    """Return a layer's output with its first tensor replaced."""
    if not isinstance(output, tuple | list):
        return tensor
    parts = (tensor, *output[1:])
    return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)


class Kept:
    """The last pass of one model, for as long as its weights are what they were; those of all models share `MOST_BYTES`.

    Who takes it out has it alone, since a way back looks on by the pass's own watch, and puts it back when all went well.
    """

    _order: ClassVar[list[weakref.ref[Kept]]] = []
    _process = threading.Lock()

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Held | None = None

    def make(self, model: ImageModel, points: Tensor, layer: str) -> Held:
        """Run a model on one point (1, C, h, w)."""
        network = model.shadow
        state = digest(
            tensors(network)
        )  # before the forward: a change on the way is found later, and not taken for the old
        return Held(self, run(model, points, layer), network, state)

    def take(self, model: ImageModel, points: Tensor, layer: str) -> Held | None:
        """Return the pass of a point, if it is here and still holds; nobody else has it meanwhile."""
        with self._lock:
            held = self._held
            if held is None or not held.found.of(points, layer):
                return None
            self._held = None
        return held if held.holds(model.shadow) else None

    def put(self, held: Held) -> None:
        """Put a pass in place of the one that is here; of all models' passes the oldest go, where they hold too much together."""
        size = held.found.watch.held
        with Kept._process:
            with self._lock:
                self._held = held if size <= MOST_BYTES else None
            kept = [one for ref in Kept._order if (one := ref()) is not None and one is not self]
            Kept._order = [weakref.ref(one) for one in (*kept, self)]
            spare = MOST_BYTES - self.held_bytes
            for one in reversed(kept):
                spare -= one.held_bytes
                if spare < 0:
                    one.drop()

    @property
    def held_bytes(self) -> int:
        """What the way back of the pass that is here holds."""
        held = self._held
        return 0 if held is None else held.found.watch.held

    def drop(self) -> None:
        """Let go of what is here, and of its memory."""
        with self._lock:
            self._held = None


@dataclass(frozen=True, eq=False)
class Held:
    """A pass that somebody has, and may put back."""

    kept: Kept
    found: Pass
    network: nn.Module
    state: str

    def holds(self, network: nn.Module) -> bool:
        """Whether it is a pass through this very network, and no tensor of it has been written to since, in whatever way."""
        return network is self.network and digest(tensors(network)) == self.state

    def put_back(self) -> None:
        """Keep it for later."""
        self.found.watch.check = _nothing
        self.kept.put(self)


def _nothing() -> None:
    pass
