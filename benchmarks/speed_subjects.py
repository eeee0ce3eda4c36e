"""A network with a picture, ready to be explained by us and by others; it measures nothing.

The networks are seeded, calibrated on photographs and of the size that they are published at. The others get the plain module,
with weights of its own, and the ready input; we get the picture, as a user would hand it over.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from seeded_models import calibrate, check_gradient, photographs
from torch import Tensor, nn

import saliency_widget as sw
from saliency_widget.model.layers import Layer

__all__ = ["CONVOLUTIONAL", "NETWORKS", "Subject", "load"]

CONVOLUTIONAL = ("vgg16", "resnet50", "mobilenet_v2", "efficientnet_b0", "inception_v3")
NETWORKS = (*CONVOLUTIONAL, "vit_b_16")

_CLASSES = 8
_FRAMES = 8


@dataclass
class Subject:
    """One network and one picture.

    Attributes
    ----------
    name : str
        Of the network.
    model : ImageModel
        Ours, float32.
    module : nn.Module
        What the others get; it returns the scores (N, K).
    pictures : list of Tensor
        Two photographs, (3, H, W) in [0, 1]; the first is the one that is explained.
    x : Tensor
        The first one's input (1, C, h, w).
    classes : list of int
        Outputs of the first head; the first is the picture's best.
    steps : int
        Of path methods, and samples of SmoothGrad.
    turn : int
        Which picture was explained last, where two take turns.
    """

    name: str
    model: sw.ImageModel
    module: nn.Module
    pictures: list[Tensor]
    x: Tensor
    classes: list[int]
    steps: int = 50
    turn: int = 0
    _auto: list[sw.ImageModel] = field(default_factory=list)

    @property
    def device(self) -> str:
        """Where the network is: ``"cpu"`` or ``"cuda"``."""
        return self.x.device.type

    @property
    def target(self) -> int:
        """The picture's best class."""
        return self.classes[0]

    @property
    def auto(self) -> sw.ImageModel:
        """The same network of ours, of which the precision may choose itself; made when it is first asked for."""
        if not self._auto:
            other = sw.load(f"torchvision/{self.name}", weights=None, device=self.device, precision="auto")
            other.module.load_state_dict(self.module.state_dict())
            other.discover(self.pictures[0])
            self._auto.append(other)
        return self._auto[0]

    @property
    def layer(self) -> Layer:
        """The layer of class activation maps, where ours works by default."""
        return self.model.layer()

    def goals(self, *classes: int) -> Any:
        """Return targets as our `explain` takes them: one, or a list of several."""
        head = next(iter(self.model.heads))
        found = [sw.Target(head, index=one) for one in classes or (self.target,)]
        return found[0] if len(found) == 1 else found

    def explain(self, method: str, *classes: int, picture: int = 0, auto: bool = False, **params: Any) -> Any:
        """Explain as a user would."""
        model = self.auto if auto else self.model
        return sw.explain(model, self.pictures[picture], self.goals(*classes), method, **params)

    def baseline(self, value: float = 0.0) -> Tensor:
        """Return the input (1, C, h, w) for a picture of one grey value: 0 is black, 1 is white."""
        return self.model.input(torch.full_like(self.pictures[0], value))[None]

    def frames(self) -> Iterator[Tensor]:
        """Yield frames of a moving crop without end, no two of them alike one after the other."""
        picture, place = self.pictures[0], 0
        while True:
            yield picture[:, place : picture.shape[1] - _FRAMES + place, :]
            place = (place + 1) % _FRAMES

    def array(self, found: Tensor) -> NDArray[Any]:
        """Return another library's map of one input (1, C, h, w) as ours is: (C, h, w), in NumPy."""
        values: NDArray[Any] = np.asarray(found[0].detach().cpu())
        return values


def load(name: str, device: str = "cpu", steps: int = 50) -> Subject:
    """Return a network ready to be explained.

    Raises
    ------
    AssertionError
        If its gradient is nearly 0, or as good as infinite: then there is nothing to compare.
    """
    model = sw.load(f"torchvision/{name}", weights=None, device=device, precision="float32")
    pictures = photographs()
    calibrate(model.module, [model.input(picture) for picture in pictures])
    # A second copy: what the others leave on a module cannot reach ours.
    module = copy.deepcopy(model.module)
    scores = next(iter(model.predict(pictures[0]).values())).logits
    order = np.argsort(-np.asarray(scores)).tolist()
    subject = Subject(name, model, module, pictures[:2], model.input(pictures[0])[None], order[:_CLASSES], steps)
    check_gradient(torch.from_numpy(subject.explain("gradient").attribution))
    return subject
