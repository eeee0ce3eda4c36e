"""What a method yields: a running estimate of its map, with its progress and its quality; it computes none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import Tensor

__all__ = ["Estimate", "Kind", "Quality"]

Kind = Literal["estimate", "partial", "picture"]


@dataclass(frozen=True)
class Quality:
    """One figure that says how good a map is.

    Attributes
    ----------
    name : str
        Stable name, such as ``"completeness_error"``.
    value : float
        The figure, as a share (0.02 is 2 %).
    text : str
        The figure for people.
    bad : bool
        Whether it is bad enough to be shown as a warning.
    """

    name: str
    value: float
    text: str
    bad: bool = False

    def card(self) -> dict[str, Any]:
        """Return the figure as the page needs it."""
        return {"name": self.name, "value": self.value, "text": self.text, "bad": self.bad}


@dataclass(frozen=True)
class Estimate:
    """A method's map as far as it has got, for all targets of the run.

    Attributes
    ----------
    attribution : Tensor
        Shape (T, C, h, w), signed, in score units per unit of the model's input (times the input where the method
        multiplies by it; see :attr:`Method.values`).
    done, total : int
        How much of the work has been done, in the method's unit.
    kind : {"estimate", "partial", "picture"}
        Whether `attribution` is an estimate of the final map, an honest part of it, or a picture and no attribution.
    quality : tuple
        For each target a tuple of figures.
    siblings : mapping of str to Tensor
        Maps of other methods that came for free from the same run, by method name.
    comparable : bool
        Whether how far it is from the run's earlier comparable estimates tells how far it still is from the converged map;
        false where it could stand still, or settle on something else, for a while.
    gauge : Tensor or None
        Shape (T, ...): by what its precision is judged, where that is not the map itself.
    stopped : bool
        Whether the run ends here, before all its work is done, since the estimate is as precise as was asked for.
    """

    attribution: Tensor
    done: int
    total: int
    kind: Kind = "estimate"
    quality: tuple[tuple[Quality, ...], ...] = ()
    siblings: Mapping[str, Tensor] = field(default_factory=dict)
    comparable: bool = True
    gauge: Tensor | None = None
    stopped: bool = False

    def of_target(self, t: int) -> Estimate:
        """Return the same for one of the targets alone."""
        return replace(
            self,
            attribution=self.attribution[t : t + 1],
            quality=self.quality[t : t + 1],
            siblings={name: maps[t : t + 1] for name, maps in self.siblings.items()},
            gauge=None,
        )

    @property
    def final(self) -> bool:
        """Whether this is the run's last estimate."""
        return self.stopped or self.done >= self.total
