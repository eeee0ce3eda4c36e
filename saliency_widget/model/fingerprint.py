"""Noticing that a module has changed: where its tensors lie, and a checksum of what is in them; it copies nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["checksum", "digest", "layout", "tensors"]

_WHOLE = 16_384
"""Tensors up to this size go into the checksum whole: biases, statistics, the last layer of most heads."""

_SAMPLES = 1024
"""Of larger ones this many values, evenly spread: reading all of VGG-16 would take longer than its first layers."""

_ROW = 512

_SETTINGS = bool | int | float | str | None
_LISTED = 64
_MODULES_OWN = frozenset(vars(nn.Module()))
"""The attributes that every module has: its mode, its tensors, its hooks."""


def tensors(module: nn.Module) -> Iterator[Tensor]:
    """Yield all tensors of a module once: weights, buffers, and those in plain attributes, lists and dictionaries."""
    seen: set[int] = set()
    for layer in module.modules():
        own = (*layer.parameters(recurse=False), *layer.buffers(recurse=False), *_inside(vars(layer).items()))
        for tensor in own:
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield tensor


def _inside(items: Iterable[tuple[Any, Any]]) -> Iterator[Tensor]:
    """Yield the tensors in attributes, and in containers that are attributes."""
    for name, value in items:
        if name in _MODULES_OWN:
            continue
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, dict):
            yield from (inner for inner in value.values() if isinstance(inner, Tensor))
        elif isinstance(value, list | tuple):
            yield from (inner for inner in value if isinstance(inner, Tensor))


def layout(module: nn.Module, found: Iterable[Tensor] | None = None) -> tuple[object, ...]:
    """Say which layers, settings, hooks and tensors a module has and where they lie, without reading a tensor.

    Parameters
    ----------
    module : nn.Module
    found : iterable of Tensor, optional
        Its :func:`tensors`, where somebody has them already.
    """
    layers = tuple((name, id(layer), type(layer), _settings(layer)) for name, layer in module.named_modules())
    places = tuple((t.data_ptr(), tuple(t.shape), t.dtype) for t in (tensors(module) if found is None else found))
    return layers, places


def _settings(layer: nn.Module) -> tuple[object, ...]:
    """Return a layer's plain attributes and hooks; not its mode, which the copy has for itself."""
    found: list[object] = [tuple(layer._forward_hooks), tuple(layer._forward_pre_hooks)]  # noqa: SLF001 - torch has no other
    for name, value in vars(layer).items():
        if name in _MODULES_OWN:
            continue
        if isinstance(value, _SETTINGS):
            found.append((name, value))
        elif isinstance(value, list | tuple | dict):
            simple = len(value) <= _LISTED and all(isinstance(v, _SETTINGS) for v in _values(value))
            found.append((name, repr(value) if simple else len(value)))
        else:
            found.append((name, id(value)))
    return tuple(found)


def _values(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def checksum(module: nn.Module) -> str:
    """Return a short hash of the values of small tensors and of samples of large ones.

    Version counters miss fused optimisers, ``.data`` and NumPy writes; values do not. A training step changes every weight,
    so samples notice it; a single weight changed by hand in a large tensor may go unnoticed where the copy shares no storage.

    Parameters
    ----------
    module : nn.Module
        The module to look at; nothing of it is changed.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=8)
    by_device: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    with torch.no_grad():
        for tensor in tensors(module):
            digest.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
            if tensor.numel() and not tensor.is_meta:
                flat = tensor.detach().reshape(-1)
                step = 1 if flat.numel() <= _WHOLE else flat.numel() // _SAMPLES
                by_device.setdefault((tensor.device, tensor.dtype), []).append(flat[::step])
        for values in by_device.values():
            digest.update(torch.cat(values).cpu().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def digest(weights: Iterable[Tensor]) -> str:
    """Return a hash that every change of a value changes, at the speed of reading the tensors once.

    Small tensors go in whole. The bits of large ones are added up as whole numbers, row by row of a table of 512 columns, and
    samples go in beside the sums, since a sum does not notice that two values of a row have changed places.
    """
    hashed = hashlib.blake2b(digest_size=8)
    small: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    with torch.no_grad():
        for tensor in weights:
            flat = tensor.detach().reshape(-1)
            if flat.numel() <= _WHOLE:
                small.setdefault((flat.device, flat.dtype), []).append(flat)
                hashed.update(repr(tuple(tensor.shape)).encode())
                continue
            raw = flat.view(torch.uint8)
            numbers = raw[: len(raw) // 8 * 8].view(torch.int64)
            table = numbers[: len(numbers) // _ROW * _ROW].view(-1, _ROW)
            parts = [table.sum(1), numbers[table.numel() :], numbers[:: len(numbers) // _SAMPLES + 1]]
            hashed.update(torch.cat([*parts, raw[numbers.numel() * 8 :].long()]).cpu().numpy().tobytes())
        for values in small.values():
            hashed.update(torch.cat(values).view(torch.uint8).cpu().numpy().tobytes())
    return hashed.hexdigest()
