"""The network inside of what wraps it: compiled modules, DataParallel; what it is that cannot be worked with, and why."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from saliency_widget.errors import ModelError

__all__ = ["spans_devices", "unwrap"]

_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def unwrap(module: Any) -> tuple[nn.Module, list[str]]:
    """Return the network that is worked with, and what a user should know about that.

    Parameters
    ----------
    module : object
        What the user gave as a model.

    Raises
    ------
    ModelError
        If it is no module.
    """
    notes = []
    if isinstance(module, torch.export.ExportedProgram):
        message = "a model was given as an ExportedProgram, which is no module; give its .module(), or the module it came from"
        raise ModelError(message)
    if not isinstance(module, nn.Module):
        message = f"a model was given as {type(module).__name__}; expected a torch.nn.Module or an sw.ImageModel"
        raise ModelError(message)
    while True:
        compiled = getattr(module, "_orig_mod", None)
        if isinstance(compiled, nn.Module) and type(module).__name__ == "OptimizedModule":
            module = compiled
            notes.append("the module is compiled; maps are computed on the network before its compilation")
        elif isinstance(module, _PARALLEL):
            notes.append(f"{type(module).__name__} is left aside: maps are computed on one device")
            module = module.module
        else:
            return module, notes


def spans_devices(module: nn.Module) -> bool:
    """Tell whether a network's tensors lie on more than one device."""
    devices = {tensor.device for tensor in (*module.parameters(), *module.buffers()) if not tensor.is_meta}
    return len(devices) > 1
