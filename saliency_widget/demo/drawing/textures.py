"""Brightness patterns of masonry, paving and grass in the plane they lie on; no colour, no light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .noise import TILE, FloatArray, sample

if TYPE_CHECKING:
    from .composition import Masonry

_BLOCKS = 64


def stones(masonry: Masonry, u: FloatArray, v: FloatArray, size: int, rng: np.random.Generator) -> FloatArray:
    """Courses of blocks with joints; returns a factor near 1, shape of ``u``."""
    tones = rng.normal(0.0, masonry.tone, (_BLOCKS, _BLOCKS)).astype(np.float32)
    shifts = rng.uniform(0.3, 0.7, _BLOCKS).astype(np.float32)
    offset = rng.uniform(0, TILE, 2).astype(np.float32)
    rough = sample(0.7, u * 420 + offset[0], v * 420 + offset[1])
    stain = sample(1.7, u * 260 + offset[1], v * 200 + offset[0])
    streak = sample(1.3, u * 300 + offset[0], v * 24 + offset[1])
    factor: FloatArray = 1 + (stain + np.float32(0.6) * streak) * np.float32(masonry.stain)
    factor += rough * np.float32(0.022)
    if masonry.tone == 0.0:
        return factor
    down = v / np.float32(masonry.course)
    row = np.floor(down)
    rows = row.astype(np.int32) & (_BLOCKS - 1)
    across = u / np.float32(masonry.course * masonry.aspect) + shifts[rows] * (rows & 1)
    column = np.floor(across)
    factor += tones[rows, column.astype(np.int32) & (_BLOCKS - 1)]
    fine = np.float32(masonry.course * size)
    gap_down = np.abs(down - row - np.float32(0.5)) * fine
    gap_across = np.abs(across - column - np.float32(0.5)) * fine * np.float32(masonry.aspect)
    width = np.float32(0.9 * size / 224)
    joint = np.maximum(gap_down - fine / 2, gap_across - fine * np.float32(masonry.aspect / 2))
    dark = np.clip(1 + joint / width, 0, 1) * np.float32(masonry.joint)
    factor *= 1 - dark
    return factor


def paving(
    kind: str, u: FloatArray, z: FloatArray, near: FloatArray, size: int, rng: np.random.Generator
) -> FloatArray:
    """Slabs, checks, boards, lawn or plain ground; ``u`` across, ``z`` away, ``near`` magnification."""
    offset = rng.uniform(0, TILE, 2).astype(np.float32)
    pitch, contrast = float(rng.uniform(0.045, 0.11)), float(rng.uniform(0.12, 0.4))
    angle = float(rng.choice((0.0, 0.0, 0.785)))
    tones = rng.normal(0.0, 0.07, (_BLOCKS, _BLOCKS)).astype(np.float32)
    rough = sample(0.8, u * 300 + offset[0], z * 300 + offset[1])
    stain = sample(1.6, u * 120 + offset[1], z * 120 + offset[0])
    factor: FloatArray = 1 + np.float32(0.035) * rough + np.float32(0.07) * stain
    if kind == "lawn":
        blades = sample(0.5, u * 190 + offset[1], z * 90 + offset[0])
        factor += np.float32(0.075) * blades + np.float32(0.05) * stain
        return factor
    if kind == "plain":
        return factor
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    a = (u * cosine + z * sine) / np.float32(pitch)
    b = (z * cosine - u * sine) / np.float32(pitch)
    # Detail finer than a pixel fades instead of flickering: depth shrinks by the square of near.
    sharp = np.clip(near * near * np.float32(pitch * size * 0.2), 0, 1)
    if kind == "boards":
        a, b = a * np.float32(1.8), b * np.float32(0.22)
        b = b + np.float32(0.37) * np.floor(a)
        sharp = np.clip(near * np.float32(pitch * size * 0.25), 0, 1)
    if kind == "checks":
        # Sines cut off steeply have edges one pixel wide at every distance.
        steep = near * np.float32(pitch * size * 0.35)
        check = np.clip(np.sin(a * np.float32(np.pi)) * steep, -1, 1)
        check *= np.clip(np.sin(b * np.float32(np.pi)) * steep * np.minimum(near, 1), -1, 1)
        factor += check * sharp * np.float32(contrast)
        return factor
    column, row = np.floor(a), np.floor(b)
    columns, rows = column.astype(np.int32), row.astype(np.int32)
    factor += tones[rows & (_BLOCKS - 1), columns & (_BLOCKS - 1)] * sharp
    edge = np.maximum(np.abs(a - column - np.float32(0.5)), np.abs(b - row - np.float32(0.5)))
    joint = np.clip((edge - np.float32(0.45)) * 20, 0, 1) * sharp
    factor *= 1 - np.float32(0.25) * joint
    return factor
