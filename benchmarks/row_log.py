"""Keeps what was measured so far, so that a benchmark of hours may be stopped and gone on with; it measures nothing."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speed_runs import Row

__all__ = ["RowLog"]


class RowLog:
    """Rows in a file, a line each, the first line being what they were measured with.

    A row is a comparison within one run, so that rows of several runs may stand in one table, if all else is the same.

    Parameters
    ----------
    path : Path or None
        The file; None keeps nothing.
    conditions : dict
        What has to be the same: the machine, the libraries, the settings.

    Raises
    ------
    ValueError
        If the file was written under other conditions.
    """

    def __init__(self, path: Path | None, conditions: dict[str, Any]) -> None:
        self._path = path
        self._rows: dict[tuple[str, str], Row] = {}
        if path is None:
            return
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if not lines:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(conditions) + "\n", encoding="utf-8")
            return
        before = json.loads(lines[0])
        other = sorted(name for name in {*before, *conditions} if before.get(name) != conditions.get(name))
        if other:
            message = f"{path} was measured with another {', '.join(other)}; give another file to --log, or delete it"
            raise ValueError(message)
        for line in lines[1:]:
            row = Row(**json.loads(line))
            row.seconds = {name: tuple(seconds) for name, seconds in row.seconds.items()}
            self._rows[row.network, row.case] = row

    def get(self, network: str, case: str) -> Row | None:
        """Return what was measured before, or None."""
        return self._rows.get((network, case))

    def add(self, row: Row) -> None:
        """Keep a row."""
        self._rows[row.network, row.case] = row
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(row)) + "\n")
