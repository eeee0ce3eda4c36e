"""One method run to its end on a score function of one's own, for tests of methods; no tests here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

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


OUTCOMES = ("success", "error", "closed")
"""How a run may end."""


def end(f: ScoreFunction, method: str, outcome: str) -> None:
    """Run a method to one of the outcomes."""
    chosen = get(method)
    run = chosen.estimates(f, chosen.validate({}))
    if outcome == "error":
        f.x[0, 0, 0] = float("nan")
        with pytest.raises(sw.SaliencyError):
            list(run)
    elif outcome == "closed":
        next(run)
        run.close()  # type: ignore[attr-defined]
    else:
        list(run)


def snapshot(module: nn.Module) -> tuple[Any, ...]:
    """All tensors' bytes and places, and all hooks, of a module."""
    tensors = {k: (v.data_ptr(), v.numpy().tobytes()) for k, v in module.state_dict().items()}
    hooks = [
        (n, len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for n, m in module.named_modules()
    ]
    return tensors, hooks, [p.grad for p in module.parameters()], [m.training for m in module.modules()]
