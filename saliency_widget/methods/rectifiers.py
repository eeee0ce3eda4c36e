"""Guided backprop and DeconvNet: the gradient, with another way back through every ReLU; the network itself stays as it is.

Every call of a ReLU is replaced, whether a module makes it or a line of code, so that a ReLU that is used twice or written as
a function counts too. So does one with a cap: ReLU6, and hardtanh with its lower edge at zero. Where there is none, the methods
would silently be the plain gradient: the check says so. Smooth activations (SiLU, GELU, Hardswish) have no such mask, and keep
their gradient.
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
from saliency_widget.model.facts import Facts
from saliency_widget.model.rectifying import cap

__all__ = ["DeconvReLU", "GuidedReLU", "Rectifiers", "changes_relus", "deconvnet", "guided_backprop"]

_RECTIFIERS = frozenset({"ReLU", "ReLU6"})
_NORMS_OF_ONE = ("LayerNorm", "GroupNorm", "InstanceNorm", "RMSNorm", "ResponseNorm")
"""Normalisations that ask each picture, and do not divide by numbers that were learned."""

_NOT_ELEMENTWISE = frozenset({"MultiheadAttention", "Softmax", "Softmax2d", "LogSoftmax", "Softmin", "GLU"})
_ACTIVATIONS = frozenset(activation.__all__) - _NOT_ELEMENTWISE
_AS_FUNCTIONS = {
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
    """A ReLU that hands back only what is positive, and only where its input was positive and below its cap.

    Two masks in one, as Springenberg et al. have it: the rectifier's own derivative, which knows the cap, and the sign of what
    comes back.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, top: float) -> Tensor:
        """Return the positive part, up to the cap."""
        y = x.clamp(0, top)
        ctx.save_for_backward(y)
        ctx.top = top
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the positive part of the gradient where the rectifier rose."""
        (y,) = ctx.saved_tensors
        passed: Tensor = torch.ops.aten.hardtanh_backward(gradient.clamp_min(0), y, 0.0, ctx.top)
        return passed, None


class DeconvReLU(torch.autograd.Function):
    """A ReLU that hands back only what is positive, whatever its input was: a cap plays no part.

    Zeiler & Fergus rebuild a picture from the top down, and rectify what they rebuild instead of asking which units were on; a
    unit at its cap is fully on, and is no more to be left out than one at zero. What comes back is not capped either: it is
    a gradient, and has another unit than the activations.
    """

    @staticmethod
    def forward(_ctx: Any, x: Tensor, top: float) -> Tensor:
        """Return the positive part, up to the cap."""
        return x.clamp(0, top)

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the positive part of the gradient."""
        return gradient.clamp_min(0), None


class Rectifiers(TorchFunctionMode):
    """While it lasts, every call of a ReLU is one of `function`.

    Parameters
    ----------
    function : type
        An ``autograd.Function`` that takes a tensor and the cap of the ReLU, infinity where it has none, and returns a tensor.
    """

    def __init__(self, function: type[torch.autograd.Function]) -> None:
        super().__init__()
        self._function: Callable[[Tensor, float], Tensor] = function.apply

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Answer a call in the place of torch."""
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        top = cap(name, args, kwargs)
        if top is None:
            return func(*args, **kwargs)
        x: Tensor = args[0] if args else kwargs["input"]
        y = self._function(x, top)
        in_place = name.endswith("_") or kwargs.get("inplace", False)
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
    has = ", ".join(_other_activations(facts)) or "no other activation either"
    return Applies.equals("gradient", f"no ReLU in the network (it has {has})")


def _other_activations(facts: Facts) -> list[str]:
    names = [kind for kind in facts.kinds if kind in _ACTIVATIONS - _RECTIFIERS]
    names += [name for function, name in _AS_FUNCTIONS.items() if function in facts.functions]
    return list(dict.fromkeys(names))


def _sees_a_picture(model: ImageModel) -> Applies:
    """As :func:`changes_relus`, with a reserve where nothing is left by which DeconvNet's map could know the picture."""
    applies, facts = changes_relus(model), model.facts
    if applies.status != "works" or facts is None or facts.maxima or facts.attention or facts.opaque:
        return applies
    if (
        any(norm in kind for kind in facts.kinds for norm in _NORMS_OF_ONE)
        or _other_activations(facts)
        or set(facts.functions) - {"relu", "relu6", "batch_norm"}
    ):
        return applies
    return Applies.works(
        "no max pool and no activation but ReLUs in the network: its map is the same for every picture"
    )


@method(
    label="Guided backprop",
    explain=f"The gradient, but only what argues for the score is handed back through each ReLU or ReLU6. {_SANITY}",
    cite="Springenberg et al. 2014, arXiv:1412.6806",
    cost=lambda: 1,
    family="gradients",
    check=changes_relus,
)
def guided_backprop(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield the gradient with negative parts cut off at each ReLU on the way back (arXiv:1412.6806).

    It recovers the picture's edges more than it explains the class: Adebayo et al. 2018 (arXiv:1810.03292). captum,
    pytorch-grad-cam and zennit leave a ReLU6 its plain gradient, and so a whole MobileNetV2; here it is a ReLU with a cap.
    """
    yield from _changed(f, x, GuidedReLU)


@method(
    label="DeconvNet",
    explain="The gradient, with each ReLU or ReLU6 passed by a ReLU of what comes back instead of by its own mask. "
    + _SANITY,
    cite="Zeiler & Fergus 2013, arXiv:1311.2901",
    cost=lambda: 1,
    family="gradients",
    check=_sees_a_picture,
)
def deconvnet(f: ScoreFunction, x: Tensor) -> Iterator[Estimate]:
    """Yield the gradient with each ReLU's own mask replaced by a ReLU of what comes back (arXiv:1311.2901).

    Of the picture it knows what max pools chose, and nothing else: without them, as in a MobileNetV2, every picture has the
    same map. Springenberg et al. 2014 (arXiv:1412.6806) say so, and made guided backprop for that reason.
    """
    yield from _changed(f, x, DeconvReLU)


def _changed(f: ScoreFunction, x: Tensor, function: type[torch.autograd.Function]) -> Iterator[Estimate]:
    with f.rules(around=lambda: Rectifiers(function)) as changed:
        for chunk in changed.each([x]):
            yield Estimate(chunk.gradients[:, 0], 1, 1)
