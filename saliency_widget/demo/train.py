"""The script that trained the built-in models: ``python -m saliency_widget.demo.train vgg``; nothing imports it.

It draws the training pictures from the reserved seeds, trains on the GPU if there is one, rounds the weights to float16 as
they are shipped, prints the accuracy of those on held-out seeds, and writes them where ``sw.load`` finds them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from saliency_widget.demo.models import HEADS, SIZE, names, network, preprocess, weights_file
from saliency_widget.demo.networks import MultiHead
from saliency_widget.demo.scene import TRAINING_SEEDS, building

__all__ = ["Recipe", "accuracy", "main", "train"]

HELD_OUT_SEEDS = range(100_000, 1_000_000)
"""Seeds of the pictures that measure the accuracy; training never sees them."""


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes
    ----------
    scenes : int
        Training pictures.
    epochs : int
        How often each is seen.
    small : float
        Share of the epochs, the first ones, that see the pictures at half their size, four times as fast.
    batch : int
        Pictures per step.
    rate : float
        Highest learning rate of the one-cycle schedule.
    decay : float
        Weight decay.
    noise : float
        Largest standard deviation of the noise that is added to a training picture in [0, 1].
    seed : int
        Of everything random.
    """

    scenes: int = 8_000
    epochs: int = 6
    small: float = 0.67
    batch: int = 64
    rate: float = 4e-3
    decay: float = 0.05
    noise: float = 0.12
    seed: int = 0


