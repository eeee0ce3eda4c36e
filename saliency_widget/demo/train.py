"""The script that trained the built-in models: ``python -m saliency_widget.demo.train vgg``; nothing imports it.

It draws the training pictures from the reserved seeds, trains on the GPU if there is one, rounds the weights to float16 as
they are shipped, prints what those reach on held-out seeds, and writes them where ``sw.load`` finds them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2
from tqdm import tqdm

from saliency_widget.demo.builtin import Recipe, Task
from saliency_widget.demo.models import built_in, names, weights_file
from saliency_widget.demo.scene import TRAINING_SEEDS

__all__ = ["draw_all", "figures", "main", "train"]

HELD_OUT_SEEDS = range(100_000, 1_000_000)
"""Seeds of the pictures that measure a model; training never sees them."""


def _draw(task: Task, seeds: list[int]) -> tuple[NDArray[np.uint8], NDArray[np.generic]]:
    pictures, labels = zip(*map(task.draw, seeds), strict=True)
    return np.stack(pictures), np.array(labels)


def draw_all(task: Task, seeds: range, workers: int, cache: Path | None = None) -> tuple[Tensor, Tensor]:
    """Draw one picture for each seed.

    Parameters
    ----------
    task : Task
    seeds : range
        Of step 1, not empty.
    workers : int
        Processes that draw.
    cache : Path, optional
        A folder where the pictures are kept, and from which they are read the next time (150 kB each). It does not
        know what they were drawn by: empty it where the drawing has changed.

    Returns
    -------
    Tensor, Tensor
        Pictures (n, 3, H, W), uint8, and labels (n, k).
    """
    files = (
        [cache / f"{task.name}-{seeds[0]}-{len(seeds)}-{what}.npy" for what in ("images", "labels")] if cache else []
    )
    if not all(file.exists() for file in files) or not files:
        parts = [list(seeds[i : i + 50]) for i in range(0, len(seeds), 50)]
        drawn = []
        with ProcessPoolExecutor(workers) as pool, tqdm(total=len(seeds), desc="drawing", unit="picture") as bar:
            for part in pool.map(_draw, [task] * len(parts), parts):
                drawn.append(part)
                bar.update(len(part[0]))
        arrays = [np.concatenate(part) for part in zip(*drawn, strict=True)]
        for file, array in zip(files, arrays, strict=False):
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_name(f"{os.getpid()}-{file.name}")
            np.save(unfinished, array)
            unfinished.replace(file)
    else:
        arrays = [np.load(file) for file in files]
    images, labels = map(torch.from_numpy, arrays)
    return images.permute(0, 3, 1, 2), labels if labels.dtype == torch.int64 else labels.float()


def _steps(count: int, recipe: Recipe, generator: torch.Generator) -> Iterator[tuple[Tensor, bool]]:
    """Yield which pictures each step sees, and whether at half their size."""
    for epoch in range(recipe.epochs):
        order = torch.randperm(count, generator=generator)
        whole = order[: max(recipe.batch, count - count % recipe.batch)]
        for chosen in torch.split(whole, recipe.batch):
            yield chosen, epoch < round(recipe.small * recipe.epochs)


def train(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    task: Task,
    recipe: Recipe,
    prepare: v2.Transform,
    device: torch.device,
) -> None:
    """Train a network in place.

    Parameters
    ----------
    model : nn.Module
        On `device`; its outputs (N, K) by name of the head.
    images, labels : Tensor
        As :func:`draw_all` gives them, anywhere.
    task : Task
    recipe : Recipe
    prepare : v2.Transform
        The normalisation that comes before the network.
    device : torch.device
    """
    torch.manual_seed(recipe.seed)
    steps = list(_steps(len(images), recipe, torch.Generator().manual_seed(recipe.seed)))
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, len(steps), pct_start=0.2)
    model.train()
    with tqdm(steps, desc="training", unit="step") as bar:
        for step, (chosen, small) in enumerate(bar):
            batch = images[chosen].to(device, non_blocking=True).float().div(255)
            batch = functional.avg_pool2d(batch, 2) if small else batch
            inputs = prepare(task.vary(batch, recipe.noise)).contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                outputs = model(inputs)
            loss = task.loss({head: scores.float() for head, scores in outputs.items()}, labels[chosen].to(device))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            if step % 20 == 0:
                bar.set_postfix(loss=f"{loss.item():.3f}")
    model.eval()


def figures(
    model: nn.Module, images: Tensor, labels: Tensor, task: Task, prepare: v2.Transform, device: torch.device
) -> dict[str, float]:
    """Return the mean over pictures of what the task measures, for each head; arguments as of :func:`train`."""
    parts: list[dict[str, Tensor]] = []
    with torch.inference_mode():
        for start in range(0, len(images), 100):
            batch = prepare(images[start : start + 100].to(device).float().div(255))
            outputs = {head: scores.cpu() for head, scores in model(batch).items()}
            parts.append(task.measure(outputs, labels[start : start + 100]))
    return {head: float(torch.cat([part[head] for part in parts]).double().mean()) for head in parts[0]}


def half(model: nn.Module) -> dict[str, Tensor]:
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
    parser = argparse.ArgumentParser(prog="python -m saliency_widget.demo.train", description=__doc__)
    parser.add_argument("name", choices=names(), help="which model")
    for field, default in asdict(Recipe()).items():
        parser.add_argument(f"--{field}", type=type(default), help="default: the model's own")
    parser.add_argument("--held-out", type=int, default=2000, help="held-out seeds that are measured (default 2000)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that draw")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--cache", type=Path, help="a folder that keeps the drawn pictures for other runs")
    parser.add_argument("--out", type=Path, help="where the weights go (default: into the package)")
    given = parser.parse_args(arguments)
    about = built_in(given.name)
    task, prepare = about.task, about.preprocess().transforms[-1]
    changed = {field: getattr(given, field) for field in asdict(about.recipe) if getattr(given, field) is not None}
    recipe = replace(about.recipe, **changed)
    device = torch.device(given.device)
    first = TRAINING_SEEDS[0] + recipe.seed * 1_000_000
    images, labels = draw_all(task, range(first, first + recipe.scenes), given.workers, given.cache)
    torch.manual_seed(recipe.seed)
    model = about.network().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    train(model, images, labels, task, recipe, prepare, device)
    state = half(model)
    held_out = draw_all(task, HELD_OUT_SEEDS[: given.held_out], given.workers, given.cache)
    reached = figures(model, *held_out, task, prepare, device)
    path = given.out or weights_file(given.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    card = {
        "recipe": json.dumps(asdict(recipe)),
        "held_out": str(given.held_out),
        task.measured: json.dumps(reached),
    }
    safetensors.torch.save_file(state, path, metadata=card)
    for head, figure in reached.items():
        print(f"{head}: {task.measured} {task.shown.format(figure)} over {given.held_out} held-out scenes")
    print(f"{sum(p.numel() for p in model.parameters()):,} weights, {path.stat().st_size / 1e6:.2f} MB: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
