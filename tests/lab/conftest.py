"""What the experiments' tests share: a picture that no attack can push over its ends, and runs whose work is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import saliency_widget as sw
from small_models import Linear, Quadratic, keep, two_heads


@pytest.fixture
def grey() -> Image.Image:
    """A picture whose pixels are all far from black and white."""
    return Image.fromarray(np.random.default_rng(5).integers(110, 146, (8, 12, 3), dtype=np.uint8))


@pytest.fixture
def linear() -> sw.ImageModel:
    return sw.ImageModel(Linear(), preprocess=keep, device="cpu")


@pytest.fixture
def quadratic() -> sw.ImageModel:
    return sw.ImageModel(Quadratic(), preprocess=keep, device="cpu", precision="float64")


@pytest.fixture
def small() -> sw.ImageModel:
    return two_heads(torch.float64)


@pytest.fixture
def forwards() -> Callable[..., tuple[Any, int, int]]:
    """Run an experiment; return its last finding, and how many points went forwards and how many gradients back."""

    def run(name: str, *args: Any, **options: Any) -> tuple[Any, int, int]:
        common = {key: options.pop(key) for key in ("method", "other", "mask", "score") if key in options}
        setup = sw.lab.set_up(name, *args, params=options, **common)
        bench = setup.bench()
        with torch.no_grad():
            *_, last = setup.experiment.work(bench, **setup.params)
        return last, bench.f.forwards, bench.f.backwards

    return run
