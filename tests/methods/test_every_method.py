"""What must be true of every method: the same map however it is asked for, at whatever chunk size, for one target or many."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

import saliency_widget as sw
from model_zoo import SIDE, build
from saliency_widget.compute import Cancelled, CancelToken, ScoreFunction
from saliency_widget.plan import Plan, prepare

IMAGE = np.random.default_rng(5).random((SIDE, SIDE, 3), dtype=np.float32)
SMALL = {"steps": 5, "samples": 5, "window": 32, "stride": 32}
TARGETS = ["head0:1", "head0:3"]


def small(method: str) -> dict[str, Any]:
    """The method's parameters, for a short run of several chunks."""
    known = sw.methods()[method].parameters
    limits = {name: known[name].range for name in SMALL if name in known and known[name].default > 1}
    return {
        name: SMALL[name] if limit is None else int(max(limit.minimum, min(SMALL[name], limit.maximum)))
        for name, limit in limits.items()
    }


@pytest.fixture(scope="module", params=["plain", "transformer"])
def model(request) -> sw.ImageModel:
    wrapped = sw.ImageModel(build(request.param), input_size=SIDE, precision="float64")
    wrapped.discover(IMAGE)
    return wrapped


def planned(model: sw.ImageModel, method: str, target: Any = TARGETS[0]) -> Plan:
    applies = sw.methods()[method].applies(model)
    if not applies:
        pytest.skip(applies.reason)
    return prepare(model, IMAGE, target, method, seed=3, params=small(method))


def function(plan: Plan, chunk: int | None = None, token: CancelToken | None = None) -> ScoreFunction:
    return ScoreFunction(
        plan.model, plan.picture, plan.targets, cancel=token, layer=plan.layer, seed=plan.seed, chunk=chunk
    )


def final(plan: Plan, chunk: int | None = None) -> torch.Tensor:
    f = function(plan, chunk)
    last = None
    with torch.no_grad():
        for last in plan.method.estimates(f, plan.params):  # noqa: B007 - the last one counts
            pass
    return last.attribution


@pytest.mark.parametrize("method", sw.methods())
def test_a_streamed_result_equals_the_one_shot_result_exactly(model, method):
    plan = planned(model, method)
    streamed = list(plan.estimates())
    assert torch.equal(streamed[-1].attribution, list(plan.estimates())[-1].attribution)
    shares = [e.done / e.total for e in streamed]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize("method", sw.methods())
def test_the_map_does_not_depend_on_the_chunk_size(model, method):
    plan = planned(model, method)
    reference = final(plan, 5)
    for chunk in (1, 3, 8, 64):
        found = final(plan, chunk)
        assert float((found - reference).norm() / reference.norm()) < 1e-10, chunk


@pytest.mark.parametrize("method", sw.methods())
def test_many_targets_in_one_run_equal_each_alone(model, method):
    together = final(planned(model, method, TARGETS))
    for place, target in enumerate(TARGETS):
        alone = final(planned(model, method, target))[0]
        assert float((together[place] - alone).norm() / alone.norm()) < 1e-8, target


@pytest.mark.parametrize("method", sw.methods())
def test_a_run_that_is_cancelled_at_any_estimate_asks_the_network_for_less_than_two_chunks_more(model, method):
    plan = planned(model, method)
    stopped = 0
    for place in range(10_000):
        token = CancelToken()
        f = function(plan, 2, token)
        with torch.no_grad():
            running = plan.method.estimates(f, plan.params)
            estimates = list(itertools.islice(running, place + 1))
            if estimates[-1].final:
                break
            token.cancel()
            before = f.pace.forwards
            with pytest.raises(Cancelled):
                list(running)
        stopped += 1
        assert f.pace.forwards - before < 2 * f.pace.chunk
    assert stopped == len(list(plan.method.estimates(function(plan, 2), plan.params))) - 1
