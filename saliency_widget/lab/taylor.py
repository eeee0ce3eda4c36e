"""How far a gradient tells the truth: the score along straight lines, beside what the gradient predicts for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from saliency_widget.lab.bench import Bench
from saliency_widget.lab.cost import Work
from saliency_widget.lab.finding import Curve, Finding, Number, Position
from saliency_widget.lab.registry import experiment
from saliency_widget.methods.parameters import Help, Range

__all__ = ["holds_within", "relative_error", "taylor"]

_ROUNDING = 1e-5
"""A change of the score below this share of the score is the computer's rounding and not the model's."""


@dataclass(frozen=True, eq=False)
class _Line:
    """A straight line through the input: what is predicted along it, and what was found."""

    name: str
    step: Tensor
    slope: float
    places: NDArray[np.float64]
    found: NDArray[np.float64]

    def predicted(self, start: float) -> NDArray[np.float64]:
        return start + self.slope * self.places[: len(self.found)]


@experiment(
    label="Where the gradient holds",
    explain="Moves the picture in straight lines and compares the score with what the gradient says it should be.",
    cite="Simonyan et al. 2013, arXiv:1312.6034",
    caveat=(
        "It holds for this picture, this target and the directions that were tried. That a gradient predicts the score badly "
        "does not make it wrong: it is the slope at one point, and says nothing of any other."
    ),
    cost=lambda *, steps, directions, **_: Work(2 * steps * (1 + directions) + steps + (steps + 1), gradients=1),
    needs=("other",),
)
def taylor(
    b: Bench,
    *,
    steps: Annotated[int, Range(2, 100), Help("How many distances are tried, denser near the picture.")] = 12,
    radius: Annotated[
        float,
        Range(0.0001, 1, log=True),
        Help("The largest distance: root mean square of the change of all pixels, where 1 is from black to white."),
    ] = 0.02,
    directions: Annotated[int, Range(1, 32), Help("How many random directions are tried.")] = 4,
    share: Annotated[
        float, Range(0.01, 1), Help("Up to which error, as a share of the change, the prediction is said to hold.")
    ] = 0.2,
) -> Iterator[Finding]:
    """Yield how well the score S(I) is given by its first-order approximation w.I + b (Simonyan et al. 2013, arXiv:1312.6034).

    The picture is moved along the gradient, against it, both ways along random directions, and to another picture (`other`; a
    black one where none is given). Distances are root mean squares of the change in pixel values; pixels may leave [0, 1], so
    that the lines are straight. The error is relative: the distance of prediction and score, divided by the larger of the
    two changes. The radius in which the approximation holds is where that error first exceeds `share`, on either side.
    """
    f, units = b.f, b.units
    (chunk,) = f.each([f.x])
    start, gradient = float(chunk.scores[0, 0]), chunk.gradients[0, 0]
    total = 1 + 2 * steps * (1 + directions) + steps + (steps + 1)
    radii = radius * (np.arange(1, steps + 1) / steps) ** 2
    both = np.concatenate([-radii[::-1], radii])
    uphill = units.unit(gradient * units.span)
    between = b.second() - f.x
    drawn = [units.unit(f.noise(i)) for i in range(directions)]
    plan = [
        ("along the gradient", uphill, both),
        *((f"random {i + 1}", step, both) for i, step in enumerate(drawn)),
        ("to the other picture", between, (np.arange(1, steps + 1) / steps) ** 2),
    ]
    lines: list[_Line] = []
    done = 1
    for name, step, places in plan:
        slope = float((gradient * step).double().sum())
        ordered = np.argsort(np.abs(places), kind="stable")
        found = np.zeros(0)
        for scores in b.scores(f.x + float(places[i]) * step for i in ordered):
            found = np.concatenate([found, scores])
            done += len(scores)
            partial = _Line(name, step, slope, places[ordered], found)
            if name == "along the gradient" and done < total:
                yield _finding(b, [partial], start, share, done, total)
        lines.append(_Line(name, step, slope, places[ordered], found))
        if done < total:
            yield _finding(b, lines, start, share, done, total)
    shown = [f.x, *(f.x + float(r) * uphill for r in radii)]
    positions = _positions(b, shown, [0.0, *radii.tolist()], lines, start)
    yield _finding(b, lines, start, share, total, total, positions)


def relative_error(found: NDArray[np.float64], predicted: NDArray[np.float64], start: float) -> NDArray[np.float64]:
    """Return the distance of two scores as a share of the larger of their changes from `start`; in [0, 2], 0 for 0 of 0."""
    change = np.maximum(np.abs(found - start), np.abs(predicted - start))
    floor = _ROUNDING * max(abs(start), np.finfo(np.float64).tiny)
    error = np.abs(found - predicted)
    return np.where(error <= floor, 0.0, error / np.maximum(change, floor))


def holds_within(distances: Sequence[float], errors: Sequence[float], share: float) -> float | None:
    """Return the first distance at which the error exceeds a share, between two by a straight line; None where it never does.

    Parameters
    ----------
    distances : sequence of float
        Rising, from above 0.
    errors : sequence of float
        One for each; at distance 0 there is none.
    share : float
    """
    places = [(0.0, 0.0), *zip(distances, errors, strict=True)]
    for (near, below), (far, above) in pairwise(places):
        if above > share:
            return near + (far - near) * (share - below) / (above - below)
    return None


def _finding(
    b: Bench,
    lines: Sequence[_Line],
    start: float,
    share: float,
    done: int,
    total: int,
    positions: tuple[Position, ...] = (),
) -> Finding:
    holds = {line.name: _holds(line, start, share) for line in lines}
    tried = {line.name: float(np.abs(line.places).max()) for line in lines}
    unit = "" if b.units.bounded else f" ({b.units.name}s)"
    numbers = [
        Number("score", start, "the score of the picture", b.plan.score),
        Number(
            "slope",
            lines[0].slope,
            f"by how much the score rises for each unit that the pixels move along the gradient{unit}",
        ),
        _radius(
            "holds_along_gradient",
            holds["along the gradient"],
            tried["along the gradient"],
            share,
            "along the gradient",
        ),
    ]
    random = [line for line in lines if line.name.startswith("random")]
    if random:
        far = tried[random[0].name]
        known = [holds[line.name] for line in random]
        middle = float(np.median([np.inf if one is None else one for one in known]))
        value = None if np.isinf(middle) else middle
        numbers.append(_radius("holds_along_random", value, far, share, "along random directions (the median)"))
    if "to the other picture" in holds:
        way = holds["to the other picture"]
        numbers.append(_radius("holds_between", way, 1.0, share, "of the way to the other picture", way=True))
        length = b.units.distance(lines[-1].step)
        numbers.append(
            Number("distance_between", length, "how far the other picture is, root mean square of all pixels")
        )
    return b.finding(
        _reading(numbers, share), done, total, curves=tuple(_curves(b, lines, start)), positions=positions,
        slider="distance along the gradient", numbers=tuple(numbers),
    )  # fmt: skip


def _holds(line: _Line, start: float, share: float) -> float | None:
    """Return how far the prediction holds on both sides of the picture, None where it holds on all of the line."""
    errors = relative_error(line.found, line.predicted(start), start)
    places = line.places[: len(line.found)]
    sides = []
    for side in (places > 0, places < 0):
        within = holds_within(np.abs(places[side]).tolist(), errors[side].tolist(), share)
        sides += [] if within is None else [within]
    return min(sides) if sides else None


def _radius(name: str, value: float | None, tried: float, share: float, where: str, *, way: bool = False) -> Number:
    if value is None:
        return Number(name, None, f"the error stays under {share:.0%} as far as was tried, {tried:.3g} {where}")
    what = "share" if way else "distance"
    return Number(name, value, f"the {what} {where} at which the error reaches {share:.0%} of the change")


def _reading(numbers: Sequence[Number], share: float) -> str:
    found = {number.name: number for number in numbers}
    own = found["holds_along_gradient"]
    if own.value is None:
        return f"Along the gradient the score follows the straight line within {share:.0%}, as far as was tried."
    text = f"Along the gradient the straight line holds within {share:.0%} up to a change of {own.value:.2g} in pixel values"
    other = found.get("holds_along_random")
    if other is None:
        return f"{text}."
    further = "as far as was tried" if other.value is None else f"up to {other.value:.2g}"
    return f"{text}, along random directions, where it changes far less, {further}."


def _curves(b: Bench, lines: Sequence[_Line], start: float) -> Iterator[Curve]:
    distance = f"distance, in {b.units.name}s (root mean square)"
    random = [line for line in lines if line.name.startswith("random")]
    for line in lines:
        way = line.name == "to the other picture"
        if line in random[1:]:
            continue
        x_unit = "share of the way" if way else distance
        label = "along random directions" if line in random else line.name
        places, found, predicted = _sorted([line] if line not in random else random, start)
        common: dict[str, Any] = {"x_unit": x_unit, "y_unit": b.plan.score, "panel": label}
        bands: dict[str, Any] = {"lower": found.min(0), "upper": found.max(0)} if line in random else {}
        yield Curve("score", places, found.mean(0), **common, **bands)
        bands = {"lower": predicted.min(0), "upper": predicted.max(0)} if line in random else {}
        yield Curve("predicted", places, predicted.mean(0), role="reference", **common, **bands)


def _sorted(
    lines: Sequence[_Line], start: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return places with the picture itself among them, and the lines' scores and predictions there, (lines, places)."""
    count = min(len(line.found) for line in lines)
    places = np.concatenate([[0.0], lines[0].places[:count]])
    order = np.argsort(places)
    found = np.stack([np.concatenate([[start], line.found[:count]]) for line in lines])[:, order]
    predicted = np.stack([np.concatenate([[start], line.predicted(start)[:count]]) for line in lines])[:, order]
    return places[order], found, predicted


def _positions(
    b: Bench, points: Sequence[Tensor], radii: Sequence[float], lines: Sequence[_Line], start: float
) -> tuple[Position, ...]:
    """Return what is seen at each distance along the gradient; it takes one forward for each."""
    made = []
    line = lines[0]
    predicted = line.predicted(start)
    random = [one for one in lines if one.name.startswith("random")]
    for radius, point in zip(radii, points, strict=True):
        (says,) = b.says(point[None])
        numbers: tuple[Number, ...] = ()
        if radius > 0:
            at = int(np.argmin(np.abs(line.places - radius)))
            aside = [float(relative_error(one.found, one.predicted(start), start)[at]) for one in random]
            numbers = (
                Number("score", float(line.found[at]), "the score there"),
                Number("predicted", float(predicted[at]), "what the gradient predicts"),
                Number("error", float(relative_error(line.found, predicted, start)[at]), "the relative error there"),
                Number("error_random", float(np.mean(aside)), "the mean relative error along random directions"),
            )
        picture = b.rgb(point[None])[0]
        made.append(Position(f"{radius:.3g}", radius, pictures={"picture": picture}, says=says, numbers=numbers))
    return tuple(made)
