"""Run make targets one after the other, each under a heading, and sum up: what `make test` does.

All of them run, also after a failure, so that one run tells everything that is wrong; the exit
status is 1 if any failed. The last line counts the tests of all runners, as written in their
JUnit reports: "313 passed, 0 failed, 2 skipped".
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / ".cache" / "reports"


@dataclass(frozen=True)
class Counts:
    """How many tests passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        """As the last line of a test run says it."""
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class Step:
    """One make target that was run."""

    name: str
    status: int
    seconds: float
    counts: Counts | None

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.status == 0

    def line(self) -> str:
        """Return one line of the summary."""
        verdict = "ok    " if self.ok else "FAILED"
        return f"  {verdict}  {self.name:<10}{self.seconds:7.1f} s   {self.counts or ''}".rstrip()


def read_report(path: Path) -> Counts | None:
    """Count the tests of a JUnit report, or return None where a step writes none."""
    if not path.is_file():
        return None
    counts = Counts()
    for suite in ET.parse(path).getroot().iter("testsuite"):  # noqa: S314 # ours, written a moment ago
        total, skipped, failures, errors = (
            int(suite.get(name) or 0) for name in ("tests", "skipped", "failures", "errors")
        )
        failed = failures + errors
        counts += Counts(max(total - failed - skipped, 0), failed, skipped)
    return counts


def run(name: str) -> Step:
    """Run one target under its heading; its output goes straight to the terminal."""
    print(f"\n=== {name} ===", flush=True)
    report = REPORTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    start = time.monotonic()
    status = subprocess.run(
        [os.environ.get("MAKE", "make"), "--no-print-directory", name], cwd=ROOT, check=False
    ).returncode
    seconds = time.monotonic() - start
    print(f"=== {name}: {'ok' if status == 0 else 'FAILED'} in {seconds:.1f} s ===", flush=True)
    return Step(name, status, seconds, read_report(report))


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description="Run make targets and sum up.")
    parser.add_argument("--first", required=True, help="the target without which no other can run")
    parser.add_argument("targets", nargs="+")
    options = parser.parse_args()
    steps = [run(options.first)]
    if steps[0].ok:
        steps += map(run, options.targets)
    print("\n=== summary ===")
    for step in steps:
        print(step.line())
    failed = [step.name for step in steps if not step.ok]
    if failed:
        print(f"\nfailed: {', '.join(failed)} (run one alone with `make NAME`)")
    print(f"\n{sum((step.counts for step in steps if step.counts), Counts())}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
