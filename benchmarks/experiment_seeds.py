"""Architecture or luck? The methods of the claims on several trainings of each architecture, which differ in their seed alone.

    python benchmarks/experiment_seeds.py FOLDER --markdown docs/experiment.md --results benchmarks/results/experiment-seeds.json

takes the weights of the other trainings from FOLDER/NAME-SEED.safetensors, which `python -m saliency_widget.demo.train NAME
--seed SEED --out FOLDER/NAME-SEED.safetensors` writes; seed 0 is the one that ships. Each scene is written down as it is done,
and called again it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiment_cases import ARCHITECTURES, CASES, FIRST_SEED, HEADS, Case, label
from experiment_figures import BOTH, Figures
from experiment_report import between_marks
from experiment_tables import table
from original_experiment import ROOT, measure
from scipy.stats import f_oneway  # type: ignore[import-untyped, unused-ignore]
from tqdm import tqdm

import saliency_widget as sw
from saliency_widget.demo.models import load

__all__ = ["METHODS", "chance", "compared", "main", "summary", "trainings"]

RECORDS = ROOT / ".cache" / "experiment" / "seeds.jsonl"
METHODS = ("gradient", "smoothgrad", "integrated_gradients", "blur_ig", "grad_cam", "lrp")
KEYS = {"contrast": "heads told apart", "single": "single deletion"}

_TIER = "cheap"
_SURE = 0.05


def trainings(folder: Path) -> dict[str, dict[str, sw.ImageModel]]:
    """Return the trained networks, by architecture and name; seed 0 is the one that ships.

    Parameters
    ----------
    folder : Path
        Where the weights of the other seeds lie.
    """
    found: dict[str, dict[str, sw.ImageModel]] = {}
    for name in ARCHITECTURES:
        files = sorted(folder.glob(f"{name}-[1-9].safetensors"))
        found[name] = {f"{name} 0": load(name)} | {
            f"{name} {file.stem[-1]}": load(name, weights=file, device="cpu") for file in files
        }
    return found


def chance(groups: Sequence[Sequence[float]]) -> float | None:
    """Return the p of an F test: how easily seeds alone would set the means of the architectures so far apart.

    None where no architecture has more than one training, or all trainings are the same.
    """
    known = [group for group in groups if group]
    if len(known) < 2 or all(len(group) < 2 for group in known):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = float(f_oneway(*known).pvalue)
    return p if np.isfinite(p) else None


def compared(f: Figures, names: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the table: each figure for each training, beside the chance that the seeds alone would give such differences.

    Parameters
    ----------
    f : Figures
    names : mapping of str to sequence of str
        The trainings of each architecture, as they are called in the records.
    """
    rows = []
    for method in METHODS:
        for key, shown in KEYS.items():
            groups = [_means(f, names[architecture], method, key) for architecture in ARCHITECTURES]
            p = chance(groups)
            said = "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"
            cells = [", ".join(f"{one:.2f}" for one in group) for group in groups]
            rows.append([label(method), shown, *cells, f"**{said}**" if p is not None and p < _SURE else said])
    return table(["method", "figure", *ARCHITECTURES, "p"], rows)


def summary(f: Figures, names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return all figures with their intervals, as JSON can hold them."""
    found: dict[str, Any] = {}
    for name in (name for several in names.values() for name in several):
        right = {head: [round(one.mean, 4), one.count] for head in HEADS if (one := f.accuracy(name, head)) is not None}
        maps = {
            method: {
                key: [round(one.mean, 3), round(one.low, 3), round(one.high, 3), one.count]
                for key in KEYS
                if (one := f.of(name, method, BOTH, key)) is not None
            }
            for method in METHODS
        }
        found[name] = {"right": right, "maps": maps}
    return {"about": "mean, ends of the 95 % bootstrap interval over scenes, number of scenes", "trainings": found}


def _means(f: Figures, names: Sequence[str], method: str, key: str) -> list[float]:
    return [one.mean for name in names if (one := f.of(name, method, BOTH, key)) is not None]


def _cases() -> tuple[Case, ...]:
    """Return the methods, all in one tier: every training sees every scene with each of them."""
    return tuple(replace(case, tier=_TIER, free=()) for case in CASES if case.name in METHODS)


def _run(models: Mapping[str, sw.ImageModel], given: argparse.Namespace) -> None:
    given.records.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if given.records.exists():
        for line in given.records.read_text().splitlines():
            record = json.loads(line)
            done |= {(record["seed"], name) for name in record["models"]}
    end = time.monotonic() + 60 * given.minutes
    with given.records.open("a") as file:
        for place in tqdm(range(given.scenes), desc="scenes", unit="scene", mininterval=20):
            seed = FIRST_SEED + place
            left = {name: model for name, model in models.items() if (seed, name) not in done}
            if left and time.monotonic() < end:
                record = measure(left, seed, _TIER, curves=False, cases=_cases())
                file.write(json.dumps(record, separators=(",", ":")) + "\n")
                file.flush()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the weights of the other seeds lie")
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no scene after this; 0 to report only")
    parser.add_argument("--threads", type=int, default=1, help="of the processor")
    parser.add_argument("--records", type=Path, default=RECORDS, help="where what is done is written down")
    parser.add_argument("--results", type=Path, help="also write the figures here, as JSON")
    parser.add_argument("--markdown", type=Path, help="also write the table between the marks of this page")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    warnings.simplefilter("ignore")
    models = trainings(given.folder)
    _run({name: model for several in models.values() for name, model in several.items()}, given)
    names = {architecture: list(several) for architecture, several in models.items()}
    f = Figures.read(given.records)
    lines = compared(f, names)
    if given.results is not None:
        given.results.write_text(json.dumps(summary(f, names), indent=1) + "\n")
    if given.markdown is not None:
        given.markdown.write_text(between_marks(given.markdown.read_text(), {"trainings": lines}, "seeds"))
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
