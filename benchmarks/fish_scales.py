"""Measures the two models of fish age: their errors, where their maps lie, and what painting the background does to them.

Also what the pictures give away without their rings: how far a linear model on size and brightness predicts the age. All of it
on held-out seeds; the tables are Markdown on stdout, as docs/fish-scales.md has them.

    python benchmarks/fish_scales.py --errors 1000 --looks 500 --maps 50
    python benchmarks/fish_scales.py --picture docs/images/scales.webp
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from evidence import interval
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict
from tqdm import tqdm

import saliency_widget as sw
from saliency_widget.demo.models import built_in
from saliency_widget.demo.train import HELD_OUT_SEEDS, draw_all

MODELS = ("demo/scale-age", "demo/scale-age-confounded")
METHODS = {"gradient": {}, "smoothgrad": {"samples": 25}, "integrated_gradients": {"steps": 50}}
LEVELS = (0, 51, 102, 153, 204, 255)
FIRST_SEED = 600_000


def drawn(count: int, what: str, *, confounded: bool = False) -> Iterator[sw.demo.FishScale]:
    """Draw held-out pictures."""
    for seed in tqdm(range(FIRST_SEED, FIRST_SEED + count), desc=what, unit="picture"):
        yield sw.demo.scale(seed, 0, confounded=confounded)


def age(model: sw.ImageModel, image: Image.Image | NDArray[np.uint8]) -> float:
    """Return the age that a model predicts, in years."""
    value = model.predict(image)["age"].value
    assert value is not None  # noqa: S101 - the head is a regression
    return value


def painted(scale: sw.demo.FishScale, level: int) -> NDArray[np.uint8]:
    """Return a picture whose background is one grey."""
    pixels = np.asarray(scale.image).copy()
    pixels[scale.evidence["background"]] = level
    return pixels


def said(numbers: list[float] | NDArray[np.float64], form: str = "{:.2f}") -> str:
    """Return a mean and its interval for a table."""
    return "{} ({} to {})".format(*(form.format(number) for number in interval(list(numbers))))


def looks(scale: sw.demo.FishScale) -> list[float]:
    """Return what a picture shows besides its rings: area, height, width, and brightness of all, the scale, the background."""
    whole = scale.evidence["rings"] | scale.evidence["scale"]
    down, across = np.nonzero(whole)
    grey = np.asarray(scale.image, float).mean(axis=2)
    background = grey[scale.evidence["background"]].mean()
    return [whole.mean(), np.ptp(down), np.ptp(across), grey.mean(), grey[whole].mean(), background]


def errors(models: list[sw.ImageModel], count: int, cache: Path | None) -> None:
    """Print both models' errors on both kinds of pictures, those of the training script's held-out seeds."""
    print(f"\n### Mean absolute error in years, {count} held-out pictures\n")
    print("| | pictures as they are | background follows the age |\n|---|---|---|")
    cells: dict[str, list[str]] = {model.name: [] for model in models}
    for name in MODELS:
        about = built_in(name.removeprefix("demo/"))
        images, truth = draw_all(about.task, HELD_OUT_SEEDS[:count], 1, cache)
        for model in models:
            rows = zip(images.permute(0, 2, 3, 1).numpy(), truth[:, 0].tolist(), strict=True)
            bar = tqdm(rows, desc=model.name, total=count)
            cells[model.name].append(said([abs(age(model, image) - years) for image, years in bar]))
    for name, row in cells.items():
        print(f"| {name} | {' | '.join(row)} |")


def correlates(count: int) -> None:
    """Print how well a linear model guesses the age from all but the rings."""
    print(f"\n### Mean absolute error in years of a linear model, {count} pictures, ten-fold\n")
    print("| it is told | pictures as they are | background follows the age |\n|---|---|---|")
    table: list[list[str]] = [[], [], []]
    for confounded in (False, True):
        drawings = list(drawn(count, "looks", confounded=confounded))
        ages, rows = np.array([one.labels["age"] for one in drawings]), np.array([looks(one) for one in drawings])
        for line, told in zip(table, (rows, rows[:, [0, 1, 2, 4]], np.zeros((count, 1))), strict=True):
            line.append(said(np.abs(cross_val_predict(LinearRegression(), told, ages, cv=10) - ages)))
    names = ("size, and brightness of everything", "size, and brightness of the scale", "nothing")
    for name, row in zip(names, table, strict=True):
        print(f"| {name} | {' | '.join(row)} |")


def shares(models: list[sw.ImageModel], count: int) -> None:
    """Print which share of each model's absolute maps lies where."""
    print(f"\n### Share of the absolute map, {count} held-out pictures as they are\n")
    print("| map | model | in the background | in the rings | in the rest of the scale |\n|---|---|---|---|---|")
    places = ("background", "rings", "scale")
    found: dict[tuple[str, str, str], list[float]] = {}
    area: dict[str, list[float]] = {place: [] for place in places}
    for scale in drawn(count, "maps"):
        for place in places:
            area[place].append(float(scale.evidence[place].mean()))
        for model in models:
            for method, params in METHODS.items():
                heat = sw.explain(model, scale.image, "age", method, **params).heatmap("absolute")
                for place in places:
                    share = heat[scale.evidence[place]].sum() / heat.sum()
                    found.setdefault((method, model.name, place), []).append(float(share))
    for method in METHODS:
        for model in models:
            cells = [said(found[method, model.name, place], "{:.0%}") for place in places]
            print(f"| {method} | {model.name} | {' | '.join(cells)} |")
    print(f"| the picture's area | | {' | '.join(said(area[place], '{:.0%}') for place in places)} |")


