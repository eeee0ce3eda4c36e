"""What a model says of a picture, with what a map of that picture can begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from saliency_widget.errors import NotFinite
from saliency_widget.model.heads import Prediction
from saliency_widget.model.images import Picture
from saliency_widget.model.passes import Held
from saliency_widget.model.scoring import logits, predict

if TYPE_CHECKING:
    from saliency_widget.model.image_model import ImageModel

__all__ = ["Look", "look"]


@dataclass(frozen=True, eq=False)
class Look:
    """One look at a picture.

    Attributes
    ----------
    prediction : dict of str to Prediction
        What each head says.
    held : Held or None
        The way there, if somebody asked for it; who does not use it puts it back.
    """

    prediction: dict[str, Prediction]
    held: Held | None = None


def look(model: ImageModel, picture: Picture, layer: str | None = None) -> Look:
    """Run a model on a picture once.

    Parameters
    ----------
    model : ImageModel
        Just refreshed, its heads known.
    picture : Picture
    layer : str or None
        The layer, or ``passes.INPUT``, to which a gradient of this picture will be taken; None if none will.

    Raises
    ------
    ModelError, NotFinite
    """
    points = model.input(picture)[None]
    held = None
    if layer is not None and model.on_shadow:
        held = model.kept.take(model, points, layer) or model.kept.make(model, points, layer)
        outputs = held.found.outputs
    else:
        outputs = model.scores(points, grad=False)
    if not all(bool(torch.isfinite(logits(values, model.heads[name])).all()) for name, values in outputs.items()):
        raise NotFinite(model.blame(points))
    return Look({name: predict(values[0], model.heads[name]) for name, values in outputs.items()}, held)
