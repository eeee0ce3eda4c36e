"""DeepLIFT by the rescale rule: each nonlinearity counts by how much it changed from a baseline, not by its slope.

The baseline goes through the network once, and what each activation made of it is kept. Then the picture goes, and on the
way back each activation is a straight line between the two. The calls of torch themselves are answered, so that an activation
may be used twice or be written as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import torch
from torch import Tensor

from saliency_widget.compute import Baseline, ScoreFunction
from saliency_widget.errors import ModelError
from saliency_widget.methods.estimate import Estimate, Quality
from saliency_widget.methods.parameters import Help
from saliency_widget.methods.registry import Applies, method
from saliency_widget.methods.relevance import has_rules, only_logits
from saliency_widget.methods.surgery.calls import POINTWISE, REARRANGING, SUMMING, Answer, Answers
from saliency_widget.model import ImageModel

__all__ = ["deeplift"]

_MAXIMA = frozenset({"max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d"})
_PRODUCTS = frozenset({"mul", "multiply", "__mul__", "__rmul__"})
_LINEAR = SUMMING | {
    "add", "add_", "sub", "sub_", "rsub", "neg", "__add__", "__iadd__", "__radd__", "__sub__", "__isub__", "__rsub__",
    "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "batch_norm",
    "interpolate", "upsample", "avg_pool3d", "adaptive_avg_pool3d",
}  # fmt: skip
_TINY = {torch.float64: 1e-10}
_BAD_ERROR = 0.05


def changes_add_up(model: ImageModel) -> Applies:
    """Say whether the changes in all parts of a network can be added up."""
    applies = has_rules(model)
    if applies.ok or (applies.reason or "").startswith("layer '"):
        return Applies.works()  # a layer may be called twice: each call has a baseline of its own
    return applies


@method(
    label="DeepLIFT",
    explain="What each pixel's difference from a baseline did to the score, with each activation as a straight line between.",
    cite="Shrikumar et al. 2017, arXiv:1704.02685",
    cost=lambda *, baseline: 1,  # noqa: ARG005
    family="relevance",
    values="score",
    check=changes_add_up,
)
def deeplift(
    f: ScoreFunction,
    x: Tensor,
    *,
    baseline: Annotated[
        Baseline, Help("The picture without evidence, from which the differences are taken.")
    ] = "black",
) -> Iterator[Estimate]:
    """Yield DeepLIFT's contributions by the rescale rule (arXiv:1704.02685).

    The change at the largest value of a pool goes to the places of both maxima, as in captum; where windows overlap, all
    of it. Its quality is the completeness error: the map's sum against the difference of the scores.
    """
    only_logits(f, "DeepLIFT")
    start = f.baseline(baseline)
    seen: list[tuple[Tensor, ...]] = []
    with f.rules(around=lambda: _Differences(None, seen)) as g:
        reference = g.scores(start[None])[0]
    with f.rules(around=lambda: _Differences(iter(seen), [])) as g:
        for chunk in g.each([x]):
            contributions = chunk.gradients[:, 0] * (x - start)
            yield Estimate(contributions, 1, 1, quality=_complete(contributions, chunk.scores[0] - reference))


class _Differences(Answers):
    """Notes what the calls of a baseline's forward are given, or answers those of a picture's by the differences.

    Parameters
    ----------
    before : iterator or None
        What the baseline's calls were given, in their order; None for the baseline itself.
    seen : list
        Where that is put.
    """

    def __init__(self, before: Iterator[tuple[Tensor, ...]] | None, seen: list[tuple[Tensor, ...]]) -> None:
        answers: dict[str, Answer] = {
            **dict.fromkeys(POINTWISE, self._one(_Line.apply)),
            **dict.fromkeys(_MAXIMA, self._one(_Largest.apply)),
            **dict.fromkeys(_PRODUCTS, self._product),
            **dict.fromkeys(("div", "__truediv__", "div_", "mul_", "__imul__"), self._scaled),
        }
        super().__init__(answers, REARRANGING | _LINEAR, "DeepLIFT")
        self._before = before
        self._seen = seen

    def _one(self, apply: Callable[..., Tensor]) -> Answer:
        """Answer a function of one tensor."""

        def answer(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if not args:
                args, kwargs = (kwargs["input"],), {name: value for name, value in kwargs.items() if name != "input"}
            x, rest = args[0], args[1:]
            if self._before is None:
                self._seen.append((x.detach().clone(),))
                return func(*args, **kwargs)

            def run(point: Tensor) -> Tensor:
                copy = point.clone()  # the call may work in place
                output: Tensor = func(copy, *rest, **kwargs)
                return output

            copy = x.detach().clone()
            in_place = func(copy, *rest, **kwargs).data_ptr() == copy.data_ptr()
            y = apply(run, x.clone(), self._met(x))
            return x.copy_(y) if in_place else y

        return answer

    def _product(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer a product: each factor's change counts by the other's mean, so that both add up to the product's change."""
        if not all(isinstance(factor, Tensor) and factor.is_floating_point() for factor in args[:2]):
            return func(*args, **kwargs)
        a, b = args[:2]
        if self._before is None:
            self._seen.append((a.detach().clone(), b.detach().clone()))
            return func(*args, **kwargs)
        a0, b0 = self._next(a)
        shared = a * ((b + b0) / 2).detach() + b * ((a + a0) / 2).detach()
        return shared + (a * b - shared).detach()

    def _scaled(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer a product or a quotient with a constant, which is linear."""
        if self._before is not None and isinstance(args[1], Tensor) and args[1].requires_grad:
            message = f"DeepLIFT has no rule for '{func.__name__}' by a number that depends on the picture; use another method"
            raise ModelError(message)
        return func(*args, **kwargs)

    def _met(self, x: Tensor) -> Tensor:
        return self._next(x)[0]

    def _next(self, x: Tensor) -> tuple[Tensor, ...]:
        found = next(self._before or iter(()), None)
        if found is None or found[0].shape[1:] != x.shape[1:]:
            message = (
                "DeepLIFT follows the baseline step by step, and this network's steps differ from picture to picture"
            )
            raise ModelError(message)
        return found


class _FromTheBaseline(torch.autograd.Function):
    """A step whose way back compares what it gives for the picture, x, with what it gives for the baseline, x0."""

    @staticmethod
    def forward(ctx: Any, run: Callable[[Tensor], Tensor], x: Tensor, x0: Tensor) -> Tensor:
        """Return the step's own output."""
        ctx.run = run
        ctx.save_for_backward(x, x0)
        return run(x)


class _Line(_FromTheBaseline):
    """An activation that is a straight line between what it is at the baseline and what it is at the picture."""

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, None]:
        """Return the gradient times the line's slope; the activation's own where there is no difference."""
        x, x0 = ctx.saved_tensors
        y, plain = _vjp(ctx.run, x, gradient)
        return None, _divided(gradient * (y - ctx.run(x0)), x - x0, plain), None


