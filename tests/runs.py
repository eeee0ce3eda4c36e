"""One method run to its end on a score function of one's own, for tests of methods; no tests here."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import saliency_widget as sw
from saliency_widget.compute import ScoreFunction
from saliency_widget.methods import Estimate, get
from saliency_widget.model import read_image


def function(model: sw.ImageModel, image: Any, targets: list[Any], **options: Any) -> ScoreFunction:
    """Return the score function of targets that are spelled out."""
    found = read_image(image)
    model.discover(found)
    return ScoreFunction(model, found, [model.resolve(target) for target in targets], **options)


def estimates(f: ScoreFunction, method: str, **params: Any) -> list[Estimate]:
    """Return all estimates of a run."""
    chosen = get(method)
    with torch.no_grad():
        return list(chosen.estimates(f, chosen.validate(params)))


def last(f: ScoreFunction, method: str, **params: Any) -> np.ndarray:
    """Return the final maps (T, C, h, w) of a run."""
    return estimates(f, method, **params)[-1].attribution.numpy()


def relative(ours: Any, theirs: Any) -> float:
    """Return the relative L2 distance of one array from another."""
    return float(np.linalg.norm(np.asarray(ours) - np.asarray(theirs)) / np.linalg.norm(np.asarray(theirs)))
