"""A cell that is run again: its old widgets are closed, and nothing of them stays."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref
from types import SimpleNamespace

import ipywidgets
import pytest

import saliency_widget as sw
from fake_pages import FakePage
from saliency_widget.runner import cells
from small_models import picture, two_heads

LONG = 60.0


class Notebook:
    """As much of a shell and its kernel as says which cell is running."""

    def __init__(self):
        self.kernel = self
        self.parent = {}
        self.runs = 0

    def get_parent(self, _channel=None):
        return self.parent

    def run(self, cell, *, kind="execute_request"):
        self.runs += 1
        header = {"msg_id": f"m{self.runs}", "msg_type": kind}
        self.parent = {"header": header, "metadata": {} if cell is None else {"cellId": cell}}


@pytest.fixture
def notebook(monkeypatch):
    notebook = Notebook()
    monkeypatch.setattr(cells, "get_ipython", lambda: notebook)
    monkeypatch.setattr(cells, "_made", {})
    return notebook


def is_open(widget):
    return widget.comm is not None


def test_running_a_cell_again_closes_what_it_made(notebook, make):
    notebook.run("a")
    old = [make(), make()]
    assert all(map(is_open, old))
    notebook.run("a")
    new = make()
    assert not any(map(is_open, old))
    assert is_open(new)


def test_the_page_of_the_old_widget_is_told(notebook, make):
    notebook.run("a")
    old = make(method="smoothgrad", params={"samples": 1000})
    page = FakePage(old)
    notebook.run("a")
    make()
    assert [m["code"] for m in page.of("end")] == ["closed"]


def test_other_cells_keep_theirs(notebook, make):
    notebook.run("a")
    first = make()
    notebook.run("b")
    make()
    assert is_open(first)


@pytest.mark.parametrize("cell", [None, 7])
def test_where_the_cell_is_not_known_nothing_is_closed(notebook, make, cell):
    notebook.run(cell)
    first = make()
    notebook.run(cell)
    make()
    assert is_open(first)


def test_a_widget_made_by_a_click_belongs_to_no_cell(notebook, make):
    notebook.run("a")
    first = make()
    notebook.run("a", kind="comm_msg")
    make()
    assert is_open(first)


@pytest.mark.parametrize("shell", [None, SimpleNamespace(), SimpleNamespace(kernel=None)])
def test_outside_a_notebook_nothing_happens(monkeypatch, shell):
    monkeypatch.setattr(cells, "get_ipython", lambda: shell)
    assert cells.current_run() is None
    cells.close_earlier(None)


@pytest.mark.parametrize("parent", [None, {}, {"header": None, "metadata": None}, {"header": {}, "metadata": []}])
def test_an_odd_host_is_no_error(notebook, parent):
    notebook.parent = parent
    assert cells.current_run() is None


def test_a_widget_that_a_variable_still_holds_has_let_go_of_everything(notebook, make):
    notebook.run("a")
    model = two_heads()
    widget = make(model)
    widget.wait(LONG)
    shown = widget.explanation.picture
    gone = [weakref.ref(each) for each in (widget._session, widget.explanation, model, shown)]
    del model, shown
    notebook.run("a")
    make().wait(LONG)  # by then the compute thread has left the old one
    gc.collect()
    assert [ref() for ref in gone] == [None] * 4
    assert widget.base == widget.result_data == b""


def test_two_hundred_restarts_leave_one_thread_one_widget_and_flat_memory(notebook):
    model, images = two_heads(), [picture(64, 64)]
    registry = ipywidgets.widgets.widget._instances
    alive = weakref.WeakSet()

    def restart():
        notebook.run("a")
        patient = notebook.runs % 4 == 0  # the others are closed while their job runs
        widget = sw.SaliencyWidget(model, images, method="smoothgrad", params={"samples": 2 if patient else 1000})
        alive.add(widget)
        page = FakePage(widget)
        if patient:
            widget.wait(LONG)
            page.ack()
        return widget

    def hundred():
        """Restart a hundred times, then say how much is in use."""
        for _ in range(100):
            widget = restart()
        widget.explain("age", method="gradient")
        gc.collect()
        return widget, tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    base = hundred()[1]
    before = len(registry)
    widget, now = hundred()
    tracemalloc.stop()
    grown = now - base
    assert notebook.runs == 200
    assert len(registry) == before
    assert list(alive) == [widget]
    assert sum(t.name.startswith("saliency-compute") for t in threading.enumerate()) == 1
    assert grown < 50_000, f"{grown / 100:.0f} bytes for each restart"
    widget.close()
