"""What every class of a head looks like to the model, painted side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch

from saliency_widget.lab.bench import Bench, class_targets
from saliency_widget.lab.cost import Work
from saliency_widget.lab.finding import Curve, Finding, Number, Position
from saliency_widget.lab.registry import experiment
from saliency_widget.methods import get
from saliency_widget.methods.canvas import Parameterisation
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.model import Target

__all__ = ["class_model"]


@experiment(
    label="Class models",
    explain="Paints, for every class of a head, the picture that the head takes most for that class.",
    cite="Simonyan et al. 2013, arXiv:1312.6034; Olah et al. 2017, doi:10.23915/distill.00007",
    caveat=(
        "It shows one picture of many that the model rates as high, and none that anybody would take: it says what is enough for "
        "the model, not what it uses in photographs. How it looks is owed to the price of unlike neighbours as much as to the "
        "model."
    ),
    cost=lambda *, steps, most, **_: Work(2 * most, gradients=steps * most, at_most=True),
)
def class_model(
    b: Bench,
    *,
    steps: Annotated[int, Range(1, 2000, log=True), Help("How often each picture is changed.")] = 64,
    most: Annotated[
        int, Range(1, 24), Help("How many classes at most: the likeliest for the picture, if the head has more.")
    ] = 8,
    start: Annotated[Literal["grey", "noise", "picture"], Help("The picture that is changed.")] = "noise",
    total_variation: Annotated[
        float,
        Range(0, 2, 0.01),
        Help("Price of differences between neighbouring pixels: more gives smoother pictures."),
    ] = 0.15,
    parameterisation: Annotated[
        Parameterisation,
        Help("Whether waves or single pixels are changed; waves give larger, smoother shapes."),
    ] = "fourier",
) -> Iterator[Finding]:
    """Yield the class-appearance images of a head's classes as they are painted (Simonyan et al. 2013, arXiv:1312.6034).

    All begin with the same picture and are changed by the same steps, so that what differs between them is the class. See the
    method ``class_appearance`` for how; its other parameters keep their defaults.
    """
    method = get("class_appearance")
    given: dict[str, Any] = {
        "steps": steps, "start": start, "total_variation": total_variation, "parameterisation": parameterisation
    }  # fmt: skip
    targets = _targets(b, most)
    f = b.f.like(targets)
    total = (steps + 1) * len(targets)
    reached: list[list[float]] = [[] for _ in targets]
    for estimate in method.estimates(f, method.validate(given)):
        for history, quality in zip(reached, estimate.quality, strict=True):
            history.append(quality[0].value)
        done = total if estimate.final else estimate.done * len(targets)
        says = b.says(estimate.attribution) if estimate.final else [{} for _ in targets]
        pictures = b.rgb(estimate.attribution)
        positions = tuple(
            Position(str(target.cls if target.cls is not None else target.head), float(i), pictures={"picture": picture},
                     says=said, numbers=(Number("score", reached[i][-1], "the score that was reached"),))
            for i, (target, picture, said) in enumerate(zip(targets, pictures, says, strict=True))
        )  # fmt: skip
        yield _finding(b, targets, reached, positions, done, total)


def _targets(b: Bench, most: int) -> tuple[Target, ...]:
    """Return the classes that are painted, in the head's order, the target's own among them."""
    every = class_targets(b.head)
    if len(every) <= most:
        return every
    likely = torch.as_tensor(b.plan.prediction[b.head.name].logits).argsort(descending=True).tolist()
    index = b.target.index
    chosen = list(dict.fromkeys([*([index] if index is not None and index >= 0 else []), *likely]))[:most]
    return tuple(every[i] for i in sorted(chosen))


def _finding(
    b: Bench,
    targets: Sequence[Target],
    reached: Sequence[list[float]],
    positions: tuple[Position, ...],
    done: int,
    total: int,
) -> Finding:
    curves = tuple(
        Curve(
            position.label, np.arange(1.0, len(history) + 1), np.array(history), "steps", b.plan.score, "score reached"
        )
        for position, history in zip(positions, reached, strict=True)
    )
    numbers = tuple(
        Number(f"reached_{position.label}", history[-1], f"score of the picture painted for {target}")
        for position, target, history in zip(positions, targets, reached, strict=True)
    )
    own = b.plan.scores[0]
    best = max(history[-1] for history in reached)
    reading = (
        f"The head '{b.head.name}' as {len(targets)} pictures; the strongest reaches a score of {best:.3g}, the picture's own "
        f"target has {own:.3g}."
    )
    return b.finding(
        reading, done, total, curves=curves, positions=positions, slider=f"class of '{b.head.name}'", numbers=numbers
    )
