"""Small models and pictures that many tests use, with known gradients or known heads; no tests here."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import nn

import saliency_widget as sw


def keep(image: torch.Tensor) -> torch.Tensor:
    """Preprocess by doing nothing."""
    return image


def picture(width: int = 12, height: int = 8, seed: int = 0) -> Image.Image:
    """Return a random picture."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


class Linear(nn.Module):
    """Two classes, each a weighted sum of all pixels."""

    def __init__(self, width: int = 12, height: int = 8, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.weight = nn.Parameter(torch.randn(2, 3, height, width, generator=generator, dtype=dtype))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nchw,kchw->nk", images, self.weight)


class Quadratic(nn.Module):
    """One value: half the squared length of the picture, whose Integrated Gradients are x * x / 2 from black."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 0.5 * images.square().flatten(1).sum(1)


class TwoHeads(nn.Module):
    """A small convolutional network with a classification and a regression head."""

    def __init__(self, dtype: torch.dtype = torch.float32, *, inplace: bool = False) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.body = nn.Sequential(
                nn.Conv2d(3, 6, 3, padding=1),
                nn.BatchNorm2d(6),
                nn.ReLU(inplace=inplace),
                nn.MaxPool2d(2),
                nn.Conv2d(6, 8, 3, padding=1),
                nn.ReLU(inplace=inplace),
                nn.Dropout(0.5),
            )
            self.style = nn.Linear(8, 3)
            self.age = nn.Linear(8, 1)
        self.to(dtype)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.body(images).mean((2, 3))
        return {"style": self.style(features), "age": self.age(features)}


STYLES = ["gothic", "neoclassical", "greek_roman"]


def two_heads(dtype: torch.dtype = torch.float32, **options: object) -> sw.ImageModel:
    """Return the small network, wrapped, its heads known."""
    heads = {"style": STYLES, "age": sw.Regression(unit="years")}
    model = sw.ImageModel(TwoHeads(dtype), heads=heads, preprocess=keep, device="cpu", **options)
    model.discover(picture())
    return model
