"""Guided backprop and DeconvNet: the gradient, with another way back through every ReLU; the network itself stays as it is.

Every call of a ReLU is replaced, whether a module makes it or a line of code, so that a ReLU that is used twice or written as
a function counts too. Where there is none, the methods would silently be the plain gradient: the check says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules import activation
from torch.overrides import TorchFunctionMode

from saliency_widget.compute import ScoreFunction
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.registry import Applies, method
from saliency_widget.methods.surgery.calls import no_copy
from saliency_widget.model import ImageModel

__all__ = ["DeconvReLU", "GuidedReLU", "Rectifiers", "changes_relus", "deconvnet", "guided_backprop"]

_IN_PLACE = frozenset({"relu_"})
_NAMES = frozenset({"relu"}) | _IN_PLACE
"""What torch calls its ReLUs: ``torch.relu``, ``Tensor.relu``, ``functional.relu``, and those that work in place."""

_NOT_ELEMENTWISE = frozenset({"MultiheadAttention", "Softmax", "Softmax2d", "LogSoftmax", "Softmin", "GLU"})
_ACTIVATIONS = frozenset(activation.__all__) - _NOT_ELEMENTWISE
_AS_FUNCTIONS = {
    "relu6": "ReLU6",
    "hardtanh": "Hardtanh",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "hardswish": "Hardswish",
    "hardsigmoid": "Hardsigmoid",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
}
"""Activations that a network may call as functions, and what people call them."""

_SANITY = (
    "It passes for sharp, but hardly changes when the weights are shuffled (Adebayo et al. 2018, arXiv:1810.03292)."
)


class GuidedReLU(torch.autograd.Function):
    """A ReLU that hands back only what is positive, and only where its input was positive."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the positive part."""
        y = x.clamp_min(0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the positive part of the gradient where the input was positive."""
        (y,) = ctx.saved_tensors
        passed: Tensor = gradient.clamp_min(0) * (y > 0)
        return passed


class DeconvReLU(torch.autograd.Function):
    """A ReLU that hands back only what is positive, whatever its input was."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        """Return the positive part."""
        return x.clamp_min(0)

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        """Return the positive part of the gradient."""
        return gradient.clamp_min(0)


class Rectifiers(TorchFunctionMode):
    """While it lasts, every call of a ReLU is one of `function`.

    Parameters
    ----------
    function : type
        An ``autograd.Function`` that takes and returns one tensor.
    """

    def __init__(self, function: type[torch.autograd.Function]) -> None:
        super().__init__()
        self._function: Callable[[Tensor], Tensor] = function.apply

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Answer a call in the place of torch."""
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name not in _NAMES:
            return func(*args, **kwargs)
        x: Tensor = args[0] if args else kwargs["input"]
        y = self._function(x)
        in_place = name in _IN_PLACE or kwargs.get("inplace", len(args) > 1 and args[1])
        # Whoever works in place may go on with the old name: x.relu_() as a line of its own.
        return x.copy_(y) if in_place else y


def changes_relus(model: ImageModel) -> Applies:
    """Say whether a network has ReLUs that these methods can change."""
    facts = model.facts
    if facts is None:
        return Applies.works()
    if (obstacle := no_copy(model)) is not None:
        return Applies.no(obstacle)
    hidden = ", ".join(f"'{name}'" for name in facts.opaque)
    if facts.relus:
        return Applies.works(
            f"ReLUs inside of {hidden}, which is compiled, keep their plain gradient" if hidden else None
        )
    if hidden:
        return Applies.no(f"the inside of {hidden} is compiled: its ReLUs, if it has any, cannot be changed")
    names = [kind for kind in facts.kinds if kind in _ACTIVATIONS and kind != "ReLU"]
    names += [name for function, name in _AS_FUNCTIONS.items() if function in facts.functions]
    has = ", ".join(dict.fromkeys(names)) or "no other activation either"
    return Applies.equals("gradient", f"no ReLU in the network (it has {has})")


@method(
    label="Guided backprop",
    explain=f"The gradient, but only what argues for the score is handed back through each ReLU. {_SANITY}",
    cite="Springenberg et al. 2014, arXiv:1412.6806",
    cost=lambda: 1,
    family="gradients",
    check=changes_relus,
)
def guided_backprop(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield the gradient with negative parts cut off at each ReLU on the way back (arXiv:1412.6806).

    It recovers the picture's edges more than it explains the class: Adebayo et al. 2018 (arXiv:1810.03292).
    """
    yield from _changed(f, x, GuidedReLU)


@method(
    label="DeconvNet",
    explain=f"The gradient, with each ReLU passed by a ReLU of what comes back instead of by its own mask. {_SANITY}",
    cite="Zeiler & Fergus 2013, arXiv:1311.2901",
    cost=lambda: 1,
    family="gradients",
    check=changes_relus,
)
def deconvnet(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield the gradient with each ReLU's own mask replaced by a ReLU of what comes back (arXiv:1311.2901)."""
    yield from _changed(f, x, DeconvReLU)


def _changed(f: ScoreFunction, x: Tensor, function: type[torch.autograd.Function]) -> Iterator[Estimate]:
    with f.rules(around=lambda: Rectifiers(function)) as changed:
        for chunk in changed.each([x]):
            yield Estimate(chunk.gradients[:, 0], 1, 1)
