"""How far the gradient is noise: how alike the gradients of neighbouring points are, by distance, by depth, and smoothed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from saliency_widget.compute import ScoreFunction
from saliency_widget.errors import ModelError, NotFinite, OutOfMemory
from saliency_widget.lab.bench import Bench
from saliency_widget.lab.cost import Work
from saliency_widget.lab.finding import Curve, Finding, Number, Position
from saliency_widget.lab.measures import cosine
from saliency_widget.lab.registry import experiment
from saliency_widget.methods.parameters import Help, Range

__all__ = ["autocorrelation", "shattered"]

_PLAIN, _SMOOTH = "gradient", "smoothed gradient"
_HALF = 0.5

_Lags = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@experiment(
    label="Shattered gradients",
    explain="Walks a short way through the pictures and asks how alike the gradients at neighbouring points are.",
    cite="Balduzzi et al. 2017, arXiv:1702.08591; Smilkov et al. 2017, arXiv:1706.03825",
    caveat=(
        "Gradients that change fast are hard to read, not wrong: each is exact at its own point. That smoothing makes neighbours "
        "alike is no proof that the smooth map explains more, since a map that ignores the model is perfectly alike."
    ),
    cost=lambda *, steps, samples, layers, **_: Work(gradients=steps * (1 + samples + layers)),
    needs=("other",),
)
def shattered(
    b: Bench,
    *,
    steps: Annotated[int, Range(3, 64), Help("How many points there are on the way.")] = 12,
    length: Annotated[
        float,
        Range(0.0001, 1, log=True),
        Help("How long the way is: root mean square of the change of all pixels, where 1 is from black to white."),
    ] = 0.1,
    direction: Annotated[
        Literal["random", "gradient", "other"],
        Help("Which way it goes; 'other' is all the way to the other picture, however long."),
    ] = "random",
    samples: Annotated[
        int, Range(0, 64), Help("Noisy copies for the smoothed gradient at each point; 0 for none.")
    ] = 8,
    noise: Annotated[
        float, Range(0.001, 1, log=True), Help("Strength of that noise, as a share of the input's range.")
    ] = 0.15,
    layers: Annotated[int, Range(0, 16), Help("At how many layers the gradient is looked at as well; 0 for none.")] = 4,
) -> Iterator[Finding]:
    """Yield the gradient's autocorrelation along a straight way (Balduzzi et al. 2017, arXiv:1702.08591).

    For two points it is the cosine of the angle between their gradients, 1 where they are the same map but for its scale, 0
    where they have nothing in common; for a distance it is the mean over all pairs so far apart. A linear model has 1
    everywhere, white noise 0 from the first step. The same is asked of the gradient averaged over noisy copies (SmoothGrad,
    the same noise at every point), and of the gradients with respect to the outputs of some layers: the deeper the layer, the
    less network lies between it and the score.
    """
    f, units = b.f, b.units
    names = _spread([layer.name for layer in f.facts.layers], layers)
    total = steps * (1 + samples + len(names))
    step = _whole_way(b, direction, length)
    places = np.linspace(0.0, 1.0, steps)
    points = [f.x + float(place) * step for place in places]
    distances = places * units.distance(step)
    spread = noise * float(f.x.max() - f.x.min())
    found: dict[str, list[Tensor]] = {_PLAIN: []}
    done = 0
    for chunk in f.each(points):
        found[_PLAIN] += list(chunk.gradients[0])
        done += len(chunk.scores)
        if done < total:
            yield _finding(b, found, {}, distances, done, total)
    if samples:
        found[_SMOOTH] = []
        for point in points:
            noisy = (point + spread * f.noise(i) for i in range(samples))
            mean = torch.zeros_like(f.x)
            for chunk in f.each(noisy):
                mean += chunk.gradients[0].sum(0) / samples
            found[_SMOOTH].append(mean)
            done += samples
            if done < total:
                yield _finding(b, found, {}, distances, done, total)
    depths: dict[str, _Lags] = {}
    for name in names:
        inner = _at(f, name, points)
        if inner:
            depths[name] = autocorrelation(inner)
        done += steps
        if done < total:
            yield _finding(b, found, depths, distances, done, total)
    yield _finding(b, found, depths, distances, total, total, with_positions=True)


def autocorrelation(gradients: Sequence[Tensor]) -> _Lags:
    """Return the mean, the lowest and the highest cosine between gradients, by how many steps they lie apart.

    Parameters
    ----------
    gradients : sequence of Tensor
        At evenly spaced points.

    Returns
    -------
    tuple of numpy.ndarray
        Each of shape (n,), beginning with lag 0; NaN where all gradients of a pair are zero.
    """
    rows = torch.stack([one.flatten() for one in gradients]).double()
    sizes = rows.norm(dim=1, keepdim=True)
    rows = torch.where(sizes > 0, rows / sizes, torch.nan)
    table = (rows @ rows.T).clamp(-1, 1).cpu().numpy()
    lags = [np.diagonal(table, lag) for lag in range(len(table))]
    known = [lag[np.isfinite(lag)] for lag in lags]
    kinds = (np.mean, np.min, np.max)
    mean, lowest, highest = (np.array([kind(lag) if len(lag) else np.nan for lag in known]) for kind in kinds)
    return mean, lowest, highest


def _at(f: ScoreFunction, layer: str, points: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradients with respect to a layer's output; none where the score does not depend on it."""
    found: list[Tensor] = []
    try:
        for chunk in f.at(layer).each(points):
            found += list(chunk.gradients[0])
    except (NotFinite, OutOfMemory):
        raise
    except ModelError:
        return []
    return found


