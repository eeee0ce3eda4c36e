"""From a choice to the plan of its run, the same for a click, for idle work and for live pictures; on the compute thread only."""

from __future__ import annotations

from collections.abc import Mapping

from saliency_widget.model import ImageModel, Picture, Prediction
from saliency_widget.plan import Plan, prepare
from saliency_widget.runner.job import Choice

__all__ = ["plan_of"]


def plan_of(
    model: ImageModel, picture: Picture, choice: Choice, prediction: Mapping[str, Prediction] | None = None
) -> Plan:
    """Return the plan of a choice for a picture, which is predicted unless its prediction is given.

    Raises
    ------
    SaliencyError
        Whatever does not fit, with what was expected.
    """
    return prepare(
        model,
        picture,
        list(choice.targets),
        choice.method,
        score=choice.score,
        layer=choice.layer,
        seed=choice.seed,
        tolerance=choice.tolerance,
        params=choice.params,
        prediction=prediction,
    )