def painting(models: list[sw.ImageModel], count: int) -> None:
    """Print the age that each model gives when the background is painted in greys."""
    print(f"\n### Mean predicted age, {count} held-out pictures, their background painted\n")
    print(f"| model | {' | '.join(f'grey {level}' for level in LEVELS)} | white less black |")
    print("|---" * (len(LEVELS) + 2) + "|")
    found: dict[str, list[list[float]]] = {model.name: [] for model in models}
    for scale in drawn(count, "painting"):
        for model in models:
            found[model.name].append([age(model, painted(scale, level)) for level in LEVELS])
    for name, rows in found.items():
        ages = np.array(rows)
        cells = [f"{mean:.2f}" for mean in ages.mean(axis=0)]
        print(f"| {name} | {' | '.join(cells)} | {said(ages[:, -1] - ages[:, 0])} |")


def grid(path: Path, across: int = 5, down: int = 3, side: int = 208) -> None:
    """Save a grid of pictures, the last row confounded and sorted by age."""
    honest = [sw.demo.scale(seed, 0) for seed in range(FIRST_SEED, FIRST_SEED + across * (down - 1))]
    some = [sw.demo.scale(seed, 0, confounded=True) for seed in range(FIRST_SEED + 100, FIRST_SEED + 160)]
    by_age = {scale.labels["age"]: scale for scale in some}
    wanted = np.linspace(1, 9, across).round()
    tiles = [scale.image.resize((side, side), Image.Resampling.LANCZOS) for scale in honest]
    tiles += [by_age[float(years)].image.resize((side, side), Image.Resampling.LANCZOS) for years in wanted]
    gap = 4
    sheet = Image.new("RGB", (across * (side + gap) - gap, down * (side + gap) - gap), "white")
    for place, tile in enumerate(tiles):
        sheet.paste(tile, (place % across * (side + gap), place // across * (side + gap)))
    sheet.save(path, quality=80, method=6)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB; ages {[int(s.labels['age']) for s in honest]}, {wanted}")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", type=int, default=0, help="pictures for the errors")
    parser.add_argument("--looks", type=int, default=0, help="pictures for what size and brightness give away")
    parser.add_argument("--models", nargs="+", default=MODELS, help="which of them (default: both)")
    parser.add_argument("--cache", type=Path, help="the folder where the training script keeps drawn pictures")
    parser.add_argument("--maps", type=int, default=0, help="pictures for the maps, and for the painting")
    parser.add_argument("--picture", type=Path, help="where a grid of pictures is saved")
    given = parser.parse_args()
    if given.picture:
        grid(given.picture)
    models = [sw.load(name, device="cpu") for name in given.models] if given.errors or given.maps else []
    torch.set_num_threads(1)
    if given.errors:
        errors(models, given.errors, given.cache)
    if given.looks:
        correlates(given.looks)
    if given.maps:
        untrained = sw.load(MODELS[0], weights=None, device="cpu")
        shares([*models, untrained], given.maps)
        painting([*models, untrained], given.maps)


if __name__ == "__main__":
    main()
