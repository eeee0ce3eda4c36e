"""The shelf of finished maps: bounded, the least recently used gone first."""

from __future__ import annotations

import numpy as np

from saliency_widget.runner.frames import Frame
from saliency_widget.runner.shelf import Finished, Shelf


class Explained:
    sibling_maps = {"square": np.zeros(10, np.float32)}  # noqa: RUF012
    attribution = np.zeros(15, np.float32)


def finished(key, size=0):
    return Finished(Frame({"key": key}, bytes(size)), {}, [Explained()])


def test_a_map_counts_with_all_that_it_holds():
    assert finished("a", 50).nbytes == 50 + 4 * (10 + 15)


def test_the_least_recently_used_goes_first():
    shelf = Shelf(limit=300)
    for key in "ab":
        shelf.put(finished(key, 50))
    assert shelf.get("a")
    shelf.put(finished("c", 50))
    assert [bool(shelf.get(key)) for key in "abc"] == [True, False, True]


def test_a_map_put_twice_counts_once():
    shelf = Shelf(limit=300)
    for _ in range(10):
        shelf.put(finished("a", 50))
    shelf.put(finished("b", 50))
    assert shelf.get("a")


def test_the_newest_is_kept_however_large():
    shelf = Shelf(limit=300)
    shelf.put(finished("a", 10))
    shelf.put(finished("b", 10_000))
    assert shelf.get("a") is None
    assert shelf.get("b")
    shelf.put(finished("c", 10))
    assert shelf.get("b") is None
    assert shelf._held == shelf.get("c").nbytes
