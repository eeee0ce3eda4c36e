"""Watching a map while a model learns: a helper for anybody's training loop; it trains nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saliency_widget.errors import BadParameter
from saliency_widget.lab.finding import Curve, Finding, Number, Position
from saliency_widget.lab.measures import spearman
from saliency_widget.model import ImageModel, Prediction, Target, as_model
from saliency_widget.plan import prepare

__all__ = ["Watch"]

_CAVEAT = (
    "It is one picture of one training run: another seed takes another way. A map that no longer changes says that the evidence "
    "of this picture has settled, not that the model is right."
)


@dataclass(frozen=True, eq=False)
class _Frame:
    step: int
    attribution: NDArray[Any]
    score: float
    says: Mapping[str, Prediction]
    loss: float | None


class Watch:
    """Makes a map every n steps of a training loop, from the weights as they are at that moment.

    The module is not touched, nor is its gradient: it may be in the middle of its training, in training mode.

    Parameters
    ----------
    model : ImageModel or nn.Module
        The model that is trained.
    image : path, bytes, PIL.Image.Image, numpy.ndarray or torch.Tensor
        The picture that is watched.
    target : None, str, int, tuple or Target
        As for :func:`saliency_widget.explain`; the top class of the first map, where none is named.
    every : int
        Steps from one map to the next.
    method : str
        A method's name.
    params : mapping of str to object, optional
        Its parameters.
    score, layer, seed
        As for :func:`saliency_widget.explain`.
    most : int
        Maps that are kept; where there would be more, every second one is dropped and `every` is doubled.
    show : callable, optional
        Takes the :class:`Finding` after each map, such as a widget's ``show_finding``: its page shows it while the loop runs.

    Attributes
    ----------
    finding : Finding or None
        All maps so far.
    every : int
        As it is now.

    Raises
    ------
    SaliencyError
        If an argument does not fit; the model is run once to see it.

    Examples
    --------
    >>> w = sw.SaliencyWidget(model, picture)  # shown in a cell of its own     # doctest: +SKIP
    >>> watch = sw.lab.Watch(                                                   # doctest: +SKIP
    ...     model, picture, "style:gothic", every=10, show=w.show_finding
    ... )
    >>> for images, labels in loader:                                           # doctest: +SKIP
    ...     loss = step(images, labels)
    ...     watch(loss=loss)
    >>> watch.finding.plot()                                                    # doctest: +SKIP
    """

    def __init__(
        self,
        model: Any,
        image: Any,
        target: Any = None,
        *,
        every: int = 10,
        method: str = "gradient",
        params: Mapping[str, Any] | None = None,
        score: str = "logit",
        layer: str | None = None,
        seed: int = 0,
        most: int = 32,
        show: Callable[[Finding], object] | None = None,
    ) -> None:
        for name, value, least in (("every", every, 1), ("most", most, 2)):
            if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
                message = f"{name} was given as {value!r}; expected a whole number from {least}"
                raise BadParameter(message)
        if show is not None and not callable(show):
            message = f"show was given as {type(show).__name__}; expected a function that takes a finding"
            raise BadParameter(message)
        if isinstance(target, list):
            message = f"a watch looks at one target, but a list was given; choose one, such as {target[:1]!r}"
            raise BadParameter(message)
        self.every = int(every)
        self.finding: Finding | None = None
        self._model: ImageModel = as_model(model)
        self._options: dict[str, Any] = {
            "method": method, "params": params, "score": score, "layer": layer, "seed": seed
        }  # fmt: skip
        self._picture = self._model.read(image)
        plan = prepare(self._model, self._picture, [target], **self._options)
        plan.put_back()
        if plan.method.kind == "picture":
            message = f"method '{method}' makes a picture, not an attribution; a watch needs an attribution"
            raise BadParameter(message)
        self._target: Target = plan.targets[0]
        self._under = self._seen()
        self._most = int(most)
        self._show = show
        self._frames: list[_Frame] = []
        self._step = 0

    def __call__(self, step: int | None = None, *, loss: Any = None) -> Finding | None:
        """Say that a step was made; make a map if it is time.

        Parameters
        ----------
        step : int, optional
            Its number; counted from 0 where not given.
        loss : float or Tensor, optional
            Drawn beside the maps.

        Returns
        -------
        Finding or None
            All maps so far, where one was made.
        """
        now = self._step if step is None else int(step)
        self._step = now + 1
        return self.look(now, loss=loss) if now % self.every == 0 else None

    def look(self, step: int | None = None, *, loss: Any = None) -> Finding:
        """Make a map now, whatever step it is; arguments as for a call."""
        now = max(self._step - 1, 0) if step is None else int(step)
        plan = prepare(self._model, self._picture, [self._target], **self._options)
        *_, last = plan.estimates(running=False)
        made = plan.explanations(last)[0]
        value = None if loss is None else float(loss.detach() if hasattr(loss, "detach") else loss)
        self._frames.append(_Frame(now, made.attribution, made.score_value, made.prediction, value))
        if len(self._frames) > self._most:
            self._frames = [*self._frames[:-1:2], self._frames[-1]]
            self.every *= 2
        self.finding = self._found(plan.method.label, made.model)
        if self._show is not None:
            self._show(self.finding)
        return self.finding

    def _found(self, label: str, name: str) -> Finding:
        frames = self._frames
        steps = np.array([float(frame.step) for frame in frames])
        heats = [frame.attribution.sum(0, dtype=np.float64) for frame in frames]
        before = [None, *(spearman(one, other) for one, other in pairwise(heats))]
        score = str(self._options["score"])
        curves = [
            Curve("score", steps, np.array([frame.score for frame in frames]), "step", score, "score"),
            Curve("map", steps, _numbers(before), "step", "rank correlation with the map before", "change of the map"),
        ]
        if any(frame.loss is not None for frame in frames):
            curves.append(Curve("loss", steps, _numbers([frame.loss for frame in frames]), "step", "loss", "loss"))
        shown = f"{label}, {self._target}"
        positions = tuple(
            Position(f"step {frame.step}", float(frame.step), maps={shown: frame.attribution}, says=frame.says,
                     numbers=(Number("score", frame.score, "the target's score"),
                              Number("like_before", like, "rank correlation with the map before, signed")))
            for frame, like in zip(frames, before, strict=True)
        )  # fmt: skip
        like = before[-1]
        change = "" if like is None else f"; the map's rank correlation with the one before is {like:.2f}"
        return Finding(
            "training",
            self._target,
            f"After step {frames[-1].step} the score of {self._target} in {name} is {frames[-1].score:.3g}{change}.",
            _CAVEAT,
            len(frames),
            len(frames),
            curves=tuple(curves),
            positions=positions,
            slider="step",
            numbers=positions[-1].numbers,
            seen=self._under,
        )

    def _seen(self) -> NDArray[np.uint8]:
        point = self._model.input(self._picture)[None]
        colours = self._model.to_pixels(point)[0]
        return colours.mul(255).round().byte().movedim(0, -1).cpu().numpy()


def _numbers(values: list[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values])
