"""Writes the tables of the original experiment between the marks of its page, and the figures as JSON."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import experiment_claims as claims
import experiment_tables as tables
from experiment_cases import ARCHITECTURES, CASES, HEADS, UNTRAINED
from experiment_figures import Figures
from experiment_tables import rows_of
from scene_parts import PARTS

__all__ = ["SECTIONS", "between_marks", "by_scene", "summary", "write"]

KEYS = (
    *("own", "other", "contrast", "rank", "beyond chance", "point", "away"),
    *("single", "single_drawn", "insertion", "deletion", "gain"),
    *("grain", "steady", "own_absolute", "own_positive"),
)
"""What is kept of each map in the JSON file."""

Section = Callable[[Figures], list[str]]

SECTIONS: dict[str, Section] = {
    "scenes": tables.scenes,
    "style": tables.style,
    "perspective": tables.perspective,
    "rank": tables.rank,
    "pointing": tables.pointing,
    "single": tables.single,
    "curves": tables.curves,
    "grain": tables.grain,
    "steady": tables.steady,
    "cost": tables.cost,
    "untrained": tables.untrained,
    "simpler": claims.simpler,
    "failing": claims.failing,
    "misleading": claims.misleading,
    "heads": claims.heads,
    "others": claims.others,
    "reserves": tables.reserves,
}
"""The tables, by the names of the marks between which they stand."""


def summary(f: Figures) -> dict[str, Any]:
    """Return all means with their intervals and numbers of scenes, as JSON can hold them."""
    models = (*ARCHITECTURES, *(UNTRAINED + name for name in ARCHITECTURES))
    found: dict[str, Any] = {}
    for model in models:
        for name in rows_of(f):
            for head in HEADS:
                numbers = {
                    key: [round(one.mean, 3), round(one.low, 3), round(one.high, 3), one.count]
                    for key in (*KEYS, *PARTS)
                    if (one := f.of(model, name, head, key)) is not None
                }
                if numbers:
                    found.setdefault(model, {}).setdefault(name, {})[head] = numbers
    costs = {
        model: {
            case.name: [*work, round(f.seconds(model, case.name) or 0, 3)]
            for case in CASES
            if (work := f.work(model, case.name))
        }
        for model in models
    }
    right = {
        model: {head: [round(one.mean, 4), one.count] for head in HEADS if (one := f.accuracy(model, head)) is not None}
        for model in models
    }
    return {
        "about": "mean, ends of the 95 % bootstrap interval, number of scenes; costs: forwards, gradients, seconds, both heads",
        "scenes": {tier: len(seeds) for tier, seeds in f.scenes.items()},
        "accuracy": right,
        "maps": found,
        "costs": costs,
    }


def by_scene(f: Figures) -> bytes:
    """Return what each scene gave, compressed: a line for each scene, architecture and map."""
    keys = ("own", "other", "rank", "single")
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["seed", "model", "map", *(f"{head} {key}" for head in HEADS for key in keys)])
    for model in ARCHITECTURES:
        for name in rows_of(f):
            columns = [f.values(model, name, head, key) for head in HEADS for key in keys]
            for seed in sorted(columns[0]):
                out.writerow([seed, model, name, *(f"{c[seed]:.2f}" if seed in c else "" for c in columns)])
    return gzip.compress(text.getvalue().encode(), mtime=0)


def between_marks(page: str, parts: Mapping[str, Sequence[str]], kind: str = "table") -> str:
    """Return a page with the tables between their marks, ``<!-- KIND: NAME -->`` and ``<!-- end -->``.

    Raises
    ------
    ValueError
        If a mark names no table.
    """

    def fill(mark: re.Match[str]) -> str:
        name = mark[1]
        if name not in parts:
            message = f"the page has a mark for a {kind} {name!r}; expected one of {', '.join(parts)}"
            raise ValueError(message)
        lines = "\n".join(parts[name])
        return f"<!-- {kind}: {name} -->\n\n{lines}\n\n<!-- end -->"

    return re.sub(rf"<!-- {kind}: (\w+) -->.*?<!-- end -->", fill, page, flags=re.DOTALL)


def write(records: Path, *, results: Path | None, markdown: Path | None, images: Path | None) -> None:
    """Write what was asked for, and print all tables where nothing was."""
    f = Figures.read(records)
    if results is not None:
        results.write_text(json.dumps(summary(f), separators=(",", ":")) + "\n")
        results.with_name(f"{results.stem}-scenes.csv.gz").write_bytes(by_scene(f))
    if images is not None:
        from experiment_pictures import draw_all

        draw_all(f, images)
    if markdown is not None:
        markdown.write_text(between_marks(markdown.read_text(), {name: make(f) for name, make in SECTIONS.items()}))
    if results is markdown is images is None:
        for name, make in SECTIONS.items():
            print(f"\n## {name}\n", *make(f), sep="\n")
