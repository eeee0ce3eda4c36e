"""A map lies where it belongs on the picture, to half a pixel: at every corner and edge, through every kind of geometry."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import transforms as v1
from torchvision.transforms import InterpolationMode, v2

import saliency_widget as sw
from small_models import Quadratic

NORMAL = v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
BICUBIC = InterpolationMode.BICUBIC

Box = tuple[float, float, float, float]


def whole(width: int, height: int) -> Box:
    """Return the box of an input that covers all of the picture."""
    return 0.0, 0.0, float(width), float(height)


def middle(short: int, crop: int) -> Any:
    """Return the box of a resize of the short side and a crop of the centre, by the rounding that torchvision does."""

    def box(width: int, height: int) -> Box:
        scale = short / min(width, height)
        resized = [short if side == min(width, height) else int(side * scale) for side in (width, height)]
        first = [round((side - crop) / 2) for side in resized]
        start = [at * side / new for at, side, new in zip(first, (width, height), resized, strict=True)]
        end = [(at + crop) * side / new for at, side, new in zip(first, (width, height), resized, strict=True)]
        return start[0], start[1], end[0], end[1]

    return box


def letterbox(side: int) -> Any:
    """Return a preprocessing that fits the whole picture into a square and fills the rest with grey."""

    def preprocess(image: torch.Tensor) -> torch.Tensor:
        height, width = image.shape[1:]
        across, down = _fitted(width, height, side)
        image = v2.functional.resize(image, [down, across], antialias=True)
        left, top = (side - across) // 2, (side - down) // 2
        padding = [left, top, side - across - left, side - down - top]
        return NORMAL(v2.functional.pad(image, padding, fill=0.5))

    return preprocess


def _fitted(width: int, height: int, side: int) -> tuple[int, int]:
    scale = side / max(width, height)
    return round(width * scale), round(height * scale)


def letterboxed(side: int) -> Any:
    """Return the box of that: it reaches beyond the picture."""

    def box(width: int, height: int) -> Box:
        across, down = _fitted(width, height, side)
        left, top = (side - across) // 2, (side - down) // 2
        unit_x, unit_y = width / across, height / down
        return -left * unit_x, -top * unit_y, (side - left) * unit_x, (side - top) * unit_y

    return box


@dataclass(frozen=True)
class Case:
    """A preprocessing, a picture as it is stored, and the box of the input on the upright picture."""

    preprocess: Any
    stored: tuple[int, int]
    box: Any
    exif: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    module: Any = Quadratic

    @property
    def upright(self) -> tuple[int, int]:
        return self.stored[::-1] if self.exif > 4 else self.stored


RESIZE_AND_CROP = v2.Compose([v2.Resize(256), v2.CenterCrop(224), NORMAL])
SQUASH = v2.Compose([v2.Resize((224, 224)), NORMAL])
# crop_pct 0.875 of 224 pixels, bicubic, through Pillow: what timm's older configurations make.
PILLOW = v1.Compose([v1.Resize(256, interpolation=BICUBIC), v1.CenterCrop(224), v1.ToTensor()])


class Grey(nn.Module):
    """One value from a grey picture."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 1, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.first(images).flatten(1).square().sum(1)


CASES = {
    "landscape": Case(RESIZE_AND_CROP, (500, 333), middle(256, 224)),
    "portrait": Case(RESIZE_AND_CROP, (333, 500), middle(256, 224)),
    "square": Case(RESIZE_AND_CROP, (400, 400), middle(256, 224)),
    "upside down by EXIF": Case(RESIZE_AND_CROP, (500, 333), middle(256, 224), exif=3),
    "on its right side by EXIF": Case(RESIZE_AND_CROP, (500, 333), middle(256, 224), exif=6),
    "on its left side by EXIF": Case(RESIZE_AND_CROP, (500, 333), middle(256, 224), exif=8),
    "mirrored by EXIF": Case(RESIZE_AND_CROP, (500, 333), middle(256, 224), exif=2),
    "mirrored and on its side by EXIF": Case(SQUASH, (500, 333), whole, exif=5),
    "squeezed": Case(SQUASH, (640, 360), whole),
    "squeezed, bicubic": Case(v2.Compose([v2.Resize((224, 224), interpolation=BICUBIC)]), (300, 450), whole),
    "not antialiased": Case(v2.Compose([v2.Resize((224, 224), antialias=False)]), (500, 333), whole),
    "letterbox of a landscape": Case(letterbox(224), (500, 333), letterboxed(224)),
    "letterbox of a tower": Case(letterbox(224), (200, 1000), letterboxed(224)),
    "bicubic through Pillow": Case(PILLOW, (500, 375), middle(256, 224)),
    "tiny, enlarged": Case(RESIZE_AND_CROP, (20, 20), middle(256, 224)),
    "tiny, enlarged, bicubic": Case(v2.Resize((224, 224), interpolation=BICUBIC), (20, 20), whole),
    "tiny, through Pillow": Case(PILLOW, (21, 13), middle(256, 224)),
    "large": Case(RESIZE_AND_CROP, (2000, 1500), middle(256, 224)),
    "one channel": Case(None, (28, 28), whole, options={"input_size": 28, "channels": 1}, module=Grey),
    "one channel, enlarged": Case(None, (28, 28), whole, options={"input_size": 64, "channels": 1}, module=Grey),
    "odd sizes": Case(v2.Compose([v2.Resize(99), v2.CenterCrop((75, 93))]), (301, 217), None),
    "five times as wide as high": Case(RESIZE_AND_CROP, (1000, 200), middle(256, 224)),
    "five times as high as wide": Case(SQUASH, (200, 1000), whole),
    "mirrored by the preprocessing": Case(
        v2.Compose([v2.RandomHorizontalFlip(1.0), v2.Resize((224, 224))]),
        (300, 200),
        lambda width, height: (width, 0, 0, height),
    ),
    "a crop of the input's size": Case(v2.Compose([v2.CenterCrop((48, 64))]), (101, 77), None),
    "the default": Case(None, (301, 200), None, options={"input_size": 96}),
}


