"""The models of one widget by name, and what the pages are told of them; most widgets have one, which needs no name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saliency_widget.errors import BadParameter, ModelError, nearest
from saliency_widget.methods import methods
from saliency_widget.model import ImageModel, Picture, as_model
from saliency_widget.runner import state

__all__ = ["ONLY", "Roster", "models_of"]

ONLY = ""
"""The name of a widget's only model."""


class Roster(Mapping[str, ImageModel]):
    """The models of a widget, all with the same heads.

    Parameters
    ----------
    models : mapping of str to ImageModel
        At least one. The heads of all are known by the time that somebody asks for a card.
    """

    def __init__(self, models: Mapping[str, ImageModel]) -> None:
        self._models = dict(models)
        self._revisions: dict[str, str] = {}
        self._told: dict[str, str] = {}

    def __getitem__(self, name: str) -> ImageModel:
        """Return a model.

        Raises
        ------
        BadParameter
            If there is none of that name.
        """
        if isinstance(name, str) and name in self._models:
            return self._models[name]
        if not self.several:
            message = f"model was given as {name!r}, but this widget shows one model; leave it out"
        else:
            message = f"there is no model {name!r} in this widget; {nearest(str(name), list(self._models))}"
        raise BadParameter(message)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._models)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._models)

    @property
    def several(self) -> bool:
        """Whether there is a choice."""
        return ONLY not in self._models

    @property
    def first(self) -> str:
        """The name of the one that is shown first."""
        return next(iter(self._models))

    def revision(self, name: str) -> str:
        """Return the checksum of a model's weights as they are now; those of two models differ always."""
        checksum = self[name].revision()
        # Two models may hold the same weights, and differ in what they do to a picture.
        found = f"{list(self._models).index(name)}-{checksum}" if self.several else checksum
        self._revisions[name] = found
        return found

    def card(self, name: str, revision: str) -> dict[str, Any]:
        """Return what the pages need to know while a model is the chosen one."""
        card = state.card(self[name], revision)
        return {**card, "models": [self._about(one) for one in self]} if self.several else card

    def _about(self, name: str) -> dict[str, Any]:
        model = self[name]
        revision = self._told[name] = self._revisions.get(name) or self.revision(name)
        refused = {}
        for method in methods().values():
            applies = method.applies(model)
            if not applies:
                refused[method.name] = applies.reason
        return {"name": name, "revision": revision, "refused": refused}

    def news(self, name: str) -> bool:
        """Whether the last card told another revision of a model than is known now."""
        return self.several and self._told.get(name) != self._revisions[name]

    def seen(self, picture: Picture) -> dict[str, Any]:
        """Return, where there are several models, which part of a picture each sees and the size of its input."""
        if not self.several:
            return {}
        found = {}
        for name, model in self.items():
            geometry = model.geometry(picture)
            found[name] = {"box": [float(edge) for edge in geometry.box], "input": list(geometry.input_size)}
        return {"seen": found}

    def discover(self, picture: Picture) -> None:
        """Find the heads of the models by running each once, and see that they are the same.

        Raises
        ------
        ModelError
            If two models have different heads: then no click would mean the same for both.
        """
        for model in self.values():
            model.discover(picture)
        heads = {name: [head.card() for head in model.heads.values()] for name, model in self.items()}
        first = self.first
        for name, found in heads.items():
            mine = [_plain(head) for head in found]
            if mine != (expected := [_plain(head) for head in heads[first]]):
                message = (
                    f"models that are compared need the same heads with the same classes: '{first}' has {_told(expected)}, "
                    f"'{name}' has {_told(mine)}; give each ImageModel the same heads=, or make a widget for each"
                )
                raise ModelError(message)


def models_of(given: Any) -> Roster:
    """Return the models that a widget was given: one, or a mapping of names to several.

    Raises
    ------
    ModelError
        If one of them is no model.
    BadParameter
        If the mapping is empty or a name is no text.
    """
    if not isinstance(given, Mapping) or isinstance(given, ImageModel):
        return Roster({ONLY: as_model(given)})
    if not given:
        message = (
            "model is an empty mapping; expected one model, or several by name, such as {'a': model_a, 'b': model_b}"
        )
        raise BadParameter(message)
    for name in given:
        if not isinstance(name, str) or not name.strip():
            message = f"a model has the name {name!r}; expected a text, such as {{'a': model_a, 'b': model_b}}"
            raise BadParameter(message)
    return Roster({name: as_model(model) for name, model in given.items()})


def _plain(head: Mapping[str, Any]) -> tuple[Any, ...]:
    return (head["name"], head["kind"], tuple(head.get("classes") or ()), head.get("unit"))


def _told(heads: list[tuple[Any, ...]]) -> str:
    texts = [f"{name} ({kind}{f', {len(classes)} classes' if classes else ''})" for name, kind, classes, _ in heads]
    return " and ".join(texts)
