"""``explain()`` and ``stream()``: a job without a page; the plan of a job is checked here and run wherever it is iterated."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch

from saliency_widget import heatmaps
from saliency_widget.compute import SCORES, CancelToken, Score, ScoreFunction
from saliency_widget.errors import BadParameter, NotApplicable, nearest
from saliency_widget.explanation import Explanation
from saliency_widget.methods import Estimate, Method, get
from saliency_widget.model import ImageModel, Picture, Prediction, Target, as_model
from saliency_widget.model.scoring import check_score, score_at

_SEEDS = 1 << 63

__all__ = ["Plan", "explain", "prepare", "stream"]


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
    score, layer, seed
        As for :func:`explain`.
    prediction : dict of str to Prediction
        What the model says of the picture.
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

    def estimates(self, cancel: CancelToken | None = None) -> Iterator[Estimate]:
        """Run the job on the calling thread; yield ever better estimates of all targets' maps.

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
        )
        with torch.inference_mode(mode=False):
            run = self.method.estimates(f, self.params)
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
                precision=str(self.model.dtype).removeprefix("torch."),
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
            str(self.model.dtype),
            str(self.model.device),
        ]
        return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=12).hexdigest()

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
    params: Mapping[str, Any] | None = None,
    prediction: Mapping[str, Prediction] | None = None,
) -> Plan:
    """Check everything that a job needs, and predict the image unless its prediction is given.

    Parameters
    ----------
    model, image, target, method, score, layer, seed
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
    prediction = prediction or wrapped.predict(picture)
    top = {name: int(said.logits.argmax()) for name, said in prediction.items() if said.logits is not None}
    targets = tuple(wrapped.resolve(one, top) for one in spelled)
    for one in targets:
        check_score(wrapped.heads[one.head], one, score)
    return Plan(wrapped, picture, targets, chosen, checked, score, layer, int(seed), prediction)


def _check_names(model: ImageModel, targets: Sequence[Any]) -> None:
    """Raise for a head or a class that is not there; which class is the top one does not matter yet."""
    anything = {head.name: 0 for head in model.heads.values() if head.kind != "value"}
    for target in targets:
        top_against = isinstance(target, Target) and target.cls is None and target.index is None
        model.resolve(replace(target, versus=None) if top_against else target, anything)


def explain(
    model: Any,
    image: Any,
    target: Any = None,
    method: str = "gradient",
    *,
    score: str = "logit",
    layer: str | None = None,
    seed: int = 0,
    **params: Any,
) -> Any:
    """Explain one target, or several, of an image.

    Parameters
    ----------
    model : ImageModel or nn.Module
        A raw module is wrapped; its heads are found by running it once.
    image : path, bytes, PIL.Image.Image, numpy.ndarray or torch.Tensor
        Arrays (H, W[, C]) of uint8 or of floats in [0, 1]; tensors (C, H, W) in [0, 1].
    target : None, str, int, tuple, Target, or a list of them
        ``"head:class"``, ``"head:index"``, ``"head"`` (its top class or its value), ``("head", cls)``,
        ``Target(head, cls, versus=other)``, or None for the top class of the first head.
    method : str
        A name from :func:`methods`.
    score : {"logit", "log_softmax", "probability"}
        The number whose gradient is taken.
    layer : str, optional
        For methods that work at a layer: its name; the last feature map by default. ``model.facts.layers`` lists them.
    seed : int
        Seed of all that is random.
    **params
        The method's parameters.

    Returns
    -------
    Explanation or list of Explanation
        A list where `target` is a list.

    Raises
    ------
    UnknownTarget, UnknownMethod, BadParameter, BadImage, ModelError, NotFinite, OutOfMemory, NotApplicable

    Examples
    --------
    >>> import saliency_widget as sw
    >>> scene = sw.demo.buildings(1, seed=7)[0]
    >>> e = sw.explain(sw.load("demo/vgg"), scene.image, target="style:gothic", method="integrated_gradients")
    >>> e.attribution.shape
    (3, 224, 224)
    """
    last = None
    for last in stream(model, image, target, method, score=score, layer=layer, seed=seed, **params):  # noqa: B007
        pass
    return last


def stream(
    model: Any,
    image: Any,
    target: Any = None,
    method: str = "gradient",
    *,
    score: str = "logit",
    layer: str | None = None,
    seed: int = 0,
    **params: Any,
) -> Iterator[Any]:
    """Yield ever better explanations of one target, or several, of an image; the last one is what `explain` returns.

    Parameters
    ----------
    model, image, target, method, score, layer, seed, **params
        As for :func:`explain`, and checked before the first explanation is asked for.

    Yields
    ------
    Explanation or list of Explanation
        With `progress` from above 0 to 1. A list where `target` is a list.
    """
    plan = prepare(model, image, target, method, score=score, layer=layer, seed=seed, params=params)
    return _explanations(plan, as_list=isinstance(target, list))


def _explanations(plan: Plan, *, as_list: bool) -> Iterator[Any]:
    began = time.perf_counter()
    for estimate in plan.estimates():
        found = plan.explanations(estimate, time.perf_counter() - began)
        yield found if as_list else found[0]
