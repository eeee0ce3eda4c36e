"""Writes down what was measured: the machine, tables in Markdown, JSON, a plot; it measures nothing but a GPU's matrix rate.

No path and no name of a machine gets into it.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import timing
import torch
from peak_memory import Peak
from speed_cases import CASES
from speed_goals import GOALS, Verdict, judge, judge_memory
from speed_runs import OURS, Row

__all__ = ["STEPS", "Report", "machine", "matrix_rate", "plot", "slug"]

_LIBRARIES = ("torch", "torchvision", "numpy", "captum", "saliency", "grad-cam", "zennit")
STEPS = 50
_SIZE = 8192
_REPEATS = 10


@dataclass
class Report:
    """All that one run of the benchmark found.

    Attributes
    ----------
    machine : dict
        As :func:`machine` describes it.
    settings : dict
        With which the benchmark was started.
    rows : list of Row
    peaks : list of Peak
    operations : dict of str to float
        Floating point operations of one gradient, by network; on a GPU alone.
    """

    machine: dict[str, Any]
    settings: dict[str, Any]
    rows: list[Row]
    peaks: list[Peak]
    operations: dict[str, float]

    @property
    def verdicts(self) -> list[Verdict]:
        """Whether each goal that is stated for this device is met."""
        device = self.settings["device"]
        found = [judge(goal, self.rows) for goal in GOALS if goal.device in {"", device}]
        return found + ([judge_memory(self.peaks)] if device == "cpu" else [])

    def json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "machine": self.machine,
            "settings": self.settings,
            "rows": [asdict(row) for row in self.rows],
            "peaks": [asdict(peak) for peak in self.peaks],
            "operations": self.operations,
            "goals": [asdict(verdict) for verdict in self.verdicts],
        }

    def markdown(self) -> str:
        """Return everything for people."""
        steps = self.settings["steps"]
        parts = [
            "# Speed against other libraries",
            f"Made by `{self.settings['command']}` on {self.machine['date']}.",
            _described(self.machine),
            _explained(steps),
            "## Goals",
            self._goals(),
        ]
        if self.rows:
            parts += ["## Measured", self._measured()]
        if left_out := self._left_out():
            parts += ["## Not timed", left_out]
        if agreement := self._agreement():
            parts += ["## How well the maps agree", agreement]
        if self.operations:
            parts += ["## Of the card's matrix rate", self._rates()]
        if self.peaks:
            parts += ["## Peak memory beyond the loaded model", self._memory()]
        return "\n\n".join(parts) + "\n"

    def _goals(self) -> str:
        lines = ["| goal | asked for | measured | |", "|---|---|---|---|"]
        lines += [f"| {v.title} | {v.goal} | {v.measured or '-'} | {v.verdict} |" for v in self.verdicts]
        return "\n".join(lines)

    def _measured(self) -> str:
        lines = ["| case | network | contender | seconds | ratio to ours | rounds |", "|---|---|---|--:|--:|--:|"]
        for row in self.rows:
            for name, seconds in row.seconds.items():
                shown = f"{name} (batch {row.batches[name]})" if name in row.batches else name
                if name == "auto":
                    shown = f"ours, {row.precision}"
                lines.append(
                    f"| {CASES[row.case].title} | {row.network} | {shown} | {_seconds(timing.figure(seconds).median)} | "
                    f"{_ratio(row.ratio(name)) if name != OURS else ''} | {len(seconds)} |"
                )
        return "\n".join(lines)

    def _left_out(self) -> str:
        return "\n".join(
            f"- {CASES[row.case].title}, {row.network}, {name}: {why}"
            for row in self.rows
            for name, why in row.left_out.items()
        )

    def _agreement(self) -> str:
        return "\n".join(
            f"- {CASES[row.case].title}, {row.network}: "
            + "; ".join(f"{name}: {found}" for name, found in row.agreement.items())
            for row in self.rows
            if row.agreement
        )

    def _rates(self) -> str:
        lines = ["| network | precision | TFLOP per second | share of the matrix rate |", "|---|---|--:|--:|"]
        for row in self.rows:
            if row.case != "integrated_gradients" or row.network not in self.operations:
                continue
            for name, precision in ((OURS, "float32"), ("auto", row.precision)):
                if name not in row.seconds:
                    continue
                work = self.operations[row.network] * self.settings["steps"]
                rate = work / timing.figure(row.seconds[name]).median / 1e12
                whole = self.machine["matrix_rate"].get(precision)
                share = f"{rate / whole:.0%}" if whole else "-"
                lines.append(f"| {row.network} | {precision} | {rate:.1f} | {share} |")
        return "\n".join(lines)

    def _memory(self) -> str:
        lines = ["| case | network | contender | GB |", "|---|---|---|--:|"]
        for peak in self.peaks:
            size = peak.why if peak.extra is None else f"{'' if peak.exact else '>= '}{peak.extra / 1e9:.2f}"
            lines.append(f"| {CASES[peak.case].title} | {peak.network} | {peak.contender} | {size} |")
        return "\n".join(lines)


def _explained(steps: int) -> str:
    text = (
        f"{steps} steps or samples. Each figure is a ratio within one run: the contenders ran in turns, the ratio is the median "
        "over the rounds, with quartiles in brackets; above 1x ours was faster. Seconds are medians and hold for this machine on "
        'this day alone. Maps were compared before anything was timed: the same unless said otherwise under "Not timed".'
    )
    return text if steps == STEPS else f"{text} **The goals are stated for {STEPS} steps: this run was for trying.**"


def _described(found: dict[str, Any]) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in found["libraries"].items())
    lines = [f"- {found['processor']}, {found['cores']} cores, {found['threads']} threads, {found['system']}"]
    if found.get("card"):
        rates = ", ".join(f"{name} {rate:.0f} TFLOP/s" for name, rate in found["matrix_rate"].items())
        lines.append(f"- {found['card']}, matrix rate measured: {rates}")
    return "\n".join([*lines, f"- Python {found['python']}, {libraries}"])


def _ratio(found: timing.Figure | None) -> str:
    return "" if found is None else f"{found.median:.2f}x ({found.lower:.2f} to {found.upper:.2f})"


def _seconds(value: float) -> str:
    return f"{1000 * value:.1f} ms" if value < 1 else f"{value:.2f} s"


def machine(device: str = "cpu") -> dict[str, Any]:
    """Describe the machine: what it computes with, not what it is called."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": cores,
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": versions,
    }
    if device == "cuda":
        found["card"] = torch.cuda.get_device_name()
        found["matrix_rate"] = {name: matrix_rate(getattr(torch, name)) for name in ("float32", "float16", "bfloat16")}
    return found


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def matrix_rate(dtype: torch.dtype) -> float:
    """Return how many 10^12 floating point operations a second the GPU makes in products of large matrices."""
    a, b = (torch.randn(_SIZE, _SIZE, device="cuda").to(dtype) for _ in range(2))
    clock = timing.stopwatch("cuda")
    seconds = []
    for _ in range(3):
        start = clock()
        for _ in range(_REPEATS):
            a @ b
        seconds.append((clock() - start) / _REPEATS)
    return 2 * _SIZE**3 / min(seconds) / 1e12


