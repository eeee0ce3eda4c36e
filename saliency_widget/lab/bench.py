"""What an experiment asks: scores, gradients and maps of any point, what all heads say there, and pixels as a unit of length."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from saliency_widget import heatmaps
from saliency_widget.compute import CancelToken, Score, ScoreFunction
from saliency_widget.errors import BadParameter
from saliency_widget.lab.finding import Finding
from saliency_widget.methods import Method
from saliency_widget.model import ImageModel, Picture, Prediction, Target
from saliency_widget.model.heads import Head
from saliency_widget.plan import Plan

__all__ = ["Bench", "PixelUnits", "class_targets", "says", "to_rgb"]

_OUTSIDE = 0.01
"""How far a pixel's value may lie outside [0, 1] by rounding."""


@dataclass(frozen=True)
class PixelUnits:
    """The model's input as pixel values in [0, 1], so that lengths mean the same for every preprocessing.

    Attributes
    ----------
    black, span : Tensor
        Shape (C, h, w): the input for a black picture, and what white adds to it; `span` is 0 where no pixel reaches, as on
        padding.
    name : str
        The unit's name: ``"pixel value"``, where 1 is from black to white, or ``"input unit"`` where the preprocessing
        treats pixels in a way that this cannot follow.
    """

    black: Tensor
    span: Tensor
    name: str

    @classmethod
    def of(cls, f: ScoreFunction) -> PixelUnits:
        """Measure what the preprocessing makes of a black and of a white picture."""
        black, white = (f.to_input(torch.full_like(f.image, level)) for level in (0.0, 1.0))
        span = white - black
        if bool(torch.isfinite(span).all()) and bool(span.any()):
            units = cls(black, span, "pixel value")
            values = units.values(f.x)
            near = (f.x - black)[span == 0].abs().max() == 0 if bool((span == 0).any()) else True
            if bool(near) and float(values.min()) >= -_OUTSIDE and float(values.max()) <= 1 + _OUTSIDE:
                return units
        return cls(torch.zeros_like(f.x), torch.ones_like(f.x), "input unit")

    @property
    def bounded(self) -> bool:
        """Whether values end at 0 and 1."""
        return self.name == "pixel value"

    def values(self, point: Tensor) -> Tensor:
        """Return the pixel values of inputs (..., C, h, w)."""
        return torch.where(self.span == 0, 0.5, (point - self.black) / torch.where(self.span == 0, 1.0, self.span))

    def inputs(self, values: Tensor) -> Tensor:
        """Return the inputs for pixel values (..., C, h, w)."""
        return self.black + values * self.span

    def clipped(self, values: Tensor) -> Tensor:
        """Return the nearest values that a picture can have."""
        return values.clamp(0, 1) if self.bounded else values

    def unit(self, direction: Tensor) -> Tensor:
        """Return a step in the input (C, h, w) whose root mean square is one unit, along a direction of pixel values.

        Raises
        ------
        BadParameter
            If the direction is zero, so that it leads nowhere.
        """
        live = self.span != 0
        size = direction[live].double().square().mean().sqrt()
        if not float(size) > 0:
            message = (
                "there is no direction to go: the gradient, or the difference of the two pictures, is zero everywhere"
            )
            raise BadParameter(message)
        return torch.where(live, direction, 0.0) / size.to(direction) * self.span

    def distance(self, step: Tensor) -> float:
        """Return the root mean square of a step in the input (C, h, w), in units."""
        live = self.span != 0
        return float((step[live] / self.span[live]).double().square().mean().sqrt())


