"""The widget's runs stop by themselves unless it is told otherwise."""

from __future__ import annotations

import pytest

import saliency_widget as sw
from gates import LONG
from saliency_widget.errors import BadParameter
from small_models import Linear, keep

PATH = {"method": "integrated_gradients", "params": {"steps": 200}}


@pytest.fixture
def linear():
    return sw.ImageModel(Linear(), preprocess=keep, device="cpu")


def test_it_stops_by_itself_by_default_and_none_switches_that_off(make, linear):
    widget = make(linear, **PATH)
    widget.wait(LONG)
    assert widget.tolerance == 0.05
    assert widget.explanation.stopped
    assert widget.explanation.done < 200
    widget.tolerance = None
    widget.wait(LONG)
    assert widget.tolerance is None
    assert not widget.explanation.stopped
    assert widget.explanation.done == 200


def test_what_python_starts_follows_the_widgets_setting(make, linear):
    widget = make(linear, **PATH, tolerance=None)
    assert widget.explain(1).done == 200
    widget.tolerance = 0.1
    assert widget.explain(1).stopped


@pytest.mark.parametrize("wrong", [0, 1, -0.5, "none", True])
def test_a_bad_tolerance_is_refused_when_the_widget_is_made_and_later(make, linear, wrong):
    with pytest.raises(BadParameter, match="tolerance was given as"):
        make(linear, tolerance=wrong)
    widget = make(linear)
    with pytest.raises(BadParameter, match="tolerance was given as"):
        widget.tolerance = wrong
    assert widget.tolerance == 0.05
