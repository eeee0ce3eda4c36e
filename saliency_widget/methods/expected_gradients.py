"""Expected Gradients: Integrated Gradients averaged over many baselines, a random point of a random path at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from saliency_widget.compute import ScoreFunction
from saliency_widget.compute import noise as draws
from saliency_widget.errors import BadParameter
from saliency_widget.methods.estimate import Estimate
from saliency_widget.methods.moments import Moments
from saliency_widget.methods.parameters import Help, Range
from saliency_widget.methods.registry import method

__all__ = ["Reference", "expected_gradients", "places", "references"]

Reference = Literal["colours", "noise", "dataset"]

# Flat colours are the default since they need fewer samples: on the built-in model 100 of them leave a standard error of 20 % of
# the map, noise one of 60 %; the rank correlation of the first quarter with the whole is 0.93, for noise 0.6.

_GOLDEN = (5**0.5 - 1) / 2

_DRAWS = 1 << 40
"""Index of the first draw that is used here, far from those that :meth:`ScoreFunction.noise` gives to the picture."""


@method(
    label="Expected gradients",
    explain="Integrated gradients averaged over many baselines, so that none of them decides alone; also called GradientSHAP.",
    cite="Erion et al. 2019, arXiv:1906.10670; Lundberg & Lee 2017, arXiv:1705.07874",
    cost=lambda *, samples, **_: samples,
    family="paths",
    values="score",
    converges=True,
)
def expected_gradients(
    f: ScoreFunction,
    x: Tensor,
    *,
    samples: Annotated[
        int, Range(1, 2000, log=True), Help("How many baselines are drawn, each with a point of its path.")
    ] = 100,
    reference: Annotated[
        Reference,
        Help("Where the baselines come from: flat colours, random noise, or the pictures of the model's data set."),
    ] = "colours",
    noise: Annotated[
        float,
        Range(0, 1, 0.01),
        Help(
            "Standard deviation of noise on the picture too, as a share of the input's range: above 0 it is GradientSHAP."
        ),
    ] = 0.0,
) -> Iterator[Estimate]:
    """Yield the running mean of the gradient times the difference from a baseline (Erion et al. 2019, arXiv:1906.10670).

    Each sample draws a baseline, and takes the gradient at a point of the straight path from there to the picture.
    The places of those points go round the path by the golden ratio from a random start, so that any number of them is
    spread over it; each alone is uniformly distributed. GradientSHAP (Lundberg & Lee 2017, arXiv:1705.07874) adds noise
    to the picture before. The map adds up, on average, to the score less the mean score of the baselines. Its quality is
    the standard error of the mean map, relative to the map; as the places are spread, it is the upper end of the error.
    """
    sigma = noise * (x.max() - x.min())
    found = references(f, reference, samples)
    where = places(f.seed, samples)
    differences: dict[int, Tensor] = {}

    def points() -> Iterator[Tensor]:
        for i, start in enumerate(found):
            end = x + sigma * f.noise(i) if noise > 0 else x
            differences[i] = end - start
            yield start + where[i] * differences[i]

    moments = Moments()
    for chunk in f.each(points()):
        for index in range(chunk.gradients.shape[1]):
            moments.add(chunk.gradients[:, index] * differences.pop(moments.count))
        yield Estimate(moments.mean, moments.count, samples, quality=moments.standard_error())


def places(seed: int, count: int) -> list[float]:
    """Return where on its path each sample is, from 0 to 1: by the golden ratio from a random start."""
    start = float(draws.uniform(seed, _DRAWS, (1,)))
    return [(start + i * _GOLDEN) % 1.0 for i in range(count)]


def references(f: ScoreFunction, kind: Reference, count: int) -> Iterator[Tensor]:
    """Yield `count` baselines as model inputs (C, h, w), the same for the same seed.

    Parameters
    ----------
    f : ScoreFunction
    kind : {"colours", "noise", "dataset"}
        ``colours``: one random colour all over. ``noise``: every pixel uniformly random, in each colour. ``dataset``: the
        model's reference pictures in random order, again and again.
    count : int

    Raises
    ------
    BadParameter
        If there are no reference pictures, or they do not become inputs of the picture's shape.
    """
    if kind == "dataset":
        yield from _of_dataset(f, count)
        return
    height, width = f.image.shape[1:]
    grid = f.x.shape[1:] if kind == "noise" else (1, 1)
    # Twice the input's size is enough for noise of the input's grain; a large photograph would cost more than a gradient.
    scale = min(1.0, 2 * max(f.x.shape[1:]) / min(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    for i in range(count):
        drawn = draws.uniform(f.seed, _DRAWS + 1 + i, (1, f.image.shape[0], *grid))
        made = f.to_input(interpolate(drawn, size, mode="nearest")[0])
        if made.shape != f.x.shape and size != (height, width):
            size = height, width  # the preprocessing rounds the sides of a smaller picture differently
            made = f.to_input(interpolate(drawn, size, mode="nearest")[0])
        yield made


def _of_dataset(f: ScoreFunction, count: int) -> Iterator[Tensor]:
    known = f.references
    if not known:
        message = (
            "reference='dataset' draws baselines from the model's reference pictures, and it has none; give "
            "ImageModel(..., references=[...]) some, or use reference='colours' or 'noise'"
        )
        raise BadParameter(message)
    for other in known:
        if other.shape != f.x.shape:
            message = (
                f"a reference picture becomes an input of shape {tuple(other.shape)}, this picture one of "
                f"{tuple(f.x.shape)}; reference pictures need the same shape, which a fixed input_size= gives"
            )
            raise BadParameter(message)
    order = torch.argsort(draws.uniform(f.seed, _DRAWS + 1, (len(known),))).tolist()
    for i in range(count):
        yield known[order[i % len(known)]]