@dataclass
class Bench:
    """What an experiment works with: a model, a picture, a target, and all that may be asked of them.

    Parameters
    ----------
    name, caveat, params
        The experiment's.
    plans : tuple of Plan
        One for each method that is looked at, at least one.
    other : Picture or None
        A second picture.
    masks : mapping of str to numpy.ndarray
        Of bool, (H, W), in the picture's own pixels.
    cancel : CancelToken
    """

    name: str
    caveat: str
    params: Mapping[str, Any]
    plans: tuple[Plan, ...]
    other: Picture | None = None
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    cancel: CancelToken = field(default_factory=CancelToken)

    @property
    def plan(self) -> Plan:
        """The plan of the first method."""
        return self.plans[0]

    @property
    def model(self) -> ImageModel:
        """The model."""
        return self.plan.model

    @property
    def picture(self) -> Picture:
        """The picture."""
        return self.plan.picture

    @property
    def target(self) -> Target:
        """The target, resolved."""
        return self.plan.targets[0]

    @property
    def head(self) -> Head:
        """The target's head."""
        return self.model.heads[self.target.head]

    @cached_property
    def f(self) -> ScoreFunction:
        """The target's score as a function of the input; all that the experiment computes is counted there."""
        plan = self.plan
        return ScoreFunction(
            self.model,
            plan.picture,
            plan.targets,
            score=plan.score,
            layer=plan.layer,
            seed=plan.seed,
            cancel=self.cancel,
            running=False,
        )

    @cached_property
    def units(self) -> PixelUnits:
        """Pixels as the unit of length."""
        return PixelUnits.of(self.f)

    @cached_property
    def seen(self) -> NDArray[np.uint8]:
        """The picture as the model sees it, (h, w, 3)."""
        return self.rgb(self.f.x[None])[0]

    def finding(self, reading: str, done: int, total: int, **parts: Any) -> Finding:
        """Return what was found so far, with the experiment's name, target and caveat."""
        return Finding(
            self.name, self.target, reading, self.caveat, done, total, seen=self.seen, params=self.params, **parts
        )

    def attribution(
        self,
        plan: Plan | None = None,
        *,
        f: ScoreFunction | None = None,
        point: Tensor | None = None,
        targets: tuple[Target, ...] | None = None,
    ) -> NDArray[Any]:
        """Return the map (C, h, w) of a plan's method, in the pixels of the model's input.

        Parameters
        ----------
        plan : Plan, optional
            The first one where not given.
        f : ScoreFunction, optional
            On another network.
        point : Tensor, optional
            At another input (C, h, w) than the picture's.
        targets : tuple of Target, optional
            One other target, resolved.
        """
        plan = plan or self.plan
        return self.run(plan.method, plan.params, plan.layer, f=f, point=point, targets=targets)

    def run(
        self,
        method: Method,
        params: Mapping[str, Any],
        layer: str | None = None,
        *,
        f: ScoreFunction | None = None,
        point: Tensor | None = None,
        targets: tuple[Target, ...] | None = None,
    ) -> NDArray[Any]:
        """Return the map (C, h, w) of any method, as :meth:`attribution` does."""
        own = copy.copy(f or self.f)
        own.layer = layer
        own.x = own.x if point is None else point
        own.targets = targets or own.targets
        (last,) = deque(method.estimates(own, params), maxlen=1)
        size = (int(own.x.shape[1]), int(own.x.shape[2]))
        return heatmaps.enlarge(last.attribution[0].detach().cpu().numpy(), size)

    def scores(self, points: Iterable[Tensor], score: Score | None = None) -> Iterator[NDArray[np.float64]]:
        """Yield the target's scores (n,) at any number of inputs (C, h, w), chunk by chunk."""
        f = self.f if score is None else self.f.like(self.f.targets, score)
        for chunk in f.scored(points):
            yield chunk.scores[:, 0].double().cpu().numpy()

    def score_at(self, points: Iterable[Tensor], score: Score | None = None) -> NDArray[np.float64]:
        """Return the target's scores (n,) at inputs (C, h, w)."""
        return np.concatenate([np.zeros(0), *self.scores(points, score)])

    def says(self, points: Tensor, f: ScoreFunction | None = None) -> list[dict[str, Prediction]]:
        """Return what every head says of inputs (n, C, h, w); see :func:`says`."""
        return says(f or self.f, points)

    def rgb(self, points: Tensor) -> list[NDArray[np.uint8]]:
        """Return inputs (n, C, h, w) as pictures (h, w, 3), 8 bits."""
        return to_rgb(self.model, points)

    def second(self) -> Tensor:
        """Return the input (C, h, w) of the second picture; a black one where none was given."""
        if self.other is None:
            return self.f.baseline("black")
        with torch.inference_mode(mode=False):
            return self.model.input(self.other)


def class_targets(head: Head) -> tuple[Target, ...]:
    """Return every class of a head as a target, or its value."""
    if head.kind == "value":
        return (Target(head.name),)
    return tuple(Target(head.name, head.class_name(i), index=i) for i in range(head.size))


def says(f: ScoreFunction, points: Tensor) -> list[dict[str, Prediction]]:
    """Return what every head says of inputs (n, C, h, w), one forward for each."""
    targets = {head: class_targets(head) for head in f.heads.values()}
    numbers = f.like([one for some in targets.values() for one in some], "logit").scores(points).float().cpu()
    found: list[dict[str, Prediction]] = []
    for row in numbers:
        parts = row.split([len(some) for some in targets.values()])
        found.append({head.name: _prediction(head, part) for head, part in zip(targets, parts, strict=True)})
    return found


def to_rgb(model: ImageModel, points: Tensor) -> list[NDArray[np.uint8]]:
    """Return inputs (n, C, h, w) as pictures (h, w, 3), 8 bits."""
    colours = model.to_pixels(points.detach())
    return list(colours.mul(255).round().byte().movedim(1, -1).cpu().numpy())


def _prediction(head: Head, logits: Tensor) -> Prediction:
    if head.kind == "value":
        return Prediction(value=float(logits[0]), unit=head.unit)
    shares = logits.sigmoid() if head.kind == "labels" else logits.softmax(0)
    return Prediction(head.classes or tuple(range(head.size)), logits.numpy(), shares.numpy())
