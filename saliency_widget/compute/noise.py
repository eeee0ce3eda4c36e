"""Random draws that depend on a seed and an index alone, whatever the chunk size; it adds them to nothing."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["draw", "uniform"]

_MASK = (1 << 64) - 1


def draw(seed: int, index: int, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the `index`-th draw of standard normal noise.

    It is drawn in float32 and then converted, so that float32 and float64 runs see the same noise. Another kind of device
    has another generator and draws other numbers.

    Parameters
    ----------
    seed, index : int
        Which draw; neighbouring seeds and indices give unrelated noise.
    shape, device, dtype
        Of the result.

    Returns
    -------
    Tensor
    """
    place = device if device.type in {"cpu", "cuda"} else torch.device("cpu")
    generator = torch.Generator(place).manual_seed(_mix(_mix(seed & _MASK) + index) >> 1)
    return torch.randn(shape, generator=generator, device=place).to(device, dtype)


def uniform(seed: int, index: int, shape: tuple[int, ...]) -> Tensor:
    """Return the `index`-th draw of uniform numbers in [0, 1), float32, on the CPU: the same for every device."""
    generator = torch.Generator().manual_seed(_mix(_mix(seed & _MASK) + index) >> 1)
    return torch.rand(shape, generator=generator)


def _mix(number: int) -> int:
    """Scatter the bits of a 64-bit number (splitmix64's finaliser, Steele et al. 2014)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)
