"""What a run costs, in a form that the page can count with before it asks for anything."""

from __future__ import annotations

import math
import random
from typing import Annotated, Literal

import pytest

import saliency_widget as sw
from fake_pages import Desk
from saliency_widget.methods.cost import Bill, bill
from saliency_widget.methods.parameters import Range, parameters
from small_models import two_heads

SIZES = [(224, 224), (32, 48), (97, 64)]


def count(card, params, size):
    """What the page does with the card (js/src/cost.ts)."""
    values = [params[name] for name in card["by"]]
    if card["slides"]:
        (window, stride), values = values, []
        for length in size:
            side = min(window, length)
            values.append(1 + -(-(length - side) // min(stride, side)))
    return card["base"] + card["factor"] * math.prod(values)


def some(method, seed):
    """Values that the method allows, drawn from its whole ranges."""
    draw = random.Random(seed)
    values = {}
    for name, parameter in method.parameters.items():
        if parameter.choices:
            values[name] = draw.choice(parameter.choices)
        elif parameter.kind == "bool":
            values[name] = draw.random() < 0.5
        elif parameter.range is None:
            values[name] = parameter.default
        else:
            low, high = parameter.range.minimum, parameter.range.maximum
            values[name] = draw.randint(int(low), int(high)) if parameter.kind == "int" else draw.uniform(low, high)
    return method.validate(values)


@pytest.mark.parametrize("name", list(sw.methods()))
def test_the_count_on_the_page_is_the_methods_own_for_any_parameters(name):
    method = sw.methods()[name]
    card = method.card(two_heads())["cost"]
    for seed in range(8):
        params = some(method, seed)
        for size in SIZES:
            assert count(card, params, size) == method.units(params, size), params


def test_the_count_for_the_defaults_is_what_people_expect():
    def usual(name):
        method = sw.methods()[name]
        return method.bill.units({key: p.default for key, p in method.parameters.items()}, (224, 224))

    assert {name: usual(name) for name in ("gradient", "smoothgrad", "integrated_gradients", "xrai", "occlusion")} == {
        "gradient": 1,
        "smoothgrad": 50,
        "integrated_gradients": 50,
        "xrai": 2 * sw.methods()["xrai"].parameters["steps"].default,
        "occlusion": 1 + 13 * 13,
    }


def test_the_page_is_told_how_long_a_forward_took_so_that_it_can_say_a_time_before_any_run(monkeypatch):
    desk = Desk()
    look = type(desk.model).look

    def slow(model, *args):
        desk.clock.advance(0.25)
        return look(model, *args)

    monkeypatch.setattr(type(desk.model), "look", slow)
    desk.click()
    desk.run()
    assert desk.port.state["predictions"]["ms"] == 250


def made(cost, **given):
    def run(f, x, *, steps: Annotated[int, Range(1, 100)] = 4, twice: bool = False, way: Literal["a", "b"] = "a"):
        """Nothing is run here."""

    return bill(cost, parameters(run), **given)


def test_a_cost_of_somebody_elses_method_is_found_where_it_has_a_closed_form():
    assert made(lambda *, steps, **_: 3 + 2 * steps) == Bill(3, 2, ("steps",))
    assert made(lambda **_: 7) == Bill(7, 0)


@pytest.mark.parametrize(
    "cost",
    [
        lambda *, steps, **_: steps**2,
        lambda *, steps, **_: min(steps, 20),
        lambda *, steps, twice, **_: steps * (2 if twice else 1),
        lambda *, steps, way, **_: steps + (way == "b"),
        lambda *, steps, size, **_: steps * size[0],
    ],
)
def test_a_cost_without_a_closed_form_is_left_unsaid_rather_than_wrong(cost):
    assert made(cost) is None
