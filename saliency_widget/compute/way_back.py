"""Gradients of scores, and what autograd says when there are none; it knows no model."""

from __future__ import annotations

import torch
from torch import Tensor

from saliency_widget.errors import ModelError
from saliency_widget.model.image_model import is_out_of_memory

__all__ = ["WeightsChanged", "gradients_at"]

_CHANGED = "modified by an inplace operation"
"""What autograd says when a weight was changed after the forward that used it."""


class WeightsChanged(ModelError):
    """The network's weights, or what it computed with them, changed between the way there and the way back."""

    def __init__(self) -> None:
        super().__init__(
            "a tensor that the gradient needs was changed in place after it was used, by the model's forward or by somebody "
            "who trains it meanwhile"
        )


def gradients_at(scores: Tensor, inputs: Tensor, *, keep: bool = False) -> Tensor:
    """Return the gradients (T, *inputs.shape) of the scores (n, T) with respect to inputs (n, ...).

    Parameters
    ----------
    scores, inputs : Tensor
    keep : bool
        Whether the way back may be wanted again.

    Raises
    ------
    ModelError
        If there is no gradient.
    """
    if not scores.requires_grad:
        message = (
            "the model's output has no gradient with respect to its input; its forward must not use torch.no_grad, "
            ".detach(), .item(), NumPy or argmax on the way"
        )
        raise ModelError(message)
    last = scores.shape[1] - 1
    return torch.stack([_gradient(scores[:, t], inputs, keep=keep or t < last) for t in range(last + 1)])


def _gradient(score: Tensor, inputs: Tensor, *, keep: bool) -> Tensor:
    # Of the input only, by autograd.grad: .backward() would write into the user's parameters' .grad.
    if not score.requires_grad:
        return torch.zeros_like(inputs)
    try:
        (gradient,) = torch.autograd.grad(
            score.sum(), inputs, retain_graph=keep, allow_unused=True, materialize_grads=True
        )
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        if _CHANGED in str(error):
            raise WeightsChanged from error
        message = f"the model has no gradient with respect to its input: {error}"
        raise ModelError(message) from error
    return gradient
