"""Scores of classes, labels and values are what they are called, one by one, against one another, and all at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import saliency_widget as sw
from saliency_widget.errors import BadParameter
from saliency_widget.model import Head
from saliency_widget.model.scoring import SCORES, check_score, logits, predict, score_at, score_of, scores_of
from saliency_widget.model.targets import resolve
from small_models import picture, two_heads

CLASSES = Head("style", "classes", 3, ("gothic", "plain", "greek"))
LABELS = Head("has", "labels", 3, ("hat", "beard", "glasses"))
VALUE = Head("age", "value", 1, unit="years")
HEADS = {head.name: head for head in (CLASSES, LABELS, VALUE)}
RAW = torch.tensor([[0.3, -1.2, 2.0], [5.0, 4.0, -3.0]], dtype=torch.float64)
EXPECTED = {
    ("classes", "logit"): RAW,
    ("classes", "log_softmax"): RAW.log_softmax(1),
    ("classes", "probability"): RAW.softmax(1),
    ("labels", "logit"): RAW,
    ("labels", "log_softmax"): F.logsigmoid(RAW),
    ("labels", "probability"): RAW.sigmoid(),
}
ENDED = [
    (replace(CLASSES, ending="softmax"), RAW.softmax(1)),
    (replace(CLASSES, ending="log_softmax"), RAW.log_softmax(1)),
    (replace(LABELS, ending="sigmoid"), RAW.sigmoid()),
]


def target(text):
    return resolve(text, HEADS)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("head", [CLASSES, LABELS])
def test_a_score_is_what_it_is_called(head, score):
    numbers = EXPECTED[head.kind, score]
    assert torch.equal(score_of(RAW, head, target(f"{head.name}:1"), score), numbers[:, 1])
    contrast = score_of(RAW, head, target((head.name, 2, 0)), score)
    assert torch.equal(contrast, numbers[:, 2] - numbers[:, 0])


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(("head", "outputs"), ENDED)
def test_what_a_model_ends_in_is_undone(head, outputs, score):
    numbers = EXPECTED[head.kind, score]
    if score == "logit" and head.kind == "classes":
        numbers = numbers - numbers.mean(1, keepdim=True)
    assert torch.allclose(score_of(outputs, head, target(f"{head.name}:1"), score), numbers[:, 1], atol=1e-12)


def test_the_probability_of_a_model_that_gives_probabilities_is_its_own_output():
    outputs = torch.tensor([[0.2, 0.3, 0.501]])  # half precision does not add up to 1
    head = replace(CLASSES, ending="softmax")
    assert float(score_of(outputs, head, target("style:greek"), "probability")) == float(outputs[0, 2])
    said = predict(outputs[0], head)
    assert said.probabilities.tolist() == outputs[0].tolist()
    assert score_at(said, head, target("style:greek"), "probability") == float(outputs[0, 2])


@pytest.mark.parametrize("score", SCORES)
def test_a_value_is_itself_whatever_the_score(score):
    numbers = torch.tensor([[7.0], [8.0]])
    for spelled in ("age", "age:*"):
        assert score_of(numbers, VALUE, target(spelled), score).tolist() == [7.0, 8.0]


def test_all_outputs_at_once_are_their_sum():
    assert torch.equal(score_of(RAW, CLASSES, target("style:*"), "logit"), RAW.sum(1))
    assert torch.equal(score_of(RAW, CLASSES, target("style:*"), "log_softmax"), RAW.log_softmax(1).sum(1))
    assert torch.equal(score_of(RAW, LABELS, target("has:*"), "probability"), RAW.sigmoid().sum(1))


def test_a_sum_that_no_picture_can_change_is_refused():
    with pytest.raises(BadParameter, match=r"always add up to 1.*score='logit'"):
        check_score(CLASSES, target("style:*"), "probability")
    with pytest.raises(BadParameter, match=r"always add up to 0.*score='log_softmax'"):
        check_score(replace(CLASSES, ending="softmax"), target("style:*"), "logit")
    with pytest.raises(BadParameter, match="did you mean 'logit'"):
        check_score(CLASSES, target("style:0"), "logits")


def test_several_targets_of_several_heads_stand_side_by_side():
    outputs = {"style": RAW, "has": RAW, "age": torch.tensor([[7.0], [8.0]], dtype=torch.float64)}
    both = scores_of(outputs, HEADS, [target("age"), target("has:hat"), target("style:*")], "logit")
    assert both.tolist() == torch.stack([outputs["age"][:, 0], RAW[:, 0], RAW.sum(1)], 1).tolist()


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(("head", "outputs"), [(CLASSES, RAW), (LABELS, RAW), *ENDED])
def test_the_score_of_a_prediction_is_the_score_of_its_outputs(head, outputs, score):
    said = predict(outputs[0], head)
    for spelled in (f"{head.name}:2", (head.name, 0, 1)):
        there = float(score_of(outputs, head, target(spelled), score)[0])
        assert score_at(said, head, target(spelled), score) == pytest.approx(there, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("ending", ["softmax", "log_softmax", "sigmoid"])
def test_certainty_gives_finite_numbers_and_gradients(ending, dtype):
    raw = torch.tensor([[0.0, 1.0, 0.0]], dtype=dtype)
    outputs = (raw.log() if ending == "log_softmax" else raw).requires_grad_()
    head = replace(LABELS if ending == "sigmoid" else CLASSES, ending=ending)
    for score in SCORES:
        number = score_of(outputs, head, target(f"{head.name}:1"), score)
        (gradient,) = torch.autograd.grad(number.sum(), outputs)
        assert bool(torch.isfinite(number).all() & torch.isfinite(gradient).all())
    assert bool(torch.isfinite(logits(outputs, head)).all())


def test_labels_have_probabilities_of_their_own():
    said = predict(RAW[0], LABELS)
    assert said.probabilities == pytest.approx(1 / (1 + np.exp(-RAW[0].numpy())))
    assert said.probabilities.sum() != pytest.approx(1)
    assert said.top == "glasses"


@pytest.mark.parametrize("score", ["logit", "log_softmax"])
def test_the_gradient_of_all_outputs_is_the_sum_of_their_gradients(score):
    model = two_heads(torch.float64)
    options = {"score": score}
    each = sw.explain(model, picture(), ["style:0", "style:1", "style:2"], **options)
    together = sw.explain(model, picture(), "style:*", **options)
    assert together.attribution == pytest.approx(sum(one.attribution for one in each), abs=1e-12)
    assert together.score_value == pytest.approx(sum(one.score_value for one in each))
    assert str(together.target) == "style:*"
    assert np.array_equal(
        sw.explain(model, picture(), "age:*").attribution, sw.explain(model, picture(), "age").attribution
    )


def test_explaining_a_sum_that_nothing_changes_is_refused_before_it_is_computed():
    with pytest.raises(BadParameter, match="always add up to 1"):
        sw.explain(two_heads(), picture(), "style:*", score="probability")
