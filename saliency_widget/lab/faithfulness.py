"""Whether a map says what the model does: pixels are taken away and put back in its order, and the score is watched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from saliency_widget.compute import Baseline, Score
from saliency_widget.compute.noise import uniform
from saliency_widget.lab import measures
from saliency_widget.lab.bench import Bench
from saliency_widget.lab.contestants import CONTROLS, Contestant, contestants
from saliency_widget.lab.cost import Work
from saliency_widget.lab.finding import Curve, Finding, Number, Position
from saliency_widget.lab.registry import experiment
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.model.targets import ALL

__all__ = ["faithfulness"]

_DELETION, _INSERTION = "deletion", "insertion"
_SINGLE = 4
"""Cells on a side for single deletions: 16 of them, 17 forwards with the picture itself."""

_CELLS = 8
_TAKEN = 0.25
"""For infidelity each of 8 x 8 cells is taken away with this probability."""

_SHARE = "share of the pixels"


@dataclass
class _Trial:
    """What is known so far of one map."""

    one: Contestant
    curves: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    numbers: list[Number] = field(default_factory=list)

    def shares(self, kind: str, steps: int) -> NDArray[np.float64]:
        return np.arange(len(self.curves[kind])) / steps


@experiment(
    label="Faithfulness",
    explain="Takes pixels away, and puts them back, in the order of a map, and compares the score with what the map claims.",
    cite=(
        "Petsiuk et al. 2018, arXiv:1806.07421; Ancona et al. 2018, arXiv:1711.06104; Yeh et al. 2019, arXiv:1901.09392; "
        "Chalasani et al. 2020, arXiv:1810.06583"
    ),
    caveat=(
        "A picture with pixels missing is none that the model was trained on, so the score may fall for that alone; another fill "
        "gives other figures. The figures disagree with each other, and low sensitivity and high sparseness are reached by maps "
        "that ignore the model: look at the controls first."
    ),
    cost=lambda *, steps, samples, neighbours, contestants, **_: Work(
        4 + _SINGLE**2 + samples + contestants * 2 * (steps - 1), maps=1 + neighbours
    ),
    needs=("methods",),
)
def faithfulness(
    b: Bench,
    *,
    steps: Annotated[int, Range(2, 200), Help("In how many steps all pixels are taken away, or put back.")] = 24,
    measure: Annotated[
        Literal["probability", "logit"], Help("Which score the curves show; a value is always itself.")
    ] = "probability",
    order: Annotated[
        Literal["signed", "absolute"],
        Help("Whether pixels that speak against the target come last, or by their strength."),
    ] = "signed",
    deletion_fill: Annotated[Baseline, Help("What takes a pixel's place where it is taken away.")] = "mean",
    insertion_fill: Annotated[Baseline, Help("The picture into which pixels are put.")] = "blur",
    samples: Annotated[int, Range(2, 500), Help("Random parts that are taken away for infidelity.")] = 32,
    neighbours: Annotated[
        int, Range(0, 50), Help("Maps of nearby pictures for sensitivity, each as dear as the map itself; 0 for none.")
    ] = 3,
    radius: Annotated[
        float, Range(0.0001, 1, log=True), Help("How far any pixel of a nearby picture may be from its own.")
    ] = 0.02,
) -> Iterator[Finding]:
    """Yield insertion and deletion curves (Petsiuk et al. 2018), and what several papers measure faithfulness by.

    *Deletion* takes pixels away from the strongest on: the lower the area under its curve, the better; *insertion* puts them
    into a blurred picture: the higher, the better. *Single deletion* is the correlation of each of 4 x 4 cells' sum with the
    drop of the score when it alone is taken away. *Infidelity* (Yeh et al. 2019) is the mean squared error of the drop that the
    map foretells for random parts; as a share it is given at the map's best scale, 0 is perfect and 1 says nothing.
    *Max-sensitivity* is how far the map moves in nearby pictures, as a share of its own length. *Completeness error* is how far
    the map's sum is from what it should add up to, where it claims to. *Gini* is how few pixels hold all. For maps of rates
    (gradients) what a pixel adds is its rate times its distance from the fill. All is asked of a random map and an edge
    detector too.
    """
    x, score = b.f.x, _score(b, measure)
    count = len(b.plans) + sum(name not in {plan.method.name for plan in b.plans} for name in CONTROLS)
    total = 3 + _SINGLE**2 + samples + count * (2 * (steps - 1) + neighbours)
    (start,) = b.score_at([x])
    trials: list[_Trial] = []
    for one in contestants(b):
        trials.append(_Trial(one))
        yield _finding(b, trials, steps, score, 1, total)
    gone, blurred = b.f.baseline(deletion_fill), b.f.baseline(insertion_fill)
    ends = b.score_at([x, gone, blurred], score)
    done = 3

    cells = _cells(x, _SINGLE)
    drops = start - b.score_at(torch.where(cell, gone, x) for cell in cells)
    parts = _parts(x, samples, b.f.seed)
    changes = start - b.score_at(torch.where(part, gone, x) for part in parts)
    done += len(cells) + samples
    for trial in trials:
        trial.numbers += _foretold(trial.one, x - gone, cells, drops, parts, changes)
        trial.numbers += _of_the_map(b, trial.one, start)
    for trial in trials:
        heat = np.abs(trial.one.heat) if order == "absolute" else trial.one.heat
        ranks = _ranks(heat, x)
        for kind, full, empty in ((_DELETION, gone, x), (_INSERTION, x, blurred)):
            first, last = (ends[0], ends[1]) if kind == _DELETION else (ends[2], ends[0])
            found = np.array([first])
            points = (torch.where(ranks < _count(k, steps, x), full, empty) for k in range(1, steps))
            for some in b.scores(points, score):
                found = np.concatenate([found, some])
                trial.curves[kind] = found
                done += len(some)
                if done < total:
                    yield _finding(b, trials, steps, score, done, total)
            trial.curves[kind] = np.concatenate([found, [last]])
            trial.numbers.append(_area(kind, trial.curves[kind], steps))
    for trial in trials:
        if neighbours:
            trial.numbers.append(_sensitivity(b, trial.one, neighbours, radius))
            done += neighbours
            if done < total:
                yield _finding(b, trials, steps, score, done, total)
    yield _finding(b, trials, steps, score, total, total, with_positions=True)


def _score(b: Bench, measure: str) -> Score:
    """Return the score of the curves: a value is itself, and the probabilities of all classes together are always 1."""
    if b.head.kind == "value" or measure == "logit" or (b.target.index == ALL and b.head.kind == "classes"):
        return b.plan.score
    return "probability"


def _count(k: int, steps: int, x: Tensor) -> int:
    """Return how many pixels the k-th of some steps has come to."""
    return round(k / steps * x.shape[1] * x.shape[2])


def _ranks(heat: NDArray[np.float64], x: Tensor) -> Tensor:
    """Return each pixel's place (h, w) in the order of a map, the strongest 0; of equal ones the first in reading order."""
    places = np.argsort(-heat.ravel(), kind="stable")
    ranks = np.empty(places.size, np.int64)
    ranks[places] = np.arange(places.size)
    return torch.from_numpy(ranks.reshape(heat.shape)).to(x.device)


