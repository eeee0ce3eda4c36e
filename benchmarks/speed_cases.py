"""What is run by us and by others, side by side: the cases of the speed benchmark; nothing is measured here.

A case is one thing that a user may want. Ours is called as a user calls it, from the picture to the finished `Explanation`, on an
`ImageModel` that has seen an image. The others start at the ready input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import speed_peers as peers
import torch
from numpy.typing import NDArray
from same_map import FLOAT32, Tolerance
from speed_subjects import NETWORKS, Subject

import saliency_widget as sw

__all__ = ["AUTO", "CASES", "REGIONS", "Case", "Peer"]

Run = Callable[[], Any]
Make = Callable[[Subject], Run]
Map = Callable[[Subject], NDArray[Any]]

AUTO = Tolerance(rank=0.99, distance=0.1)
"""For a map in a reduced precision against the same one in float32: a cosine of 0.995 is a distance of 0.1."""

REGIONS = Tolerance(rank=0.95, distance=0.1)
"""For XRAI, which picks region after region: a last digit can send it another way."""

_STOPPING = 0.05


@dataclass(frozen=True)
class Peer:
    """Another library's way of doing a case.

    Attributes
    ----------
    library : str
        Its name for people.
    defaults : callable or None
        Makes what is run with the library's own settings.
    best : callable or None
        Makes what is run at its best, where that is no matter of a batch size.
    batched : callable or None
        Makes what is run with a given batch size, of which the best is found.
    sweep : str
        Cases of one library that share this name share the batch size that was found best for one of them.
    trial : callable or None
        What is run to find it, where it is not `batched` itself.
    map : callable or None
        Returns the map that is compared with ours; what `defaults` runs where None.
    """

    library: str
    defaults: Make | None = None
    best: Make | None = None
    batched: Callable[[Subject, int | None], Run] | None = None
    sweep: str = ""
    trial: Callable[[Subject, int | None], Run] | None = None
    map: Map | None = None

    def found(self, s: Subject) -> NDArray[Any]:
        """Return the map that is compared with ours."""
        if self.map is not None:
            return self.map(s)
        make = self.defaults or self.best
        if make is None:
            message = f"nothing of {self.library} gives a map that could be compared"
            raise ValueError(message)
        result: NDArray[Any] = make(s)()
        return result


@dataclass(frozen=True)
class Case:
    """One thing that is measured.

    Attributes
    ----------
    name, title : str
    ours : callable
        Makes what we run.
    peers : tuple of Peer
    networks : tuple of str
    tolerance : Tolerance
        Within which our map and a peer's are the same.
    map : callable or None
        Returns our map for the comparison; that of what `ours` runs where None.
    variants : mapping of str to callable
        Other ways of ours; what they make is None where this version does not know them.
    """

    name: str
    title: str
    ours: Make
    peers: tuple[Peer, ...] = ()
    networks: tuple[str, ...] = NETWORKS
    tolerance: Tolerance = FLOAT32
    map: Map | None = None
    variants: Mapping[str, Callable[[Subject], Run | None]] = field(default_factory=dict)

    def found(self, s: Subject) -> NDArray[Any]:
        """Return our map for the comparison."""
        return self.map(s) if self.map is not None else values(self.ours(s)())


def values(found: Any) -> NDArray[Any]:
    """Return the attribution (C, h, w) of an explanation, or (T, C, h, w) of a list of them."""
    if isinstance(found, list):
        return np.stack([one.attribution for one in found])
    result: NDArray[Any] = found.attribution
    return result


def _ours(method: str, count: str = "", **params: Any) -> Make:
    """Return what makes a run of one of our methods; `count` is the parameter that takes the number of steps."""

    def make(s: Subject) -> Run:
        given = {**params, **({count: s.steps} if count else {})}
        return lambda: s.explain(method, **given)

    return make


def _auto(method: str, count: str) -> Callable[[Subject], Run | None]:
    """Return what makes the same in a precision that is measured first; None where float32 is what comes of it."""

    def make(s: Subject) -> Run | None:
        verdict = sw.measure_precision(s.auto, s.pictures[0], s.goals(), method, **{count: s.steps})
        print(f"{s.name} {method}: {verdict}", flush=True)
        return (lambda: s.explain(method, auto=True, **{count: s.steps})) if verdict.good else None

    return make


def _stopping(s: Subject) -> Run | None:
    """Return XRAI that stops by itself."""
    return lambda: s.explain("xrai", steps=2 * s.steps, tolerance=_STOPPING)


def _eight(s: Subject) -> Run:
    return lambda: s.explain("integrated_gradients", *s.classes, steps=s.steps)


def _second(s: Subject) -> Run:
    return lambda: s.explain("gradient", s.classes[1], picture=s.turn)


def _first(s: Subject) -> Run:
    """Return the first class of another picture than the last, so that nothing of it can be kept."""

    def run() -> Any:
        s.turn = 1 - s.turn
        return s.explain("gradient", picture=s.turn)

    return run


def _second_map(s: Subject) -> NDArray[Any]:
    s.turn = 1
    _first(s)()
    return values(_second(s)())


def _first_estimate(s: Subject) -> Run:
    def run() -> Any:
        stream = sw.stream(s.model, s.pictures[0], s.goals(), "integrated_gradients", steps=s.steps)
        return next(stream)

    return run


def _bare(s: Subject) -> Run:
    def run() -> NDArray[Any]:
        x = s.x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(s.module(x)[:, s.target].sum(), x)
        return s.array(gradient)

    return run


def _live(s: Subject) -> Run:
    frames, goal = s.frames(), s.goals()
    return lambda: sw.explain(s.model, next(frames), goal, "gradient")


def _default(batched: Callable[[Subject, int | None], Run]) -> Make:
    return lambda s: batched(s, None)


def _swept(library: str, batched: Callable[..., Run], sweep: str, **others: Any) -> Peer:
    return Peer(library, _default(batched), batched=batched, sweep=sweep, **others)


_CAPTUM, _PAIR, _CAM, _ZENNIT = "captum", "PAIR", "grad-cam", "zennit"
_TWO = ("resnet50", "mobilenet_v2")

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Case(
            "gradient",
            "Gradient",
            _ours("gradient"),
            (Peer(_CAPTUM, peers.captum_gradient),),
        ),
        Case(
            "integrated_gradients",
            "Integrated Gradients",
            _ours("integrated_gradients", "steps"),
            (
                _swept(
                    _CAPTUM,
                    peers.captum_integrated_gradients,
                    "paths",
                    map=lambda s: peers.captum_integrated_gradients(s, 8)(),  # all steps at once may not fit
                ),
                _swept(_PAIR, peers.pair_integrated_gradients, "paths", map=peers.pair_integrated_gradients_map),
            ),
            variants={"auto": _auto("integrated_gradients", "steps")},
        ),
        Case(
            "smoothgrad",
            "SmoothGrad",
            _ours("smoothgrad", "samples"),
            (
                _swept(_CAPTUM, peers.captum_smoothgrad, "noise", map=peers.captum_smoothgrad_map),
                # It goes sample by sample, whatever one asks for: the defaults are the best.
                Peer(_PAIR, best=peers.pair_smoothgrad, map=peers.pair_smoothgrad_map),
            ),
            variants={"auto": _auto("smoothgrad", "samples")},
        ),
        Case(
            "eight_targets",
            "Integrated Gradients of eight targets",
            _eight,
            (
                Peer(
                    _CAPTUM,
                    batched=peers.captum_eight_targets,
                    sweep="paths",
                    trial=peers.captum_integrated_gradients,
                    map=lambda s: peers.captum_eight_targets(s, 8)(),
                ),
            ),
        ),
        Case(
            "second_class",
            "A second class of the same picture, gradient",
            _second,
            (
                Peer("the first class", _first, map=_second_map),
                Peer(
                    _CAPTUM,
                    lambda s: peers.captum_gradient(s, s.classes[1]),
                ),
            ),
            map=_second_map,
        ),
        Case(
            "blur_ig",
            "Blur IG",
            _ours("blur_ig", "steps"),
            (_swept(_PAIR, peers.pair_blur_ig, "blur", map=peers.pair_blur_ig_map),),
            _TWO,
            map=lambda s: values(s.explain("blur_ig", steps=s.steps, rule="sharp_end")),
        ),
        Case(
            "xrai",
            "XRAI, the same segments",
            lambda s: lambda: s.explain("xrai", steps=2 * s.steps),
            (
                _swept(
                    f"{_PAIR} fast",
                    peers.pair_xrai,
                    "pair paths",
                    trial=peers.pair_integrated_gradients,
                    map=peers.pair_xrai_map,
                ),
            ),
            _TWO,
            REGIONS,
            variants={"stopping": _stopping},
        ),
        Case(
            "grad_cam",
            "Grad-CAM",
            _ours("grad_cam"),
            (
                # captum's works at feature maps alone.
                Peer(_CAPTUM, lambda s: _maps_only(s, peers.captum_grad_cam)),
                Peer(_CAM, peers.cam_defaults, peers.cam_best, map=peers.cam_map),
            ),
        ),
        Case(
            "lrp",
            "LRP, epsilon plus flat",
            _ours("lrp"),
            (Peer(_ZENNIT, peers.lrp_defaults, peers.lrp_best),),
            ("vgg16", "resnet50"),
        ),
        Case(
            "first_estimate",
            "The first estimate of Integrated Gradients",
            _first_estimate,
            (Peer("one bare forward and backward", _bare),),
            map=lambda s: values(s.explain("gradient")),
        ),
        Case("live", "Gradient on frames of a moving crop", _live, (), _TWO),
    )
}
"""By name, in the order in which they run."""


def _maps_only(s: Subject, make: Make) -> Run:
    if s.layer.kind != "map":
        message = "captum's Grad-CAM has no way to say how tokens lie over the picture"
        raise NotImplementedError(message)
    return make(s)
