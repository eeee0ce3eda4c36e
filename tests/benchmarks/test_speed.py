"""The speed benchmark refuses to time what is not the same map, keeps going when a library fails, and judges its goals."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import bench
import numpy as np
import peak_memory
import pytest
import report
import same_map
import timing
from same_map import FLOAT32
from speed_cases import CASES, Case, Peer
from speed_goals import GOALS, Goal, judge, judge_memory
from speed_peers import MissingPeer
from speed_runs import BEST, OURS, Plan, Row, run_case
from speed_subjects import NETWORKS

MAP = np.random.default_rng(0).normal(size=(3, 8, 8)).astype(np.float32)
SUBJECT = SimpleNamespace(name="network")


@pytest.fixture(autouse=True)
def _without_collecting(monkeypatch):
    """Nothing here leaves garbage, and looking for it takes longer than the test."""
    monkeypatch.setattr("gc.collect", lambda: 0)


class Clock:
    """A clock that moves when something runs."""

    now = 0.0

    def __call__(self):
        return self.now

    def run(self, seconds, found=MAP):
        def run():
            self.now += seconds
            return found

        return run


def explained(clock, seconds, found=MAP):
    return lambda s: clock.run(seconds, SimpleNamespace(attribution=found, precision="bfloat16"))


def measured(ours, *peers, clock, variants=None, skipped=()):
    case = Case("case", "A case", ours, peers, variants=variants or {})
    plan = Plan(timing.Budget(0, 2), (1, 4), frozenset(skipped), clock)
    return run_case(case, SUBJECT, plan)


def row(case, network, **seconds):
    return Row(case, network, {name.replace("_best", BEST): (value,) for name, value in seconds.items()})


# -- the same map ---------------------------------------------------------------------------------------------------------


def test_a_map_is_the_same_as_itself_and_as_itself_rounded():
    rounded = MAP * (1 + 1e-4 * np.random.default_rng(1).normal(size=MAP.shape))
    assert same_map.compare(MAP, MAP) == same_map.Agreement(pytest.approx(1), 0)
    assert same_map.compare(MAP, rounded).within(FLOAT32)


@pytest.mark.parametrize(
    "other",
    [MAP * 1.2, MAP + 0.2, -MAP, MAP[:, ::-1], np.zeros_like(MAP), MAP * np.nan],
    ids=["scaled", "shifted", "turned over", "mirrored", "empty", "not finite"],
)
def test_another_map_is_not_the_same(other):
    assert not same_map.compare(MAP, other).within(FLOAT32)
    assert not same_map.compare(other, MAP).within(FLOAT32)


def test_maps_of_different_shapes_are_an_error_that_names_both():
    with pytest.raises(ValueError, match=r"\(3, 8, 8\).*\(1, 8, 8\)"):
        same_map.compare(MAP, MAP[:1])


def test_equal_values_share_a_rank():
    a, b = np.array([0.0, 0, 1, 2]), np.array([0.0, 0, 5, 9])
    assert same_map.compare(a, b).rank == pytest.approx(1)


# -- a case ---------------------------------------------------------------------------------------------------------------


def test_ours_and_a_peer_with_the_same_map_are_timed():
    clock = Clock()
    found = measured(explained(clock, 1), Peer("other", lambda s: clock.run(3)), clock=clock)
    assert found.ratio("other") == timing.Figure(3, 3, 3)
    assert not found.left_out


def test_a_peer_with_another_map_is_not_timed_and_the_row_says_so():
    clock = Clock()
    peers = Peer("wrong", lambda s: clock.run(3, -MAP)), Peer("right", lambda s: clock.run(2))
    found = measured(explained(clock, 1), *peers, clock=clock)
    assert set(found.seconds) == {"right", OURS}
    assert found.left_out["wrong"].startswith("different maps: rank correlation -1.0")


def test_a_peer_that_raises_or_is_not_installed_is_left_out_with_the_reason():
    clock = Clock()

    def raises(s):
        raise RuntimeError("it broke\nand more")

    def missing(s):
        raise MissingPeer("other is not installed: pip install 'saliency-widget[peers]'")

    found = measured(explained(clock, 1), Peer("broken", raises), Peer("missing", missing), clock=clock)
    assert found.left_out["broken"] == "RuntimeError: it broke"
    assert found.left_out["missing"] == "other is not installed: pip install 'saliency-widget[peers]'"
    assert set(found.seconds) == {OURS}


def test_a_contender_that_fails_only_when_run_is_left_out_and_the_others_are_timed():
    clock = Clock()

    def too_much():
        raise MemoryError("all steps at once")

    peer = Peer("other", lambda s: too_much, batched=lambda s, n: clock.run(4 / n), map=lambda s: MAP)
    found = measured(explained(clock, 1), peer, clock=clock)
    assert set(found.seconds) == {"other" + BEST, OURS}
    assert found.left_out == {"other": "MemoryError: all steps at once"}


def test_a_peer_runs_by_its_defaults_and_at_its_best_batch_size():
    clock = Clock()
    peer = Peer("other", lambda s: clock.run(50), batched=lambda s, n: clock.run({1: 8, 4: 2}[n]), map=lambda s: MAP)
    found = measured(explained(clock, 1), peer, clock=clock)
    assert found.batches == {"other" + BEST: 4}
    assert (found.ratio("other").median, found.ratio("other" + BEST).median) == (50, 2)


def test_a_batch_size_is_looked_for_once_for_cases_that_share_it():
    tried, clock = [], Clock()

    def batched(s, size):
        tried.append(size)
        return clock.run(size)

    peer = Peer("other", batched=batched, sweep="paths", map=lambda s: MAP)
    case = Case("case", "A case", explained(clock, 1), (peer,))
    known = {}
    for _ in range(2):
        run_case(case, SUBJECT, Plan(timing.Budget(0, 1), (1, 4), clock=clock), known)
    assert known == {("network", "other", "paths"): 1}
    assert tried.count(4) == 1


def test_what_is_to_be_skipped_is_not_run():
    clock = Clock()
    peer = Peer("other", lambda s: pytest.fail("it was run"), batched=lambda s, n: clock.run(2), map=lambda s: MAP)
    found = measured(explained(clock, 1), peer, clock=clock, skipped={("case", "other")})
    assert set(found.seconds) == {"other" + BEST, OURS}


def test_a_reduced_precision_is_timed_beside_ours_unless_float32_is_chosen_or_its_map_is_another():
    clock = Clock()
    auto = {"auto": explained(clock, 0.5)}
    found = measured(explained(clock, 1), clock=clock, variants=auto)
    assert (found.precision, found.ratio("auto").median) == ("bfloat16", 0.5)
    none = measured(explained(clock, 1), clock=clock, variants={"auto": lambda s: None})
    assert none.left_out == {"auto": "float32 is what it chooses"}
    other = measured(explained(clock, 1), clock=clock, variants={"auto": explained(clock, 0.5, MAP[::-1])})
    assert "different maps" in other.left_out["auto"]


def test_nothing_is_timed_where_ours_fails():
    clock = Clock()

    def raises(s):
        raise ValueError("no such method")

    found = measured(raises, Peer("other", lambda s: clock.run(1)), clock=clock)
    assert found.left_out == {OURS: "ValueError: no such method"}
    assert not found.seconds


# -- goals ----------------------------------------------------------------------------------------------------------------


def test_a_goal_takes_the_geometric_mean_and_the_worst_network():
    goal = Goal("a goal", "case", "other", 2.0, 1.5, ("a", "b"))
    rows = [row("case", "a", ours=1, other=4), row("case", "b", ours=1, other=1)]
    verdict = judge(goal, rows)
    assert (verdict.goal, verdict.verdict) == (">= 2x, none below 1.5x", "not met")
    assert verdict.measured == "2.00x over 2 networks, at worst 1.00x (b)"
    assert judge(goal, [rows[0], row("case", "b", ours=1, other=1.6)]).verdict == "met"


def test_a_goal_of_which_only_some_networks_were_measured_says_which_are_missing():
    verdict = judge(Goal("a goal", "case", "other", 2.0, networks=("a", "b")), [row("case", "a", ours=1, other=4)])
    assert verdict.measured == "4.00x; without b"


def test_a_share_is_met_from_above():
    goal = Goal("a share", "case", "first", 0.75, inverse=True)
    assert judge(goal, [row("case", "a", ours=0.6, first=1)]).verdict == "met"
    late = judge(goal, [row("case", "a", ours=0.9, first=1)])
    assert (late.goal, late.measured, late.verdict) == ("<= 0.75", "0.90", "not met")


def test_a_goal_in_milliseconds_takes_float32_where_that_is_what_is_chosen():
    goal = Goal("a time", "case", ours="auto", milliseconds=10)
    assert judge(goal, [row("case", "a", ours=0.012, auto=0.008)]).verdict == "met"
    assert judge(goal, [row("case", "a", ours=0.012)]).verdict == "not met"


def test_what_was_not_measured_is_neither_met_nor_missed():
    assert {judge(goal, []).verdict for goal in GOALS} == {"not measured"}
    assert judge_memory([]).verdict == "not measured"


def test_memory_is_judged_for_ours_alone():
    peaks = [
        peak_memory.Peak("integrated_gradients", "resnet50", name, size) for name, size in (("captum", 5), (OURS, 4e8))
    ]
    assert judge_memory(peaks).verdict == "not met"
    assert judge_memory([peak_memory.Peak("integrated_gradients", "resnet50", OURS, 300_000_000)]).verdict == "met"


def test_every_goal_is_about_contenders_and_networks_that_its_case_has():
    for goal in GOALS:
        case = CASES[goal.case]
        labels = {"", OURS, *case.variants}
        for peer in case.peers:
            labels |= {peer.library} if peer.defaults else set()
            labels |= {peer.library + BEST} if peer.best or peer.batched else set()
        assert {goal.theirs, goal.ours} <= labels
        assert set(goal.networks) <= set(case.networks) <= set(NETWORKS)


# -- the report -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def found():
    rows = [
        Row("gradient", "resnet50", {"captum": (2.0, 4.0), OURS: (1.0, 1.0)}, left_out={"PAIR": "different maps"}),
        Row("integrated_gradients", "resnet50", {OURS: (0.004,), "captum" + BEST: (0.016,)}, {"captum" + BEST: 8}),
    ]
    settings = {"command": "python benchmarks/bench.py", "device": "cpu", "steps": 50}
    return report.Report(report.machine(), settings, rows, [], {})


def test_the_table_has_medians_ratios_batches_goals_and_what_was_left_out(found):
    text = found.markdown()
    assert "| Gradient | resnet50 | captum | 3.00 s | 3.00x (2.50 to 3.50) | 2 |" in text
    assert (
        "| Integrated Gradients | resnet50 | captum at its best (batch 8) | 16.0 ms | 4.00x (4.00 to 4.00) | 1 |"
        in text
    )
    assert "- Gradient, resnet50, PAIR: different maps" in text
    assert "4.00x; without vgg16, mobilenet_v2, efficientnet_b0, inception_v3 | met |" in text


def test_a_run_with_other_steps_says_that_it_was_for_trying(found):
    assert "for trying" not in found.markdown()
    found.settings["steps"] = 4
    assert "for trying" in found.markdown()


def test_the_file_name_is_of_the_processor_and_the_date():
    one = {"processor": "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", "cores": 2, "date": "2026-01-02"}
    assert report.slug(one) == "intel-xeon-e5-2680-v4-2-cores-2026-01-02"
    assert report.slug(one | {"card": "NVIDIA H200"}) == "nvidia-h200-2026-01-02"


def test_table_figures_and_plot_are_written(found, tmp_path, capsys):
    settings = bench.arguments(["--results", str(tmp_path)])
    bench.write(found, found.markdown(), settings)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".md", ".webp"]
    assert str(tmp_path) not in capsys.readouterr().out


def test_without_a_gpu_there_is_one_sentence_and_no_error(monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert bench.main(["--device", "cuda"]) == 0
    assert capsys.readouterr().out.count(".") == 1


# -- memory ---------------------------------------------------------------------------------------------------------------


def test_a_process_that_fails_is_told_with_its_last_line(monkeypatch):
    failed = SimpleNamespace(returncode=1, stdout="", stderr="Traceback\nValueError: no such network\n")
    monkeypatch.setattr(peak_memory.subprocess, "run", lambda *_, **__: failed)
    peak = peak_memory.peak_of("gradient", "no_such_network", OURS)
    assert (peak.extra, peak.why) == (None, "ValueError: no such network")


def test_a_process_hands_back_what_it_measured(monkeypatch):
    line = json.dumps({"case": "gradient", "network": "resnet50", "contender": "captum" + BEST, "extra": 7})
    asked = []

    def run(command, **_):
        asked.extend(command)
        return SimpleNamespace(returncode=0, stdout=f"something\n{line}\n", stderr="")

    monkeypatch.setattr(peak_memory.subprocess, "run", run)
    assert peak_memory.peak_of("gradient", "resnet50", "captum" + BEST, batch=4).extra == 7
    assert asked[-2:] == ["--batch", "4"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says what is resident")
def test_what_is_taken_and_given_back_is_seen_as_the_peak():
    size = 64 << 20
    exact = peak_memory._forget()
    before = peak_memory._resident("VmRSS")
    block = bytearray(b"x" * size)
    del block
    assert peak_memory._highest() - before > size / 2
    assert exact in {True, False}
