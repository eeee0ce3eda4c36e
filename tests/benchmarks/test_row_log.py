"""A benchmark of hours can be stopped and gone on with: what was measured is kept, and not measured again."""

from __future__ import annotations

from types import SimpleNamespace

import bench
import pytest
from row_log import RowLog
from speed_runs import Row

CONDITIONS = {"processor": "one", "steps": 50}


def row(case, network="resnet50", seconds=1.5):
    return Row(case, network, {"ours": (seconds, 2.0), "captum": (3.0, 4.0)}, {"captum": 8}, {"captum": "the same"})


def test_a_row_comes_back_as_it_was(tmp_path):
    path = tmp_path / "deep" / "rows.jsonl"
    RowLog(path, CONDITIONS).add(row("gradient"))
    found = RowLog(path, CONDITIONS).get("resnet50", "gradient")
    assert found == row("gradient")
    assert found.ratio("captum") == row("gradient").ratio("captum")


def test_rows_that_were_measured_otherwise_are_refused_and_kept(tmp_path):
    path = tmp_path / "rows.jsonl"
    RowLog(path, CONDITIONS).add(row("gradient"))
    before = path.read_text()
    with pytest.raises(ValueError, match="measured with another processor, steps; give another file"):
        RowLog(path, {"processor": "two", "steps": 10})
    assert path.read_text() == before


def test_without_a_file_nothing_is_kept():
    log = RowLog(None, CONDITIONS)
    log.add(row("gradient"))
    assert RowLog(None, CONDITIONS).get("resnet50", "gradient") is None


def test_what_was_stopped_goes_on_where_it_was_and_all_rows_are_in_the_table(tmp_path, monkeypatch, capsys):
    measured = []

    def run_case(case, subject, plan, known):
        if len(measured) == 1:
            measured.append("stop")
            raise KeyboardInterrupt
        measured.append((subject.name, case.name))
        return row(case.name, subject.name)

    monkeypatch.setattr(bench, "load", lambda name, device, steps: SimpleNamespace(name=name))
    monkeypatch.setattr(bench, "run_case", run_case)
    given = [
        "--networks",
        "resnet50",
        "mobilenet_v2",
        "--cases",
        "gradient",
        "grad_cam",
        "--log",
        str(tmp_path / "rows"),
    ]
    stopped, _ = bench.speeds(bench.arguments(given))
    assert [(one.network, one.case) for one in stopped] == [("resnet50", "gradient")]
    rows, _ = bench.speeds(bench.arguments(given))
    assert [(one.network, one.case) for one in rows] == [
        ("resnet50", "gradient"),
        ("resnet50", "grad_cam"),
        ("mobilenet_v2", "gradient"),
        ("mobilenet_v2", "grad_cam"),
    ]
    assert measured.count(("resnet50", "gradient")) == 1
    assert "stopped" in capsys.readouterr().out
