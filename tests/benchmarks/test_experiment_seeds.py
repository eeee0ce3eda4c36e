"""Architecture or luck: several trainings of each architecture side by side, and what may be said of the difference."""

from __future__ import annotations

import shutil

import pytest
from experiment_cases import ARCHITECTURES
from experiment_figures import Figures
from experiment_seeds import METHODS, chance, compared, summary, trainings

from saliency_widget.demo.models import weights_file

NAMES = {name: [f"{name} {seed}" for seed in range(3)] for name in ARCHITECTURES}


def record(told, seed=1):
    """What was written down of a scene, where a training's heads are told apart by a given number, and nothing else is known."""

    def maps(value):
        return {"gradient": {head: {"own": 1.0 + value, "other": 1.0} for head in ("style", "perspective")}}

    models = {name: {"right": {"style": 1}, "costs": {}, "maps": maps(value)} for name, value in told.items()}
    return {"seed": seed, "tier": "cheap", "models": models}


def test_differences_within_an_architecture_as_large_as_between_them_may_be_luck():
    assert chance([[0.1, 0.5, 0.9], [0.2, 0.6, 0.8]]) == pytest.approx(0.914, abs=0.01)


def test_differences_between_architectures_that_no_seed_makes_are_hardly_luck():
    assert chance([[0.10, 0.11, 0.12], [0.50, 0.51, 0.52]]) < 0.001


@pytest.mark.parametrize("groups", [[[0.1], [0.5]], [[], [0.1, 0.2]], [[0.1, 0.1], [0.1, 0.1]]])
def test_nothing_is_said_where_no_spread_is_known(groups):
    assert chance(groups) is None


def test_the_table_has_each_training_of_each_architecture_and_marks_what_is_hardly_luck():
    told = {
        name: 0.2 * place + 0.01 * seed
        for place, several in enumerate(NAMES.values())
        for seed, name in enumerate(several)
    }
    lines = compared(Figures([record(told, seed) for seed in (1, 2)]), NAMES)
    figures = "0.00, 0.01, 0.02 | 0.20, 0.21, 0.22 | 0.40, 0.41, 0.42 | 0.60, 0.61, 0.62"
    assert lines[2] == f"| Gradient | heads told apart | {figures} | **< 0.001** |"
    assert len(lines) == 2 + 2 * len(METHODS)


def test_a_training_that_has_not_been_run_leaves_its_place_empty():
    lines = compared(Figures([record({"vgg 0": 0.5})]), NAMES)
    assert lines[2] == "| Gradient | heads told apart | 0.50 |  |  |  |  |"


def test_the_figures_are_kept_with_their_intervals():
    found = summary(Figures([record({"vgg 0": 0.5}, seed) for seed in (1, 2)]), {"vgg": ["vgg 0"]})
    assert found["trainings"]["vgg 0"]["maps"]["gradient"]["contrast"] == [0.5, 0.5, 0.5, 2]
    assert found["trainings"]["vgg 0"]["right"]["style"] == [1.0, 2]


def test_the_trainings_are_the_one_that_ships_and_those_in_the_folder(tmp_path):
    shutil.copy(weights_file("inception"), tmp_path / "inception-2.safetensors")
    found = trainings(tmp_path)
    assert {name: list(several) for name, several in found.items()} == {
        name: [f"{name} 0"] for name in ARCHITECTURES
    } | {"inception": ["inception 0", "inception 2"]}