def _draw(seeds: list[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    scenes = [building(seed, 0, SIZE) for seed in seeds]
    labels = [[classes.index(scene.labels[head]) for head, classes in HEADS.items()] for scene in scenes]
    return np.stack([np.asarray(scene.image) for scene in scenes]), np.array(labels)


def draw_all(seeds: range, workers: int, what: str) -> tuple[Tensor, Tensor]:
    """Draw one scene for each seed.

    Returns
    -------
    Tensor, Tensor
        Pictures (n, 3, H, W), uint8, and labels (n, heads).
    """
    parts = [list(seeds[i : i + 50]) for i in range(0, len(seeds), 50)]
    images = np.empty((len(seeds), SIZE, SIZE, 3), np.uint8)
    labels = np.empty((len(seeds), len(HEADS)), np.int64)
    with ProcessPoolExecutor(workers) as pool, tqdm(total=len(seeds), desc=what, unit="scene") as bar:
        place = 0
        for pictures, found in pool.map(_draw, parts):
            images[place : place + len(pictures)] = pictures
            labels[place : place + len(pictures)] = found
            place += len(pictures)
            bar.update(len(pictures))
    return torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(labels)


def _vary(images: Tensor, noise: float) -> Tensor:
    """Vary training pictures in [0, 1]: mirror, crop, light, contrast, colour, noise."""
    count, device = len(images), images.device

    def number(low: float, high: float, channels: int = 1) -> Tensor:
        return torch.empty(count, channels, 1, 1, device=device).uniform_(low, high)

    images = torch.where(torch.rand(count, 1, 1, 1, device=device) < 0.5, images.flip(3), images)
    zoom, shift_x, shift_y = number(0.8, 1.1), number(-0.1, 0.1), number(-0.1, 0.1)
    grid = torch.zeros(count, 2, 3, device=device)
    grid[:, 0, 0] = grid[:, 1, 1] = zoom.flatten()
    grid[:, 0, 2], grid[:, 1, 2] = shift_x.flatten(), shift_y.flatten()
    places = functional.affine_grid(grid, list(images.shape), align_corners=False)
    images = functional.grid_sample(images, places, padding_mode="border", align_corners=False)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (images - mean) * number(0.6, 1.3) + mean + number(-0.15, 0.15)
    images = images * number(0.85, 1.15, 3)
    return (images + torch.randn_like(images) * number(0, noise)).clamp(0, 1)


def _steps(count: int, recipe: Recipe, generator: torch.Generator) -> Iterator[tuple[Tensor, bool]]:
    """Yield which pictures each step sees, and whether at half their size."""
    for epoch in range(recipe.epochs):
        order = torch.randperm(count, generator=generator)
        whole = order[: max(recipe.batch, count - count % recipe.batch)]
        for chosen in torch.split(whole, recipe.batch):
            yield chosen, epoch < round(recipe.small * recipe.epochs)


def train(model: MultiHead, images: Tensor, labels: Tensor, recipe: Recipe, device: torch.device) -> None:
    """Train a network in place.

    Parameters
    ----------
    model : MultiHead
        On `device`.
    images, labels : Tensor
        As :func:`draw_all` gives them, anywhere.
    recipe : Recipe
    device : torch.device
    """
    torch.manual_seed(recipe.seed)
    prepare = preprocess().transforms[-1]
    steps = list(_steps(len(images), recipe, torch.Generator().manual_seed(recipe.seed)))
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, len(steps), pct_start=0.2)
    model.train()
    with tqdm(steps, desc="training", unit="step") as bar:
        for step, (chosen, small) in enumerate(bar):
            batch = images[chosen].to(device, non_blocking=True).float().div(255)
            batch = functional.avg_pool2d(batch, 2) if small else batch
            truth = labels[chosen].to(device)
            with torch.autocast(device.type, torch.bfloat16):
                outputs = model(prepare(_vary(batch, recipe.noise)).contiguous(memory_format=torch.channels_last))
            losses = [
                functional.cross_entropy(scores.float(), truth[:, i], label_smoothing=0.05)
                for i, scores in enumerate(outputs.values())
            ]
            loss = torch.stack(losses).sum()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            if step % 20 == 0:
                bar.set_postfix(loss=f"{loss.item():.3f}")
    model.eval()


def accuracy(model: MultiHead, images: Tensor, labels: Tensor, device: torch.device) -> dict[str, float]:
    """Return the share of pictures that each head gets right."""
    prepare = preprocess()
    right = torch.zeros(len(HEADS))
    with torch.inference_mode():
        for start in range(0, len(images), 100):
            batch = prepare(images[start : start + 100].to(device).float().div(255))
            for i, scores in enumerate(model(batch).values()):
                right[i] += (scores.argmax(1).cpu() == labels[start : start + 100, i]).sum()
    return {head: float(right[i]) / len(images) for i, head in enumerate(HEADS)}


def half(model: MultiHead) -> dict[str, Tensor]:
    """Return the weights rounded to float16, and leave the rounded ones in the model, so that what ships is measured."""
    state = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    )
    return {name: value.cpu() for name, value in state.items()}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    recipe = Recipe()
    parser = argparse.ArgumentParser(prog="python -m saliency_widget.demo.train", description=__doc__)
    parser.add_argument("name", choices=names(), help="which model")
    for field, default in asdict(recipe).items():
        parser.add_argument(f"--{field}", type=type(default), default=default, help=f"default {default}")
    parser.add_argument("--held-out", type=int, default=2000, help="held-out seeds that are measured (default 2000)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that draw")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="where the weights go (default: into the package)")
    given = parser.parse_args(arguments)
    recipe = Recipe(**{field: getattr(given, field) for field in asdict(recipe)})
    device = torch.device(given.device)
    first = TRAINING_SEEDS[0] + recipe.seed * 1_000_000
    images, labels = draw_all(range(first, first + recipe.scenes), given.workers, "drawing training scenes")
    torch.manual_seed(recipe.seed)
    model = network(given.name).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    train(model, images, labels, recipe, device)
    state = half(model)
    held_out = HELD_OUT_SEEDS[: given.held_out]
    reached = accuracy(model, *draw_all(held_out, given.workers, "drawing held-out scenes"), device)
    path = given.out or weights_file(given.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    card = {"recipe": json.dumps(asdict(recipe)), "held_out": str(len(held_out)), "accuracy": json.dumps(reached)}
    safetensors.torch.save_file(state, path, metadata=card)
    for head, share in reached.items():
        print(f"{head}: {share:.2%} of {len(held_out)} held-out scenes")
    print(f"{sum(p.numel() for p in model.parameters()):,} weights, {path.stat().st_size / 1e6:.2f} MB: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