def slug(found: dict[str, Any]) -> str:
    """Return the beginning of the results' file names."""
    name = found.get("card") or f"{found['processor']} {found['cores']} cores"
    plain = re.sub(r"\(R\)|\(TM\)|CPU|@.*?GHz|processor", " ", name, flags=re.IGNORECASE)
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") + "-" + str(found["date"])


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draw each ratio to ours with its quartiles, on a logarithmic axis."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    lines = [
        (row, name, found)
        for row in rows
        for name in row.seconds
        if name not in {OURS, "auto", "stopping"} and (found := row.ratio(name)) is not None
    ]
    if not lines:
        return
    libraries = list(dict.fromkeys(name for _, name, _ in lines))
    places = list(dict.fromkeys((row.case, row.network) for row, _, _ in lines))
    figure = Figure(figsize=(8, 1.5 + 0.28 * len(places)), layout="constrained")
    axes = figure.subplots()
    for index, library in enumerate(libraries):
        chosen = [(places.index((row.case, row.network)), found) for row, name, found in lines if name == library]
        heights = np.array([place for place, _ in chosen], float)
        middle = np.array([found.median for _, found in chosen])
        spread = np.array([(f.median - f.lower, f.upper - f.median) for _, f in chosen]).T
        colour = f"C{index % 10}"
        axes.errorbar(middle, heights, xerr=spread, fmt="o", markersize=4, color=colour, label=library, linewidth=1)
    axes.axvline(1, color="0.4", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(places)), [f"{CASES[case].title}, {network}" for case, network in places], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("time of the other / time of ours (right of 1x ours is faster)")
    axes.grid(axis="x", color="0.9")
    axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.4, -0.08 - 1.2 / len(places)), ncols=3, frameon=False)
    figure.savefig(path, format="webp", dpi=130)
