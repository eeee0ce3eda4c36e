"""What every method in the registry owes its user, and that the documentation says the same."""

from __future__ import annotations

import inspect
import re

import pytest

import methods_page
import saliency_widget as sw
from saliency_widget.methods.registry import FAMILIES

NAMES = {
    *("gradient", "input_x_gradient", "guided_backprop", "deconvnet"),
    *("smoothgrad", "smoothgrad_squared", "vargrad"),
    *("integrated_gradients", "idgi", "guided_ig", "blur_ig", "expected_gradients"),
    *("xrai", "occlusion", "rise"),
    *("grad_cam", "grad_cam_pp", "hires_cam", "layer_cam", "xgrad_cam", "finer_cam", "score_cam", "ablation_cam"),
    *("guided_grad_cam", "lrp", "deep_taylor", "deeplift"),
    *("attention_rollout", "gradient_attention", "legrad", "attnlrp"),
    *("class_appearance", "edges", "random"),
}


def test_every_method_that_the_field_expects_is_there():
    assert set(sw.methods()) >= NAMES


@pytest.mark.parametrize("name", list(sw.methods()))
def test_a_method_says_what_it_does_whose_it_is_and_what_it_costs(name):
    method = sw.methods()[name]
    assert method.family in FAMILIES[:-1]
    assert re.fullmatch(r"[A-Z].*\.", method.explain), "one plain sentence"
    assert re.search(r"(19|20)\d\d", method.cite) or method.family == "controls"
    defaults = {key: parameter.default for key, parameter in method.parameters.items()}
    assert method.units(defaults, (224, 224)) >= (0 if method.reads == "pixels" else 1)
    assert method.run.__doc__
    for parameter in method.parameters.values():
        assert parameter.help, f"{parameter.name} has no help"
        assert parameter.kind not in {"int", "float"} or parameter.range is not None, f"{parameter.name} has no range"
        assert parameter.check(parameter.default) == parameter.default


def test_the_list_is_grouped_by_family_in_the_order_of_the_page():
    places = [FAMILIES.index(method.family) for method in sw.methods().values()]
    assert places == sorted(places)


def test_maps_that_come_from_one_run_are_registered_with_one_function():
    for method in sw.methods().values():
        if method.sibling_of is not None:
            assert method.run is sw.methods()[method.sibling_of].run
    functions = [inspect.unwrap(m.run) for m in sw.methods().values() if m.sibling_of is None]
    assert len(set(functions)) == len(functions)


def test_the_page_of_methods_is_up_to_date():
    assert methods_page.PAGE.read_text(encoding="utf-8") == methods_page.text(), "run python tools/methods_page.py"
