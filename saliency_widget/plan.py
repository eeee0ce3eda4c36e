"""The plan of a job: all that it needs, checked before anything is computed, and run wherever it is iterated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch

from saliency_widget import heatmaps
from saliency_widget.compute import SCORES, CancelToken, Score, ScoreFunction
from saliency_widget.errors import BadParameter, NotApplicable, nearest
from saliency_widget.explanation import Explanation
from saliency_widget.methods import Estimate, Method, check_tolerance, get, until_precise
from saliency_widget.model import ImageModel, Picture, Prediction, Target, as_model
from saliency_widget.model.passes import INPUT, Held
from saliency_widget.model.precision import REDUCED
from saliency_widget.model.scoring import check_score, score_at

_SEEDS = 1 << 63

_COUNTS = ("steps", "samples")
"""Parameters that say how many gradients a method takes."""

__all__ = ["Plan", "look_ahead", "prepare"]


@dataclass(frozen=True, eq=False)
class Plan:
    """All that a job needs, checked: run it by iterating over :meth:`estimates`.

    Attributes
    ----------
    model : ImageModel
    picture : Picture
    targets : tuple of Target
        Resolved.
    method : Method
    params : dict
        Every parameter of the method, defaults included.
    score, layer, seed, tolerance
        As for :func:`explain`.
    prediction : dict of str to Prediction
        What the model says of the picture.
    ready : list of Held
        The picture's way through the network, where it was gone for the prediction: the first run takes it out.
    reduced : bool
        Whether it is computed in reduced precision, since that was found to give the same map.
    """

    model: ImageModel
    picture: Picture
    targets: tuple[Target, ...]
    method: Method
    params: dict[str, Any]
    score: Score
    layer: str | None
    seed: int
    prediction: Mapping[str, Prediction]
    ready: list[Held] = field(default_factory=list)
    tolerance: float | None = None
    reduced: bool = False

    @property
    def precision(self) -> str:
        """The floating type of the computation."""
        return str(REDUCED if self.reduced else self.model.dtype).removeprefix("torch.")

    @property
    def run(self) -> str:
        """The method with its parameters, but for how much it computes: what a verdict on precision holds for."""
        others = {name: value for name, value in self.params.items() if name not in _COUNTS}
        return json.dumps([self.method.sibling_of or self.method.name, others, self.tolerance], sort_keys=True)

    def put_back(self) -> None:
        """Keep what is ready where a later run finds it, and looks at whether it still holds."""
        while self.ready:
            self.ready.pop().put_back()

    def estimates(self, cancel: CancelToken | None = None, *, running: bool = True) -> Iterator[Estimate]:
        """Run the job on the calling thread; yield ever better estimates of all targets' maps.

        Parameters
        ----------
        cancel : CancelToken, optional
        running : bool
            False where only the last estimate is looked at, which is the same: methods then save what only the others need.

        Raises
        ------
        Cancelled
            Inside the network, once `cancel` is cancelled.
        ModelError, NotFinite, OutOfMemory
        """
        f = ScoreFunction(
            self.model,
            self.picture,
            self.targets,
            score=self.score,
            layer=self.layer,
            seed=self.seed,
            cancel=cancel,
            held=self.ready.pop() if self.ready else None,
            reduced=self.reduced,
            running=running or self.tolerance is not None,
        )
        with torch.inference_mode(mode=False):
            tolerance = self.tolerance if self.method.stops else None
            run = until_precise(self.method.estimates(f, self.params), tolerance)
        while True:
            # Entered for each step, not around the loop: the consumer's code runs between two of them.
            with torch.inference_mode(mode=False), torch.no_grad():
                estimate = next(run, None)
            if estimate is None:
                return
            yield estimate

    @cached_property
    def scores(self) -> tuple[float, ...]:
        """Each target's score at the picture."""
        heads = self.model.heads
        return tuple(score_at(self.prediction[t.head], heads[t.head], t, self.score) for t in self.targets)

    @property
    def total(self) -> int:
        """How many gradients or forwards the run takes for one target, as the method states it."""
        width, height = self.model.geometry(self.picture).input_size
        return self.method.units(self.params, (height, width))

    def explanations(self, estimate: Estimate, elapsed: float = 0.0) -> list[Explanation]:
        """Return one explanation for each target, from an estimate.

        Parameters
        ----------
        estimate : Estimate
            One of those that :meth:`estimates` yielded.
        elapsed : float
            Seconds since the job began.
        """
        geometry = self.model.geometry(self.picture)
        size = (geometry.input_size[1], geometry.input_size[0])
        maps = [heatmaps.enlarge(one, size) for one in estimate.attribution.detach().cpu().numpy()]
        siblings = (
            {
                name: [heatmaps.enlarge(one, size) for one in other.detach().cpu().numpy()]
                for name, other in estimate.siblings.items()
            }
            if estimate.final
            else {}
        )
        pictures = self._pictures(estimate)
        return [
            Explanation(
                attribution=maps[t],
                target=target,
                method=self.method.name,
                params=dict(self.params),
                score=self.score,
                score_value=self.scores[t],
                seed=self.seed,
                layer=self.layer,
                prediction=self.prediction,
                quality=estimate.quality[t] if estimate.quality else (),
                done=estimate.done,
                total=estimate.total,
                kind=estimate.kind,
                elapsed=elapsed,
                precision=self.precision,
                model=self.model.name,
                picture=self.picture,
                geometry=geometry,
                rgb_pixels=None if pictures is None else pictures[t],
                sibling_maps={name: other[t] for name, other in siblings.items()},
            )
            for t, target in enumerate(self.targets)
        ]

    def _pictures(self, estimate: Estimate) -> Any:
        """Return what a method of kind ``picture`` made, as colours (T, h, w, 3), 8 bits; None for an attribution."""
        if estimate.kind != "picture":
            return None
        colours = self.model.to_pixels(estimate.attribution.detach())
        return colours.mul(255).round().byte().movedim(1, -1).cpu().numpy()

    def key(self, revision: str) -> str:
        """Return a short text that is equal for jobs that give the same map.

        Parameters
        ----------
        revision : str
            The model's checksum, ``model.revision()``.
        """
        parts = [
            self.picture.id,
            revision,
            [target.wire() for target in self.targets],
            self.method.name,
            self.params,
            self.score,
            self.layer,
            self.seed,
            self.tolerance,
            self.precision,
            str(self.model.device),
        ]
        return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=12).hexdigest()

    def keys(self, revision: str) -> tuple[str, ...]:
        """Return the keys of all maps that do as well: its own, and the one in full precision."""
        return tuple(replace(self, reduced=reduced).key(revision) for reduced in {self.reduced, False})

    def for_target(self, t: int) -> Plan:
        """Return the job for one of the targets alone; its map comes from the same run."""
        return replace(self, targets=(self.targets[t],), ready=[])

    def for_sibling(self, name: str) -> Plan:
        """Return the same job for a method whose map comes from the same run."""
        return replace(self, method=get(name))


