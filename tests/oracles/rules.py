"""Methods that change a network's rules, by captum and by zennit, fed with our settings; no tests here.

``ORACLES`` maps a method's name to a callable ``(module, x, target, settings)`` that returns a NumPy array (C, h, w). `module`
returns scores (N, K), `x` is one input (1, C, h, w), `target` the index of an output, `settings` our parameters and what they
came to: ``baseline`` (DeepLIFT), ``low`` and ``high`` (Deep Taylor, tensors (1, C, h, w)), ``canonizer`` (of zennit, for LRP).

What of the peers is not taken over, and why:

- captum changes modules only: ReLUs that are functions keep their plain gradient, and one that is used twice is refused. The
  networks that it is given here have a module for each ReLU, which does not work in place. Of modules it changes ``nn.ReLU``
  alone: a ReLU with a cap is given to its guided backprop and DeconvNet as a ReLU and a cap behind it.
- Its DeepLIFT loses what a max pool does where an activation stands right before it, since both hook the same tensor, and where
  the pool's windows overlap, since its unpooling keeps one of several values: comparable where neither is so.
- zennit merges a batch norm into the layer before it, but leaves the norm its epsilon, so that each still divides by the root
  of 1 + 1e-5: set to 0 here, behind the merging.
- It finds the norm's layer by the order in which modules are listed, which is wrong in a DenseNet, and needs a canonizer of its
  own for each kind of residual block: comparable for a VGG and for torchvision's ResNets.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from saliency_widget.methods.surgery.passing import Passed

__all__ = ["ORACLES", "caps_apart"]

Oracle = Callable[[nn.Module, Tensor, int, Mapping[str, Any]], NDArray[Any]]


class Cap(nn.Module):
    """What a ReLU6 is besides a ReLU; either nothing comes back from where it is reached, or all goes through."""

    def __init__(self, top: float, *, through: bool) -> None:
        super().__init__()
        self.top, self.through = top, through

    def forward(self, x: Tensor) -> Tensor:
        capped = x.clamp(max=self.top)
        return Passed.apply(x, capped) if self.through else capped


def caps_apart(module: nn.Module, *, through: bool) -> nn.Module:
    """Return a copy in which each ReLU with a cap is a ReLU and a cap."""
    made = copy.deepcopy(module)
    for parent in list(made.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.Hardtanh) and layer.min_val == 0:
                setattr(parent, name, nn.Sequential(nn.ReLU(), Cap(layer.max_val, through=through)))
    return made


def guided_backprop(module: nn.Module, x: Tensor, target: int, _settings: Mapping[str, Any]) -> NDArray[Any]:
    """Return captum's GuidedBackprop."""
    from captum.attr import GuidedBackprop

    return _array(GuidedBackprop(caps_apart(module, through=False)).attribute(x.clone(), target))


def deconvnet(module: nn.Module, x: Tensor, target: int, _settings: Mapping[str, Any]) -> NDArray[Any]:
    """Return captum's Deconvolution."""
    from captum.attr import Deconvolution

    return _array(Deconvolution(caps_apart(module, through=True)).attribute(x.clone(), target))


def deeplift(module: nn.Module, x: Tensor, target: int, settings: Mapping[str, Any]) -> NDArray[Any]:
    """Return captum's DeepLift."""
    from captum.attr import DeepLift

    return _array(DeepLift(copy.deepcopy(module)).attribute(x.clone(), settings["baseline"].clone(), target))


def lrp(module: nn.Module, x: Tensor, target: int, settings: Mapping[str, Any]) -> NDArray[Any]:
    """Return LRP by the composite of zennit that goes by the same name."""
    from zennit import composites, rules, types

    canonizers = [settings["canonizer"]()] if "canonizer" in settings else []
    epsilon, gamma = settings.get("epsilon", 1e-6), settings.get("gamma", 0.25)
    rule = settings.get("rule", "epsilon_plus_flat")
    if rule == "epsilon_plus_flat":
        composite = composites.EpsilonPlusFlat(epsilon=epsilon, canonizers=canonizers)
    elif rule == "alpha_beta":
        composite = composites.EpsilonAlpha2Beta1(epsilon=epsilon, canonizers=canonizers)
    else:
        convolution = rules.Gamma(gamma=gamma) if rule == "gamma" else rules.Epsilon(epsilon=epsilon)
        layers = [
            *composites.layer_map_base(),
            (types.Convolution, convolution),
            (nn.Linear, rules.Epsilon(epsilon=epsilon)),
        ]
        composite = composites.LayerMapComposite(layers, canonizers=canonizers)
    return _relevance(module, x, target, composite)


def deep_taylor(module: nn.Module, x: Tensor, target: int, settings: Mapping[str, Any]) -> NDArray[Any]:
    """Return z-plus everywhere, with the z-box in the first layer."""
    from zennit import composites, rules, types

    composite = composites.SpecialFirstLayerMapComposite(
        [*composites.layer_map_base(), (types.Linear, rules.ZPlus())],
        [(types.Linear, rules.ZBox(low=settings["low"], high=settings["high"]))],
        canonizers=[settings["canonizer"]()] if "canonizer" in settings else [],
    )
    return _relevance(module, x, target, composite)


ORACLES: dict[str, Oracle] = {
    "guided_backprop": guided_backprop,
    "deconvnet": deconvnet,
    "deeplift": deeplift,
    "lrp": lrp,
    "deep_taylor": deep_taylor,
}


def _relevance(module: nn.Module, x: Tensor, target: int, composite: Any) -> NDArray[Any]:
    """Return what zennit's own attributor gives, with the score itself as what is handed back."""
    from zennit.attribution import Gradient

    network = copy.deepcopy(module)
    with Gradient(network, composite) as attributor:
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d) and composite.canonizers:
                layer.eps = 0.0
        _, relevance = attributor(
            x.clone().requires_grad_(), lambda scores: scores * torch.eye(scores.shape[1]).to(scores)[[target]]
        )
    return _array(relevance)


def _array(values: Tensor) -> NDArray[Any]:
    return np.asarray(values[0].detach())
