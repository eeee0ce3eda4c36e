"""The networks on which methods are compared with other libraries, and what those libraries are given; no comparison here.

A peer gets the same function of the same weights, spelled so that it can follow: each ReLU is a module that is called once and
not in place, each sum of a residual block is a module, each pool of features is one. :func:`spelled` does that, and checks that
the scores have not changed.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import torch
from seeded_models import calibrate, check_gradient, photographs
from torch import Tensor, nn
from torchvision.models.inception import BasicConv2d
from torchvision.models.mobilenetv2 import InvertedResidual, MobileNetV2
from torchvision.models.resnet import Bottleneck

import saliency_widget as sw
from saliency_widget.compute import ScoreFunction
from saliency_widget.demo.networks import MultiHead

__all__ = ["NETWORKS", "Network", "Precision", "Ready", "load"]

SEED = 3


@dataclass(frozen=True)
class Network:
    """One network, and how large its input is here.

    Attributes
    ----------
    name : str
        As :func:`saliency_widget.load` takes it.
    side : int
        Of the input, in pixels.
    cam_side : int
        Of the input for class activation maps, whose default layer has a grid of 3 x 3 to 6 x 6 then.
    few : str
        A layer of few channels, for methods that take a forward for each; rectified where the network has ReLUs.
    few_side : int
        Of the input for those.
    pictures : int
        On how many photographs a method is compared that asks for several.
    """

    name: str
    side: int
    cam_side: int
    few: str
    few_side: int
    pictures: int = 3


NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        Network("demo/vgg", 112, 128, "body.2", 64),
        Network("torchvision/vgg16", 64, 96, "features.3", 32, pictures=2),
        Network("torchvision/resnet50", 64, 128, "relu", 32),
        Network("torchvision/mobilenet_v2", 64, 128, "features.0", 32),
        Network("torchvision/efficientnet_b0", 64, 128, "features.0", 32),
        Network("torchvision/inception_v3", 80, 171, "Conv2d_1a_3x3", 80),
    )
}


@dataclass(frozen=True)
class Precision:
    """A network in one precision, ready to be explained by us and by others.

    Attributes
    ----------
    f, cam, few : ScoreFunction
        Of the best class of one picture: of the input, of the default layer, of the layer of few channels. The first two go
        point by point, since the rounding errors of a forward depend on how many points share it.
    module : nn.Module
        What others are given; it returns the scores (N, K) of the target's head.
    """

    f: ScoreFunction
    cam: ScoreFunction
    few: ScoreFunction
    module: nn.Module


@dataclass(frozen=True)
class Ready:
    """A network with weights, in both precisions, and its spelling for others.

    Attributes
    ----------
    network : Network
    head : str
        The first one.
    double, single : (nn.Module, nn.Module)
        Ours and the others', in float64 and in float32.
    pairs : dict
        What :meth:`pair` has made.
    models : dict
        Ours, by precision and side of the input.
    """

    network: Network
    head: str
    double: tuple[nn.Module, nn.Module]
    single: tuple[nn.Module, nn.Module]
    pairs: dict[int, tuple[Precision, Precision]] = field(default_factory=dict)
    models: dict[tuple[torch.dtype, int], sw.ImageModel] = field(default_factory=dict)

    def pair(self, picture: int = 0) -> tuple[Precision, Precision]:
        """Return both precisions, ready to explain the best class of a photograph."""
        if picture not in self.pairs:
            image = photographs()[picture]
            first = self._functions(self.double[0], image, [None] * 3)
            second = self._functions(self.single[0], image, [f.targets[0].index for f in first])
            self.pairs[picture] = Precision(*first, self.double[1]), Precision(*second, self.single[1])
        return self.pairs[picture]

    def _functions(self, module: nn.Module, image: Tensor, targets: list[Any]) -> list[ScoreFunction]:
        """Return the three score functions: of these outputs, or each of its best class."""
        one = self.network
        asked = ((one.side, None, 1), (one.cam_side, None, 1), (one.few_side, one.few, None))
        functions = []
        for (side, layer, chunk), target in zip(asked, targets, strict=True):
            model = self._model(module, side)
            best = target if target is not None else int(model.predict(image)[self.head].logits.argmax())
            resolved = model.resolve(sw.Target(self.head, index=best))
            default = model.facts.default_layer if model.facts else None
            functions.append(
                ScoreFunction(model, model.read(image), [resolved], layer=layer or default, seed=SEED, chunk=chunk)
            )
        for f in functions:
            check_gradient(next(iter(f.each([f.x]))).gradients)
        return functions

    def _model(self, module: nn.Module, side: int) -> sw.ImageModel:
        key = next(module.parameters()).dtype, side
        if key not in self.models:
            model = sw.ImageModel(module, input_size=side, device="cpu")
            model.discover(photographs()[0])
            # On a copy no faster one is made, in which the batch norms are merged: its sums go in another order.
            self.models[key] = model.altered()
        return self.models[key]


def load(name: str) -> Ready:
    """Return a network, seeded and calibrated on photographs, or with the weights of the built-in one.

    Raises
    ------
    AssertionError
        If the peers' spelling gives other scores.
    """
    network = NETWORKS[name]
    module = sw.load(name).module if name.startswith("demo/") else sw.load(name, weights=None).module
    module.eval()
    model = sw.ImageModel(module, input_size=network.cam_side, device="cpu")
    inputs = [model.input(picture) for picture in photographs()]
    if not name.startswith("demo/"):
        calibrate(module, inputs)
    model.discover(photographs()[0])
    head = next(iter(model.heads))
    double = copy.deepcopy(module).double()
    both = ((one, spelled(one, head, x[None])) for one, x in ((double, inputs[0].double()), (module, inputs[0])))
    return Ready(network, head, *both)


def spelled(module: nn.Module, head: str, x: Tensor) -> nn.Module:
    """Return the same network, its weights shared, in the spelling that other libraries can follow."""
    made = _one_head(_copy(module), head)
    for name, layer in list(made.named_modules()):
        other = _other(layer)
        if other is not None:
            parent, _, last = name.rpartition(".")
            setattr(made.get_submodule(parent), last, other)
    _keep_together(made)
    with torch.no_grad():
        before, after = module(x), made(x)
    before = before[head] if isinstance(before, dict) else before
    if not torch.equal(before, after):
        message = (
            f"the peers' spelling of {type(module).__name__} gives other scores: {float((before - after).abs().max())}"
        )
        raise AssertionError(message)
    return made


def _copy(module: nn.Module) -> nn.Module:
    """Return a copy that shares the weights."""
    return copy.deepcopy(module, {id(weight): weight for weight in (*module.parameters(), *module.buffers())})


def _keep_together(module: nn.Module) -> None:
    """Let copies of a network share the weights of its linear layers: those of a VGG are a gigabyte, and peers copy often."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.weight = weight = nn.Parameter(layer.weight.data, requires_grad=False)
            vars(weight)["__deepcopy__"] = lambda _memo, weight=weight: weight


