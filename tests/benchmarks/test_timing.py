"""The arithmetic of the speed benchmark: turns, medians, ratios and the best batch size, by a clock that only runs move."""

from __future__ import annotations

import pytest
import timing


class Clock:
    """A clock that moves when something runs."""

    def __init__(self):
        self.now = 0.0
        self.ran = []

    def __call__(self):
        return self.now

    def taking(self, name, *seconds):
        """Return what takes these seconds, the last ones again and again."""
        left = list(seconds)

        def run():
            self.ran.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr("gc.collect", lambda: 0)  # nothing here leaves garbage
    return Clock()


def test_contenders_run_in_turns_and_the_warm_round_is_left_out(clock):
    runs = {"a": clock.taking("a", 90, 1, 3), "b": clock.taking("b", 90, 2, 4)}
    found = timing.in_turns(runs, timing.Budget(seconds=0, fewest=2, warm=1), clock)
    assert clock.ran == ["a", "b", "a", "b", "a", "b"]
    assert found == {"a": (1, 3), "b": (2, 4)}


def test_rounds_go_on_until_the_next_one_would_be_too_long(clock):
    found = timing.in_turns({"a": clock.taking("a", 2)}, timing.Budget(seconds=9, fewest=1, warm=0), clock)
    assert found == {"a": (2, 2, 2, 2)}


def test_there_are_never_more_rounds_than_asked_for(clock):
    found = timing.in_turns({"a": clock.taking("a", 1)}, timing.Budget(seconds=99, fewest=1, most=3, warm=0), clock)
    assert len(found["a"]) == 3


def test_a_slow_round_does_not_spoil_a_ratio(clock):
    # The machine was four times as slow in the second round: both took four times as long.
    assert timing.ratios([2, 8, 2], [1, 4, 1]) == timing.Figure(2, 2, 2)


def test_a_figure_is_the_median_and_the_quartiles():
    assert timing.figure([1, 2, 3, 4, 100]) == timing.Figure(3, 2, 4)
    with pytest.raises(ValueError, match="no numbers"):
        timing.figure([])


def test_ratios_of_different_rounds_are_refused():
    with pytest.raises(ValueError, match="zip"):
        timing.ratios([1, 2], [1])


def test_twice_as_fast_and_half_as_fast_are_even():
    assert timing.geometric_mean([2, 0.5]) == pytest.approx(1)


def test_the_quickest_batch_size_is_kept(clock):
    seconds = {1: 9, 4: 5, 8: 7}
    best, run = timing.best_of(lambda size: clock.taking(size, seconds[size]), (1, 4, 8), clock)
    assert best == 4
    assert clock.ran == [1, 4, 8]
    run()
    assert clock.ran[-1] == 4


def test_what_is_quick_is_tried_several_times_before_it_is_judged(clock):
    tried = {1: clock.taking(1, 0.9, 0.2), 4: clock.taking(4, 0.5)}
    best, _ = timing.best_of(tried.__getitem__, (1, 4), clock)
    assert best == 1
