"""Giving a name to every score tensor in whatever a model returns; it knows no heads and runs no model."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

from saliency_widget.errors import ModelError

__all__ = ["flatten", "has_names", "left_out"]

_DEPTH = 4
"""Containers inside containers are looked into this deep."""


def flatten(output: Any, count: int = 1, wanted: Collection[str] | None = None) -> dict[str, Tensor]:
    """Give a name to every score tensor in what a model returned.

    Parameters
    ----------
    output : Tensor, sequence, mapping, named tuple or dataclass
        What ``module(input)`` returned. Containers may hold containers: ``"exits.0"`` is the first of a list in a dictionary.
    count : int
        How many images it was given.
    wanted : collection of str, optional
        Which names will be used; the others need not have a row for each image.

    Returns
    -------
    dict of str to Tensor
        Tensors of shape (N, K) by name: dictionary keys, field names, or ``head0``, ``head1``, ...; what is no score (not
        floating, of another rank, or without a row for each image) is left out.

    Raises
    ------
    ModelError
        If there is nothing that could be a score, or a wanted one has not one row for each image.
    """
    found: dict[str, Tensor] = {}
    mixed: dict[str, Tensor] = {}
    skipped: dict[str, Any] = {}
    for name, value in _parts(output).items():
        scores = _as_scores(value, count)
        if scores is None:
            skipped[name] = value
        else:
            (found if len(scores) == count else mixed)[name] = scores
    asked = mixed if wanted is None else {name: scores for name, scores in mixed.items() if name in wanted}
    if asked and not (found and wanted is None):
        shapes = "; ".join(f"{name}: {tuple(scores.shape)}" for name, scores in asked.items())
        message = (
            f"the model was given {count} images and returned scores for another number ({shapes}); its outputs must have "
            "one row for each image, and no image may change another one's scores"
        )
        raise ModelError(message)
    if found:
        return found
    listed = "; ".join(f"{name}: {_shape(value)}" for name, value in skipped.items())
    if any(isinstance(value, Tensor) and value.dim() == 4 for value in skipped.values()):
        message = (
            f"the model returns maps, not scores ({listed}), as for segmentation; reduce each map (N, K, H, W) to scores "
            "(N, K) by a selector function, e.g. `select=lambda output: output['out'].mean((2, 3))` for a dict or "
            "`select=lambda maps: maps[:, :, y, x]` for one pixel"
        )
        raise ModelError(message)
    message = (
        f"the model returned nothing that could be a score: {listed or type(output).__name__}; expected tensors of shape "
        "(N, classes) or (N,), alone, in a tuple or list, in a dict, or in a dataclass; select= takes a function that "
        "picks them out of what the model returns"
    )
    raise ModelError(message)


def left_out(output: Any, count: int = 1) -> str | None:
    """Say which tensors of an output are no scores, or None where all are, or where they are what such a model always adds."""
    if _is_model_output(output):
        return None
    odd = {
        name: value
        for name, value in _parts(output).items()
        if isinstance(value, Tensor) and ((scores := _as_scores(value, count)) is None or len(scores) != count)
    }
    return ", ".join(f"{name} {tuple(value.shape)}" for name, value in odd.items()) or None


def has_names(output: Any) -> bool:
    """Whether the parts of an output have names of their own, and not only places."""
    return isinstance(output, Mapping) or hasattr(output, "_fields") or dataclasses.is_dataclass(output)


def _parts(output: Any) -> dict[str, Any]:
    """Split an output into named parts that are no containers themselves."""
    if not isinstance(output, Tensor) and (members := _members(output)) is not None:
        if not has_names(output):
            members = {f"head{place}": value for place, value in members.items()}
        # Of a Hugging Face output the fields themselves: its tuples are hidden states and attentions.
        depth = 1 if _is_model_output(output) else _DEPTH
        return dict(_leaves(members, depth))
    return {"head0": output}


def _leaves(members: Mapping[str, Any], depth: int) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in members.items():
        inner = None if isinstance(value, Tensor) or depth <= 1 else _members(value)
        if value is None:
            continue
        if inner is None:
            found.append((name, value))
        else:
            found += [(f"{name}.{part}", leaf) for part, leaf in _leaves(inner, depth - 1)]
    return found


def _members(value: Any) -> dict[str, Any] | None:
    """Return what a container holds, by name or by place, or None where it is none."""
    if isinstance(value, Mapping):
        return {str(name): inner for name, inner in value.items()}
    if hasattr(value, "_fields"):
        return {name: getattr(value, name) for name in value._fields}
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return {str(place): inner for place, inner in enumerate(value)}
    return None


def _is_model_output(output: Any) -> bool:
    """Whether it is a Hugging Face output, recognised without importing the library."""
    return any(base.__name__ == "ModelOutput" for base in type(output).__mro__)


def _as_scores(value: Any, count: int) -> Tensor | None:
    """Return a value as an (N, K) tensor of scores, or None if it is none."""
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.numel() == 0:
        return None
    if value.dim() == 0 and count == 1:
        return value.reshape(1, 1)
    if value.dim() == 1:
        # A forward that ends in squeeze() loses the batch where there is one image: (K,) is one image's K classes.
        return value[None] if count == 1 and len(value) != 1 else value[:, None]
    if value.dim() > 2 and all(size == 1 for size in value.shape[2:]):
        return value.flatten(1)
    return value if value.dim() == 2 else None


def _shape(value: Any) -> str:
    return f"{tuple(value.shape)} {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
