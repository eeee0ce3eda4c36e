"""A softmax or sigmoid at a model's end is noticed by its values, said, and undone; what only looks like one is left alone."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import saliency_widget as sw
from small_models import STYLES, keep, picture

AS_FUNCTIONS = {
    "softmax": lambda z: z.softmax(1),
    "log-softmax": lambda z: z.log_softmax(1),
    "sigmoid": torch.sigmoid,
}
AS_MODULES = {"softmax": nn.Softmax(1), "log-softmax": nn.LogSoftmax(1), "sigmoid": nn.Sigmoid()}


class Net(nn.Module):
    """A small network whose scores go through `end`."""

    def __init__(self, end=None, size=3, scale=4.0, dtype=torch.float64):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            self.features = nn.Conv2d(3, 4, 3)
            self.last = nn.Linear(4, size)
        self.end = end
        self.scale = scale
        self.to(dtype)

    def forward(self, images):
        scores = self.scale * self.last(self.features(images).relu().mean((2, 3)))
        return scores if self.end is None else self.end(scores)


def wrapped(end=None, heads=None, **options):
    model = sw.ImageModel(Net(end, **options), heads=heads, preprocess=keep, device="cpu")
    model.discover(picture())
    return model


def head(end=None, heads=None, **options):
    (found,) = wrapped(end, heads, **options).heads.values()
    return found


def maps(model, score="logit", target=1):
    return sw.explain(model, picture(), target, score=score).attribution


@pytest.mark.parametrize("name", AS_MODULES)
def test_a_last_module_is_left_out_of_the_copy_so_that_logits_are_exact(name):
    model, plain = wrapped(AS_MODULES[name]), wrapped()
    found = model.heads["head0"]
    assert f"ends in a {name}. It is left out" in found.noted
    assert found.ending is None
    assert isinstance(model.shadow.end, nn.Identity)
    assert model.module.end is AS_MODULES[name]
    assert np.array_equal(maps(model), maps(plain))
    assert np.array_equal(model.predict(picture())["head0"].logits, plain.predict(picture())["head0"].logits)


@pytest.mark.parametrize("name", ["softmax", "log-softmax"])
def test_a_softmax_that_is_a_function_is_undone_up_to_its_constant(name):
    model, plain = wrapped(AS_FUNCTIONS[name]), wrapped()
    said, expected = model.predict(picture())["head0"], plain.predict(picture())["head0"]
    assert f"ends in a {name}. Logits are recovered" in model.heads["head0"].noted
    assert said.logits == pytest.approx(expected.logits - expected.logits.mean(), abs=1e-6)
    assert said.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
    every = [maps(plain, target=k) for k in range(3)]
    assert maps(model) == pytest.approx(every[1] - sum(every) / 3, abs=1e-12)
    for score in ("log_softmax", "probability"):
        assert maps(model, score) == pytest.approx(maps(plain, score), abs=1e-12)


def test_a_sigmoid_that_is_a_function_is_undone_exactly():
    model, plain = wrapped(torch.sigmoid), wrapped(heads={"head0": sw.MultiLabel()})
    assert model.heads["head0"].kind == "labels"
    assert "labels of which any number may hold" in model.heads["head0"].noted
    for score in ("logit", "log_softmax", "probability"):
        assert maps(model, score) == pytest.approx(maps(plain, score), abs=1e-12)
    said, expected = model.predict(picture())["head0"], plain.predict(picture())["head0"]
    assert said.probabilities == pytest.approx(expected.probabilities, abs=1e-7)


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (lambda z: z.half().softmax(1), "softmax"),
        (lambda z: z.bfloat16().softmax(1), "softmax"),
        (lambda z: (z.softmax(1) + (2 * z).softmax(1)) / 2, "softmax"),
        (lambda z: z.softmax(1).log(), "log_softmax"),
        (lambda z: 1 / (1 + (-z).exp()), "sigmoid"),
        (lambda z: (500 * z).softmax(1), "softmax"),
    ],
)
def test_it_is_seen_by_value_however_it_is_written(end, kind):
    assert head(end).ending == kind


@pytest.mark.parametrize("size", [10, 1000])
def test_a_softmax_of_many_classes_in_half_precision_is_seen(size):
    assert head(lambda z: z.half().softmax(1), size=size).ending == "softmax"


@pytest.mark.parametrize(
    "end",
    [
        None,
        lambda z: 0.5 + 1e-3 * z,
        lambda z: z.relu(),
        lambda z: z.tanh(),
        lambda z: z * 0 + 0.5,
        lambda z: z * 0,
        lambda z: F.normalize(z, dim=1),
    ],
)
def test_what_only_looks_like_one_is_left_alone(end):
    found = head(end)
    assert (found.kind, found.ending, found.noted) == ("classes", None, None)


class Normalised(nn.Module):
    """Scores that hardly move, between 0 and 1 however the image is scaled: only the last step shows that they have no bounds."""

    def __init__(self, bias):
        super().__init__()
        self.last = nn.Linear(12, 2).double()
        nn.init.constant_(self.last.bias, bias)
        nn.init.normal_(self.last.weight, std=1e-4, generator=torch.Generator().manual_seed(1))

    def forward(self, images):
        return self.last(F.layer_norm(images.mean((1, 2)), (12,)))


@pytest.mark.parametrize("bias", [0.3, 0.5])  # two times 0.5 is nearly a softmax
def test_logits_that_happen_to_lie_between_0_and_1_are_logits(bias):
    model = sw.ImageModel(Normalised(bias), preprocess=keep, device="cpu")
    said = model.predict(picture())["head0"]
    assert 0 < said.logits.min() < said.logits.max() < 1
    assert (model.heads["head0"].kind, model.heads["head0"].ending) == ("classes", None)


@pytest.mark.parametrize("end", [torch.sigmoid, lambda z: z.softmax(1)])
def test_one_image_is_no_evidence(end):
    shown = torch.linspace(0.1, 0.9, 12).double().expand(1, 3, 8, 12)

    class Once(Net):
        def forward(self, images):
            if not torch.equal(images, shown):
                raise ValueError("no such image")
            return super().forward(images)

    model = sw.ImageModel(Once(end), preprocess=keep, device="cpu")
    model.discover(shown[0])
    assert model.heads["head0"].ending is None


def test_a_declared_regression_is_never_touched():
    declared = {"share": sw.Regression(unit="of 1")}
    model = wrapped(nn.Sigmoid(), declared, size=1)
    assert model.notes == []
    assert (model.heads["share"].kind, model.heads["share"].ending) == ("value", None)
    assert isinstance(model.shadow.end, nn.Sigmoid)
    assert 0 < model.predict(picture())["share"].value < 1


def test_a_single_output_stays_a_value_and_says_how_to_declare_it():
    model = wrapped(nn.Sigmoid(), size=1)
    assert model.heads["head0"].kind == "value"
    (note,) = [note for note in model.notes if "sigmoid" in note]
    assert "heads={'head0': sw.MultiLabel(['yes'])}" in note
    assert not [note for note in wrapped(size=1).notes if "sigmoid" in note]


def test_a_single_output_that_is_declared_a_label_is_undone():
    model = wrapped(nn.Sigmoid(), {"hat": sw.MultiLabel(["yes"])}, size=1)
    plain = wrapped(None, {"hat": sw.MultiLabel(["yes"])}, size=1)
    assert "left out" in model.heads["hat"].noted
    assert plain.heads["hat"].noted is None
    assert np.array_equal(maps(model, target="hat:yes"), maps(plain, target="hat:yes"))


class Shared(nn.Module):
    """Two heads behind one softmax module, and a third number that may be made of its output."""

    def __init__(self, third):
        super().__init__()
        self.net = Net(None, 6)
        self.softmax = nn.Softmax(1)
        self.third = third

    def forward(self, images):
        a, b = self.net(images).split(3, 1)
        a, b = self.softmax(a), self.softmax(b)
        return {"a": a, "b": b, "third": self.third(a, b)}


def test_one_module_behind_two_heads_is_left_out_of_both():
    model = sw.ImageModel(Shared(lambda a, b: torch.zeros(len(a))), preprocess=keep, device="cpu")
    model.discover(picture())
    assert [model.heads[name].ending for name in "ab"] == [None, None]
    assert isinstance(model.shadow.softmax, nn.Identity)


def test_a_module_that_is_needed_elsewhere_stays_and_is_undone_by_value():
    model = sw.ImageModel(Shared(lambda a, b: (a * b).sum(1)), preprocess=keep, device="cpu")
    before = model.module(torch.ones(1, 3, 8, 12).double())["third"]
    model.discover(picture())
    assert [model.heads[name].ending for name in "ab"] == ["softmax", "softmax"]
    assert isinstance(model.shadow.softmax, nn.Softmax)
    assert torch.equal(model.scores(torch.ones(1, 3, 8, 12).double(), grad=False)["third"][:, 0], before)


def test_the_users_module_is_what_it_was_and_later_copies_leave_it_out_too():
    module = Net(nn.Softmax(1))
    state = copy.deepcopy(module.state_dict())
    model = sw.ImageModel(module, preprocess=keep, device="cpu")
    model.predict(picture())
    assert isinstance(module.end, nn.Softmax)
    assert not module.end._forward_hooks
    assert all(torch.equal(state[name], weight) for name, weight in module.state_dict().items())
    module.last = nn.Linear(4, 3).double()
    model.predict(picture())
    assert isinstance(model.shadow.end, nn.Identity)
    assert np.array_equal(maps(model), maps(sw.ImageModel(_bare(module), preprocess=keep, device="cpu")))


def _bare(module):
    bare = copy.deepcopy(module)
    bare.end = None
    return bare


def test_zero_probabilities_give_finite_maps():
    class Certain(Net):
        def forward(self, images):
            return (super().forward(images) * torch.tensor([1e4, -1e4, 1.0], dtype=torch.float64)).softmax(1)

    model = sw.ImageModel(Certain(), preprocess=keep, device="cpu")
    said = model.predict(picture())["head0"]
    assert said.probabilities.min() == 0
    assert np.isfinite(said.logits).all()
    for score in ("logit", "log_softmax", "probability"):
        assert np.isfinite(maps(model, score)).all()


def test_names_of_classes_stay_with_a_head_that_turns_out_to_be_labels():
    found = head(nn.Sigmoid(), {"style": STYLES})
    assert (found.kind, found.classes) == ("labels", tuple(STYLES))
    card = found.card()
    assert (card["kind"], card["classes"], card["noted"]) == ("labels", STYLES, found.noted)
