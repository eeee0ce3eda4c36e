"""From a head's outputs to the score of a target, and to what is predicted; it runs no model.

The only place that knows what a logit, a log-probability and a probability are, for classes that exclude each other, for
independent labels, and for a model that ends in a softmax or a sigmoid of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from saliency_widget.errors import BadParameter, nearest
from saliency_widget.model.heads import Head, Prediction
from saliency_widget.model.targets import ALL, Target

__all__ = ["SCORES", "Score", "check_score", "logits", "predict", "score_at", "score_of", "scores_of"]

Score = Literal["logit", "log_softmax", "probability"]
SCORES: tuple[Score, ...] = ("logit", "log_softmax", "probability")


def scores_of(
    outputs: Mapping[str, Tensor], heads: Mapping[str, Head], targets: Sequence[Target], score: Score
) -> Tensor:
    """Return the scores (n, T) of several targets, from all heads' outputs; the gradient flows through.

    Parameters
    ----------
    outputs : mapping of str to Tensor
        (n, K) for each head, as ``ImageModel.scores`` returns them.
    heads : mapping of str to Head
        ``ImageModel.heads``.
    targets : sequence of Target
        Resolved.
    score : {"logit", "log_softmax", "probability"}
    """
    return torch.stack([score_of(outputs[target.head], heads[target.head], target, score) for target in targets], 1)


def score_of(outputs: Tensor, head: Head, target: Target, score: Score) -> Tensor:
    """Return the score (n,) of one target, from its head's outputs (n, K); the gradient flows through.

    Parameters
    ----------
    outputs : Tensor
        As ``ImageModel.scores`` returns them.
    head : Head
        The target's head.
    target : Target
        Resolved: a class, a contrast of two, all outputs, or the value of a regression head.
    score : {"logit", "log_softmax", "probability"}
        Of a class: its logit, the logarithm of its probability, its probability. A value is itself.
    """
    check_score(head, target, score)
    if head.kind == "value":
        return outputs[:, 0]
    return _pick(_numbers(outputs, head, score), target)


def score_at(said: Prediction, head: Head, target: Target, score: Score) -> float:
    """Return the score of one target at a picture whose prediction is known.

    Parameters
    ----------
    said : Prediction
        What the target's head says of the picture.
    head, target, score
        As for :func:`score_of`.
    """
    check_score(head, target, score)
    if said.value is not None:
        return float(said.value)
    numbers = torch.as_tensor(said.logits, dtype=torch.float64)[None]
    if head.ending is not None and score != "logit":
        # What the model itself says, which need not add up to 1 exactly.
        numbers = torch.as_tensor(said.probabilities, dtype=torch.float64)[None]
        numbers = _log(numbers) if score == "log_softmax" else numbers
    elif score == "log_softmax":
        numbers = F.logsigmoid(numbers) if head.kind == "labels" else numbers.log_softmax(1)
    elif score == "probability":
        numbers = numbers.sigmoid() if head.kind == "labels" else numbers.softmax(1)
    return float(_pick(numbers, target))


def predict(outputs: Tensor, head: Head) -> Prediction:
    """Turn one head's outputs (K,) for one image into a prediction."""
    outputs = outputs.detach()[None]
    if head.kind == "value":
        return Prediction(value=float(outputs[0, 0]), unit=head.unit)
    classes: tuple[str | int, ...] = head.classes or tuple(range(head.size))
    numbers, shares = (_numbers(outputs, head, score)[0].float().cpu().numpy() for score in ("logit", "probability"))
    return Prediction(classes, numbers, shares)


def check_score(head: Head, target: Target, score: str) -> None:
    """Refuse a score that does not exist, or that no picture could change.

    Raises
    ------
    BadParameter
        With what can be used instead.
    """
    if score not in SCORES:
        message = f"unknown score {score!r}; {nearest(str(score), SCORES)}"
        raise BadParameter(message)
    if target.index != ALL or head.kind != "classes":
        return
    if score == "probability":
        message = (
            f"the probabilities of all classes of head '{head.name}' always add up to 1, so no pixel changes the score of "
            f"'{target}'; use score='logit' or score='log_softmax'"
        )
        raise BadParameter(message)
    if score == "logit" and head.ending is not None:
        message = (
            f"the logits of head '{head.name}' are recovered from its probabilities, so they always add up to 0 and no pixel "
            f"changes the score of '{target}'; use score='log_softmax'"
        )
        raise BadParameter(message)


def logits(outputs: Tensor, head: Head) -> Tensor:
    """Return the logits (n, K) of a head's outputs, undoing what the model ends in.

    A softmax hides a constant: its logits are given with mean 0, the logarithm of each probability less the mean of these.
    """
    if head.ending is None or head.kind == "value":
        return outputs
    outputs = _wide(outputs)
    if head.ending == "sigmoid":
        return _log(outputs) - _log(1 - outputs)
    logs = _log(outputs) if head.ending == "softmax" else _finite(outputs)
    return logs - logs.mean(1, keepdim=True)


def _numbers(outputs: Tensor, head: Head, score: str) -> Tensor:
    """Return the scores (n, K) of all of a head's outputs."""
    if score == "logit":
        return logits(outputs, head)
    outputs = _wide(outputs)
    if head.ending is None:
        if head.kind == "labels":
            return F.logsigmoid(outputs) if score == "log_softmax" else outputs.sigmoid()
        return outputs.log_softmax(1) if score == "log_softmax" else outputs.softmax(1)
    if head.ending == "log_softmax":
        return _finite(outputs) if score == "log_softmax" else outputs.exp()
    return _log(outputs) if score == "log_softmax" else outputs


def _pick(numbers: Tensor, target: Target) -> Tensor:
    """Return the target's score (n,) from those of all outputs (n, K)."""
    if target.index == ALL:
        return numbers.sum(1)
    if target.index is None:
        message = f"target '{target}' names no class; it must be resolved before it is scored"
        raise BadParameter(message)
    chosen = numbers[:, target.index]
    return chosen if target.versus_index is None else chosen - numbers[:, target.versus_index]


def _wide(outputs: Tensor) -> Tensor:
    """Return half-precision outputs as float32: their logarithms need its range."""
    return outputs.float() if outputs.dtype in {torch.float16, torch.bfloat16} else outputs


def _log(probabilities: Tensor) -> Tensor:
    """Return a logarithm that is finite, with its gradient, where a probability has become 0."""
    return probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()


def _finite(logs: Tensor) -> Tensor:
    """Return log-probabilities without the minus infinity that a probability of 0 leaves."""
    floor = torch.full_like(logs, torch.finfo(logs.dtype).tiny).log()
    return torch.where(logs.isneginf(), floor, logs)
