"""The networks of the built-in models, made of torchvision's building blocks; their weights are elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torchvision.models.vgg import make_layers

__all__ = ["NETWORKS", "MultiHead", "vgg"]


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


NETWORKS: dict[str, Callable[[Mapping[str, int]], MultiHead]] = {"vgg": vgg}
