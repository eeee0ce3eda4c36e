"""What a picture is painted with: numbers that a picture follows from, and can be climbed along; it runs no model.

A picture is kept as a share of the way from black to white in each channel. It follows from raw values by a sigmoid, so
that it cannot leave that range, and the raw values from numbers without bounds: the pixels themselves, or their Fourier
coefficients.
"""

from __future__ import annotations

from typing import Literal, Protocol

import torch
from torch import Tensor

__all__ = ["Fourier", "Parameterisation", "Pixels", "canvas", "raw", "share"]

Parameterisation = Literal["fourier", "pixel"]

_COLOURS = (
    (0.577, 0.577, 0.577),  # brightness
    (0.247, 0.0, -0.247),  # orange to blue, a third of it
    (0.061, -0.122, 0.061),  # magenta to green, a sixth
)
"""Directions in which the colours of photographs vary independently, each as long as they vary along it."""

_EDGE = 1e-3
"""How near to black and white a share may come, before it is turned into a raw value: theirs would be infinite."""


class Canvas(Protocol):
    """A way to write raw values (C, h, w) as numbers of any shape, and back."""

    def paint(self, numbers: Tensor) -> Tensor:
        """Return the raw values; differentiable."""

    def read(self, raw: Tensor) -> Tensor:
        """Return the numbers that give these raw values."""


class Pixels:
    """Each raw value is a number of its own: what is found is free of any taste, and mostly high frequencies."""

    def paint(self, numbers: Tensor) -> Tensor:
        """Return the raw values; differentiable."""
        return numbers

    def read(self, raw: Tensor) -> Tensor:
        """Return the numbers that give these raw values."""
        return raw


class Fourier:
    """The numbers are Fourier coefficients, each in units of what it is in photographs (Olah et al. 2017).

    There a coefficient falls with its frequency, and the channels vary together, mostly in brightness. A step of the same
    length in each number therefore changes coarse structures more than fine ones, and brightness more than hue.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width. The channels' own units are used where they are three.
    like : Tensor
        Has the dtype and the device.
    """

    def __init__(self, shape: tuple[int, ...], like: Tensor) -> None:
        channels, self._height, self._width = shape
        down = torch.fft.fftfreq(self._height, dtype=torch.float64)
        across = torch.fft.rfftfreq(self._width, dtype=torch.float64)
        frequency = torch.hypot(down[:, None], across[None, :])
        scale = 1 / frequency.clamp_min(1 / max(self._height, self._width))
        twice = torch.full_like(across, 2)  # each stands for its mirror image too
        twice[0] = 1
        if self._width % 2 == 0:
            twice[-1] = 1
        # Numbers of a variance of 1 give raw values of a variance of about 1.
        scale /= (twice * scale.square()).sum().div(self._height * self._width).sqrt()
        mix = torch.eye(channels, dtype=torch.float64)
        if channels == len(_COLOURS):
            mix = torch.tensor(_COLOURS, dtype=torch.float64).T
            mix *= (channels / mix.square().sum()).sqrt()
        self._scale = scale.to(like)
        self._mix, self._unmix = mix.to(like), mix.inverse().to(like)

    def paint(self, numbers: Tensor) -> Tensor:
        """Return the raw values of numbers (C, h, w // 2 + 1, 2); differentiable."""
        coefficients = torch.view_as_complex(numbers) * self._scale
        waves = torch.fft.irfft2(coefficients, s=(self._height, self._width), norm="ortho")
        return torch.einsum("rc,chw->rhw", self._mix, waves)

    def read(self, raw: Tensor) -> Tensor:
        """Return the numbers that give these raw values."""
        waves = torch.einsum("cr,rhw->chw", self._unmix, raw)
        return torch.view_as_real(torch.fft.rfft2(waves, norm="ortho") / self._scale)


def canvas(name: Parameterisation, shape: tuple[int, ...], like: Tensor) -> Canvas:
    """Return a canvas by name."""
    return Fourier(shape, like) if name == "fourier" else Pixels()


def share(raw: Tensor) -> Tensor:
    """Return the share of the way from black to white that raw values stand for."""
    return torch.sigmoid(raw)


def raw(share: Tensor) -> Tensor:
    """Return the raw values of shares; those at black and white come from a little before them."""
    return torch.logit(share, eps=_EDGE)