def prepare(
    model: Any,
    image: Any,
    target: Any = None,
    method: str = "gradient",
    *,
    score: str = "logit",
    layer: str | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    params: Mapping[str, Any] | None = None,
    prediction: Mapping[str, Prediction] | None = None,
) -> Plan:
    """Check everything that a job needs, and predict the image unless its prediction is given.

    Parameters
    ----------
    model, image, target, method, score, layer, seed, tolerance
        As for :func:`explain`.
    params : mapping of str to object, optional
        The method's parameters.
    prediction : dict of str to Prediction, optional
        What the model says of the image, where it is known already.

    Returns
    -------
    Plan

    Raises
    ------
    SaliencyError
        Whatever does not fit, with what was expected.
    """
    chosen = get(method)
    checked = chosen.validate(params or {})
    tolerance = check_tolerance(tolerance)
    if score not in SCORES:
        message = f"unknown score {score!r}; {nearest(str(score), SCORES)}"
        raise BadParameter(message)
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed < _SEEDS:
        message = f"seed was given as {seed!r}; expected a whole number from 0, below 2 to the 63"
        raise BadParameter(message)
    if layer is not None and not chosen.layer:
        message = f"method '{method}' takes no layer, but layer={layer!r} was given; leave it out"
        raise BadParameter(message)
    wrapped = as_model(model)
    picture = wrapped.read(image)
    wrapped.discover(picture)
    applies = chosen.applies(wrapped)
    if not applies:
        message = f"method '{method}' does not apply to {wrapped.name}: {applies.reason}"
        raise NotApplicable(message)
    if chosen.layer:
        layer = wrapped.layer(layer).name
    # Names are looked up before anything is computed, so that a typing error costs nothing.
    spelled = target if isinstance(target, list) else [target]
    if not spelled:
        message = "the list of targets is empty; expected at least one, such as ['style:gothic']"
        raise BadParameter(message)
    _check_names(wrapped, spelled)
    ready: list[Held] = []
    if prediction is None:
        seen = wrapped.look(picture, _way(wrapped, picture, chosen, checked, layer))
        prediction = seen.prediction
        ready += [] if seen.held is None else [seen.held]
    top = {name: int(said.logits.argmax()) for name, said in prediction.items() if said.logits is not None}
    targets = tuple(wrapped.resolve(one, top) for one in spelled)
    for one in targets:
        check_score(wrapped.heads[one.head], one, score)
    plan = Plan(
        wrapped,
        picture,
        targets,
        chosen,
        checked,
        score,
        layer,
        int(seed),
        prediction,
        ready=ready,
        tolerance=tolerance,
    )
    return replace(plan, reduced=True) if wrapped.precisions.free and _found_good(plan) else plan


