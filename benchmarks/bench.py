"""Measures this project against captum, PAIR's saliency, pytorch-grad-cam and zennit, side by side in one process.

    python benchmarks/bench.py                   everything, to benchmarks/results/ (`make bench`; an hour or two on two cores)
    python benchmarks/bench.py --quick           two networks, few rounds (`make bench-quick`; five minutes)
    python benchmarks/bench.py --device cuda     on a GPU (`make bench-gpu`)
    python benchmarks/bench.py --memory          peak memory alone, each case in a process of its own
    python benchmarks/bench.py --log rows.jsonl  keeps each row at once; called again it goes on where it was stopped

Maps are compared before anything is timed; where they differ there is no figure. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import warnings
from pathlib import Path
from typing import Any

import timing
import torch
from peak_memory import Peak, peak_of
from report import STEPS, Report, machine, plot, slug
from row_log import RowLog
from speed_cases import CASES
from speed_goals import MEMORY
from speed_runs import BATCHES, BEST, OURS, Plan, Row, run_case
from speed_subjects import NETWORKS, Subject, load

__all__ = ["main"]

RESULTS = Path(__file__).resolve().parent / "results"

_QUICK_NETWORKS = ("mobilenet_v2", "resnet50")
_QUICK_CASES = ("gradient", "second_class", "grad_cam", "integrated_gradients", "smoothgrad")
_QUICK_SKIPPED = frozenset({("smoothgrad", "captum"), ("smoothgrad", "auto"), ("integrated_gradients", "PAIR")})
_QUICK_BATCHES = (4, 8)
_MEMORY_BATCH = 8


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two networks, the main cases, few rounds")
    parser.add_argument("--memory", action="store_true", help="measure peak memory alone")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, metavar="NETWORK", help=", ".join(NETWORKS))
    parser.add_argument("--cases", nargs="+", choices=tuple(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument(
        "--steps", type=int, default=STEPS, help="of path methods, and samples (50; others are for trying)"
    )
    parser.add_argument("--seconds", type=float, help="for the rounds of one case on one network (90; quick: 10)")
    parser.add_argument("--fewest", type=int, help="rounds that there are at least (3; quick: 2)")
    parser.add_argument("--threads", type=int, help="that PyTorch computes with (its own choice)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for what was found")
    parser.add_argument("--log", type=Path, help="a file that keeps each row; those that it has are not measured again")
    parser.add_argument("--dry", action="store_true", help="to the screen alone")
    found = parser.parse_args(given)
    found.networks = found.networks or list(_QUICK_NETWORKS if found.quick else NETWORKS)
    found.cases = found.cases or list(_QUICK_CASES if found.quick else CASES)
    found.seconds = found.seconds or (10.0 if found.quick else 90.0)
    found.fewest = found.fewest or (2 if found.quick else 3)
    return found


def plan(given: argparse.Namespace) -> Plan:
    """Return how much is measured."""
    # In a quick run the comparison of the maps has warmed everything.
    budget = timing.Budget(given.seconds, given.fewest, 10 if given.quick else 25, warm=0 if given.quick else 1)
    return Plan(
        budget,
        _QUICK_BATCHES if given.quick else BATCHES,
        _QUICK_SKIPPED if given.quick else frozenset(),
        timing.stopwatch(given.device),
    )


def speeds(given: argparse.Namespace) -> tuple[list[Row], dict[str, float]]:
    """Measure all cases on all networks; return the rows, and the operations of a gradient on a GPU.

    Ctrl-C ends it early, and keeps the cases that are done.
    """
    rows: list[Row] = []
    operations: dict[str, float] = {}
    log = RowLog(given.log, conditions(given))
    try:
        for network in given.networks:
            names = [name for name in given.cases if network in CASES[name].networks]
            rows += [row for name in names if (row := log.get(network, name)) is not None]
            left = [name for name in names if log.get(network, name) is None]
            if not left and given.device == "cpu":
                continue
            s = load(network, given.device, given.steps)
            known: dict[tuple[str, str, str], int] = {}
            if given.device == "cuda":
                operations[network] = work(s)
            for name in left:
                rows.append(run_case(CASES[name], s, plan(given), known))
                log.add(rows[-1])
                print(summary(rows[-1]), flush=True)
    except KeyboardInterrupt:
        print("stopped: what follows is what was measured until then", flush=True)
    return rows, operations


def conditions(given: argparse.Namespace) -> dict[str, Any]:
    """Return what rows have to share to stand in one table."""
    described = {name: value for name, value in machine(given.device).items() if name not in {"date", "matrix_rate"}}
    return described | {name: getattr(given, name) for name in ("device", "steps", "seconds", "fewest")}


def summary(row: Row) -> str:
    """Return a row in one line, for who waits."""
    ratios = [f"{name} {found.median:.2f}x" for name in row.seconds if name != OURS and (found := row.ratio(name))]
    ours = [f"{1000 * timing.figure(row.seconds[OURS]).median:.1f} ms"] if OURS in row.seconds else []
    return (
        f"{row.network} {row.case}: {', '.join([*ours, *ratios, *(f'{n}: {why}' for n, why in row.left_out.items())])}"
    )


def work(s: Subject) -> float:
    """Return the floating point operations of one forward and of the way back to the input."""
    from torch.utils.flop_counter import FlopCounterMode

    x = s.x.clone().requires_grad_()
    with FlopCounterMode(display=False) as counter:
        torch.autograd.grad(s.module(x)[:, s.target].sum(), x)
    return float(counter.get_total_flops())


def peaks(given: argparse.Namespace) -> list[Peak]:
    """Measure peak memory, each contender in a process of its own."""
    case = MEMORY[0]
    found = []
    for network in given.networks:
        for contender in (OURS, "captum", f"captum{BEST}", "PAIR", f"PAIR{BEST}"):
            batch = _MEMORY_BATCH if contender.endswith(BEST) else None
            found.append(peak_of(case, network, contender, device=given.device, batch=batch, steps=given.steps))
            size = found[-1].why if found[-1].extra is None else f"{found[-1].extra / 1e9:.2f} GB"
            print(f"{network} {contender}: {size}", flush=True)
    return found


def main(given: list[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    settings = arguments(given)
    if settings.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU that PyTorch can use here, so that there is nothing to measure on one.")
        return 0
    if settings.threads:
        torch.set_num_threads(settings.threads)
    warnings.simplefilter("ignore")
    rows, operations = ([], {}) if settings.memory else speeds(settings)
    memory = peaks(settings) if settings.memory or not settings.quick else []
    command = shlex.join(["python", "benchmarks/bench.py", *(sys.argv[1:] if given is None else given)])
    kept = {"command": command} | {name: getattr(settings, name) for name in ("device", "networks", "cases", "steps")}
    found = Report(machine(settings.device), kept, rows, memory, operations)
    text = found.markdown()
    print("\n" + text)
    if not (settings.dry or (settings.steps != STEPS and settings.results == RESULTS)):
        write(found, text, settings)
    return 0


def write(found: Report, text: str, settings: argparse.Namespace) -> None:
    """Write the table, the figures and the plot."""
    settings.results.mkdir(parents=True, exist_ok=True)
    kind = "-quick" if settings.quick else "-memory" if settings.memory else ""
    stem = str(settings.results / (slug(found.machine) + kind))
    data: dict[str, Any] = found.json()
    Path(f"{stem}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    plot(found.rows, Path(f"{stem}.webp"))
    if Path(f"{stem}.webp").exists() and found.rows:
        text += f"\n![Each ratio with its quartiles]({Path(stem).name}.webp)\n"
    Path(f"{stem}.md").write_text(text, encoding="utf-8")
    print(f"written: {Path(stem).name}.md, .json, .webp")


if __name__ == "__main__":
    sys.exit(main())
