"""Where the evidence lies, against a mask that says where it should: shares, ranks and the strongest pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from saliency_widget import heatmaps
from saliency_widget.lab import measures
from saliency_widget.lab.bench import Bench
from saliency_widget.lab.contestants import CONTROLS, contestants
from saliency_widget.lab.cost import Work
from saliency_widget.lab.finding import Curve, Finding, Number, Position
from saliency_widget.lab.registry import experiment
from saliency_widget.methods.parameters import Help, Range

__all__ = ["localisation"]

_PLACES = 40
"""Points of a curve."""


def _no_part(b: Bench) -> str | None:
    seen = np.isfinite(heatmaps.place(np.zeros(_input_size(b), np.float32), b.model.geometry(b.picture)))
    for name, inside in b.masks.items():
        if not (inside & seen).any() or (inside | ~seen).all():
            held = "none" if not (inside & seen).any() else "all"
            return f"{held} of what the model sees of the picture lies in mask '{name}'"
    return None


def _input_size(b: Bench) -> tuple[int, int]:
    width, height = b.model.geometry(b.picture).input_size
    return height, width


@experiment(
    label="Localisation",
    explain="Asks how much of a map lies in the part of the picture where the evidence is known to be.",
    cite="Arras et al. 2022, arXiv:2003.07258; Zhang et al. 2016, arXiv:1608.00507",
    caveat=(
        "A mask says where the evidence should be, not where this model looks: a model that cheats is explained rightly by a map "
        "outside of it. A large mask is hit by chance, so the shares are to be read against the mask's own and the controls'."
    ),
    cost=lambda **_: Work(maps=1),
    needs=("methods", "mask"),
    check=_no_part,
)
def localisation(
    b: Bench,
    *,
    sign: Annotated[
        Literal["positive", "absolute"], Help("Whether evidence against the target counts as well.")
    ] = "positive",
    smooth: Annotated[
        float, Range(0, 20, 0.5), Help("Smoothing of the map before it is compared, in pixels of the model's input.")
    ] = 0.0,
    tolerance: Annotated[
        int, Range(0, 100), Help("How near to the mask the strongest pixel counts as a hit, in the picture's pixels.")
    ] = 15,
) -> Iterator[Finding]:
    """Yield relevance mass and rank accuracy (Arras et al. 2022) and the pointing game (Zhang et al. 2016), for each map.

    *Mass* is the share of the evidence that lies inside the mask, *rank* the share of the strongest pixels, as many as the mask
    has, that lie inside; *pointing* is whether the strongest pixel does, or is as near as `tolerance`. All are taken in the
    picture's own pixels, of what the model saw. By chance each share would be that of the mask, which is given too, as are the
    figures of a random map and an edge detector. Where several masks are given, all are asked; the curves are of the first, or
    of that with the target's head's name.
    """
    total = len(b.plans) + sum(name not in {plan.method.name for plan in b.plans} for name in CONTROLS)
    geometry = b.model.geometry(b.picture)
    main = b.head.name if b.head.name in b.masks else next(iter(b.masks))
    positions: list[Position] = []
    curves: list[Curve] = []
    for done, one in enumerate(contestants(b), start=1):
        heat = heatmaps.place(heatmaps.reduce(one.attribution, sign, "sum", smooth), geometry)
        seen = np.isfinite(heat)
        numbers = [
            number
            for name, inside in b.masks.items()
            for number in _numbers(heat, seen, inside, "" if name == main else f"_{name}", name, tolerance)
        ]
        places = np.unique(np.linspace(seen.sum() / _PLACES, seen.sum(), _PLACES).round().astype(np.int64))
        shares = measures.rank_curve(heat[seen], b.masks[main][seen], places)
        x = places / seen.sum()
        curves.append(
            Curve(one.label, x, shares, "share of the strongest pixels", f"of these inside '{main}'", role=one.role)
        )
        positions.append(
            Position(one.label, float(done - 1), maps={one.label: one.attribution}, numbers=tuple(numbers))
        )
        yield _finding(b, positions, [*curves, _chance(curves[0], b.masks[main][seen])], main, done, total)


def _numbers(
    heat: NDArray[np.float32], seen: NDArray[np.bool_], inside: NDArray[np.bool_], end: str, name: str, tolerance: int
) -> list[Number]:
    values, part = heat[seen], inside[seen]
    hit = measures.points_inside(np.where(seen, heat, 0), inside & seen, tolerance)
    return [
        Number(f"mass{end}", measures.mass_inside(values, part), f"share of the evidence inside '{name}'"),
        Number(
            f"rank{end}",
            measures.rank_inside(values, part),
            f"share inside '{name}' of the strongest pixels, as many as it has",
        ),
        Number(
            f"pointing{end}",
            None if hit is None else float(hit),
            f"whether the strongest pixel lies in '{name}': 1 or 0",
        ),
        Number(f"size{end}", float(part.mean()), f"share of the picture that '{name}' covers: what chance would give"),
    ]


def _chance(like: Curve, part: NDArray[np.bool_]) -> Curve:
    level = np.full(len(like.x), part.mean())
    return Curve("by chance", like.x, level, like.x_unit, like.y_unit, role="reference")


def _finding(
    b: Bench, positions: Sequence[Position], curves: Sequence[Curve], main: str, done: int, total: int
) -> Finding:
    first = positions[0]
    mass, size = first.number("mass"), first.number("size")
    if mass is None or size is None:
        reading = f"{first.label} shows no evidence that could lie anywhere."
    else:
        reading = (
            f"{mass:.0%} of the evidence of {first.label} lies in '{main}', which covers {size:.0%} of the picture."
        )
    return b.finding(
        reading, done, total, curves=tuple(curves), positions=tuple(positions), slider="map", numbers=first.numbers
    )
