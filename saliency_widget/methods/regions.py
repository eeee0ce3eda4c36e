"""A picture's regions for XRAI: overlapping segments of several scales, found once per picture, and ranked by a map; no model."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

__all__ = ["Regions", "regions_of", "segments"]

_SIDE = 224
"""The picture is segmented at this size, for which the paper's scales and smallest segment are meant."""

_SCALES = (50, 100, 150, 250, 500, 1200)
_SIGMA = 0.8
_SMALLEST = 150
_GROWTH = 5
"""Segments are grown by this many pixels, so that they hold the edges that made them."""

_KEPT = 4
"""Pictures whose regions are remembered: a click on another class or head does not segment again."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Overlapping regions of a picture, in terms of the atoms that they cut it into.

    Two pixels are in the same atom if they are in the same regions. There are far fewer atoms than pixels, so that ranking
    is quick enough to be done for each estimate.

    Attributes
    ----------
    atom : ndarray of int, shape (h, w)
        Each pixel's atom.
    sizes : ndarray of float, shape (A,)
        Pixels of each atom.
    members : ndarray of bool, shape (A, M)
        Which atom is in which region.
    """

    atom: NDArray[np.intp]
    sizes: NDArray[np.float64]
    members: NDArray[np.bool_]

    @classmethod
    def from_masks(cls, masks: NDArray[np.bool_]) -> Regions:
        """Return the regions of masks (M, h, w)."""
        _, height, width = masks.shape
        packed = np.packbits(masks.reshape(len(masks), -1), axis=0).T.copy()
        keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
        _, first, atom, sizes = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        members = masks.reshape(len(masks), -1)[:, first].T.copy()
        return cls(atom.reshape(height, width), sizes.astype(float), members)

    def average(self, attribution: NDArray[Any]) -> NDArray[np.float64]:
        """Return a map (h, w) in which each pixel has the mean attribution of its atom: all that a ranking can know of it."""
        means: NDArray[np.float64] = self._masses(attribution) / self.sizes
        return means[self.atom]

    def _masses(self, attribution: NDArray[Any]) -> NDArray[np.float64]:
        masses = np.zeros(len(self.sizes))
        np.add.at(masses, self.atom.ravel(), attribution.astype(float).ravel())
        return masses

    def rank(self, attribution: NDArray[Any], min_pixels: int) -> NDArray[np.float64]:
        """Return a map in which each pixel has the mean attribution of what its region added when it was chosen.

        Region after region is taken, always that with the highest mean attribution over its pixels that are in none of
        those before. A region that would add fewer than `min_pixels` is left out. What is in no region that was taken gets
        its own mean, so that the map has the sum of the attribution.

        Parameters
        ----------
        attribution : ndarray, shape (h, w)
        min_pixels : int
        """
        masses = self._masses(attribution)
        means: NDArray[np.float64] = np.zeros(len(masses))
        free = np.ones(len(masses), dtype=bool)
        sums, counts = masses @ self.members, self.sizes @ self.members
        open_ = counts >= min_pixels
        while open_.any():
            best = int(np.argmax(np.where(open_, sums / np.maximum(counts, 1), -np.inf)))
            added = np.flatnonzero(self.members[:, best] & free)
            means[added] = masses[added].sum() / self.sizes[added].sum()
            free[added] = False
            sums -= masses[added] @ self.members[added]
            counts -= self.sizes[added] @ self.members[added]
            open_ &= counts >= min_pixels
            open_[best] = False
        if free.any():
            means[free] = masses[free].sum() / self.sizes[free].sum()
        return means[self.atom]


def segments(picture: Tensor) -> NDArray[np.bool_]:
    """Return overlapping segments of a picture as masks (M, h, w).

    They are those of Felzenszwalb & Huttenlocher 2004 at six scales, each grown by a disk (Kapishnikov et al. 2019,
    arXiv:1906.02825).

    Parameters
    ----------
    picture : Tensor
        Shape (3, h, w), of any range.
    """
    from skimage.segmentation import felzenszwalb

    height, width = picture.shape[1:]
    lowest, highest = picture.min(), picture.max()
    even = 2 * (picture.double() - lowest) / (highest - lowest).clamp_min(1e-12) - 1
    if (height, width) != (_SIDE, _SIDE):
        even = interpolate(even[None], (_SIDE, _SIDE), mode="bicubic", align_corners=False, antialias=True)[0]
    pixels = even.permute(1, 2, 0).numpy()
    labels = [felzenszwalb(pixels, scale=scale, sigma=_SIGMA, min_size=_SMALLEST) for scale in _SCALES]
    masks = np.concatenate([found == np.arange(found.max() + 1)[:, None, None] for found in labels])
    # Eight masks to a byte: the union of all shifts within the disk is taken for all of them at once.
    packed = np.packbits(masks, axis=0)
    around = np.pad(packed, ((0, 0), (_GROWTH, _GROWTH), (_GROWTH, _GROWTH)))
    ahead = range(-_GROWTH, _GROWTH + 1)
    for down, across in ((i, j) for i in ahead for j in ahead if i * i + j * j <= _GROWTH**2):
        top, left = _GROWTH + down, _GROWTH + across
        packed |= around[:, top : top + _SIDE, left : left + _SIDE]
    rows, columns = (((np.arange(size) + 0.5) * _SIDE / size).astype(int) for size in (height, width))
    grown = np.unpackbits(packed, axis=0, count=len(masks))[:, rows][:, :, columns].astype(bool)
    seen: NDArray[np.bool_] = grown[grown.any((1, 2))]
    return seen


_kept: OrderedDict[bytes, Regions] = OrderedDict()
_lock = threading.Lock()


def regions_of(picture: Tensor) -> Regions:
    """Return a picture's regions, found anew or remembered by its content.

    Parameters
    ----------
    picture : Tensor
        Shape (3, h, w).
    """
    pixels = picture.detach().to("cpu", torch.float32).contiguous()
    key = hashlib.blake2b(pixels.numpy().tobytes() + repr(tuple(pixels.shape)).encode(), digest_size=16).digest()
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    found = Regions.from_masks(segments(pixels))
    with _lock:
        _kept[key] = found
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return found