class _Largest(_FromTheBaseline):
    """A pool of the largest, whose change is given to the places of both maxima: the picture's and the baseline's."""

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, None]:
        """Return the changes, divided by the differences at their places."""
        x, x0 = ctx.saved_tensors
        x0 = x0.expand_as(x)
        y, plain = _vjp(ctx.run, x, gradient)
        y0 = ctx.run(x0)
        larger = torch.maximum(y, y0)
        change = _vjp(ctx.run, x, gradient * (larger - y0))[1] + _vjp(ctx.run, x0, gradient * (y - larger))[1]
        return None, _divided(change, x - x0, plain), None


def _vjp(run: Callable[[Tensor], Tensor], x: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `run` gives, and the gradient at its input."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        output = run(leaf)
    return output.detach(), torch.autograd.grad(output, leaf, gradient)[0]


def _divided(change: Tensor, difference: Tensor, plain: Tensor) -> Tensor:
    """Return the change per difference, and what is plain where there is none."""
    none = difference.abs() < _TINY.get(difference.dtype, 1e-6)
    return torch.where(none, plain, change / torch.where(none, 1.0, difference))


def _complete(contributions: Tensor, changes: Tensor) -> tuple[tuple[Quality, ...], ...]:
    """Compare each map's sum with the difference of the scores at the picture and at the baseline."""
    figures = []
    for total, change in zip(contributions.flatten(1).sum(1).tolist(), changes.tolist(), strict=True):
        error = abs(total - change) / max(abs(change), torch.finfo(torch.float32).tiny)
        text = f"completeness error {100 * error:.2g} %" if error < 10 else "completeness error above 1000 %"
        figures.append((Quality("completeness_error", error, text, bad=error > _BAD_ERROR),))
    return tuple(figures)
