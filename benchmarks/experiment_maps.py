"""Makes the maps of one scene and measures each: shares, ranks, deletions, smoothness and cost; it keeps figures, no maps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from experiment_cases import HEADS, Case, sign
from numpy.typing import NDArray
from PIL import Image
from scene_parts import PARTS, parts
from torch import Tensor

import saliency_widget as sw
from saliency_widget import heatmaps
from saliency_widget.compute import ScoreFunction
from saliency_widget.lab import measures
from saliency_widget.lab.contestants import Contestant
from saliency_widget.lab.finding import Role
from saliency_widget.methods import Method, get
from saliency_widget.plan import Plan, prepare

__all__ = ["CURVE", "Cost", "Map", "Subject", "elements_of", "grain", "noisy", "run_case", "share_ratio", "steadiness"]

CURVE = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
"""Shares of the pixels at which the curves of insertion and deletion are measured: dense where they fall."""

TOLERANCE = 15
"""How near to the mask the strongest pixel counts as a hit, in pixels."""

SMALLEST_PART = 0.005
"""A part that covers less of the picture than this is not measured in it."""

NOISE = 4.0
"""Standard deviation of the noise on a copy of a picture, in levels of 256."""

_SINGLE = 4
"""Cells on a side for single deletions."""

_Mask = NDArray[np.bool_]


def share_ratio(values: NDArray[np.floating], mask: _Mask) -> float | None:
    """Return how much more of a map's weight (none of it negative) lies in a mask than its area gives; None for an empty one."""
    share = measures.mass_inside(values, mask) if mask.any() else None
    return None if share is None else share / float(mask.mean())


def grain(heat: NDArray[np.floating]) -> float | None:
    """Return the correlation of neighbouring pixels of a map (h, w): near 1 for smooth maps, near 0 for noise."""
    found = [measures.correlation(heat[:, 1:], heat[:, :-1]), measures.correlation(heat[1:], heat[:-1])]
    known = [one for one in found if one is not None]
    return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class Cost:
    """What one run took, for both heads together.

    Attributes
    ----------
    forwards, backwards : int
        Points that went forwards, and gradients of one target that went back.
    seconds : float
        Of the processor.
    """

    forwards: int
    backwards: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Map:
    """One map of one head, with the plan that made it."""

    name: str
    head: str
    plan: Plan
    method: Method
    attribution: NDArray[Any]

    @property
    def heat(self) -> NDArray[np.float64]:
        """Its channels added up, (h, w)."""
        summed: NDArray[np.float64] = self.attribution.sum(0, dtype=np.float64)
        return summed

    @property
    def drawn(self) -> NDArray[np.float32]:
        """As its paper draws it, none of it negative."""
        return heatmaps.reduce(self.attribution, sign(self.name), "sum", 0.0)


def run_case(
    model: sw.ImageModel, scene: sw.demo.Scene, case: Case, clock: Callable[[], float] = time.process_time
) -> tuple[list[Map], Cost]:
    """Run a method for the true classes of both heads at once; return all maps that came of it, and what it took.

    Raises
    ------
    NotApplicable
        If the method does not make sense for the model.
    """
    targets = [f"{head}:{scene.labels[head]}" for head in HEADS]
    plan = prepare(model, scene.image, targets, case.run, params=case.params, prediction=model.predict(scene.image))
    began = clock()
    f = ScoreFunction(model, plan.picture, plan.targets, layer=plan.layer, seed=plan.seed, running=False)
    for estimate in plan.method.estimates(f, plan.params):
        last = estimate
    cost = Cost(f.forwards, f.backwards, clock() - began)
    size = (int(f.x.shape[1]), int(f.x.shape[2]))
    made = {case.name: (plan.method, last.attribution)}
    made |= {name: (get(name), last.siblings[name]) for name in case.free}
    found = [
        Map(name, head, plan, method, heatmaps.enlarge(values[t].detach().cpu().numpy(), size))
        for name, (method, values) in made.items()
        for t, head in enumerate(HEADS)
    ]
    return found, cost


def noisy(scene: sw.demo.Scene) -> sw.demo.Scene:
    """Return the same scene with noise on its picture that hardly an eye sees."""
    values = np.asarray(scene.image, np.float64)
    values = values + np.random.default_rng(scene.seed).normal(0, NOISE, values.shape)
    return replace(scene, image=Image.fromarray(values.round().clip(0, 255).astype(np.uint8)))


def steadiness(one: Map, other: Map) -> float | None:
    """Return the rank correlation of two maps as their papers draw them."""
    return _rounded(measures.spearman(one.drawn, other.drawn))