def odd_box(name: str, case: Case) -> Box:
    """Return the boxes that are plainest worked out by hand."""
    # 301 x 217 resized to 137 x 99, cropped at (22, 12): (137 - 93) / 2, (99 - 75) / 2.
    if name == "odd sizes":
        return 22 * 301 / 137, 12 * 217 / 99, (22 + 93) * 301 / 137, (12 + 75) * 217 / 99
    # (101 - 64) / 2 = 18.5 and (77 - 48) / 2 = 14.5 are rounded to the even neighbour.
    if name == "a crop of the input's size":
        return 18, 14, 82, 62
    # 301 x 200 scaled to 144 x 96, cropped at 24.
    assert name == "the default"
    return 24 * 301 / 144, 0, (24 + 96) * 301 / 144, 200


# What was stored is turned so that it stands upright, by the numbers of the EXIF standard.
TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    8: lambda a: np.rot90(a, 1),
}


@cache
def explained(name: str) -> tuple[sw.Explanation, np.ndarray, Box]:
    """Return an explanation for a case, the pixels as they stand upright, and the box of the input on them."""
    case = CASES[name]
    width, height = case.stored
    stored = np.zeros((height, width, 3), np.uint8)
    stored[: height // 2, : width // 3] = (250, 240, 230)  # a mark that tells the corners apart
    exif = Image.Exif()
    exif[0x0112] = case.exif
    file = io.BytesIO()
    Image.fromarray(stored).save(file, "PNG", exif=exif)
    model = sw.ImageModel(case.module(), preprocess=case.preprocess, device="cpu", **case.options)
    e = sw.explain(model, file.getvalue())
    box = case.box(*case.upright) if case.box else odd_box(name, case)
    return e, TURNED[case.exif](stored), box


def centroid(heat: np.ndarray) -> tuple[float, float]:
    """Return where the mass of a map lies, from the left and from the top edge of the picture, in pixels."""
    mass = np.nan_to_num(heat.astype(np.float64))
    y, x = np.mgrid[: heat.shape[0], : heat.shape[1]] + 0.5
    return (mass * x).sum() / mass.sum(), (mass * y).sum() / mass.sum()


@pytest.mark.parametrize("name", CASES)
def test_the_box_of_the_input_is_found(name):
    e, upright, box = explained(name)
    np.testing.assert_array_equal(np.asarray(e.picture.image), upright)
    assert e.geometry.exact
    assert e.geometry.box == pytest.approx(box, abs=0.25)


@pytest.mark.parametrize("name", CASES)
def test_a_bright_pixel_of_the_input_lies_where_it_belongs_on_the_picture(name):
    e, upright, (left, top, right, bottom) = explained(name)
    height, width = upright.shape[:2]
    rows, columns = e.attribution.shape[1:]
    looked_at = 0
    for row in (0, 1, rows // 2, rows - 2, rows - 1):
        for column in (0, 1, columns // 2, columns - 2, columns - 1):
            x = left + (column + 0.5) * (right - left) / columns
            y = top + (row + 0.5) * (bottom - top) / rows
            bright = np.zeros_like(e.attribution)
            bright[:, row, column] = 1
            heat = replace(e, attribution=bright).on_image()
            assert heat.shape == (height, width)
            if not (0 <= x <= width and 0 <= y <= height):
                assert np.nan_to_num(heat).max() == 0, "padding lies on no part of the picture"
                continue
            looked_at += 1
            assert centroid(heat) == pytest.approx((x, y), abs=0.5)
    assert looked_at >= 5


@pytest.mark.parametrize("name", CASES)
def test_what_lies_outside_of_the_box_and_nothing_else_is_nan(name):
    e, upright, (left, top, right, bottom) = explained(name)
    y, x = np.mgrid[: upright.shape[0], : upright.shape[1]] + 0.5
    left, right = sorted((left, right))
    inside = np.minimum(np.minimum(x - left, right - x), np.minimum(y - top, bottom - y))
    heat = e.on_image()
    assert np.isfinite(heat[inside > 0.5]).all()
    assert np.isnan(heat[inside < -0.5]).all()


@pytest.mark.parametrize("interpolation", [InterpolationMode.BILINEAR, BICUBIC, InterpolationMode.NEAREST])
@pytest.mark.parametrize("size", [(3, 3), (5, 7), (4, 30)])
def test_a_picture_of_a_few_pixels_is_measured_as_well_as_it_can_be(size, interpolation):
    model = sw.ImageModel(Quadratic(), preprocess=v2.Resize((64, 64), interpolation=interpolation), device="cpu")
    geometry = model.geometry(model.read(Image.new("RGB", size)))
    assert geometry.exact
    assert geometry.box == pytest.approx((0, 0, *size), abs=0.5)


def test_a_preprocessing_that_repeats_the_border_covers_what_lies_beyond_it():
    padded = v2.Compose([v2.Pad(30, padding_mode="edge")])
    model = sw.ImageModel(Quadratic(), preprocess=padded, device="cpu")
    assert model.geometry(model.read(Image.new("RGB", (200, 160)))).box == pytest.approx((-30, -30, 230, 190), abs=0.5)
