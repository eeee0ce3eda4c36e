"""The networks of the built-in models, made of torchvision's building blocks; their weights are elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn
from torchvision.models.efficientnet import EfficientNet, MBConvConfig
from torchvision.models.inception import BasicConv2d, InceptionA, InceptionB, InceptionC, InceptionD, InceptionE
from torchvision.models.mobilenetv2 import MobileNetV2
from torchvision.models.vgg import make_layers

__all__ = ["MultiHead", "efficientnet", "inception", "mobilenet", "vgg"]


class MultiHead(nn.Module):
    """One body that sees the picture, and a classifier for each head on top of it.

    Parameters
    ----------
    body : nn.Module
        Takes images (N, 3, h, w), returns feature maps (N, width, h', w').
    width : int
        Channels of those maps.
    heads : mapping of str to int
        Number of outputs of each head, by name.
    """

    def __init__(self, body: nn.Module, width: int, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.body = body
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in heads.items()})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the outputs (N, K) of each head, by name."""
        features = self.pool(self.body(images)).flatten(1)
        return {name: head(features) for name, head in self.heads.items()}


def vgg(heads: Mapping[str, int]) -> MultiHead:
    """Return a narrow VGG: 3 x 3 convolutions with batch norm and ReLU, five max poolings, 0.8 million weights."""
    layers: list[str | int] = [16, "M", 32, "M", 64, 64, "M", 128, 128, "M", 192, 192, "M"]
    return MultiHead(make_layers(layers, batch_norm=True), 192, heads)


def mobilenet(heads: Mapping[str, int]) -> MultiHead:
    """Return MobileNetV2 [1]_ at half its width: inverted residuals around a depthwise convolution, ReLU6.

    References
    ----------
    .. [1] Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018.
    """
    return MultiHead(MobileNetV2(width_mult=0.5).features, 1280, heads)


def inception(heads: Mapping[str, int]) -> MultiHead:
    """Return Inception v3 [1]_ at a quarter of its width, without its auxiliary head.

    Each of its blocks looks in parallel with convolutions of several sizes, 7 x 7 factorised into 1 x 7 and 7 x 1, and
    with a pooling.

    References
    ----------
    .. [1] Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015.
    """

    def narrow(channels_in: int, channels_out: int, **options: Any) -> BasicConv2d:
        return BasicConv2d(channels_in // 4, channels_out // 4, **options)

    return MultiHead(
        nn.Sequential(
            BasicConv2d(3, 8, kernel_size=3, stride=2, padding=1),
            narrow(32, 32, kernel_size=3, padding=1),
            narrow(32, 64, kernel_size=3, padding=1),
            nn.MaxPool2d(3, stride=2, padding=1),
            narrow(64, 80, kernel_size=1),
            narrow(80, 192, kernel_size=3, padding=1),
            nn.MaxPool2d(3, stride=2, padding=1),
            InceptionA(192, 64, narrow),
            InceptionA(288, 64, narrow),
            InceptionB(288, narrow),
            InceptionC(768, 128, narrow),
            InceptionC(768, 192, narrow),
            InceptionD(768, narrow),
            InceptionE(1280, narrow),
        ),
        512,
        heads,
    )


def efficientnet(heads: Mapping[str, int]) -> MultiHead:
    """Return EfficientNet-B0 [1]_ at half its width and depth: MBConv blocks with squeeze and excitation, SiLU.

    References
    ----------
    .. [1] Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019.
    """
    block = partial(MBConvConfig, width_mult=0.5, depth_mult=0.5)
    settings = [  # expansion, kernel, stride, channels in and out, layers, as in the paper's table 1
        block(1, 3, 1, 32, 16, 1),
        block(6, 3, 2, 16, 24, 2),
        block(6, 5, 2, 24, 40, 2),
        block(6, 3, 2, 40, 80, 3),
        block(6, 5, 1, 80, 112, 3),
        block(6, 5, 2, 112, 192, 4),
        block(6, 3, 1, 192, 320, 1),
    ]
    return MultiHead(EfficientNet(settings, dropout=0, stochastic_depth_prob=0).features, 640, heads)