def _whole_way(b: Bench, direction: str, length: float) -> Tensor:
    if direction == "other":
        return b.second() - b.f.x
    if direction == "random":
        return length * b.units.unit(b.f.noise(-1))
    (chunk,) = b.f.each([b.f.x])
    return length * b.units.unit(chunk.gradients[0, 0] * b.units.span)


def _spread(names: Sequence[str], most: int) -> list[str]:
    """Return some of the names, evenly chosen, the first and the last among them."""
    if most == 0 or not names:
        return []
    places = np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int)
    return [names[place] for place in dict.fromkeys(places.tolist())]


def _finding(
    b: Bench,
    found: dict[str, list[Tensor]],
    depths: dict[str, _Lags],
    distances: NDArray[np.float64],
    done: int,
    total: int,
    *,
    with_positions: bool = False,
) -> Finding:
    unit = f"distance, in {b.units.name}s (root mean square)"
    curves, numbers = [], []
    for label, gradients in found.items():
        if gradients:
            mean, lowest, highest = autocorrelation(gradients)
            far = distances[: len(mean)]
            curves.append(Curve(label, far, mean, unit, "autocorrelation", "by distance", lower=lowest, upper=highest))
            numbers += _figures(label, far, mean)
    near = [float(mean[1]) for mean, _, _ in depths.values() if len(mean) > 1]
    if near:
        places = np.arange(1.0, len(near) + 1)
        named = f"layer: {', '.join(depths)}"
        curves.append(
            Curve("gradient at layers", places, np.array(near), named, "autocorrelation, one step", "by depth")
        )
        numbers += [
            Number(f"one_step_at_{name}", value, f"autocorrelation over one step of the gradient at layer {name}")
            for name, value in zip(depths, near, strict=True)
        ]
    positions = _positions(found, distances) if with_positions else ()
    reading = _reading(numbers, distances)
    return b.finding(
        reading, done, total, curves=tuple(curves), positions=positions, slider=unit, numbers=tuple(numbers)
    )


def _figures(label: str, far: NDArray[np.float64], mean: NDArray[np.float64]) -> list[Number]:
    short = "gradient" if label == _PLAIN else "smoothed"
    if len(mean) < 2:
        return []
    below = np.flatnonzero(mean < _HALF)
    half: float | None = None
    if len(below):
        at = int(below[0])
        half = float(np.interp(-_HALF, -mean[at - 1 : at + 1], far[at - 1 : at + 1]))
    means = f"distance at which the {label}'s autocorrelation falls to one half"
    if half is None:
        means += f"; it does not, up to {far[-1]:.3g}"
    step = float(mean[1]) if np.isfinite(mean[1]) else None
    return [
        Number(f"{short}_one_step", step, f"autocorrelation of the {label} over one step, {far[1]:.2g}"),
        Number(f"{short}_half", half, means),
    ]


def _reading(numbers: Sequence[Number], distances: NDArray[np.float64]) -> str:
    known = {number.name: number for number in numbers}
    plain, smooth = known.get("gradient_one_step"), known.get("smoothed_one_step")
    if plain is None or plain.value is None:
        return "Nothing can be said before there are gradients at two points."
    text = f"Gradients {distances[1]:.2g} apart have a correlation of {plain.value:.2f}"
    return (
        f"{text}, smoothed ones {smooth.value:.2f}." if smooth is not None and smooth.value is not None else f"{text}."
    )


def _positions(found: dict[str, list[Tensor]], distances: NDArray[np.float64]) -> tuple[Position, ...]:
    made = []
    for i, distance in enumerate(distances.tolist()):
        maps = {label: gradients[i].cpu().numpy() for label, gradients in found.items()}
        numbers = []
        for label, gradients in found.items():
            like = cosine(gradients[0].double().cpu().numpy(), gradients[i].double().cpu().numpy())
            short = "gradient" if label == _PLAIN else "smoothed"
            numbers.append(
                Number(f"{short}_like_first", like, f"cosine of the {label} with that at the picture itself")
            )
        made.append(Position(f"{distance:.3g}", distance, maps=maps, numbers=tuple(numbers)))
    return tuple(made)
