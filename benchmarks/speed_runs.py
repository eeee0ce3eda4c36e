"""Runs one case on one network: compares the maps, finds the best batch sizes, measures in turns; it prints nothing.

The order is: our map; each peer's map, and what differs is left out, with the reason; each peer's best batch size; then all
that is left in turns, ours last.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import same_map
import timing
from numpy.typing import NDArray
from speed_cases import AUTO, Case, Peer, values
from speed_peers import MissingPeer
from speed_subjects import Subject

__all__ = ["BATCHES", "BEST", "OURS", "Plan", "Row", "run_case"]

BATCHES = (1, 4, 8, 16)
OURS = "ours"
BEST = " at its best"
"""What follows a library's name where it runs at its best."""

Run = Callable[[], Any]


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes
    ----------
    budget : timing.Budget
    batches : tuple of int
        The batch sizes among which each peer's best is found.
    skipped : frozenset of (str, str)
        Contenders that are not run, by case and label.
    clock : callable
        Returns seconds.
    """

    budget: timing.Budget = field(default_factory=timing.Budget)
    batches: tuple[int, ...] = BATCHES
    skipped: frozenset[tuple[str, str]] = frozenset()
    clock: timing.Clock = time.perf_counter


@dataclass
class Row:
    """What came of one case on one network.

    Attributes
    ----------
    case, network : str
    seconds : dict of str to tuple of float
        Of each contender, round by round.
    batches : dict of str to int
        The batch size at which a peer is at its best, by contender.
    agreement : dict of str to str
        How well the maps agree, by library or variant.
    left_out : dict of str to str
        Why something was not timed, by library, contender or variant.
    precision : str
        What the variant "auto" chose; empty where there is none.
    """

    case: str
    network: str
    seconds: dict[str, tuple[float, ...]] = field(default_factory=dict)
    batches: dict[str, int] = field(default_factory=dict)
    agreement: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    precision: str = ""

    def ratio(self, theirs: str, ours: str = OURS) -> timing.Figure | None:
        """Return how many times as long one contender took as another; None where one of them was not timed."""
        if theirs not in self.seconds or ours not in self.seconds:
            return None
        return timing.ratios(self.seconds[theirs], self.seconds[ours])


def run_case(case: Case, s: Subject, plan: Plan, known: dict[tuple[str, str, str], int] | None = None) -> Row:
    """Measure one case on one network.

    Parameters
    ----------
    case : Case
    s : Subject
    plan : Plan
    known : dict, optional
        The best batch sizes that were found before, by network, library and sweep; added to.

    Returns
    -------
    Row
    """
    row, known = Row(case.name, s.name), {} if known is None else known
    runs: dict[str, Run] = {}
    try:
        ours, run = case.found(s), case.ours(s)
    except Exception as error:  # noqa: BLE001 - an hour of other cases must not be lost
        row.left_out[OURS] = _why(error)
        return row
    for peer in case.peers:
        try:
            if _same(row, peer.library, ours, peer.found(s), case.tolerance):
                runs |= _contenders(case, peer, s, plan, row, known)
        except Exception as error:  # noqa: BLE001 - the others' failures are findings
            row.left_out[peer.library] = _why(error)
    for name, make in case.variants.items():
        if (case.name, name) in plan.skipped:
            continue
        if (variant := make(s)) is None:
            row.left_out[name] = "float32 is what it chooses" if name == "auto" else "this version does not know it"
            continue
        found = variant()
        if _same(row, name, values(found), ours, AUTO if name == "auto" else case.tolerance):
            runs[name] = variant
            row.precision = found.precision if name == "auto" else row.precision
    row.seconds = _timed(runs | {OURS: run}, plan, row)
    return row


def _timed(runs: dict[str, Run], plan: Plan, row: Row) -> dict[str, tuple[float, ...]]:
    """Return the seconds of all that runs at all; what raises the first time, as for want of memory, is left out."""
    budget = plan.budget
    if budget.warm:
        for name, run in list(runs.items()):
            try:
                run()
            except Exception as error:  # noqa: BLE001 - the others' failures are findings
                row.left_out[name] = _why(error)
                del runs[name]
        budget = replace(budget, warm=budget.warm - 1)
    return timing.in_turns(runs, budget, plan.clock)


def _contenders(
    case: Case, peer: Peer, s: Subject, plan: Plan, row: Row, known: dict[tuple[str, str, str], int]
) -> dict[str, Run]:
    """Return what is run of one peer, by label, and note its best batch size."""
    made: dict[str, Run] = {}
    best = peer.library + BEST

    def wanted(label: str) -> bool:
        return (case.name, label) not in plan.skipped

    if peer.defaults is not None and wanted(peer.library):
        made[peer.library] = peer.defaults(s)
    if peer.best is not None and wanted(best):
        made[best] = peer.best(s)
    batched = peer.batched
    if batched is not None and wanted(best):
        key = s.name, peer.library, peer.sweep
        if key not in known:
            trial = peer.trial or batched
            known[key], _ = timing.best_of(lambda size: trial(s, size), plan.batches, plan.clock)
        row.batches[best] = known[key]
        made[best] = batched(s, known[key])
    return made


def _same(row: Row, name: str, ours: NDArray[Any], theirs: NDArray[Any], tolerance: same_map.Tolerance) -> bool:
    """Say whether two maps are the same, and note it."""
    found = same_map.compare(ours, theirs)
    row.agreement[name] = str(found)
    if not found.within(tolerance):
        row.left_out[name] = f"different maps: {found}; asked for: {tolerance}"
    return name not in row.left_out


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, MissingPeer) else f"{type(error).__name__}: {error}".split("\n", 1)[0]
