"""What the original experiment compares: the architectures, the methods with their parameters, and how each map is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import saliency_widget as sw

__all__ = [
    "ARCHITECTURES",
    "CASES",
    "CONTROLS",
    "FIRST_SEED",
    "HEADS",
    "ROWS",
    "TIERS",
    "UNTRAINED",
    "Case",
    "Tier",
    "label",
    "sign",
]

HEADS = ("style", "perspective")
ARCHITECTURES = ("vgg", "mobilenet", "inception", "efficientnet")
FIRST_SEED = 500_000
UNTRAINED = "untrained "
"""What stands before the name of an architecture whose weights are as they were before its training."""

Tier = Literal["cheap", "middle", "expensive", "steady"]
TIERS: tuple[Tier, ...] = ("cheap", "middle", "expensive", "steady")
"""How much a run costs: up to ten gradients; up to a hundred; more. And `steady`: the methods of the claims, run twice."""

CONTROLS = ("edges", "plain_input", "random")
"""Maps that know no model."""


@dataclass(frozen=True)
class Case:
    """One run of a method, and the maps that are kept of it.

    Attributes
    ----------
    name : str
        What its map is called here; the method's name, but for one that is run with other parameters.
    tier : {"cheap", "middle", "expensive"}
    method : str
        Empty where it has the same name.
    params : mapping of str to object
    free : tuple of str
        Methods whose maps come from the same run.
    untrained : bool
        Whether it is run on the untrained networks too.
    steady : bool
        Whether it is run on a slightly noisy copy of the picture too.
    """

    name: str
    tier: Tier
    method: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    untrained: bool = False
    steady: bool = False

    @property
    def run(self) -> str:
        """The name of the method that is run."""
        return self.method or self.name


CASES = (
    Case("gradient", "cheap", untrained=True, steady=True),
    Case("input_x_gradient", "cheap", untrained=True),
    Case("guided_backprop", "cheap", untrained=True),
    Case("deconvnet", "cheap"),
    Case("deeplift", "cheap"),
    Case("lrp", "cheap"),
    Case("deep_taylor", "cheap"),
    Case("grad_cam", "cheap", free=("grad_cam_pp", "hires_cam", "layer_cam", "xgrad_cam"), untrained=True, steady=True),
    Case("finer_cam", "cheap"),
    Case("guided_grad_cam", "cheap"),
    *(Case(name, "cheap") for name in CONTROLS),
    Case("smoothgrad", "middle", params={"samples": 25}, free=("smoothgrad_squared", "vargrad"), steady=True),
    Case("integrated_gradients", "middle", params={"steps": 25}, free=("idgi",), steady=True),
    Case("smoothgrad_ig", "middle", "integrated_gradients", {"steps": 8, "samples": 8}, steady=True),
    Case("blur_ig", "middle", params={"steps": 25}, steady=True),
    Case("guided_ig", "middle", params={"steps": 25}),
    Case("expected_gradients", "middle", params={"samples": 25}),
    Case("xrai", "middle", params={"steps": 13}, steady=True),
    Case("occlusion", "middle"),
    Case("ablation_cam", "middle"),
    Case("score_cam", "expensive", params={"channels": 256}),
    Case("rise", "expensive", params={"samples": 256}),
)
"""All runs. Each method that averages gets 25 gradients (XRAI 13 on each of its two paths; SmoothGrad-IG 64: eight noisy
copies of eight steps), half of its default, so that more scenes can be looked at."""

ROWS = (
    *("gradient", "input_x_gradient", "guided_backprop", "deconvnet"),
    *("smoothgrad", "smoothgrad_squared", "vargrad"),
    *("integrated_gradients", "idgi", "smoothgrad_ig", "blur_ig", "guided_ig", "expected_gradients", "xrai"),
    *("grad_cam", "grad_cam_pp", "hires_cam", "layer_cam", "xgrad_cam", "finer_cam"),
    *("ablation_cam", "score_cam", "guided_grad_cam"),
    *("occlusion", "rise", "lrp", "deep_taylor", "deeplift"),
    *CONTROLS,
)
"""The maps in the order of the tables."""

_POSITIVE = frozenset(("cam", "regions", "perturbation"))


def sign(name: str) -> Literal["positive", "absolute"]:
    """Return how a map is read, as its paper draws it: what speaks for the class alone, or all by its strength."""
    known = sw.methods()
    if name not in known or name == "guided_grad_cam":
        return "absolute"
    return "positive" if known[name].family in _POSITIVE else "absolute"


def label(name: str) -> str:
    """Return what a map is called in a table."""
    known = sw.methods()
    return "SmoothGrad-IG" if name == "smoothgrad_ig" else known[name].label