def _cells(x: Tensor, side: int) -> list[Tensor]:
    """Return the cells of a grid as masks (h, w)."""
    down, across = (_thirds(int(length), side) for length in x.shape[1:])
    places = [(row, column) for row in range(side) for column in range(side)]
    masks = [
        torch.from_numpy((down == row)[:, None] & (across == column)[None, :]).to(x.device) for row, column in places
    ]
    return [mask for mask in masks if bool(mask.any())]


def _thirds(length: int, side: int) -> NDArray[np.int64]:
    """Return to which of some parts each place of an axis belongs."""
    return np.arange(length) * side // length


def _parts(x: Tensor, samples: int, seed: int) -> list[Tensor]:
    """Return random parts of the input as masks (h, w)."""
    down, across = (torch.from_numpy(_thirds(int(length), _CELLS)) for length in x.shape[1:])
    drawn = (uniform(seed, i, (_CELLS, _CELLS)) < _TAKEN for i in range(samples))
    return [one[down[:, None], across[None, :]].to(x.device) for one in drawn]


def _foretold(
    one: Contestant,
    difference: Tensor,
    cells: Sequence[Tensor],
    drops: NDArray[np.float64],
    parts: Sequence[Tensor],
    changes: NDArray[np.float64],
) -> list[Number]:
    """Return how well a map foretells what happens when parts are taken away."""
    adds = one.contributions(difference)
    by_cell = np.array([adds[cell.cpu().numpy()].sum() for cell in cells])
    by_part = np.array([adds[part.cpu().numpy()].sum() for part in parts])
    numbers = [
        Number(
            "single_deletion",
            measures.correlation(by_cell, drops),
            f"correlation of {len(cells)} cells' sums with the drop of the score without each; 1 is best",
        ),
        Number(
            "unexplained",
            measures.unexplained(by_part, changes),
            "infidelity at the map's best scale, as a share of the mean squared drop; 0 is best, 1 says nothing",
        ),
    ]
    if one.in_score_units:
        value = measures.infidelity(by_part, changes)
        numbers.append(Number("infidelity", value, "mean squared error of the drop that the map foretells; 0 is best"))
    return numbers


