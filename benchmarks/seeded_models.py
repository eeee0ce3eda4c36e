"""Networks without pretrained weights that behave like trained ones: seeded, calibrated on photographs.

As torchvision initialises them, the gradient of a ViT is exactly 0 (its head is), EfficientNet's 1e-14 and Inception's 6e10
(their batch norms have seen nothing): a method would be tested on noise, or on nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import skimage.data
import torch
from torch import Tensor, nn
from torchvision.transforms.v2 import functional

__all__ = ["calibrate", "check_gradient", "photographs", "seeded"]

_STD = 0.05
_SMALLEST, _LARGEST = 1e-7, 1e4


def photographs() -> list[Tensor]:
    """Return a few photographs, (3, H, W) in [0, 1], that scikit-image carries."""
    pictures = (skimage.data.astronaut(), skimage.data.coffee(), skimage.data.chelsea(), skimage.data.rocket())
    return [functional.to_dtype(torch.from_numpy(p).permute(2, 0, 1), torch.float32, scale=True) for p in pictures]


def seeded(make: Callable[[], Any], seed: int = 0) -> Any:
    """Return what `make` makes, with random numbers of its own; the global generator stays where it was."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The default weight initialization")
        torch.manual_seed(seed)
        return make()


def calibrate(module: nn.Module, inputs: Sequence[Tensor], seed: int = 0) -> nn.Module:
    """Give a network a head that is not zero, and its batch norms the statistics of photographs.

    Parameters
    ----------
    module : nn.Module
        Changed in place, and returned in evaluation mode.
    inputs : sequence of Tensor
        Normalised photographs, each (C, h, w), of one shape.
    seed : int
        Of the head's weights.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d) and not layer.weight.any():
                layer.weight.normal_(0, _STD, generator=generator)
        norms = [layer for layer in module.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]  # noqa: SLF001
        module.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over all that it sees
            norm.train()
        if norms:
            module(torch.stack(list(inputs)))
    return module.eval()


def check_gradient(gradient: Tensor) -> float:
    """Return the largest magnitude of a gradient, which has to be sane.

    Raises
    ------
    AssertionError
    """
    peak = float(gradient.abs().max())
    if not _SMALLEST < peak < _LARGEST:
        message = f"the gradient's largest value is {peak:.2g}; a network like that tests nothing"
        raise AssertionError(message)
    return peak
