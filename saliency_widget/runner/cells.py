"""Closes the widgets of a notebook cell that is run again; outside a notebook, or in an unknown one, it does nothing.

A widget whose output is gone would otherwise live on in its registry with its model, its pictures and its jobs.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any, Protocol

from IPython import get_ipython

__all__ = ["CellRun", "close_earlier", "current_run", "remember"]


class _Transient(Protocol):
    def _retire(self) -> None: ...


@dataclass(frozen=True)
class CellRun:
    """One run of one cell."""

    cell: str
    run: str


@dataclass
class _Made:
    run: str
    widgets: weakref.WeakSet[_Transient] = field(default_factory=weakref.WeakSet)


_made: dict[str, _Made] = {}


def current_run() -> CellRun | None:
    """Return which cell is running on this thread, where the host says so.

    JupyterLab, Notebook 7 and VS Code name the cell in the metadata of the request that runs it; nothing in the Jupyter
    protocol makes a host do so.
    """
    kernel: Any = getattr(get_ipython(), "kernel", None)
    if not hasattr(kernel, "get_parent"):
        return None
    parent = _mapping(kernel.get_parent("shell"))
    header = _mapping(parent.get("header"))
    cell, run = _mapping(parent.get("metadata")).get("cellId"), header.get("msg_id")
    if header.get("msg_type") != "execute_request" or not isinstance(cell, str) or not isinstance(run, str):
        return None  # a widget made in a handler of another one belongs to no cell
    return CellRun(cell, run)


def close_earlier(now: CellRun | None) -> None:
    """Close what an earlier run of this cell made."""
    made = None if now is None else _made.get(now.cell)
    if now is None or made is None or made.run == now.run:
        return
    del _made[now.cell]
    for widget in list(made.widgets):
        widget._retire()  # noqa: SLF001 - no user calls it


def remember(now: CellRun | None, widget: _Transient) -> None:
    """Note that this run of the cell made a widget."""
    if now is not None:
        _made.setdefault(now.cell, _Made(now.run)).widgets.add(widget)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
