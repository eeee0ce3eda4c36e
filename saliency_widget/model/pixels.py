"""From a model's input back to colours, by measuring what its preprocessing makes of plain pictures; it draws nothing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["undo"]

_SMALLEST_GAIN = 1e-6
_WORST_CONDITION = 1e3
"""Above this ratio of its largest to its smallest gain a mixture of channels is not taken apart."""


def undo(preprocess: Callable[[Tensor], Tensor], points: Tensor, channels: int) -> Tensor:
    """Return model inputs as pixels: the normalisation is undone, and the channels come back into their order.

    A black picture gives the offset, and a picture of each single channel how much of it goes into each channel of the
    input. Nothing is assumed about the preprocessing but that it treats all pixels alike.

    Parameters
    ----------
    preprocess : callable
        Takes a float tensor (`channels`, H, W) in [0, 1], returns a model's input.
    points : Tensor
        Model inputs (n, C, h, w).
    channels : int
        Of the pictures: 3, or those of pictures whose channels are no colours.

    Returns
    -------
    Tensor
        (n, `channels`, h, w) in [0, 1], float32, on the device of `points`; (n, 1, h, w) for a model that takes grey
        values. Where the preprocessing has no such gain (one that normalises each picture by its own values), each
        picture is stretched from its smallest to its largest value instead.
    """
    values = points.detach().float()
    count = values.shape[1]
    size = tuple(values.shape[2:])
    black = _level(preprocess(torch.zeros(channels, *size)))
    singles = []
    for channel in range(channels):
        image = torch.zeros(channels, *size)
        image[channel] = 1
        singles.append(_level(preprocess(image)) - black)
    mixture = torch.stack(singles, dim=1)  # (C, channels): what one unit of each picture channel adds
    if black.shape != (count,) or not bool(torch.isfinite(mixture).all() & torch.isfinite(black).all()):
        return _stretched(values)
    back = _inverse(mixture)
    if back is None:
        return _stretched(values)
    centred = values - black.to(values)[:, None, None]
    return torch.einsum("pc,nchw->nphw", back.to(values), centred).clamp(0, 1)


def _level(output: Tensor) -> Tensor:
    """Return each channel's value (C,) where it covers most of an input; a frame of padding does not count."""
    return output.detach().cpu().double().flatten(1).median(1).values


def _inverse(mixture: Tensor) -> Tensor | None:
    """Return what takes a mixture of channels (C, P) apart, None if it holds nothing."""
    count, channels = mixture.shape
    if float(mixture.abs().max()) < _SMALLEST_GAIN:
        return None
    if count not in {1, channels}:
        back: Tensor = torch.linalg.pinv(mixture)
        return back
    if count == channels:
        gains = torch.linalg.svdvals(mixture)
        if float(gains[-1]) > max(_SMALLEST_GAIN, float(gains[0]) / _WORST_CONDITION):
            inverse: Tensor = torch.linalg.inv(mixture)
            return inverse
    # Grey values, one channel or several alike: what white adds to each.
    gain = mixture.sum(1)
    return torch.diag(torch.where(gain.abs() > _SMALLEST_GAIN, 1 / gain, 0.0))


def _stretched(values: Tensor) -> Tensor:
    low = values.amin((1, 2, 3), keepdim=True)
    high = values.amax((1, 2, 3), keepdim=True)
    return (values - low) / (high - low).clamp(min=torch.finfo(values.dtype).tiny)
