"""What would increase, decrease or move a value is drawn from one signed map, and a class is refused these rules."""

from __future__ import annotations

import numpy as np
import pytest

import saliency_widget as sw
from saliency_widget.errors import BadParameter
from small_models import picture, two_heads

RULES = {"increase": "positive", "decrease": "negative", "keep": "absolute"}


@pytest.fixture(scope="module")
def both():
    return sw.explain(two_heads(), picture(), ["age", "style:gothic"], "input_x_gradient")


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_a_sign_of_the_same_map(both, rule):
    drawn = both[0].heatmap(rule, channels="max", smooth=0.5)
    assert drawn.max() > 0
    assert np.array_equal(drawn, both[0].heatmap(RULES[rule], channels="max", smooth=0.5))
    assert np.array_equal(both[0].on_image(rule), both[0].on_image(RULES[rule]), equal_nan=True)


def test_what_increases_less_what_decreases_is_the_signed_map_and_their_sum_is_what_keeps(both):
    up, down, keep = (both[0].heatmap(rule) for rule in RULES)
    assert np.array_equal(up - down, both[0].heatmap())
    assert np.array_equal(up + down, keep)


@pytest.mark.parametrize("rule", RULES)
def test_a_class_is_refused_and_told_the_sign(both, rule):
    with pytest.raises(BadParameter, match=f"sign='{rule}' is for the value of a regression.*sign='{RULES[rule]}'"):
        both[1].heatmap(rule)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_drawn_and_an_empty_one_says_so(both, rule):
    from dataclasses import replace

    assert both[0].plot(rule).axes
    nothing = replace(both[0], attribution=np.zeros_like(both[0].attribution))
    written = " ".join(text.get_text() for axes in nothing.plot(rule).axes for text in axes.texts)
    assert {"keep": "zero everywhere"}.get(rule, f"nothing that would {rule} the value") in written
