"""Other ways back through single steps of a network: passed on unchanged, shared out, to the signal alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Passed", "Shared", "Weighed", "passed", "shared", "stable", "to_the_signal"]

_STABLE = 1e-6
"""What is added to the size of a denominator; zennit's own."""


def stable(values: Tensor, epsilon: float = _STABLE) -> Tensor:
    """Return values a little further from zero, so that they can be divided by."""
    return values + torch.where(values < 0, -epsilon, epsilon)


class Passed(torch.autograd.Function):
    """Goes on as `y`, and hands back to `x` what it is given: both of one shape."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG004 - x is where the way back goes
        """Return `y`."""
        return y.clone()

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return what was given, to `x`."""
        return gradient, None


class Shared(torch.autograd.Function):
    """A step without weights, whose inputs each get back the share that they have in what comes out."""

    @staticmethod
    def forward(ctx: Any, run: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Return what `run` makes of the inputs."""
        ctx.run = run
        # Copies, since a network may go on in place with what it has added up.
        ctx.save_for_backward(*(x.clone() for x in inputs))
        output: Tensor = run(*inputs)
        return output

    @staticmethod
    def backward(ctx: Any, relevance: Tensor) -> tuple[Tensor | None, ...]:
        """Return the relevance, divided up as the inputs add up to the output."""
        with torch.enable_grad():
            inputs = [x.detach().requires_grad_() for x in ctx.saved_tensors]
            output = ctx.run(*inputs)
        gradients = torch.autograd.grad(output, inputs, relevance / stable(output.detach()))
        return None, *(x.detach() * gradient for x, gradient in zip(inputs, gradients, strict=True))


class Weighed(torch.autograd.Function):
    """Goes on unchanged, and hands back what it is given times what it is: relevance begins as the scores themselves."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return `x`."""
        ctx.save_for_backward(x)
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return what was given times what went on."""
        (x,) = ctx.saved_tensors
        product: Tensor = gradient * x
        return product


def passed(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a call of an activation or a normalisation: what comes back goes to its input unchanged.

    Parameters
    ----------
    func, args, kwargs
        The call; what it works on is its first argument.
    """
    x, rest, named = _first(args, kwargs)
    with torch.no_grad():
        copy = x.detach().clone()
        y: Tensor = func(copy, *rest, **named)
    return _put(x, Passed.apply(x, y), in_place=y.data_ptr() == copy.data_ptr())


def shared(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a sum, a mean or a difference: each part gets back its share; with a constant, the other part gets all."""
    if not args:
        args = (kwargs["input"],)
        kwargs = {name: value for name, value in kwargs.items() if name != "input"}
    inputs = [a for a in args if isinstance(a, Tensor) and a.requires_grad]
    if not inputs:
        return func(*args, **kwargs)
    name = getattr(func, "__name__", "")
    in_place = name.endswith("_") and not name.startswith("__")
    if len(inputs) == 1 and len(args) > 1 and _is_sum(name):
        y = _plain(func, args, kwargs, in_place=in_place)
        if y.shape == inputs[0].shape:
            return _put(inputs[0], Passed.apply(inputs[0], y), in_place=in_place)

    def run(*tensors: Tensor) -> Tensor:
        left = iter(tensors)
        given = [next(left) if isinstance(a, Tensor) and a.requires_grad else a for a in args]
        if in_place:
            given[0] = given[0].clone()
        output: Tensor = func(*given, **kwargs)
        return output

    return _put(inputs[0], Shared.apply(run, *inputs), in_place=in_place)


def to_the_signal(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a product: with a constant it changes nothing; a gate, the smaller factor, gets nothing back, the signal all.

    Two factors of one size cannot be told apart: each gets half of it.
    """
    a, b, *_ = (*args, *kwargs.values())
    factors = [t for t in (a, b) if isinstance(t, Tensor) and t.requires_grad]
    if not factors:
        return func(*args, **kwargs)
    name = getattr(func, "__name__", "")
    in_place = name.endswith("_") and not name.startswith("__")
    y = _plain(func, args, kwargs, in_place=in_place)
    if len(factors) == 2 and factors[0].shape == factors[1].shape:
        return _put(a, (Passed.apply(a, y) + Passed.apply(b, y)) / 2, in_place=in_place)
    signal = max(factors, key=lambda factor: factor.numel())
    if signal.shape != y.shape:
        signal = signal.expand_as(y)
    return _put(a, Passed.apply(signal, y), in_place=in_place)


def _is_sum(name: str) -> bool:
    return "add" in name or "sub" in name


def _plain(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, in_place: bool) -> Tensor:
    """Return what a call gives, without its gradient and without changing its first argument."""
    with torch.no_grad():
        first = args[0].clone() if in_place else args[0]
        output: Tensor = func(first, *args[1:], **kwargs)
    return output


def _first(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, tuple[Any, ...], dict[str, Any]]:
    if args:
        return args[0], args[1:], kwargs
    named = dict(kwargs)
    return named.pop("input"), (), named


def _put(x: Tensor, y: Tensor, *, in_place: bool) -> Tensor:
    """Return `y`; under the old name too where the network works in place, as it may go on with that."""
    return x.copy_(y) if in_place else y
