"""A dozen small image models, each with something that is easily disturbed: modes, buffers, hooks, reused or in-place layers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import (
    convnext,
    densenet,
    efficientnet,
    mobilenetv3,
    resnet,
    swin_transformer,
    vision_transformer,
)

__all__ = ["MODELS", "SIDE", "Trip", "build"]

SIDE = 64


class Trip(nn.Module):
    """The last layer of each model here: raises at a given call, once it was told to."""

    calls_left: ClassVar[int | None] = None
    raises: ClassVar[type[BaseException]] = RuntimeError

    @classmethod
    def at(cls, call: int | None, raises: type[BaseException] = RuntimeError) -> None:
        cls.calls_left, cls.raises = call, raises

    def forward(self, x: Any) -> Any:
        if Trip.calls_left is not None:
            Trip.calls_left -= 1
            if Trip.calls_left <= 0:
                raise Trip.raises("the wire was tripped")
        return x


class PlainConvolutions(nn.Module):
    """ReLUs in place and dropout, as in VGG."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(4),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Flatten(), nn.Linear(8 * 16 * 16, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class Branches(nn.Module):
    """ReLUs as functions, and branches that are put together, as in Inception."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2)
        self.one = nn.Conv2d(6, 4, 1)
        self.three = nn.Conv2d(6, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        x = F.relu(self.norm(torch.cat([self.one(x), self.three(x)], 1)), inplace=True)
        return self.head(x.mean((2, 3)))


class TwoHeads(nn.Module):
    """Classes and a value, in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 5, stride=4), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout2d(0.3))
        self.style = nn.Linear(8, 3)
        self.age = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.body(x).mean((2, 3))
        return {"style": self.style(x), "age": self.age(x)}


@dataclass
class Output:
    logits: Tensor
    hidden: tuple[Tensor, ...]


class TakesNotes(nn.Module):
    """Writes into a buffer, a list and a number at each forward, and ends in a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 6, 7, stride=4)
        self.head = nn.utils.parametrizations.weight_norm(nn.Linear(6, 4))
        self.register_buffer("seen", torch.zeros(1))
        self.register_buffer("loose", torch.zeros(3), persistent=False)
        self.shapes: list[tuple[int, ...]] = []
        self.count = 0

    def forward(self, x: Tensor) -> Output:
        self.seen += len(x)
        self.count += 1
        self.shapes.append(tuple(x.shape))
        features = self.body(x).relu()
        return Output(self.head(features.mean((2, 3))).softmax(1), (features,))


class NoCopies(PlainConvolutions):
    """Refuses to be copied, and holds a lock."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.norm = nn.BatchNorm2d(3)

    def __deepcopy__(self, memo: dict[int, Any]) -> NoCopies:
        raise TypeError("there is only one of me")

    def forward(self, x: Tensor) -> Tensor:
        with self.lock:
            return super().forward(self.norm(x))


def _efficient() -> nn.Module:
    block = efficientnet.MBConvConfig
    return efficientnet.EfficientNet(
        [block(1, 3, 1, 8, 8, 1, 1, 1), block(2, 3, 2, 8, 12, 1, 1, 1)], dropout=0.2, num_classes=4, last_channel=16
    )


def _mobile() -> nn.Module:
    block = partial(mobilenetv3.InvertedResidualConfig, width_mult=1)
    settings = [block(8, 3, 8, 8, True, "RE", 2, 1), block(8, 3, 16, 12, True, "HS", 2, 1)]
    return mobilenetv3.MobileNetV3(settings, 24, num_classes=4)


def _residual() -> nn.Module:
    net = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=4)
    return net.to(memory_format=torch.channels_last)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "plain": PlainConvolutions,
    "residual": _residual,
    "mobile": _mobile,
    "efficient": _efficient,
    "branches": Branches,
    "transformer": lambda: vision_transformer.VisionTransformer(SIDE, 16, 2, 2, 16, 32, num_classes=4),
    "windows": lambda: swin_transformer.SwinTransformer([4, 4], 8, [1, 1], [1, 2], [4, 4], num_classes=4),
    "convnext": lambda: convnext.ConvNeXt(
        [convnext.CNBlockConfig(8, 12, 1), convnext.CNBlockConfig(12, None, 1)], num_classes=4
    ),
    "dense": lambda: densenet.DenseNet(4, (1, 1), 8, num_classes=4),
    "two heads": TwoHeads,
    "takes notes": TakesNotes,
    "no copies": NoCopies,
}


def build(name: str) -> nn.Module:
    """Make one of the models in a state that is full of things to disturb, always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(sum(map(ord, name)))
        net = MODELS[name]()
        for weight in net.parameters():
            if not weight.any():
                nn.init.normal_(weight, std=0.1)  # torchvision's transformers begin with a head of zeros
        model = nn.Sequential(net, Trip())
    model.train()
    layers = list(net.modules())
    layers[len(layers) // 2].eval()
    weights = list(net.parameters())
    weights[0].requires_grad_(False)
    weights[-1].grad = torch.full_like(weights[-1], 0.25)
    layers[-1].register_forward_hook(_notice)
    layers[-1].register_full_backward_hook(_notice_backwards)
    return model


def _notice(_layer: nn.Module, _inputs: object, _output: object) -> None:
    """Be a user's own hook."""


def _notice_backwards(_layer: nn.Module, _given: object, _taken: object) -> None:
    """Be a user's own hook on the way back."""