def _one_head(module: nn.Module, head: str) -> nn.Module:
    """Return a network of one head, its pooling and flattening as modules, under the old names as far as layers go."""
    if isinstance(module, MultiHead):
        steps = {"body": module.body, "pool": module.pool, "flat": nn.Flatten(), "head": module.heads[head]}
    elif isinstance(module, MobileNetV2):
        pool, flat = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        steps = {"features": module.features, "pool": pool, "flat": flat, "classifier": module.classifier}
    else:
        return module
    return nn.Sequential(OrderedDict(steps))


def _other(layer: nn.Module) -> nn.Module | None:
    """Return a layer in the spelling that others can follow, or None where it needs no other."""
    if isinstance(layer, nn.ReLU | nn.ReLU6 | nn.SiLU):
        layer.inplace = False
    elif isinstance(layer, Bottleneck):
        layer.relu = _Turns([nn.ReLU() for _ in range(3)])
    elif isinstance(layer, BasicConv2d):
        return nn.Sequential(OrderedDict(conv=layer.conv, bn=layer.bn, relu=nn.ReLU()))
    elif isinstance(layer, InvertedResidual) and layer.use_res_connect:
        return _Added(layer.conv)
    elif isinstance(layer, nn.MaxPool2d):
        return nn.Sequential(_Apart(), copy.copy(layer))
    return None


class _Apart(nn.Module):
    """Hands on a copy, so that what stands before and what stands behind do not hook the same tensor."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the copy."""
        return x.clone()


class _Turns(nn.Module):
    """Several modules that are called in turns, where the network calls one several times."""

    def __init__(self, modules: list[nn.Module]) -> None:
        super().__init__()
        self.turns = nn.ModuleList(modules)
        self.next = 0

    def forward(self, x: Tensor) -> Tensor:
        """Call the one whose turn it is."""
        chosen = self.turns[self.next]
        self.next = (self.next + 1) % len(self.turns)
        y: Tensor = chosen(x)
        return y


class _Added(nn.Module):
    """A residual block whose sum is a module, one that zennit has a rule for."""

    def __init__(self, conv: nn.Module) -> None:
        from zennit.layer import Sum

        super().__init__()
        self.conv = conv
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of what comes in and of what the convolutions make of it."""
        y: Tensor = self.sum(torch.stack([x, self.conv(x)], -1))
        return y
