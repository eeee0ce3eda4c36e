"""From what somebody asks for to a checked choice; pure: it runs no model, so a page's message can be judged at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from saliency_widget.compute import SCORES
from saliency_widget.errors import BadImage, BadParameter, NotApplicable, UnknownTarget, nearest
from saliency_widget.methods import check_tolerance, get
from saliency_widget.model import ImageModel, Picture, Target
from saliency_widget.runner.gallery import as_gallery
from saliency_widget.runner.job import Choice

__all__ = ["choose", "is_open", "picture_of", "top_classes"]

_FIELDS = ("image", "target", "method", "params", "score", "layer", "seed", "tolerance", "model")


def choose(
    model: ImageModel,
    pictures: Sequence[Picture],
    now: Choice | None,
    changes: Mapping[str, Any],
    top: Mapping[str, int] | None = None,
) -> Choice:
    """Return a choice with some of it changed.

    Parameters
    ----------
    model : ImageModel
        Its heads must be known.
    pictures : sequence of Picture
        All pictures of the widget.
    now : Choice or None
        What is changed; None for a first choice.
    changes : mapping
        Any of ``image`` (an index), ``target`` (any spelling, or a list of them), ``method``, ``params``, ``score``,
        ``layer``, ``seed``, ``tolerance``, and ``model``, the name of `model` where there are several. Parameters that are not
        given have their defaults, but stay as they are while the method does; a layer stays as long as methods are chosen that
        work at one, and the model does.
    top : mapping of str to int, optional
        Top class of each head for the picture, where it is known.

    Returns
    -------
    Choice
        A target that names no class keeps none where `top` is not known.

    Raises
    ------
    UnknownTarget, UnknownMethod, BadParameter, BadImage, NotApplicable
    """
    for name in changes:
        if name not in _FIELDS:
            message = f"there is no '{name}' to choose; {nearest(name, _FIELDS)}"
            raise BadParameter(message)
    choice = now or Choice(0, (Target(next(iter(model.heads))),), "gradient", {})
    if "image" in changes:
        choice = replace(choice, image=_image(changes["image"], len(pictures)))
    # Also where the targets stay: one that names no class may be settled by now.
    choice = replace(choice, targets=_targets(model, changes.get("target", list(choice.targets)), top))
    other = changes.get("model", choice.model) != choice.model
    if other:
        choice = replace(choice, model=changes["model"], layer=None)
    if other or "method" in changes or "params" in changes or now is None:
        choice = _method(model, choice, changes, keep=now is not None)
    if "score" in changes:
        choice = replace(choice, score=_score(changes["score"]))
    choice = replace(choice, layer=_layer(model, choice, changes))
    if "seed" in changes:
        choice = replace(choice, seed=_seed(changes["seed"]))
    if "tolerance" in changes:
        choice = replace(choice, tolerance=check_tolerance(changes["tolerance"]))
    return choice


def is_open(model: ImageModel, target: Target) -> bool:
    """Whether a target still waits for a prediction to say which class is the top one."""
    return target.index is None and model.heads[target.head].kind != "value"


def picture_of(pictures: Sequence[Picture], name: str) -> int:
    """Return the index of a picture that a page names by its id.

    Raises
    ------
    BadImage
    """
    index = as_gallery(pictures).find(name)
    if index is not None:
        return index
    message = f"there is no picture '{name}' in this widget; reload the page to see those that there are"
    raise BadImage(message)


def top_classes(prediction: Mapping[str, Any]) -> dict[str, int]:
    """Return the index of the top class of each classification head."""
    return {name: int(said.logits.argmax()) for name, said in prediction.items() if said.logits is not None}


def _image(index: Any, count: int) -> int:
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        known = "there is one picture, number 0" if count == 1 else f"the pictures are numbered from 0 to {count - 1}"
        message = f"image was given as {index!r}; {known}"
        raise BadImage(message)
    return index


def _targets(model: ImageModel, given: Any, top: Mapping[str, int] | None) -> tuple[Target, ...]:
    spelled = given if isinstance(given, list) else [given]
    if not spelled:
        message = "the list of targets is empty; expected at least one, such as ['style:gothic']"
        raise BadParameter(message)
    return tuple(_target(model, one, top) for one in spelled)


def _target(model: ImageModel, given: Any, top: Mapping[str, int] | None) -> Target:
    try:
        return model.resolve(given, top)
    except UnknownTarget:
        if top is not None:
            raise
    # Perhaps only the top class is missing, which the prediction will tell: then any class will do to check the rest.
    try:
        head = model.resolve(given, dict.fromkeys(model.heads, 0)).head
    except UnknownTarget:
        head = model.resolve(given, dict.fromkeys(model.heads, 1)).head  # class 0 may be the contrast's other one
    other = given.versus if isinstance(given, Target) else given.get("versus") if isinstance(given, Mapping) else None
    return Target(head, versus=other)


def _method(model: ImageModel, choice: Choice, changes: Mapping[str, Any], *, keep: bool) -> Choice:
    chosen = get(changes.get("method", choice.method))
    applies = chosen.applies(model)
    if not applies:
        message = f"method '{chosen.name}' does not apply to {model.name}: {applies.reason}"
        raise NotApplicable(message)
    given = changes.get("params")
    if given is None:
        given = choice.params if keep and chosen.name == choice.method else {}
    if not isinstance(given, Mapping):
        message = f"params was given as {type(given).__name__}; expected a dict such as {{'steps': 50}}"
        raise BadParameter(message)
    return replace(choice, method=chosen.name, params=chosen.validate(given))


def _score(score: Any) -> str:
    if score not in SCORES:
        message = f"unknown score {score!r}; {nearest(str(score), SCORES)}"
        raise BadParameter(message)
    return str(score)


def _layer(model: ImageModel, choice: Choice, changes: Mapping[str, Any]) -> str | None:
    layer = changes.get("layer", choice.layer)
    if layer is not None and not isinstance(layer, str):
        message = f"layer was given as {layer!r}; expected the name of a layer, or None"
        raise BadParameter(message)
    if get(choice.method).layer:
        # None stays None, so that the default is what the model says it is when the job runs.
        return None if layer is None else model.layer(layer).name
    if layer is not None and "layer" in changes:
        message = f"method '{choice.method}' takes no layer, but layer={layer!r} was given; leave it out"
        raise BadParameter(message)
    return None


def _seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        message = f"seed was given as {seed!r}; expected a whole number from 0"
        raise BadParameter(message)
    return seed
