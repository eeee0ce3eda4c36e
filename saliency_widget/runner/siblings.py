"""The maps of other methods that came for free from a finished run, ready to be kept and offered; it sends none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from saliency_widget.explanation import Explanation
from saliency_widget.methods import Estimate
from saliency_widget.plan import Plan
from saliency_widget.runner.frames import encode
from saliency_widget.runner.job import Choice
from saliency_widget.runner.shelf import Finished

__all__ = ["siblings"]


def siblings(
    plan: Plan, choice: Choice, last: Estimate, explanations: Sequence[Explanation], *, ms: float, revision: str
) -> Iterator[Finished]:
    """Yield the finished map of each sibling of a run.

    Parameters
    ----------
    plan : Plan
    choice : Choice
        What was asked for.
    last : Estimate
        The run's last one. Of a run that stopped by itself the other maps may be less precise than asked: there are none.
    explanations : sequence of Explanation
        One for each of the plan's targets.
    ms : float
        What the run took.
    revision : str
        The model's.
    """
    for name, maps in last.siblings.items() if not last.stopped else ():
        other = plan.for_sibling(name)
        alone = replace(last, attribution=maps, quality=(), siblings={})
        frame = encode(other, alone, final=True, ms=ms, key=other.key(revision))
        args = replace(choice, method=name).args(plan.picture.id)
        yield Finished(frame, args, [e.siblings[name] for e in explanations])
