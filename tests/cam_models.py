"""Small networks with known class activation maps, and how the tests of these maps run them; no tests here."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models import VisionTransformer

import saliency_widget as sw
from saliency_widget.compute import ScoreFunction
from saliency_widget.methods import get
from saliency_widget.model import read_image
from small_models import keep, picture

FAMILY = ("grad_cam", "grad_cam_pp", "hires_cam", "layer_cam", "xgrad_cam")
CAMS = (*FAMILY, "finer_cam", "score_cam", "ablation_cam", "guided_grad_cam")
SIZE = (24, 16)  # width and height: nothing is square here


class Net(nn.Module):
    """Two convolutions with ReLUs, then a head over the 4 x 6 feature map: pooled, linear over all of it, or one with a bend."""

    def __init__(self, head: str = "pooled", *, inplace: bool = False, classes: int = 4) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(2)
            self.first = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(inplace=inplace))
            self.last = nn.Conv2d(6, 8, 3, 2, 1)
            self.relu = nn.ReLU(inplace=inplace)
            self.pool = nn.AdaptiveAvgPool2d(1) if head == "pooled" else nn.Identity()
            inputs = 8 if head == "pooled" else 8 * 4 * 6
            self.head = nn.Linear(inputs, classes)
            if head == "bent":
                self.head = nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, classes))
        self.double()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(self.relu(self.last(self.first(images)))).flatten(1))


def wrapped(module, size=SIZE):
    model = sw.ImageModel(module, preprocess=keep, device="cpu", precision="float64")
    model.discover(picture(*size))
    return model


def function(model, *targets, layer=None, **options):
    resolved = [model.resolve(target) for target in targets]
    return ScoreFunction(model, read_image(picture(*SIZE)), resolved, layer=layer, **options)


def run(model, method, *targets, layer=None, **params):
    """Return the last estimate of a run."""
    f = function(model, *targets, layer=layer)
    chosen = get(method)
    return list(chosen.estimates(f, chosen.validate(params)))[-1]


def sharp():
    """Return a network whose scores differ by more than a softmax flattens."""
    module = Net("bent")
    with torch.no_grad():
        module.head[-1].weight *= 100
    return module


def small_vit():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5)
        nn.init.normal_(module.heads.head.weight)
    return module.double()


def square():
    return picture(32, 32)