@dataclass
class Subject:
    """One model at one scene, and what all maps of the two are measured with.

    Parameters
    ----------
    model : ImageModel
    scene : Scene
    curves : bool
        Whether insertion and deletion are measured too.
    elements : mapping of str to numpy.ndarray
        The masks of the scene's parts.
    """

    model: sw.ImageModel
    scene: sw.demo.Scene
    curves: bool = False
    elements: Mapping[str, _Mask] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take away each of the cells alone, for both heads at once."""
        self.said = self.model.predict(self.scene.image)
        targets = [f"{head}:{self.scene.labels[head]}" for head in HEADS]
        plan = prepare(self.model, self.scene.image, targets, prediction=self.said)
        self._f = ScoreFunction(self.model, plan.picture, plan.targets, running=False)
        self._gone, self._blurred = self._f.baseline("mean"), self._f.baseline("blur")
        cells = list(_cells(self._f.x))
        start, *without = self._scores([self._f.x, *(torch.where(cell, self._gone, self._f.x) for cell in cells)])
        self._cells = [cell.numpy() for cell in cells]
        self._drops = start - np.array(without)
        self._chances = self._f.like(plan.targets, "probability")
        if self.curves:
            self._ends = self._scores([self._f.x, self._gone, self._blurred], self._chances)

    def right(self, head: str) -> bool:
        """Whether the model takes the scene for what it is."""
        return self.said[head].top == self.scene.labels[head]

    def measure(self, one: Map) -> dict[str, Any]:
        """Return the figures of one map, rounded."""
        t, other = HEADS.index(one.head), HEADS[1 - HEADS.index(one.head)]
        heat, drawn, masks = one.heat, one.drawn, self.scene.evidence
        own = masks[one.head]
        found: dict[str, Any] = {
            "own": share_ratio(drawn, own),
            "other": share_ratio(drawn, masks[other]),
            "rank": measures.rank_inside(drawn, own),
            "size": float(own.mean()),
            "point": _as_number(measures.points_inside(drawn, own)),
            "near": _as_number(measures.points_inside(drawn, own, TOLERANCE)),
            "away": _as_number(measures.points_inside(drawn, masks[other])),
            "grain": grain(heat),
            "single": self._single(self._contributions(one), t),
            "single_drawn": self._single(drawn, t),
        }
        plain = {"absolute": np.abs(heat), "positive": heat.clip(min=0)}
        found |= {f"own_{name}": share_ratio(values, own) for name, values in plain.items()}
        found |= {f"other_{name}": share_ratio(values, masks[other]) for name, values in plain.items()}
        if self.curves:
            found |= self._areas(heat, t)
        shown = {key: _rounded(value) for key, value in found.items()}
        return shown | {"parts": [self._part(drawn, name) for name in PARTS]}

    def _part(self, drawn: NDArray[np.float32], name: str) -> float | None:
        mask = self.elements.get(name)
        if mask is None or mask.mean() < SMALLEST_PART:
            return None
        return _rounded(share_ratio(drawn, mask))

    def _contributions(self, one: Map) -> NDArray[np.float64]:
        """Return what each pixel is said to add to the score, signed."""
        role: Role = "control" if one.method.reads == "pixels" else "main"
        plan = one.plan
        it = Contestant(one.name, "", role, one.method, plan.params, plan.layer, one.attribution, one.heat)
        return it.contributions(self._f.x - self._gone)

    def _single(self, adds: NDArray[np.floating], t: int) -> float | None:
        sums = np.array([adds[cell].sum(dtype=np.float64) for cell in self._cells])
        return measures.correlation(sums, self._drops[:, t])

    def _areas(self, heat: NDArray[np.float64], t: int) -> dict[str, float]:
        x, places = self._f.x, np.argsort(-heat.ravel(), kind="stable")
        ranks = np.empty(places.size, np.int64)
        ranks[places] = np.arange(places.size)
        order = torch.from_numpy(ranks.reshape(heat.shape))
        taken = [order < round(share * order.numel()) for share in CURVE[1:-1]]
        found = {}
        for name, full, empty, ends in (
            ("deletion", self._gone, x, self._ends[[0, 1]]),
            ("insertion", x, self._blurred, self._ends[[2, 0]]),
        ):
            between = self._scores([torch.where(some, full, empty) for some in taken], self._chances)
            curve = np.concatenate([ends[:1], between, ends[1:]])[:, t]
            found[name] = measures.area(np.array(CURVE), curve)
        return found

    def _scores(self, points: Sequence[Tensor], f: ScoreFunction | None = None) -> NDArray[np.float64]:
        return (f or self._f).scores(torch.stack(list(points))).double().cpu().numpy()


def elements_of(scene: sw.demo.Scene) -> dict[str, _Mask]:
    """Return the masks of a scene's parts."""
    return parts(scene.seed, scene.index, scene.image.size[0])


def _cells(x: Tensor) -> list[Tensor]:
    """Return the cells of a grid over the input as masks (h, w)."""
    down, across = (torch.arange(int(length)) * _SINGLE // int(length) for length in x.shape[1:])
    places = [(row, column) for row in range(_SINGLE) for column in range(_SINGLE)]
    return [(down == row)[:, None] & (across == column)[None, :] for row, column in places]


def _as_number(hit: bool | None) -> float | None:
    return None if hit is None else float(hit)


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 3)
