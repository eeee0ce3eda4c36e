"""The lessons: each runs from top to bottom, asks questions and keeps its answers folded; none carries outputs."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

LESSONS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("[0-9][0-9]-*.ipynb"))[1:]
SECONDS = 180
"""What a lesson may take on two cores; in the tests it does a part of its work, `make lessons` does all."""


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_from_top_to_bottom(lesson, monkeypatch):
    monkeypatch.setenv("LESSON_BUDGET", os.environ.get("LESSON_BUDGET", "0.1"))
    notebook = nbformat.read(lesson, as_version=4)
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(lesson.parent)}}
    )
    client.execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in shown)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_asks_and_keeps_its_answers_folded_and_carries_no_outputs(lesson):
    notebook = nbformat.read(lesson, as_version=4)
    nbformat.validate(notebook)
    asked = [cell.source for cell in notebook.cells if "<details>" in cell.source]
    assert len(asked) >= 3
    assert all(source.startswith("**") and "<summary>Answer</summary>" in source for source in asked)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
