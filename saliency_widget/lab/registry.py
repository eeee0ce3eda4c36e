"""The registry of experiments: what each is called, cites, takes and costs, and how it is run; it measures nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray

from saliency_widget.compute import CancelToken
from saliency_widget.errors import BadParameter, NotApplicable, nearest
from saliency_widget.lab.bench import Bench
from saliency_widget.lab.cost import Cost, bill, work
from saliency_widget.lab.finding import Finding
from saliency_widget.lab.masks import as_masks
from saliency_widget.methods import get as find
from saliency_widget.methods.parameters import Parameter, parameters
from saliency_widget.model import Picture
from saliency_widget.plan import Plan, prepare

__all__ = ["Experiment", "Needs", "Setup", "experiment", "experiments", "get", "run", "set_up", "stream"]

Needs = Literal["method", "methods", "mask", "other"]
"""What an experiment takes besides a model, an image and a target: one method or several, a mask, a second picture."""

Work = Callable[..., Iterator[Finding]]
"""An experiment's function: takes a bench and its parameters, yields what was found so far."""

Check = Callable[[Bench], str | None]
"""Says why an experiment cannot be made, or None."""


@dataclass(frozen=True)
class Experiment:
    """One experiment as people see it; called, it runs and returns what it found in the end.

    Attributes
    ----------
    name : str
        As in ``sw.lab.run(name, ...)``.
    label, explain : str
        Its name for people, and what it asks, in one sentence.
    cite : str
        Authors, year, arXiv id; several are separated by semicolons.
    caveat : str
        What it cannot show: printed beside every finding.
    work : callable
        The generator function.
    cost : callable
        Takes the parameters, returns about how much a run takes: a :class:`~saliency_widget.lab.cost.Work`, or how many
        forwards; `contestants`, which it may take too, is how many maps are compared.
    needs : tuple of {"method", "methods", "mask", "other"}
        What it takes besides a model, an image and a target.
    parameters : mapping of str to Parameter
        Its typed parameters, from the function's signature.
    check : callable or None
        Says why it cannot be made with what was given.
    """

    name: str
    label: str
    explain: str
    cite: str
    caveat: str
    work: Work
    cost: Cost
    needs: tuple[Needs, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    check: Check | None = None

    def __call__(self, model: Any, image: Any, target: Any = None, **options: Any) -> Finding:
        """Run the experiment and return its last finding; see :func:`run`."""
        return run(self.name, model, image, target, **options)

    def validate(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Check parameters and add the defaults.

        Raises
        ------
        BadParameter
            If a name is unknown or a value does not fit.
        """
        for name in params:
            if name not in self.parameters:
                end = nearest(name, self.parameters) if self.parameters else "it has none"
                message = f"experiment '{self.name}' has no parameter '{name}'; {end}"
                raise BadParameter(message)
        return {name: p.check(params[name]) if name in params else p.default for name, p in self.parameters.items()}

    def units(self, params: Mapping[str, Any]) -> int:
        """Return about how many evaluations of the network a run takes for checked parameters, a map counted as one."""
        found = work(self.cost, params)
        return found.forwards + found.gradients + found.maps

    @cached_property
    def bill(self) -> dict[str, Any] | None:
        """What a run takes in closed form, so that a page can say it before it asks; None if it has none."""
        return bill(self.cost, self.parameters)

    def card(self) -> dict[str, Any]:
        """Return the experiment as the page needs it."""
        return {
            "name": self.name,
            "label": self.label,
            "explain": self.explain,
            "cite": self.cite,
            "caveat": self.caveat,
            "needs": list(self.needs),
            "cost": self.bill,
            "params": [parameter.card() for parameter in self.parameters.values()],
        }


@dataclass(frozen=True, eq=False)
class Setup:
    """An experiment with all that it needs, checked: run it by iterating over :meth:`findings`.

    Attributes
    ----------
    experiment : Experiment
    params : dict
        Every parameter, defaults included.
    plans : tuple of Plan
        One for each method.
    other : Picture or None
    masks : mapping of str to numpy.ndarray
    """

    experiment: Experiment
    params: dict[str, Any]
    plans: tuple[Plan, ...]
    other: Picture | None
    masks: Mapping[str, NDArray[np.bool_]]

    def bench(self, cancel: CancelToken | None = None) -> Bench:
        """Return what the experiment works with."""
        made = self.experiment
        return Bench(made.name, made.caveat, self.params, self.plans, self.other, self.masks, cancel or CancelToken())

    def findings(self, cancel: CancelToken | None = None) -> Iterator[Finding]:
        """Run the experiment on the calling thread; yield what was found so far, ever more of it.

        Parameters
        ----------
        cancel : CancelToken, optional

        Raises
        ------
        Cancelled
            Inside the network, once `cancel` is cancelled.
        SaliencyError
        """
        work = self.experiment.work(self.bench(cancel), **self.params)
        try:
            while True:
                # Entered for each step, not around the loop: the consumer's code runs between two of them.
                with torch.inference_mode(mode=False), torch.no_grad():
                    finding = next(work, None)
                if finding is None:
                    return
                yield finding
        finally:
            cast("Any", work).close()


_LESSONS = ("taylor", "class_model", "shattered", "adversarial", "randomise", "faithfulness", "localisation")

_registry: dict[str, Experiment] = {}


def experiment(
    *,
    label: str,
    explain: str,
    cite: str,
    caveat: str,
    cost: Cost,
    needs: tuple[Needs, ...] = (),
    check: Check | None = None,
) -> Callable[[Work], Experiment]:
    """Register a generator function as an experiment, under its own name.

    Parameters
    ----------
    label, explain, cite, caveat, cost, needs, check
        As for :class:`Experiment`.

    Returns
    -------
    callable
        A decorator that makes the :class:`Experiment`, which can be called. It raises :class:`BadParameter` where another one
        has that name.
    """

    def register(work: Work) -> Experiment:
        name = work.__name__
        known = _registry.get(name)
        if known is not None and _home(known.work) != _home(work):
            message = f"an experiment named '{name}' exists already ({known.label}); give the function another name"
            raise BadParameter(message)
        made = Experiment(name, label, explain, cite, caveat, work, cost, needs, parameters(work), check)
        object.__setattr__(made, "__doc__", work.__doc__)
        _registry[name] = made
        return made

    return register


def _home(work: Work) -> tuple[str, str]:
    """Return where a function was written: a notebook cell may be run again."""
    return work.__module__, work.__qualname__


def experiments() -> dict[str, Experiment]:
    """Return all experiments by name: the built-in ones in the order of the lessons, then all others."""
    known = [name for name in _LESSONS if name in _registry]
    return {name: _registry[name] for name in dict.fromkeys([*known, *_registry])}


def get(name: str) -> Experiment:
    """Return one experiment.

    Raises
    ------
    BadParameter
        If there is none of that name, with the nearest one.
    """
    if name not in _registry:
        message = f"unknown experiment {name!r}; {nearest(str(name), _registry)}"
        raise BadParameter(message)
    return _registry[name]


def set_up(
    name: str,
    model: Any,
    image: Any,
    target: Any = None,
    *,
    method: str | Sequence[str] | None = None,
    method_params: Mapping[str, Any] | None = None,
    score: str = "logit",
    layer: str | None = None,
    seed: int = 0,
    other: Any = None,
    mask: Any = None,
    params: Mapping[str, Any] | None = None,
) -> Setup:
    """Check all that an experiment needs, and predict the image; see :func:`run` for the arguments.

    Raises
    ------
    SaliencyError
        Whatever does not fit, with what was expected.
    """
    made = get(name)
    checked = made.validate(params or {})
    _no_more_than_needed(made, method=method, method_params=method_params, layer=layer, other=other, mask=mask)
    if isinstance(target, list):
        message = f"experiment '{name}' looks at one target, but a list was given; choose one, such as {target[:1]!r}"
        raise BadParameter(message)
    names = [method or "gradient"] if method is None or isinstance(method, str) else list(method)
    if not names or ("methods" not in made.needs and len(names) > 1):
        expected = "at least one" if "methods" in made.needs else "one"
        message = f"method was given as {method!r}; experiment '{name}' looks at {expected} method, such as 'gradient'"
        raise BadParameter(message)
    several = not (method is None or isinstance(method, str))
    plans: list[Plan] = []
    for one in dict.fromkeys(names):
        own = (method_params or {}).get(one, {}) if several else method_params
        known = plans[0].prediction if plans else None
        at = plans[0].targets[0] if plans else target
        # Of several methods the layer is for those that work at one.
        place = layer if not several or find(one).layer else None
        plan = prepare(model, image, [at], one, score=score, layer=place, seed=seed, params=own, prediction=known)
        plan.put_back()
        if plan.method.kind == "picture":
            message = f"method '{one}' makes a picture, not an attribution; experiment '{name}' needs an attribution"
            raise BadParameter(message)
        plans.append(plan)
        model = plan.model
    picture = plans[0].picture
    second = None if other is None else plans[0].model.read(other)
    masks = {} if mask is None else as_masks(mask, (picture.width, picture.height))
    if "mask" in made.needs and not masks:
        message = (
            f"experiment '{name}' compares with a mask; give mask=, an array (H, W) of bool in the picture's pixels"
        )
        raise BadParameter(message)
    found = Setup(made, checked, tuple(plans), second, masks)
    why = made.check(found.bench()) if made.check is not None else None
    if why is not None:
        message = f"experiment '{name}' does not apply to '{plans[0].targets[0]}': {why}"
        raise NotApplicable(message)
    return found


def _no_more_than_needed(
    made: Experiment, *, method: Any, method_params: Any, layer: Any, other: Any, mask: Any
) -> None:
    """Raise for an argument that the experiment would not look at."""
    maps = bool({"method", "methods"} & set(made.needs))
    given = {
        "method": (method, maps),
        "method_params": (method_params, maps),
        "layer": (layer, maps),
        "other": (other, "other" in made.needs),
        "mask": (mask, "mask" in made.needs),
    }
    for argument, (value, needed) in given.items():
        if value is not None and not needed:
            message = f"experiment '{made.name}' takes no {argument}=; leave it out"
            raise BadParameter(message)


def stream(
    name: str, model: Any, image: Any, target: Any = None, *, cancel: CancelToken | None = None, **options: Any
) -> Iterator[Finding]:
    """Yield what an experiment has found so far; the last one is what :func:`run` returns.

    Parameters
    ----------
    name, model, image, target, **options
        As for :func:`run`, and checked before the first finding is asked for.
    cancel : CancelToken, optional
        Stops it from another thread; to stop it from this one, stop iterating.

    Yields
    ------
    Finding
        With `progress` from above 0 to 1.
    """
    return _set_up(name, model, image, target, options).findings(cancel)


def run(name: str, model: Any, image: Any, target: Any = None, **options: Any) -> Finding:
    """Make an experiment and return what it found.

    Parameters
    ----------
    name : str
        A name from :func:`experiments`.
    model, image, target
        As for :func:`saliency_widget.explain`; one target.
    **options
        ``score``, ``seed`` as there; ``method``, ``method_params`` (its parameters) and ``layer`` where the experiment looks
        at a map (a list of methods where it compares several, and then `method_params` by method); ``other``, a second
        picture; ``mask``, an array (H, W) of bool in the picture's pixels, or a mapping of names to such. All others are the
        experiment's own parameters.

    Returns
    -------
    Finding

    Raises
    ------
    SaliencyError
        Whatever does not fit, with what was expected.

    Examples
    --------
    >>> import saliency_widget as sw
    >>> scene = sw.demo.buildings(1, seed=7)[0]
    >>> found = sw.lab.run("taylor", sw.load("demo/vgg"), scene.image, target="style:gothic", steps=4, directions=1)
    >>> found.number("holds_along_gradient") > 0
    True
    """
    (last,) = deque(_set_up(name, model, image, target, options).findings(), maxlen=1)
    return last


_COMMON = ("method", "method_params", "score", "layer", "seed", "other", "mask")


def _set_up(name: str, model: Any, image: Any, target: Any, options: Mapping[str, Any]) -> Setup:
    common = {key: value for key, value in options.items() if key in _COMMON}
    params = {key: value for key, value in options.items() if key not in _COMMON}
    return set_up(name, model, image, target, params=params, **common)
