"""The smallest change of a picture that turns one head's answer, and what it does to the map and to every other head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from saliency_widget.errors import NotApplicable
from saliency_widget.lab.bench import Bench, class_targets
from saliency_widget.lab.cost import Work
from saliency_widget.lab.finding import Curve, Finding, Number, Position
from saliency_widget.lab.measures import spearman
from saliency_widget.lab.registry import experiment
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.model import Prediction, Target
from saliency_widget.model.targets import ALL

__all__ = ["adversarial"]

_LEVELS = 10
"""Sizes of change that are tried at first; denser where they are small."""

_FINER = 5
_ROUNDS = 2
"""Then so many sizes between the largest that does nothing and the smallest that flips, so often."""

_STEP = 2.5
"""PGD's steps together go this many times as far as the change may be, as its authors had it."""

_EIGHT_BITS = 255


def _no_class(b: Bench) -> str | None:
    if b.head.kind == "value":
        return f"head '{b.head.name}' gives a value, and an attack turns a class into another"
    if b.target.index == ALL:
        return "all classes at once cannot be turned into another; choose one, or the head alone for its top class"
    return None


@dataclass
class _Race:
    """The class that is attacked, or that the picture is to be turned into, against its strongest rival.

    Attributes
    ----------
    index : int
        The target's class.
    sign : int
        1 to lead away from it, -1 to lead towards it.
    targets : tuple of Target
        All classes of the head.
    margins : dict of float to float
        By size of the change, the margin that is left; 0 or less where the head says something else.
    points : dict of float to Tensor
        The changed inputs (C, h, w).
    cut_short : set of float
        Sizes at which the attack went no further than it had to.
    """

    b: Bench
    index: int
    sign: int
    targets: tuple[Target, ...]
    margins: dict[float, float] = field(default_factory=dict)
    points: dict[float, Tensor] = field(default_factory=dict)
    cut_short: set[float] = field(default_factory=set)

    def look(self, points: Tensor) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the margin and the rival's index (-1 for none) at inputs (n, C, h, w); a forward each."""
        logits = self.b.f.like(self.targets, "logit").scores(points).double().cpu().numpy()
        own = logits[:, self.index]
        if self.b.head.kind == "labels":  # each label stands alone: its own logit says yes or no
            return self.sign * own, np.full(len(points), -1)
        others = logits.copy()
        others[:, self.index] = -np.inf
        rivals = others.argmax(1)
        return self.sign * (own - others.max(1)), rivals

    def downhill(self, points: Tensor, rivals: NDArray[np.int64]) -> Tensor:
        """Return the sign of the change in pixel values (n, C, h, w) that makes the margin smaller; a gradient each."""
        found = torch.zeros_like(points)
        head = self.b.head
        for rival in sorted(set(rivals.tolist())):
            rows = np.flatnonzero(rivals == rival)
            if rival < 0:
                target = self.targets[self.index]
            else:
                target = Target(head.name, head.class_name(self.index), head.class_name(rival), self.index, int(rival))
            f = self.b.f.like((target,), "logit")
            for chunk in f.each(points[int(row)] for row in rows):
                for i, gradient in enumerate(chunk.gradients[0]):
                    found[int(rows[chunk.start + i])] = -self.sign * (gradient * self.b.units.span).sign()
        return found

    def keep(self, sizes: Sequence[float], points: Tensor, margins: NDArray[np.float64]) -> None:
        """Remember what was found at some sizes."""
        for size, point, margin in zip(sizes, points, margins, strict=True):
            self.margins[size] = float(margin)
            self.points[size] = point

    @property
    def flips(self) -> list[float]:
        """Sizes at which the head says something else."""
        return sorted(size for size, margin in self.margins.items() if size > 0 and margin <= 0)

    @property
    def bracket(self) -> tuple[float, float] | None:
        """The largest size below the smallest that flips, and that one."""
        if not self.flips:
            return None
        smallest = self.flips[0]
        return max(size for size in self.margins if size < smallest), smallest


