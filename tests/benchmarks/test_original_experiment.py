"""The original experiment redone: what it measures, in which order, and how the figures come into the page."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from experiment_cases import ARCHITECTURES, CASES, FIRST_SEED, HEADS, ROWS, Case, sign
from experiment_figures import BOTH, Figures, difference, interval, mean_of
from experiment_maps import Map, Subject, elements_of, grain, noisy, run_case, share_ratio
from experiment_report import KEYS, SECTIONS, between_marks, summary
from original_experiment import jobs, left, measure
from scene_parts import ELEMENTS, PARTS, parts

import saliency_widget as sw

PAGE = Path(__file__).resolve().parents[2] / "docs" / "experiment.md"
SCENE = 500_003  # a gothic building from outside, with battlements


@pytest.fixture(scope="module")
def scene():
    return sw.demo.building(SCENE, 0)


@pytest.fixture(scope="module")
def model():
    return sw.load("demo/vgg")


# -- parts of the building


def test_a_gothic_building_has_windows_and_crenellations_but_no_columns():
    found = parts(SCENE)
    assert tuple(found) == PARTS
    assert found["windows"].mean() > 0.1
    assert found["crenellations"].mean() > 0.01
    assert not found["columns"].any()


def test_elements_of_the_wall_lie_in_the_mask_of_style_and_sky_and_ground_in_that_of_perspective(scene):
    found = parts(SCENE)
    for name in ELEMENTS:
        assert not (found[name] & ~scene.evidence["style"]).sum() > 0.02 * found[name].sum()
    for name in ("sky or ceiling", "ground or floor"):
        assert (found[name] & scene.evidence["perspective"]).sum() > 0.9 * found[name].sum()


def test_looking_for_parts_leaves_the_drawing_as_it_was(scene):
    before = np.asarray(scene.image)
    parts(SCENE)
    assert (np.asarray(sw.demo.building(SCENE, 0).image) == before).all()


# -- what is measured


def test_a_blind_map_has_a_share_of_one_and_a_perfect_one_that_of_the_area():
    mask = np.zeros((4, 4), bool)
    mask[:2] = True
    assert share_ratio(np.ones((4, 4)), mask) == 1
    assert share_ratio(mask.astype(float), mask) == 2
    assert share_ratio(np.ones((4, 4)), np.zeros((4, 4), bool)) is None
    assert share_ratio(np.zeros((4, 4)), mask) is None


def test_neighbours_agree_in_a_smooth_map_and_not_in_noise():
    ramp = np.add.outer(np.arange(50.0), np.arange(50.0))
    assert grain(ramp) == pytest.approx(1)
    assert abs(grain(np.random.default_rng(0).normal(size=(50, 50)))) < 0.1
    assert grain(np.ones((5, 5))) is None


def test_a_map_that_is_its_heads_mask_gets_the_best_marks_and_the_other_mask_nothing(model, scene):
    ((one, _), _) = run_case(model, scene, Case("gradient", "cheap"))
    own = scene.evidence["style"]
    perfect = Map("grad_cam", "style", one.plan, sw.methods()["grad_cam"], own[None].astype(np.float32))
    found = Subject(model, scene, elements=elements_of(scene)).measure(perfect)
    assert found["own"] == pytest.approx(1 / own.mean(), abs=0.01)
    assert (found["other"], found["rank"], found["point"], found["away"]) == (0, 1, 1, 0)
    assert dict(zip(PARTS, found["parts"], strict=True))["sky or ceiling"] < 0.2


def test_taking_pixels_away_tells_a_map_from_its_reverse(model, scene):
    ((one, _), _) = run_case(model, scene, Case("occlusion", "middle"))
    turned = Map(one.name, one.head, one.plan, one.method, -one.attribution)
    subject = Subject(model, scene, curves=True)
    right, wrong = subject.measure(one), subject.measure(turned)
    assert right["single"] > 0 > wrong["single"]
    assert right["insertion"] - right["deletion"] > wrong["insertion"] - wrong["deletion"]


def test_what_a_run_gives_for_free_is_kept_and_its_cost_counted_once(model, scene):
    found, cost = run_case(
        model, scene, Case("grad_cam", "cheap", free=("layer_cam",)), clock=iter((1.0, 3.5)).__next__
    )
    assert [(one.name, one.head) for one in found] == [(n, h) for n in ("grad_cam", "layer_cam") for h in HEADS]
    assert (cost.backwards, cost.seconds) == (2, 2.5)


def test_the_maps_are_read_as_their_papers_draw_them():
    assert {
        name: sign(name) for name in ("gradient", "smoothgrad_ig", "guided_grad_cam", "lrp", "edges")
    } == dict.fromkeys(("gradient", "smoothgrad_ig", "guided_grad_cam", "lrp", "edges"), "absolute")
    assert {sign(name) for name in ("grad_cam", "xrai", "occlusion")} == {"positive"}


def test_every_method_that_gives_an_attribution_of_a_convolutional_network_has_its_row():
    names = {case.name for case in CASES} | {name for case in CASES for name in case.free}
    assert names == set(ROWS)
    left_out = {name for name, m in sw.methods().items() if m.family == "attention"} | {"class_appearance"}
    assert set(sw.methods()) - left_out == names - {"smoothgrad_ig"}


# -- order, records, figures


def test_the_tiers_keep_step_so_that_the_run_may_end_at_any_time():
    order = jobs({"cheap": 12, "middle": 4, "expensive": 2})
    assert sorted(order) == sorted(
        [(t, i) for t, n in (("cheap", 12), ("middle", 4), ("expensive", 2)) for i in range(n)]
    )
    half = [tier for tier, _ in order[:9]]
    assert {tier: half.count(tier) for tier in ("cheap", "middle", "expensive")} == {
        "cheap": 6,
        "middle": 2,
        "expensive": 1,
    }
    assert [i for tier, i in order if tier == "cheap"] == list(range(12))


def test_a_record_can_be_written_down_and_read_again(model):
    cases = (Case("gradient", "cheap", untrained=True), Case("deconvnet", "cheap"))
    record = measure({"vgg": model, "untrained vgg": model}, SCENE, "cheap", curves=True, cases=cases)
    f = Figures([json.loads(json.dumps(record))])
    assert f.maps == {"gradient", "deconvnet"}
    assert f.values("vgg", "gradient", "style", "insertion").keys() == {SCENE}
    assert f.values("untrained vgg", "gradient", "style", "insertion") == {}
    assert f.values("untrained vgg", "deconvnet", "style", "own") == {}
    assert f.work("vgg", "gradient")[1] == 2
    assert f.accuracy("vgg", "style").count == 1
    assert set(summary(f)["maps"]["vgg"]["gradient"]["style"]) <= {*KEYS, *PARTS}


def test_steady_maps_are_those_that_hardly_change_when_the_picture_hardly_does(model, scene):
    cases = (Case("grad_cam", "cheap", steady=True), Case("gradient", "cheap", steady=True), Case("lrp", "cheap"))
    f = Figures([measure({"vgg": model}, SCENE, "steady", curves=False, cases=cases)])
    assert f.maps == {"grad_cam", "gradient"}
    gradient, cam = (f.values("vgg", name, "style", "steady")[SCENE] for name in ("gradient", "grad_cam"))
    assert 0 < gradient < cam <= 1
    assert (np.asarray(noisy(scene).image) == np.asarray(noisy(scene).image)).all()
    assert 0 < np.abs(np.asarray(noisy(scene).image, float) - np.asarray(scene.image)).mean() < 4


def _record(seed, style, perspective):
    """A record of one map, with (own, other) of each head."""
    maps = {
        head: {"own": own, "other": other, "rank": 0.5, "size": 0.25, "parts": [None] * len(PARTS)}
        for head, (own, other) in zip(HEADS, (style, perspective), strict=True)
    }
    found = {"right": {"style": 1, "perspective": 0}, "maps": {"gradient": maps}, "costs": {"gradient": [1, 2, 0.5]}}
    return {"seed": seed, "tier": "cheap", "models": {ARCHITECTURES[0]: found}}


def test_heads_are_told_apart_by_what_both_have_in_one_mask():
    f = Figures([_record(1, (1.5, 0.5), (1.2, 0.7)), _record(2, (1.4, 0.5), (1.2, 0.8))])
    assert f.values("vgg", "gradient", "style", "contrast") == pytest.approx({1: 0.8, 2: 0.6})
    assert f.values("vgg", "gradient", "perspective", "contrast") == pytest.approx({1: 0.7, 2: 0.7})
    assert f.values("vgg", "gradient", BOTH, "contrast") == pytest.approx({1: 0.75, 2: 0.65})
    assert f.of("vgg", "gradient", "style", "beyond chance").mean == 0.25


def test_an_interval_covers_its_mean_and_one_number_has_none_to_either_side():
    found = interval([1.0, 2.0, 3.0, 4.0])
    assert found.low < found.mean == 2.5 < found.high
    assert (interval([7.0]).low, interval([7.0]).high) == (7, 7)
    assert interval([]) is None


def test_what_is_written_down_is_not_measured_again_and_each_tier_has_its_own_number_of_scenes(tmp_path):
    records = tmp_path / "records.jsonl"
    records.write_text(json.dumps({"tier": "cheap", "seed": FIRST_SEED}) + "\n")
    numbers = {"scenes": 3, "scenes_middle": 2, "scenes_expensive": 1, "scenes_steady": 1, "minutes": 600.0}
    found = sorted(left(Namespace(records=records, **numbers)))
    assert found == [("cheap", 1), ("cheap", 2), ("expensive", 0), ("middle", 0), ("middle", 1), ("steady", 0)]


def test_differences_and_means_are_taken_scene_by_scene():
    assert difference({1: 3.0, 2: 5.0}, {2: 1.0, 3: 9.0}) == {2: 4.0}
    assert mean_of([{1: 1.0, 2: 3.0}, {2: 5.0}]) == {2: 4.0}
    assert mean_of([]) == {}


def test_tables_come_between_their_marks_and_the_words_around_them_stay():
    page = "Before.\n<!-- table: one -->\nold\n<!-- end -->\nAfter."
    filled = between_marks(page, {"one": ["| a |", "| b |"]})
    assert filled == "Before.\n<!-- table: one -->\n\n| a |\n| b |\n\n<!-- end -->\nAfter."
    assert between_marks(filled, {"one": ["| a |", "| b |"]}) == filled
    with pytest.raises(ValueError, match="'one'; expected one of two"):
        between_marks(page, {"two": []})


def test_the_page_has_a_place_for_every_table_and_each_is_filled():
    found = re.findall(r"<!-- table: (\w+) -->\n\n(\S).*?<!-- end -->", PAGE.read_text(), flags=re.DOTALL)
    assert sorted(name for name, _ in found) == sorted(SECTIONS)
