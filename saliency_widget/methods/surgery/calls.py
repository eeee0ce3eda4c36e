"""Answering a network's calls of torch in torch's place, whether a module makes them or a line of code; it knows no method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch.overrides import TorchFunctionMode

from saliency_widget.errors import ModelError
from saliency_widget.model import ImageModel
from saliency_widget.model.merging import tensors_in

__all__ = ["POINTWISE", "REARRANGING", "SUMMING", "Answer", "Answers", "no_copy"]

Answer = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""Takes a function of torch and its arguments, returns what the network is to get from it."""

_OWN = frozenset({"clone", "contiguous", "detach", "to", "type_as", "float", "double", "requires_grad_", "alias"})

REARRANGING = _OWN | {
    "__getitem__", "cat", "channel_shuffle", "chunk", "concat", "concatenate", "expand", "expand_as", "flatten", "flip",
    "getitem", "movedim", "moveaxis", "narrow", "pad", "permute", "pixel_shuffle", "pixel_unshuffle", "ravel", "reshape",
    "roll", "select", "split", "split_with_sizes", "squeeze", "stack", "swapaxes", "t", "tensor_split", "transpose",
    "unbind", "unflatten", "unsqueeze", "view", "view_as", "zero_pad2d",
    "adaptive_max_pool1d", "adaptive_max_pool2d", "alpha_dropout", "dropout", "dropout1d", "dropout2d",
    "feature_dropout", "max_pool1d", "max_pool2d", "max_pool2d_with_indices",
}  # fmt: skip
"""Functions that move numbers about, or choose some; the plain way back is right for them under every rule."""

POINTWISE = frozenset({
    "celu", "celu_", "elu", "elu_", "gelu", "hardsigmoid", "hardswish", "hardtanh", "hardtanh_", "leaky_relu",
    "leaky_relu_", "mish", "relu", "relu6", "relu_", "selu", "selu_", "sigmoid", "sigmoid_", "silu", "softplus", "tanh",
    "tanh_",
})  # fmt: skip
"""Activations: each number of what they return depends on one of what they are given."""

SUMMING = frozenset({
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "mean", "sum",
})  # fmt: skip
"""Functions that add up numbers of one tensor, without weights of their own."""


class Answers(TorchFunctionMode):
    """While it lasts, calls of some functions of torch are answered by others.

    Parameters
    ----------
    answers : mapping of str to callable
        By the function's name, as torch spells it: ``"relu"`` stands for ``torch.relu``, ``Tensor.relu`` and
        ``functional.relu``. Calls that an answer itself makes are not answered.
    known : iterable of str, optional
        What else a network may do with numbers that have a gradient; where not given, anything.
    asked_by : str
        Who cannot do with anything else, for the error.
    """

    def __init__(self, answers: Mapping[str, Answer], known: Iterable[str] | None = None, asked_by: str = "") -> None:
        super().__init__()
        self._answers = answers
        self._known = None if known is None else frozenset(known)
        self._asked_by = asked_by

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Answer a call in the place of torch.

        Raises
        ------
        ModelError
            If a function is none of those known.
        """
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        answer = self._answers.get(name)
        if answer is not None:
            return answer(func, args, kwargs)
        output = func(*args, **kwargs)
        if self._known is not None and name not in self._known and any(t.requires_grad for t in tensors_in(output)):
            message = (
                f"{self._asked_by} has no rule for '{name}', which this network's forward calls; use another method"
            )
            raise ModelError(message)
        return output


def no_copy(model: ImageModel) -> str | None:
    """Say why a network's rules cannot be changed at all, or None where they can."""
    return (
        None
        if model.copies
        else "the module cannot be copied, and its rules are only changed on a copy; give it a __deepcopy__"
    )
