"""What to say when a model raises, or holds weights that are no numbers; it decides nothing."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

__all__ = ["broken_weights", "is_out_of_memory", "why_it_raised"]

_FOR_IMAGES = ("Conv", "Patch", "Flatten")
_FOR_TEXT = ("Embedding", "EmbeddingBag")
_FOR_SEQUENCES = ("LSTM", "GRU", "RNN", "Linear", "Transformer", "TransformerEncoder")


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception means that a device's memory is full."""
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def why_it_raised(module: nn.Module, error: Exception, points: Tensor) -> str:
    """Say, in one or two sentences, what to do about a model that raised for inputs (n, C, h, w)."""
    said = f"the model raised {type(error).__name__} for an input of shape {tuple(points.shape)}: {error}"
    if "CUDA error" in str(error) or type(error).__name__ == "AcceleratorError":
        return f"{said}; the device {points.device} has failed or is gone: restart the kernel, or use device='cpu'"
    first = _first_layer(module)
    if first in _FOR_TEXT:
        return f"{said}; its first layer is nn.{first}, which takes the numbers of tokens: this is no model for images"
    if first in _FOR_SEQUENCES:
        return (
            f"{said}; its first layer is nn.{first}, which takes rows of numbers: if the model is for images, check "
            "preprocess= and input_size=, or flatten the image with call=lambda module, x: module(x.flatten(1))"
        )
    if isinstance(error, TypeError) and "argument" in str(error):
        return (
            f"{said}; a model with several inputs is adapted by one function, e.g. "
            "call=lambda module, x: module(image=x, age=age)"
        )
    return f"{said}; check preprocess=, input_size= and the number of channels that it expects"


def broken_weights(module: nn.Module) -> str | None:
    """Say which weight holds NaN or infinity, or return None; reads all of them."""
    for name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
        if tensor.is_floating_point() and not tensor.is_meta:
            bad = int((~torch.isfinite(tensor.detach())).sum())
            if bad:
                what = "NaN" if bool(tensor.detach().isnan().any()) else "infinity"
                return (
                    f"the model's weight '{name}' holds {what} ({bad} of {tensor.numel()} values); its training has "
                    "diverged, or its file is damaged: load other weights"
                )
    return None


def _first_layer(module: nn.Module) -> str | None:
    """Return the class of the first layer that says what a network is for, or None where a layer for images comes first."""
    for layer in module.modules():
        name = type(layer).__name__
        if any(known in name for known in _FOR_IMAGES):
            return None
        if name in _FOR_TEXT or name in _FOR_SEQUENCES:
            return name
    return None
