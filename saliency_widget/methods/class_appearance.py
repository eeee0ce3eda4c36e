"""Class-appearance images: a picture that is changed until a target's score is as high as it gets. They are no attributions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from torch import Tensor

from saliency_widget.compute import ScoreFunction, noise
from saliency_widget.methods.canvas import Canvas, Parameterisation, canvas, raw, share
from saliency_widget.methods.estimate import Estimate, Quality
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import method

__all__ = ["class_appearance"]

_NOISE = 0.1
"""Standard deviation of a start from noise, in raw values: a faint grain on grey."""

_BETAS = (0.9, 0.999)
_TINY = 1e-8
"""Of the optimiser, as its authors chose them (Kingma & Ba 2014, arXiv:1412.6980)."""


@method(
    label="Class appearance",
    explain="A picture painted from scratch so that the target's score is as high as possible: what the model takes it to be.",
    cite="Simonyan et al. 2013, arXiv:1312.6034",
    cost=lambda *, steps, **_: steps,
    family="class model",
    kind="picture",
)
def class_appearance(
    f: ScoreFunction,
    x: Tensor,
    *,
    steps: Annotated[int, Range(1, 2000, log=True), Help("How often the picture is changed.")] = 200,
    parameterisation: Annotated[
        Parameterisation, Help("Whether waves or single pixels are changed; waves give larger, smoother shapes.")
    ] = "fourier",
    start: Annotated[Literal["grey", "noise", "picture"], Help("The picture that is changed.")] = "noise",
    learning_rate: Annotated[float, Range(0.001, 1, log=True), Help("How far each step goes.")] = 0.05,
    jitter: Annotated[
        int,
        Range(0, 64),
        Help("By how many pixels the picture is shifted at random before each step; keeps shapes in one piece."),
    ] = 16,
    total_variation: Annotated[
        float,
        Range(0, 2, 0.01),
        Help("Price of differences between neighbouring pixels: more gives smoother pictures."),
    ] = 0.15,
    l2: Annotated[
        float, Range(0, 2, 0.01), Help("Price of the distance from grey: more gives fainter pictures.")
    ] = 0.05,
) -> Iterator[Estimate]:
    """Yield the picture as it is painted, in the model's input (Simonyan et al. 2013, arXiv:1312.6034).

    Each step follows the gradient of the score less the price of the picture, by Adam, in the pixels or in the Fourier
    coefficients with independent colours (Olah et al. 2017). Each pixel stays between the model's input for a black and
    for a white picture. The score's gradient is scaled to a root mean square of 1, so that a price means the same for
    logits, probabilities and years: `total_variation` for each difference between neighbours, `l2` for each squared
    distance from grey, where black and white are 1 apart. Several targets are painted in turn, each its own picture. Its
    quality is the score that was reached.
    """
    black, white = (f.to_input(torch.full_like(f.image, level)) for level in (0.0, 1.0))
    made = canvas(parameterisation, tuple(x.shape), x)
    painters = [_Painter(made, _first(made, f, x, start, black, white), black, white, learning_rate) for _ in f.targets]
    for step in range(steps):
        shift = _shift(f.seed, step, jitter)
        reached = [painter.step(f.only(t), shift, total_variation, l2) for t, painter in enumerate(painters)]
        pictures = torch.stack([painter.picture() for painter in painters])
        if step + 1 == steps:  # of the picture itself, neither shifted nor as it was before the last step
            reached = [float(f.only(t).scores(pictures[t : t + 1])) for t in range(len(painters))]
        quality = tuple((Quality("score_reached", score, f"score reached {score:.4g}"),) for score in reached)
        yield Estimate(pictures, step + 1, steps, kind="picture", quality=quality)


class _Painter:
    """One target's picture, and the optimiser's memory."""

    def __init__(self, made: Canvas, numbers: Tensor, black: Tensor, white: Tensor, learning_rate: float) -> None:
        self._canvas = made
        self._numbers = numbers
        self._black, self._white = black, white
        self._rate = learning_rate
        self._mean, self._square = torch.zeros_like(numbers), torch.zeros_like(numbers)
        self._steps = 0

    def picture(self) -> Tensor:
        """Return the picture (C, h, w) as the model takes it."""
        return torch.lerp(self._black, self._white, share(self._canvas.paint(self._numbers)))

    def step(self, f: ScoreFunction, shift: tuple[int, int], total_variation: float, l2: float) -> float:
        """Change the picture once, and return the score (of the one target of `f`) that it had before."""
        point = self.picture().roll(shift, (1, 2))
        (chunk,) = f.each([point])
        ascent = chunk.gradients[0, 0].roll((-shift[0], -shift[1]), (1, 2)) * (self._white - self._black)
        ascent = ascent / ascent.square().mean().sqrt().clamp_min(torch.finfo(ascent.dtype).tiny)
        with torch.enable_grad():
            numbers = self._numbers.detach().requires_grad_()
            shares = share(self._canvas.paint(numbers))
            gain = (ascent * shares).sum() - total_variation * _variation(shares) - l2 * (shares - 0.5).square().sum()
            (gradient,) = torch.autograd.grad(gain, numbers)
        self._climb(gradient)
        return float(chunk.scores[0, 0])

    def _climb(self, gradient: Tensor) -> None:
        """Take one step of Adam upwards."""
        self._steps += 1
        first, second = _BETAS
        self._mean.lerp_(gradient, 1 - first)
        self._square.lerp_(gradient.square(), 1 - second)
        mean = self._mean / (1 - first**self._steps)
        spread = (self._square / (1 - second**self._steps)).sqrt()
        self._numbers = self._numbers + self._rate * mean / (spread + _TINY)


def _first(made: Canvas, f: ScoreFunction, x: Tensor, start: str, black: Tensor, white: Tensor) -> Tensor:
    """Return the numbers of the picture that is begun with."""
    if start == "picture":
        span = white - black
        shares = torch.where(span == 0, 0.5, (x - black) / span.where(span != 0, 1))
        return made.read(raw(shares.clamp(0, 1)))
    grey = made.read(torch.zeros_like(x))
    if start == "grey":
        return grey
    draw = noise.draw(f.seed, 0, tuple(grey.shape), x.device, x.dtype)
    return grey + _NOISE * draw


def _shift(seed: int, step: int, jitter: int) -> tuple[int, int]:
    """Return by how many pixels the picture is shifted down and across at a step."""
    down, across = (int(number * (2 * jitter + 1)) - jitter for number in noise.uniform(seed, step, (2,)).tolist())
    return down, across


def _variation(shares: Tensor) -> Tensor:
    """Return the sum of the absolute differences between neighbouring pixels."""
    return shares.diff(dim=1).abs().sum() + shares.diff(dim=2).abs().sum()
