"""Cached noise tiles for clouds, stains, grass and grain; they are the same in every scene."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

TILE = 512
"""Pixels on a side of every tile, a power of two; tiles wrap round."""


@lru_cache(maxsize=16)
def tile(roughness: float) -> FloatArray:
    """Make a periodic tile of fractal noise.

    Parameters
    ----------
    roughness : float
        Exponent of the falling spectrum: 0 is white noise, 2 is smooth clouds.

    Returns
    -------
    ndarray of float32, shape (512, 512)
        Values with mean 0 and standard deviation 1; do not write to it.

    """
    rng = np.random.default_rng(20_240_229)
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    rows = np.fft.fftfreq(TILE)[:, None]
    columns = np.fft.rfftfreq(TILE)[None, :]
    radius = np.hypot(rows, columns)
    radius[0, 0] = 1.0
    spectrum *= radius**-roughness
    spectrum[0, 0] = 0.0
    values = np.fft.irfft2(spectrum, (TILE, TILE))
    values /= values.std()
    result = (np.round(values * 4096.0) / 4096.0).astype(np.float32)
    result.setflags(write=False)
    return result


def sample(roughness: float, across: FloatArray, down: FloatArray) -> FloatArray:
    """Look a tile up at coordinates in tile pixels; anything outside wraps round."""
    mask = TILE - 1
    columns = across.astype(np.int32) & mask
    rows = down.astype(np.int32) & mask
    rows *= TILE
    rows += columns
    picked: FloatArray = tile(roughness).take(rows)
    return picked


def grain(rng: np.random.Generator, size: int) -> FloatArray:
    """Cut white noise of shape (size, size), mean 0 and standard deviation 1, from a tile."""
    top, left = (int(v) for v in rng.integers(0, TILE, 2))
    rows = (np.arange(size) + top) & (TILE - 1)
    columns = (np.arange(size) + left) & (TILE - 1)
    cut: FloatArray = tile(0.0)[rows[:, None], columns[None, :]]
    return cut
