"""SmoothGrad of other methods: whole runs at noisy copies of the picture, averaged."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Annotated

import pytest
import torch

import saliency_widget as sw
from runs import estimates, function, last, relative
from saliency_widget.methods import Estimate, Quality, Range, get
from saliency_widget.methods.composing import smoothed
from saliency_widget.methods.parameters import parameters
from small_models import Linear, keep, picture, two_heads

SMOOTHED = {"integrated_gradients": {"steps": 6}, "guided_ig": {"steps": 4}, "blur_ig": {"steps": 6, "max_sigma": 4.0}}


def noisy(f, index, noise):
    return f.x + noise * (f.x.max() - f.x.min()) * f.noise(index)


def plain(f, method, x, params):
    """Run a method once at another input than the picture."""
    chosen = get(method)
    with torch.no_grad():
        return list(chosen.run(f, x, **chosen.validate(params)))[-1]


@pytest.mark.parametrize("method", SMOOTHED)
def test_one_sample_is_the_method_itself_bit_for_bit_whatever_the_noise(method):
    f = function(two_heads(torch.float64), picture(), ["style:gothic", "age"])
    inner = inspect.unwrap(get(method).run)
    with torch.no_grad():
        alone = list(inner(f, f.x, **SMOOTHED[method]))
    ours = estimates(f, method, **SMOOTHED[method], samples=1, noise=0.5)
    assert len(ours) == len(alone)
    for one, other in zip(ours, alone, strict=True):
        assert torch.equal(one.attribution, other.attribution)
        assert (one.done, one.total, one.quality) == (other.done, other.total, other.quality)


@pytest.mark.parametrize("method", SMOOTHED)
def test_many_samples_are_the_mean_of_whole_runs_at_noisy_pictures(method):
    f = function(two_heads(torch.float64), picture(), ["style:gothic", "age"], seed=3)
    runs = [plain(f, method, noisy(f, i, 0.2), SMOOTHED[method]) for i in range(5)]
    maps = torch.stack([run.attribution for run in runs])
    e = estimates(f, method, **SMOOTHED[method], samples=5, noise=0.2)[-1]
    assert relative(e.attribution, maps.mean(0)) < 1e-12
    for name, sibling in e.siblings.items():
        assert relative(sibling, torch.stack([run.siblings[name] for run in runs]).mean(0)) < 1e-12
    error = ((maps.var(0) / 5).flatten(1).sum(1).sqrt() / maps.mean(0).flatten(1).norm(dim=1)).tolist()
    for figures, expected in zip(e.quality, error, strict=True):
        assert figures[0].name == "standard_error"
        assert figures[0].value == pytest.approx(expected, rel=1e-9)
        assert figures[1].name == "completeness_error"


def test_smoothed_integrated_gradients_of_a_linear_model_are_those_of_the_mean_picture():
    model = sw.ImageModel(Linear(), preprocess=keep, device="cpu")
    f = function(model, picture(), [0])
    mean = torch.stack([noisy(f, i, 0.3) for i in range(4)]).mean(0)
    exact = model.module.weight[0].detach() * mean
    assert relative(last(f, "integrated_gradients", steps=3, samples=4, noise=0.3)[0], exact) < 1e-12


@pytest.mark.parametrize("method", SMOOTHED)
def test_progress_counts_all_runs_and_so_does_the_stated_cost(method):
    f = function(two_heads(), picture(), ["style:gothic"])
    params = get(method).validate(SMOOTHED[method] | {"samples": 3})
    run = estimates(f, method, **params)
    assert [e.done for e in run] == sorted({e.done for e in run})
    assert run[-1].done == run[-1].total == get(method).units(params, (8, 12)) == f.backwards
    assert [e.final for e in run].count(True) == 1


def test_a_running_estimate_counts_by_the_share_of_its_work_and_a_partial_one_not_before_it_is_done():
    def steps_of(kind):
        @smoothed
        def method(f, x):
            for done in (1, 2):
                yield Estimate(x.new_full((1, 1, 1, 1), float(10 * done + x.sum())), done, 2, kind=kind)

        return method

    class Still:
        def noise(self, index):
            return torch.full((1, 1, 1), float(index))

    x = torch.tensor([[[0.0, 1.0]]])  # range 1
    values = {
        kind: [float(e.attribution) for e in steps_of(kind)(Still(), x, samples=2, noise=0.5)]
        for kind in ("estimate", "partial")
    }
    # The runs give 11, 21 and then, with 0.5 added to both pixels, 12, 22.
    assert values["estimate"] == [11, 21, (21 + 12 / 2) / 1.5, 21.5]
    assert values["partial"] == [11, 21, 21, 21.5]


@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
def test_the_noise_and_the_map_do_not_depend_on_the_chunk_size(chunk):
    model = two_heads(torch.float64)
    targets = ["style:gothic", "age"]
    one = last(function(model, picture(), targets, chunk=chunk), "integrated_gradients", steps=7, samples=3)
    other = last(function(model, picture(), targets[:1], chunk=5), "integrated_gradients", steps=7, samples=3)
    assert relative(one[0], other[0]) < 1e-10


def test_the_parameters_of_the_function_are_followed_by_samples_and_noise():
    @smoothed
    def method(
        f: sw.compute.ScoreFunction, x: torch.Tensor, *, width: Annotated[int, Range(1, 5)] = 2
    ) -> Iterator[Estimate]:
        yield Estimate(x[None], 1, 1, quality=((Quality("a", 0.0, "a"),),))

    found = parameters(method)
    assert list(found) == ["width", "samples", "noise"]
    assert found["width"].range == Range(1, 5)
    assert (found["samples"].default, found["noise"].default) == (1, 0.15)
    assert all(found[name].help.endswith(".") for name in ("samples", "noise"))
    assert list(parameters(get("integrated_gradients").run)) == ["steps", "baseline", "rule", "samples", "noise"]


def test_idgi_can_be_smoothed_as_well():
    f = function(two_heads(torch.float64), picture(), ["style:gothic"])
    mean = torch.stack(
        [plain(f, "integrated_gradients", noisy(f, i, 0.15), {"steps": 5}).siblings["idgi"] for i in range(3)]
    ).mean(0)
    assert relative(last(f, "idgi", steps=5, samples=3), mean) < 1e-12
