"""A torch that does not fit torchvision is replaced by its twin from the index, and else told."""

from __future__ import annotations

import pytest

import check_torch as tool


@pytest.fixture
def machine(monkeypatch):
    """Make a machine with a torch of one version, where imports fail a number of times."""
    installed = []

    def make(version, failures):
        errors = ["operator torchvision::nms does not exist"] * failures + [""]
        monkeypatch.setattr(tool, "version", lambda _: version)
        monkeypatch.setattr(tool, "import_error", lambda: errors.pop(0))
        monkeypatch.setattr(tool.subprocess, "run", lambda command, **_: installed.append(command[-1]))
        return installed

    return make


def test_a_pair_that_fits_is_left_alone(machine):
    installed = machine("2.13.0+cpu", 0)
    assert tool.main() == 0
    assert installed == []


def test_a_local_build_that_does_not_fit_is_replaced_by_the_indexs(machine):
    installed = machine("2.13.0+cpu", 1)
    assert tool.main() == 0
    assert installed == ["torch===2.13.0"]


def test_what_cannot_be_mended_is_told(machine, capsys):
    installed = machine("2.13.0", 1)
    assert tool.main() == 1
    assert installed == []
    assert "torchvision::nms" in capsys.readouterr().err


def test_a_failed_cure_is_told(machine, capsys):
    machine("2.13.0+cpu", 2)
    assert tool.main() == 1
    assert "in one resolution" in capsys.readouterr().err


def test_the_real_check_imports_both():
    assert tool.import_error() == ""
