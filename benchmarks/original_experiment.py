"""The original experiment, redone: four architectures x all methods x two heads on held-out scenes, each map measured.

For each map: the share of its evidence in its own head's mask and in the other head's, against the masks' share of the picture
(1 is what a blind map gets); rank accuracy and the pointing game; the correlation with single deletions, and for the first
scenes insertion and deletion; how smooth it is; what it cost. Beside the methods stand maps that know no model, and the same
architectures untrained.

    python benchmarks/original_experiment.py --scenes 200 --scenes-middle 200 --scenes-expensive 50 --markdown docs/experiment.md

works scene by scene over all architectures, writes down each as it is done, and goes on where it stopped when it is called again;
``--minutes`` ends it early, and then every figure says on how many scenes it stands. The cheap methods, the middle ones and the
expensive ones keep step, so that whenever it ends each has had its share. The time of a map is the processor's, on one thread.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import torch
from experiment_cases import ARCHITECTURES, CASES, FIRST_SEED, HEADS, TIERS, UNTRAINED, Case, Tier
from experiment_maps import Subject, elements_of, noisy, run_case, steadiness
from experiment_report import write
from tqdm import tqdm

import saliency_widget as sw
from saliency_widget.demo.models import load
from saliency_widget.errors import NotApplicable

__all__ = ["jobs", "left", "main", "measure"]

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / ".cache" / "experiment" / "records.jsonl"


def jobs(counts: Mapping[Tier, int]) -> list[tuple[Tier, int]]:
    """Return (tier, number of the scene) in the order in which they are worked on: the tiers keep step.

    Parameters
    ----------
    counts : mapping of str to int
        How many scenes each tier has.
    """
    order = [((place + 0.5) / count, tier, place) for tier, count in counts.items() for place in range(count)]
    return [(tier, place) for _, tier, place in sorted(order)]


def measure(
    models: Mapping[str, sw.ImageModel], seed: int, tier: Tier, *, curves: bool, cases: tuple[Case, ...] = CASES
) -> dict[str, Any]:
    """Return the figures of all maps of one tier on one scene, as JSON can hold them.

    Parameters
    ----------
    models : mapping of str to ImageModel
        By architecture; those whose name begins with ``untrained`` get few methods.
    seed : int
        Of the scene.
    tier : {"cheap", "middle", "expensive", "steady"}
    curves : bool
        Whether insertion and deletion are measured too.
    cases : tuple of Case
    """
    scene = sw.demo.building(seed, 0)
    elements = elements_of(scene)
    found: dict[str, Any] = {}
    for name, model in models.items():
        bare = name.startswith(UNTRAINED)
        chosen = [case for case in cases if case.tier == tier and (case.untrained or not bare)]
        if tier == "steady" and not bare:
            again = [case for case in cases if case.steady]
            found[name] = {"right": {}, "costs": {}, "maps": _steady(model, scene, again)}
        elif chosen:
            subject = Subject(model, scene, curves and not bare, elements)
            right = {head: int(subject.right(head)) for head in HEADS}
            found[name] = {"right": right} | dict(zip(("maps", "costs"), _maps(subject, chosen), strict=True))
    return {"seed": seed, "tier": tier, "labels": scene.labels, "models": found}


def _maps(subject: Subject, cases: list[Case]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    maps: dict[str, dict[str, Any]] = {}
    costs: dict[str, Any] = {}
    for case in cases:
        try:
            made, cost = run_case(subject.model, subject.scene, case)
        except NotApplicable:
            continue
        costs[case.name] = [cost.forwards, cost.backwards, round(cost.seconds, 4)]
        for one in made:
            maps.setdefault(one.name, {})[one.head] = subject.measure(one)
    return maps, costs


def _steady(model: sw.ImageModel, scene: sw.demo.Scene, cases: list[Case]) -> dict[str, dict[str, Any]]:
    maps: dict[str, dict[str, Any]] = {}
    copy = noisy(scene)
    for case in cases:
        made, again = (run_case(model, one, replace(case, free=()))[0] for one in (scene, copy))
        for one, other in zip(made, again, strict=True):
            maps.setdefault(one.name, {})[one.head] = {"steady": steadiness(one, other)}
    return maps


def _done(records: Path) -> set[tuple[str, int]]:
    if not records.exists():
        return set()
    with records.open() as lines:
        return {(record["tier"], record["seed"]) for record in map(json.loads, lines)}


def left(given: argparse.Namespace) -> Iterator[tuple[Tier, int]]:
    """Yield (tier, number of the scene) of what is not written down yet, until the time is up."""
    each = (given.scenes, given.scenes_middle, given.scenes_expensive, given.scenes_steady)
    counts: dict[Tier, int] = dict(zip(TIERS, each, strict=True))
    done, end = _done(given.records), time.monotonic() + 60 * given.minutes
    for tier, place in tqdm(jobs(counts), desc="scenes", unit="job", mininterval=20):
        if time.monotonic() > end:
            return
        if (tier, FIRST_SEED + place) not in done:
            yield tier, place


def run(given: argparse.Namespace, write_down: Callable[[TextIO, dict[str, Any]], None]) -> None:
    """Measure what is left to be measured."""
    models = {name: load(name) for name in ARCHITECTURES}
    models |= {f"{UNTRAINED}{name}": load(name, trained=False) for name in ARCHITECTURES}
    given.records.parent.mkdir(parents=True, exist_ok=True)
    with given.records.open("a") as file:
        for tier, place in left(given):
            write_down(file, measure(models, FIRST_SEED + place, tier, curves=place < given.scenes_curves))


def _append(file: TextIO, record: dict[str, Any]) -> None:
    file.write(json.dumps(record, separators=(",", ":")) + "\n")
    file.flush()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=200, help="for methods of up to ten gradients")
    parser.add_argument("--scenes-middle", type=int, default=200, help="for methods of 50 to 100 gradients")
    parser.add_argument("--scenes-expensive", type=int, default=50, help="for methods that cost more")
    parser.add_argument("--scenes-steady", type=int, default=50, help="for the maps of a slightly noisy copy")
    parser.add_argument("--scenes-curves", type=int, default=20, help="for insertion and deletion")
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no scene after this; 0 to report only")
    parser.add_argument("--threads", type=int, default=1, help="of the processor")
    parser.add_argument("--records", type=Path, default=RECORDS, help="where what is done is written down")
    parser.add_argument("--results", type=Path, help="also write the figures here, as JSON")
    parser.add_argument("--markdown", type=Path, help="also write the tables between the marks of this page")
    parser.add_argument("--images", type=Path, help="also draw the pictures into this folder")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    warnings.simplefilter("ignore")
    if given.minutes > 0:
        run(given, _append)
    write(given.records, results=given.results, markdown=given.markdown, images=given.images)


if __name__ == "__main__":
    main()