def _found_good(plan: Plan) -> bool:
    """Whether a reduced precision was measured to give the same map, with the weights as they are."""
    known = plan.model.precisions
    if not known.any:
        return False
    verdict = known.verdict(plan.run, plan.total, plan.model.revision())
    return verdict is not None and verdict.good


def look_ahead(
    model: ImageModel, picture: Picture, method: str, params: Mapping[str, Any], layer: str | None
) -> Mapping[str, Prediction]:
    """Predict a picture that a method will explain next, and keep of the forward what that run can begin with."""
    model.discover(picture)
    chosen = get(method)
    known = layer is None or (model.facts is not None and layer in model.facts.aliases)
    way = _way(model, picture, chosen, params, _layer(model, chosen, layer)) if known else None
    seen = model.look(picture, way)
    if seen.held is not None:
        seen.held.put_back()
    return seen.prediction


def _layer(model: ImageModel, method: Method, layer: str | None) -> str | None:
    return model.layer(layer).name if method.layer and method.applies(model) else None


def _way(
    model: ImageModel, picture: Picture, method: Method, params: Mapping[str, Any], layer: str | None
) -> str | None:
    """Return where the way back of a method ends that takes one gradient, at the picture itself; None for any other method."""
    width, height = model.geometry(picture).input_size
    if method.reads != "gradients" or method.kind == "picture" or method.units(params, (height, width)) != 1:
        return None
    return (layer or INPUT) if method.layer else INPUT


def _check_names(model: ImageModel, targets: Sequence[Any]) -> None:
    """Raise for a head or a class that is not there; which class is the top one does not matter yet."""
    anything = {head.name: 0 for head in model.heads.values() if head.kind != "value"}
    for target in targets:
        top_against = isinstance(target, Target) and target.cls is None and target.index is None
        model.resolve(replace(target, versus=None) if top_against else target, anything)
