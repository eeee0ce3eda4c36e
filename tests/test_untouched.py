"""The user's module is bit for bit what it was: all methods, on a dozen models, whatever becomes of the run."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import saliency_widget as sw
from model_zoo import MODELS, SIDE, Trip, build
from saliency_widget.compute import Cancelled, CancelToken
from saliency_widget.errors import NotApplicable
from saliency_widget.plan import prepare

IMAGE = np.random.default_rng(5).random((SIDE, SIDE, 3), dtype=np.float32)
SMALL = {"steps": 3, "samples": 3, "channels": 3, "window": 32, "stride": 32}
APPLICABLE = 8
"""As many methods at least must have a map to show on each of the models."""

OUTCOMES = ("success", "error", "cancel", "abandoned", "killed")


def everything(module: nn.Module) -> dict[str, Any]:
    """All that one could notice of a module, by value and by identity."""
    found: dict[str, Any] = {}
    for name, layer in module.named_modules():
        plain = {k: repr(v) for k, v in vars(layer).items() if isinstance(v, bool | int | float | str | list | tuple)}
        hooks = [list(v.items()) for k, v in sorted(vars(layer).items()) if k.endswith("_hooks")]
        found[name] = (id(layer), type(layer), layer.training, plain, hooks, sorted(vars(layer)))
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        grad = None if tensor.grad is None else (id(tensor.grad), tensor.grad.numpy().tobytes())
        form = (tensor.dtype, tensor.device, tensor.stride(), tensor.data_ptr(), tensor.requires_grad)
        found[f"tensor {name}"] = (id(tensor), form, tensor.detach().numpy().tobytes(), grad)
    found["state"] = list(module.state_dict())
    return found


def small(method: str) -> dict[str, Any]:
    """The method's parameters, for as little work as shows more than one estimate."""
    known = sw.methods()[method].parameters
    limits = {name: known[name].range for name in SMALL if name in known}
    return {
        name: SMALL[name] if limit is None else int(max(limit.minimum, min(SMALL[name], limit.maximum)))
        for name, limit in limits.items()
    }


def run(model: sw.ImageModel, method: str, outcome: str) -> str:
    """Run a method until the outcome that is asked for; say what came of it."""
    try:
        plan = prepare(model, IMAGE, method=method, params=small(method))
    except NotApplicable:
        return "does not apply"
    token = CancelToken()
    estimates = plan.estimates(token)
    try:
        if outcome == "error":
            Trip.at(2)
        elif outcome == "killed":
            Trip.at(2, SystemExit)
        for count, _ in enumerate(estimates):
            if outcome == "cancel" and count == 0:
                token.cancel()
            elif outcome == "abandoned":
                estimates.close()
                return "success"
    except Cancelled:
        return "cancelled"
    except (sw.SaliencyError, SystemExit):
        if outcome in {"error", "killed"}:
            return outcome
        raise
    finally:
        Trip.at(None)
    return "success"


def on_a_thread(model: sw.ImageModel, method: str) -> str:
    """Run a method on a thread that dies of it."""
    said: list[str] = []

    def work() -> None:
        said.append(run(model, method, "killed"))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return said[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", list(MODELS))
def test_every_method_leaves_the_module_as_it_was_whatever_becomes_of_the_run(name):
    module = build(name)
    before = everything(module)
    model = sw.ImageModel(module, input_size=SIDE)
    model.discover(IMAGE)
    assert everything(module) == before, "finding the heads changed the module"
    came: Counter[str] = Counter()
    for method in sw.methods():
        for outcome in OUTCOMES:
            result = on_a_thread(model, method) if outcome == "killed" else run(model, method, outcome)
            came[result] += 1
            after = everything(module)
            changed = [key for key in before if after.get(key) != before[key]]
            assert not changed, f"{method} ({outcome}: {result}) changed {changed}"
            came["succeeded when it should"] += outcome in {"success", "abandoned"} and result == "success"
    # A method that failed everywhere would prove nothing.
    applicable = len(sw.methods()) - came["does not apply"] // len(OUTCOMES)
    assert applicable >= APPLICABLE
    assert came["succeeded when it should"] == 2 * applicable
    assert min(came["error"], came["cancelled"], came["killed"]) >= 3


def test_training_goes_on_undisturbed_while_maps_are_computed_of_the_same_module():
    def train(module: nn.Module, steps: int = 12) -> None:
        torch.manual_seed(1)
        weights = [weight for weight in module.parameters() if weight.requires_grad]
        optimiser = torch.optim.SGD(weights, lr=0.01, momentum=0.9)
        for _ in range(steps):
            optimiser.zero_grad()
            module(torch.randn(4, 3, SIDE, SIDE)).square().mean().backward()
            optimiser.step()

    alone, watched = build("residual"), build("residual")
    train(alone)
    model = sw.ImageModel(watched, input_size=SIDE)
    done = threading.Event()
    maps: list[sw.Explanation] = []
    errors: list[BaseException] = []

    def look() -> None:
        try:
            while not done.is_set() or not maps:
                maps.append(sw.explain(model, IMAGE, method="smoothgrad", samples=2))
        except BaseException as error:  # noqa: BLE001 - told by the test
            errors.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        train(watched)
    finally:
        done.set()
        thread.join()
    assert not errors
    assert maps
    for (name, one), other in zip(alone.named_parameters(), watched.parameters(), strict=True):
        assert torch.equal(one, other), name
    for (name, one), other in zip(alone.named_buffers(), watched.buffers(), strict=True):
        assert torch.equal(one, other), name