@experiment(
    label="Adversarial pictures",
    explain="Looks for the smallest change of the pixels that makes a head say something else, and asks what the others do.",
    cite="Goodfellow et al. 2014, arXiv:1412.6572; Madry et al. 2017, arXiv:1706.06083",
    caveat=(
        "The size is that of the smallest change which this attack found, so the true one may be smaller; it says nothing of "
        "changes that happen by themselves. A map of the changed picture explains the wrong answer, and may look as sensible "
        "as the first."
    ),
    cost=lambda *, attack, steps, **_: Work(
        4 + _LEVELS + (_LEVELS + _FINER * _ROUNDS) * (steps if attack == "pgd" else 1),
        gradients=1 + ((_LEVELS + _FINER * _ROUNDS) * steps if attack == "pgd" else 0),
        maps=3,
        at_most=True,
    ),
    needs=("method",),
    check=_no_class,
)
def adversarial(
    b: Bench,
    *,
    attack: Annotated[
        Literal["fgsm", "pgd"],
        Help("One step along the gradient's sign (FGSM), or many small ones that look again after each (PGD)."),
    ] = "pgd",
    largest: Annotated[
        float,
        Range(0.001, 1, log=True),
        Help("The largest change of any pixel that is tried; 1 is from black to white."),
    ] = 0.06,
    steps: Annotated[int, Range(1, 100), Help("How many steps PGD takes.")] = 8,
    enlarge: Annotated[
        float, Range(1, 200, log=True), Help("By how much the difference is enlarged in its picture.")
    ] = 20.0,
) -> Iterator[Finding]:
    """Yield the smallest change that flips a head, by FGSM (Goodfellow et al. 2014) or PGD (Madry et al. 2017).

    Where the target is the head's top class the picture is led away from it, else towards it. What is followed is the margin of
    the class over its strongest rival, in logits: the cross-entropy of the papers has the same direction for two classes, but
    loses it where the model is sure. No pixel changes by more than the size, in pixel values, nor leaves [0, 1]; PGD starts at
    the picture itself. The smallest size is looked for by halving: at the one that is given the head does flip.
    """
    units = b.units
    before = b.says(b.f.x[None])[0]
    logits = before[b.head.name].logits
    index = int(b.target.index or 0)
    away = bool(logits[index] > 0) if b.head.kind == "labels" else int(logits.argmax()) == index
    race = _Race(b, index, 1 if away else -1, class_targets(b.head))
    start, rivals = race.look(b.f.x[None])
    race.keep([0.0], b.f.x[None], start)
    runs = steps if attack == "pgd" else 1
    total = (_LEVELS + _FINER * _ROUNDS) * (2 * runs if attack == "pgd" else 1) + 3 + _LEVELS
    signs = race.downhill(b.f.x[None], rivals)
    if not bool(signs.any()):
        message = f"the gradient of '{b.target}' is zero everywhere, so there is no direction in which to attack"
        raise NotApplicable(message)

    def tried(sizes: Sequence[float], *, to_the_end: bool) -> None:
        if attack == "fgsm":
            reach = torch.tensor(sizes).to(b.f.x)[:, None, None, None]
            values = units.clipped(units.values(b.f.x) + reach * signs)
            points = _placed(b, values)
            race.keep(sizes, points, race.look(points)[0])
        else:
            _descend(race, sizes, rivals, steps, to_the_end=to_the_end)

    levels = (largest * (np.arange(1, _LEVELS + 1) / _LEVELS) ** 2).tolist()
    done = 3
    for few in (levels[: _LEVELS // 2], levels[_LEVELS // 2 :]):
        tried(few, to_the_end=True)
        done += len(few) * (2 * runs if attack == "pgd" else 1)
        yield _finding(b, race, away, before, done, total)
    shown = [0.0, *levels]
    for _ in range(_ROUNDS):
        bracket = race.bracket
        if bracket is not None:
            low, high = bracket
            tried(np.linspace(low, high, _FINER + 2)[1:-1].tolist(), to_the_end=False)
        done += _FINER * (2 * runs if attack == "pgd" else 1)
        yield _finding(b, race, away, before, done, total)
    if race.flips:
        shown = sorted({*shown, race.flips[0]})
    positions = _positions(b, race, shown, enlarge)
    yield _finding(b, race, away, before, total, total, positions)


def _placed(b: Bench, values: Tensor) -> Tensor:
    """Return inputs for pixel values (n, C, h, w); what no pixel reaches stays as it is."""
    return torch.where(b.units.span == 0, b.f.x, b.units.inputs(values))


def _descend(race: _Race, sizes: Sequence[float], rivals: NDArray[np.int64], steps: int, *, to_the_end: bool) -> None:
    """Run PGD for several sizes at once; keep of each the point with the smallest margin, or else the first that flips."""
    b, units = race.b, race.b.units
    first = units.values(b.f.x)
    kept = b.f.x.expand(len(sizes), *first.shape).clone()
    best = np.full(len(sizes), np.inf)
    rows = np.arange(len(sizes))  # those that are still running
    values = units.values(kept)
    rivals = np.repeat(rivals, len(sizes))
    reach = torch.tensor(sizes).to(b.f.x)[:, None, None, None]
    for _ in range(steps):
        moved = values + _STEP * reach / steps * race.downhill(_placed(b, values), rivals)
        values = units.clipped(torch.minimum(torch.maximum(moved, first - reach), first + reach))
        points = _placed(b, values)
        margins, rivals = race.look(points)
        for i, row in enumerate(rows):
            if margins[i] < best[row]:
                best[row], kept[row] = margins[i], points[i]
        if not to_the_end:
            going = np.flatnonzero(margins > 0)
            picked = torch.from_numpy(going).to(values.device)
            rows, rivals, values, reach = rows[going], rivals[going], values[picked], reach[picked]
            if not len(rows):
                break
    race.keep(sizes, kept, best)
    race.cut_short |= set() if to_the_end else set(sizes)


def _finding(
    b: Bench,
    race: _Race,
    away: bool,
    before: dict[str, Prediction],
    done: int,
    total: int,
    positions: tuple[Position, ...] = (),
) -> Finding:
    unit = f"largest change of a pixel, in {b.units.name}s"
    sizes = np.array(sorted(set(race.margins) - race.cut_short))
    margins = np.array([race.margins[size] for size in sizes])
    curves = [Curve("margin", sizes, margins, unit, "logits over the strongest rival", "margin")]
    if positions:
        places = np.array([position.value for position in positions])
        curves += [_line(name, before[name], places, positions, b, unit) for name in b.model.heads]
    flip = race.flips[0] if race.flips else None
    size = (
        f"largest change of any pixel at which head '{b.head.name}' says something else, 1 is from black to white"
        if flip is not None
        else f"head '{b.head.name}' keeps to its answer up to {max(race.margins):.3g}, the largest change that was tried"
    )
    numbers = [
        Number("smallest_epsilon", flip, size),
        Number(
            "in_eight_bits",
            None if flip is None else flip * _EIGHT_BITS,
            "the same in steps of an 8-bit picture; below 0.5 it would be rounded away",
        ),
        Number("margin", race.margins[0.0], "the margin before, in logits over the strongest rival"),
    ]
    if positions and flip is not None:
        numbers += _after(b, race, positions, flip, before)
    return b.finding(
        _reading(b, away, flip, positions, before), done, total, curves=tuple(curves), positions=positions,
        slider=unit, numbers=tuple(numbers),
    )  # fmt: skip


def _line(
    head: str, first: Prediction, places: NDArray[np.float64], positions: Sequence[Position], b: Bench, unit: str
) -> Curve:
    """Return what becomes of a head's first answer: its probability, or its value."""
    attacked = head == b.head.name
    label = f"{head} (attacked)" if attacked else head
    said = [position.says[head] for position in positions]
    if first.value is not None:
        values = np.array([float(one.value or 0.0) for one in said])
        return Curve(label, places, values, unit, first.unit or "value", f"value of {head}", role="main")
    at = int(first.logits.argmax())
    shares = np.array([float(one.probabilities[at]) for one in said])
    label = f"{label}: {first.top}"
    return Curve(label, places, shares, unit, "probability of the first answer", "what the heads say")


def _after(
    b: Bench, race: _Race, positions: Sequence[Position], flip: float, before: dict[str, Prediction]
) -> list[Number]:
    """Return how alike the maps are, and how many of the other heads changed their answer."""
    changed = next(position for position in positions if position.value == flip)
    old, new = (position.maps[_map_name(b)] for position in (positions[0], changed))
    others = [name for name, said in before.items() if name != b.head.name and said.value is None]
    turned = [name for name in others if changed.says[name].top != before[name].top]
    step = race.points[flip] - b.f.x
    return [
        Number("rms", b.units.distance(step), "root mean square of the change of all pixels"),
        Number(
            "map_correlation",
            spearman(old.sum(0), new.sum(0)),
            "rank correlation of the target's maps before and after, signed",
        ),
        Number(
            "other_heads_turned",
            float(len(turned)),
            f"of {len(others)} other heads with classes" + (f": {', '.join(turned)}" if turned else ""),
        ),
    ]


def _reading(
    b: Bench, away: bool, flip: float | None, positions: Sequence[Position], before: dict[str, Prediction]
) -> str:
    own = before[b.head.name].top
    aim = f"away from {b.target.cls}" if away else f"from {own} to {b.target.cls}"
    if flip is None:
        return f"No change that was tried leads head '{b.head.name}' {aim}."
    size = f"{flip * _EIGHT_BITS:.2g}/255" if b.units.bounded else f"{flip:.2g} {b.units.name}s"
    text = f"A change of {size} in every pixel leads head '{b.head.name}' {aim}"
    if not positions:
        return f"{text}."
    after = next(position for position in positions if position.value == flip).says
    answers = [
        f"'{name}' {'keeps' if after[name].top == said.top else 'turns from'} {said.top}"
        for name, said in before.items()
        if name != b.head.name and said.value is None
    ]
    return f"{text}; {', '.join(answers)}." if answers else f"{text}."


def _map_name(b: Bench) -> str:
    return f"{b.plan.method.label}, {b.target}"


def _positions(b: Bench, race: _Race, sizes: Sequence[float], enlarge: float) -> tuple[Position, ...]:
    """Return what is seen at each size; maps are made of the picture itself and of the smallest change that flips."""
    flip = race.flips[0] if race.flips else None
    points = torch.stack([race.points[size] for size in sizes])
    said = b.says(points)
    pictures = b.rgb(points)
    made = []
    for i, (size, point) in enumerate(zip(sizes, points, strict=True)):
        maps: dict[str, NDArray[np.float64]] = {}
        if size in {0.0, flip}:
            maps[_map_name(b)] = b.attribution(point=point)
        if size == flip and b.head.kind == "classes":
            now = class_targets(b.head)[int(said[i][b.head.name].logits.argmax())]
            if now.index != b.target.index:
                maps[f"{b.plan.method.label}, {now}"] = b.attribution(point=point, targets=(now,))
        grey = _difference(b, point, enlarge)
        shown = {"picture": pictures[i], f"difference x {enlarge:g}": grey}
        numbers = (Number("margin", race.margins[size], "logits over the strongest rival"),)
        label = f"{size:.3g}" + (" (flips)" if size == flip else "")
        made.append(Position(label, size, maps=maps, pictures=shown, says=said[i], numbers=numbers))
    return tuple(made)


def _difference(b: Bench, point: Tensor, enlarge: float) -> NDArray[np.uint8]:
    """Return the change of a picture, enlarged, on grey."""
    own, other = (b.model.to_pixels(one[None])[0] for one in (b.f.x, point))
    grey = (0.5 + enlarge * (other - own)).clamp(0, 1)
    return grey.mul(255).round().byte().movedim(0, -1).cpu().numpy()
