"""The plain gradient, and its product with the input, by captum; no tests here.

``ORACLES`` maps a method's name to a callable ``(module, x, target, settings)`` that returns a NumPy array (C, h, w). `module`
returns scores (N, K), `x` is one input (1, C, h, w), `target` the index of an output; there are no settings.

What of the peer is not taken over, and why:

- Its Saliency hands out magnitudes unless told not to: told so here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["ORACLES"]

Oracle = Callable[[nn.Module, Tensor, int, Mapping[str, Any]], NDArray[Any]]


def gradient(module: nn.Module, x: Tensor, target: int, _settings: Mapping[str, Any]) -> NDArray[Any]:
    """Return captum's Saliency, signed."""
    from captum.attr import Saliency

    return _array(Saliency(module).attribute(x.clone().requires_grad_(), target, abs=False))


def input_x_gradient(module: nn.Module, x: Tensor, target: int, _settings: Mapping[str, Any]) -> NDArray[Any]:
    """Return captum's InputXGradient."""
    from captum.attr import InputXGradient

    return _array(InputXGradient(module).attribute(x.clone().requires_grad_(), target))


ORACLES: dict[str, Oracle] = {"gradient": gradient, "input_x_gradient": input_x_gradient}


def _array(values: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = values[0].detach().numpy()
    return array
