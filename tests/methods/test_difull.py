"""Two heads that each see half of the picture: evidence in the other half is provably wrong (after Rao et al. 2022, DiFull)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import saliency_widget as sw
from saliency_widget.plan import prepare

SIDE = 32
FAMILIES = {"gradients", "noise", "paths", "cam", "relevance"}
QUICK = {"steps": 6, "samples": 6}
POOLED = {"grad_cam", "grad_cam_pp", "xgrad_cam", "finer_cam", "score_cam", "ablation_cam", "guided_grad_cam"}
"""These weigh a whole channel at once, wherever it is active: nothing in their formula keeps them to a head's half."""


class Halves(nn.Module):
    """Head `left` sees the left half of the picture alone, head `right` the right half."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=1)
        )
        self.together = nn.ReLU()
        self.left = nn.Linear(8, 3)
        self.right = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        middle = x.shape[3] // 2
        # Each half goes through the same body on its own, so that no kernel reaches across the middle.
        features = self.together(torch.cat([self.body(x[..., :middle]), self.body(x[..., middle:])], 3))
        one, other = features.chunk(2, 3)
        return {"left": self.left(one.mean((2, 3))), "right": self.right(other.mean((2, 3)))}


@pytest.fixture(scope="module")
def model() -> sw.ImageModel:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = Halves()
    return sw.ImageModel(net, preprocess=lambda image: image, precision="float64")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).random((SIDE, SIDE, 3))


def cases() -> list[str]:
    return [name for name, method in sw.methods().items() if method.family in FAMILIES and name not in POOLED]


@pytest.mark.parametrize("name", cases())
def test_no_attribution_lies_in_the_half_that_a_head_cannot_see(model, image, name):
    model.discover(image)
    method = sw.methods()[name]
    applies = method.applies(model)
    if not applies:
        pytest.skip(applies.reason)
    params = {key: value for key, value in QUICK.items() if key in method.parameters}
    layer = "together" if method.layer else None
    plan = prepare(model, image, ["left:0", "right:1"], name, layer=layer, params=params)
    last = None
    for last in plan.estimates():  # noqa: B007 - the last one is what counts
        pass
    # On the method's own grid: drawn larger, a coarse map shades into the neighbouring cell.
    maps = last.attribution.abs().sum(1)
    middle = maps.shape[2] // 2
    left, right = maps[:, :, :middle].sum((1, 2)), maps[:, :, middle:].sum((1, 2))
    assert float(left[0]) > 0
    assert float(right[1]) > 0
    assert float(right[0] / left[0]) < 1e-6
    assert float(left[1] / right[1]) < 1e-6
