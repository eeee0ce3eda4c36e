"""`make test` runs everything, hides no failure, and ends in one line that counts the tests."""

from __future__ import annotations

import sys

import pytest

import run_checks as tool

PYTEST = '<testsuites><testsuite tests="10" failures="1" errors="1" skipped="2"/></testsuites>'
VITEST = '<testsuites tests="5"><testsuite tests="3"/><testsuite tests="2" skipped="1"/></testsuites>'

# A make of our own: it writes a report for `unit`, fails for `unit` and `setup-fails`.
FAKE_MAKE = """#!/bin/sh
echo "made $2"
case "$2" in
  unit) echo '%s' > "$REPORTS/unit.xml"; exit 2;;
  vitest) echo '%s' > "$REPORTS/vitest.xml";;
  setup-fails) exit 2;;
esac
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    make = tmp_path / "make"
    make.write_text(FAKE_MAKE % (PYTEST, VITEST))
    make.chmod(0o755)
    monkeypatch.setenv("MAKE", str(make))
    monkeypatch.setenv("REPORTS", str(tmp_path))
    monkeypatch.setattr(tool, "REPORTS", tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["run_checks.py", *arguments])
        status = tool.main()
        return status, capfd.readouterr().out.splitlines()

    return run


def test_all_steps_run_and_one_failure_fails_the_run(run):
    status, lines = run("--first", "setup", "unit", "vitest", "lint")
    assert status == 1
    assert [line for line in lines if line.startswith("made")] == [
        "made setup",
        "made unit",
        "made vitest",
        "made lint",
    ]
    assert "failed: unit (run one alone with `make NAME`)" in lines


def test_the_last_line_counts_the_tests_of_all_runners(run):
    _, lines = run("--first", "setup", "unit", "vitest", "lint")
    assert lines[-1] == "10 passed, 2 failed, 3 skipped"


def test_a_report_of_an_earlier_run_is_not_counted(run):
    run("--first", "setup", "vitest")
    _, lines = run("--first", "setup", "lint")
    assert lines[-1] == "0 passed, 0 failed, 0 skipped"


def test_success_is_success(run):
    status, lines = run("--first", "setup", "vitest", "lint")
    assert status == 0
    assert lines[-1] == "4 passed, 0 failed, 1 skipped"


def test_nothing_runs_when_the_set_up_failed(run):
    status, lines = run("--first", "setup-fails", "unit")
    assert status == 1
    assert "made unit" not in lines
