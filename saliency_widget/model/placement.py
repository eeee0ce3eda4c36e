"""Where a module's copy is computed, and in which floating type; it moves nothing."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from saliency_widget.errors import BadParameter, ModelError

__all__ = ["DTYPES", "check_weights", "choose_device", "own_dtype"]

DTYPES = {"auto": None, "float32": torch.float32, "float64": torch.float64}


def check_weights(module: nn.Module) -> None:
    """Refuse a module whose weights have no values, or lie where they can no longer be read.

    Raises
    ------
    ModelError
        With the name of the first such weight.
    """
    devices: set[torch.device] = set()
    for name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
        if tensor.is_meta:
            message = (
                f"weight '{name}' is on the meta device, where weights have a shape and no values; load them first, e.g. "
                "module.to_empty(device='cpu') and then module.load_state_dict(...)"
            )
            raise ModelError(message)
        if tensor.device not in devices and tensor.device.type != "cpu" and tensor.numel():
            devices.add(tensor.device)
            _touch(name, tensor)


def _touch(name: str, tensor: Tensor) -> None:
    """Read one number of a weight that is not on the CPU."""
    try:
        tensor.detach().reshape(-1)[:1].cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        message = (
            f"weight '{name}' is on {tensor.device}, which cannot be used ({reason}); move the module to a device that is "
            "there, module.to('cpu'), or restart the kernel if a GPU has failed"
        )
        raise ModelError(message) from error


def own_dtype(module: nn.Module) -> torch.dtype:
    """Return the type of the first floating weight, float32 where there is none."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.float32


def choose_device(module: nn.Module, device: str | torch.device) -> torch.device:
    """Choose where the copy lives.

    Raises
    ------
    BadParameter
        If a device was asked for that is not there.
    """
    if device != "auto":
        try:
            chosen = torch.empty(0, device=torch.device(device)).device  # with its index: "cuda" is "cuda:0"
        except (RuntimeError, AssertionError) as error:
            message = f"device {str(device)!r} cannot be used here: {str(error).splitlines()[0]}; use 'auto' or 'cpu'"
            raise BadParameter(message) from error
        if chosen.type == "meta":
            message = "device 'meta' has no values to compute with; use 'auto' or 'cpu'"
            raise BadParameter(message)
        return chosen
    own = next((tensor.device for tensor in (*module.parameters(), *module.buffers())), torch.device("cpu"))
    if own.type != "cpu":
        return own
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps") if torch.backends.mps.is_available() else own