def _of_the_map(b: Bench, one: Contestant, start: float) -> list[Number]:
    numbers = [
        Number("gini", measures.gini(one.heat), "how few pixels hold all of the map: 0 all alike, 1 a single one")
    ]
    named = one.params.get("baseline")
    if one.in_score_units and one.method.values == "score" and isinstance(named, str):
        (end,) = b.score_at([b.f.baseline(named)])  # type: ignore[arg-type]
        gap = start - float(end)
        error = None if gap == 0 else abs(float(one.heat.sum()) - gap) / abs(gap)
        numbers.append(
            Number(
                "completeness_error",
                error,
                f"distance of the map's sum from the drop to its baseline, {named}, as a share",
            )
        )
    return numbers


def _area(kind: str, curve: NDArray[np.float64], steps: int) -> Number:
    better = "lower" if kind == _DELETION else "higher"
    value = measures.area(np.arange(steps + 1) / steps, curve)
    return Number(f"{kind}_area", value, f"area under the {kind} curve; {better} is better")


def _sensitivity(b: Bench, one: Contestant, neighbours: int, radius: float) -> Number:
    units, x = b.units, b.f.x
    size = float(np.linalg.norm(one.attribution.astype(np.float64)))
    worst = 0.0
    for i in range(neighbours):
        away = radius * (2 * uniform(b.f.seed, -1 - i, tuple(x.shape)).to(x) - 1)
        near = torch.where(units.span == 0, x, units.inputs(units.clipped(units.values(x) + away)))
        moved = one.again(b, near).astype(np.float64) - one.attribution
        worst = max(worst, float(np.linalg.norm(moved)))
    means = f"how far the map moves at most when no pixel moves by more than {radius:g}, as a share of its length; 0 is calm"
    return Number("max_sensitivity", worst / size if size > 0 else None, means)


def _finding(
    b: Bench, trials: Sequence[_Trial], steps: int, score: str, done: int, total: int, *, with_positions: bool = False
) -> Finding:
    curves = [
        Curve(trial.one.label, trial.shares(kind, steps), trial.curves[kind], _SHARE, score, kind, role=trial.one.role)
        for kind in (_DELETION, _INSERTION)
        for trial in trials
        if kind in trial.curves
    ]
    positions = tuple(
        Position(trial.one.label, float(i), maps={trial.one.label: trial.one.attribution}, numbers=tuple(trial.numbers))
        for i, trial in enumerate(trials if with_positions else ())
    )
    return b.finding(
        _reading(trials), done, total, curves=tuple(curves), positions=positions, slider="map",
        numbers=tuple(trials[0].numbers),
    )  # fmt: skip


def _reading(trials: Sequence[_Trial]) -> str:
    areas = {
        trial.one.name: number.value
        for trial in trials
        for number in trial.numbers
        if number.name == "deletion_area" and number.value is not None
    }
    own = trials[0].one
    if own.name not in areas or "random" not in areas or own.name == "random":
        return f"Pixels are taken away in the order of {own.label}."
    mine, chance = areas[own.name], areas["random"]
    edges = "" if "edges" not in areas else f", {areas['edges']:.3g} for an edge detector"
    says = "falls faster than at random" if mine < chance else "falls no faster than at random"
    return f"Without the pixels of {own.label} the score {says}: area {mine:.3g}, {chance:.3g} for a random map{edges}."
