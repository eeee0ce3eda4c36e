"""What there is to know about a built-in model: its network, its heads, its data and how it is trained; no model itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.transforms import v2

__all__ = ["SIZE", "BuiltIn", "Recipe", "Task", "preprocess"]

SIZE = 224
"""Height and width in pixels of the pictures that the built-in models see."""

_MEAN, _STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def preprocess() -> v2.Compose:
    """Return what turns an image (3, H, W) in [0, 1] into the built-in models' input."""
    return v2.Compose([v2.Resize(SIZE, antialias=True), v2.CenterCrop(SIZE), v2.Normalize(_MEAN, _STD)])


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes
    ----------
    scenes : int
        Training pictures.
    epochs : int
        How often each is seen.
    small : float
        Share of the epochs, the first ones, that see the pictures at half their size, four times as fast.
    batch : int
        Pictures per step.
    rate : float
        Highest learning rate of the one-cycle schedule.
    decay : float
        Weight decay.
    noise : float
        Largest standard deviation of the noise that is added to a training picture in [0, 1].
    precision : str
        ``"bfloat16"``, by autocast, or ``"float32"``, whichever is faster for the network on a CPU.
    seed : int
        Of everything random.
    """

    scenes: int = 8_000
    epochs: int = 6
    small: float = 0.67
    batch: int = 64
    rate: float = 4e-3
    decay: float = 0.05
    noise: float = 0.12
    precision: str = "bfloat16"
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """What models are trained for: labelled pictures, and how far outputs are from the labels.

    Attributes
    ----------
    name : str
        Names the files of the drawn pictures.
    draw : callable
        Takes a seed, returns a picture (H, W, 3) of uint8 and its labels, numbers, always as many and in the same order.
        A function of a module, since other processes run it.
    vary : callable
        Takes training pictures (N, 3, h, w) in [0, 1] and :attr:`Recipe.noise`, returns varied ones.
    loss : callable
        Takes the network's outputs, by head, in float32, and the labels (N, k) as `draw` gave them; returns one number.
    measure : callable
        Takes the same, returns under the name of each head a value (N,) for each picture; the mean of them over the
        held-out pictures is what is printed.
    measured : str
        What that mean is: ``"accuracy"``.
    shown : str
        How it is printed, a format: ``"{:.2%}"``.
    """

    name: str
    draw: Callable[[int], tuple[NDArray[np.uint8], Sequence[float]]]
    vary: Callable[[Tensor, float], Tensor]
    loss: Callable[[Mapping[str, Tensor], Tensor], Tensor]
    measure: Callable[[Mapping[str, Tensor], Tensor], dict[str, Tensor]]
    measured: str = "accuracy"
    shown: str = "{:.2%}"


@dataclass(frozen=True)
class BuiltIn:
    """A built-in model.

    Attributes
    ----------
    network : callable
        Returns the untrained network: images (N, 3, h, w) to outputs (N, K) by name of the head.
    heads : mapping
        As for :class:`saliency_widget.ImageModel`.
    task : Task
        What it is trained for.
    recipe : Recipe
        How it was trained.
    preprocess : callable
        Returns what turns an image into the network's input, the normalisation last.
    """

    network: Callable[[], nn.Module]
    heads: Mapping[str, Any]
    task: Task
    recipe: Recipe = field(default_factory=Recipe)
    preprocess: Callable[[], v2.Compose] = preprocess
