"""Small networks for methods that change the rules: known rectifiers, residual blocks, transformers; no tests here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import saliency_widget as sw
from small_models import keep

SIDE = 16
IMAGE = np.random.default_rng(4).random((SIDE, SIDE, 3))


def wrapped(module: nn.Module, image: np.ndarray = IMAGE, **options: object) -> sw.ImageModel:
    """Return a module in float64, its heads known."""
    model = sw.ImageModel(module.double().eval(), preprocess=keep, device="cpu", **options)
    model.discover(image)
    return model


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """Return what `make` makes with a seed of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module: nn.Module = make()
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 1.5)
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.normal_(layer.bias, 0, 0.1)
    return module


def chain(*, inplace: bool = False, bias: bool = True, norm: bool = True, pool: bool = True) -> nn.Sequential:
    """Return a small VGG: a module for each step."""
    layers = [
        nn.Conv2d(3, 6, 3, padding=1, bias=bias),
        nn.BatchNorm2d(6) if norm else nn.Identity(),
        nn.ReLU(inplace),
        nn.Conv2d(6, 6, 3, padding=1, bias=bias),
        nn.MaxPool2d(2) if pool else nn.Identity(),
        nn.Conv2d(6, 8, 3, bias=bias),
        nn.ReLU(inplace),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 12, bias=bias),
        nn.ReLU(inplace),
        nn.Linear(12, 4, bias=bias),
    ]
    return nn.Sequential(*(layer for layer in layers if not isinstance(layer, nn.Identity)))


class Spelled(nn.Module):
    """The same steps as :func:`chain`, with ReLUs spelled in every way that torch knows."""

    def __init__(self, steps: nn.Sequential) -> None:
        super().__init__()
        self.first, self.norm, _, self.second, self.pool, self.third, _, self.mean, _, self.dense, _, self.last = steps
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.norm(self.first(x)))
        x = self.third(self.pool(self.second(x)))
        x.relu_()
        x = self.mean(x).flatten(1)
        return self.last(F.relu(self.dense(x)))


class Residual(nn.Module):
    """Two residual blocks, an addition in place, a ReLU that is used three times, a mean as a function."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.one = nn.Conv2d(6, 6, 3, padding=1)
        self.two = nn.Conv2d(6, 6, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.last = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.norm(self.stem(x)))
        x = self.relu(x + self.one(x))
        y = self.two(x)
        y += x
        return self.last(self.relu(y).mean((2, 3)))


class Attending(nn.Module):
    """One layer of attention, of one head, over the pixels of a small picture; no biases anywhere."""

    def __init__(self, *, fused: bool = True) -> None:
        super().__init__()
        self.fused = fused
        self.embed = nn.Conv2d(3, 6, 4, 4, bias=False)
        self.qkv = nn.Linear(6, 18, bias=False)
        self.head = nn.Linear(6, 4, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.embed(x).flatten(2).transpose(1, 2)
        q, k, v = (part.unsqueeze(1) for part in self.qkv(tokens).chunk(3, -1))
        plain = (q @ k.transpose(-2, -1) / 6**0.5).softmax(-1) @ v
        mixed = F.scaled_dot_product_attention(q, k, v) if self.fused else plain
        return self.head((tokens + mixed.squeeze(1)).mean(1))
