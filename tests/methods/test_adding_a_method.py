"""A third party's method: the one that the documentation shows, run as it stands there."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import saliency_widget as sw
from saliency_widget.errors import BadParameter
from saliency_widget.methods import registry
from small_models import Linear, keep

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-method.md"


@pytest.fixture(autouse=True)
def _registry_as_before(monkeypatch):
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))
    monkeypatch.setattr(registry, "_loaded_entry_points", set())


def shown_in_the_documentation() -> str:
    return re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]


def made_from(source: str, name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, str(PAGE), "exec"), vars(module))  # noqa: S102 - our own page
    return module


@pytest.fixture
def documented(monkeypatch):
    monkeypatch.setitem(sys.modules, "documented_method", None)
    return made_from(shown_in_the_documentation(), "documented_method")


def test_the_documented_method_is_about_twenty_lines():
    lines = [line for line in shown_in_the_documentation().splitlines() if line.strip()]
    assert len(lines) <= 20


def test_the_documented_method_explains_streams_and_has_its_slider(documented):
    image = np.random.default_rng(0).random((8, 8, 3), dtype=np.float32)
    model = sw.ImageModel(Linear(8, 8), preprocess=keep)
    steps = [e.done for e in sw.stream(model, image, 1, method="towards_grey", steps=6)]
    assert steps[-1] == 6
    assert len(steps) > 1
    card = sw.methods()["towards_grey"].card(model)
    assert card["params"][0] == {
        "name": "steps",
        "kind": "int",
        "label": "Steps",
        "help": "How many contrasts are tried.",
        "default": 10,
        "min": 1,
        "max": 100,
        "log": False,
        "step": 1,
    }


def test_running_the_cell_again_replaces_the_method(documented):
    made_from(shown_in_the_documentation(), "documented_method")
    assert "towards_grey" in sw.methods()


def test_another_function_of_a_known_name_is_refused(documented):
    source = shown_in_the_documentation().replace("towards_grey", "gradient")
    with pytest.raises(BadParameter, match="a method named 'gradient' exists already"):
        made_from(source, "another_module")
    assert sw.methods()["gradient"].label == "Gradient"


def test_a_package_that_names_its_methods_is_found_without_being_imported(tmp_path, monkeypatch):
    (tmp_path / "grey_methods.py").write_text(shown_in_the_documentation(), encoding="utf-8")
    broken = importlib.metadata.EntryPoint("broken", "no_such_module_anywhere", "saliency_widget.methods")
    point = importlib.metadata.EntryPoint("grey", "grey_methods", "saliency_widget.methods")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [broken, point])
    assert "towards_grey" in sw.methods()
    sys.modules.pop("grey_methods")
