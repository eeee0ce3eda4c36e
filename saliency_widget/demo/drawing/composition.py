"""What every scene decides before anything is drawn; no choice here depends on style or perspective."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canvas import Camera, Point
from .palette import STONES, SUNSHINE, TINTS, Colour, glass, mix, pick, shade, vary

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Light:
    """Hour, weather and direction of the light."""

    hour: str
    tint: Colour
    sunshine: float
    side: float  # -1: from the left, +1: from the right
    height: float  # of the sun: 0.4 low, 1.2 high
    haze: float  # veil over the wall, 0 to 1
    slope: tuple[float, float]  # brightness gained across and down the wall
    dapple: float  # patches of shadow on the wall, 0 to 1
    vignette: float


@dataclass(frozen=True)
class Masonry:
    """How the wall is built; courses are in picture heights."""

    course: float
    aspect: float
    joint: float  # darkness of the joints
    tone: float  # spread of brightness between blocks
    stain: float


@dataclass(frozen=True)
class Wall:
    """The wall that carries the style: an outer wall and a far wall alike."""

    left: float
    top: float  # of the rectangle; a gable or an arched top rises above it
    right: float
    bottom: float
    shape: str  # flat, gable or arched
    rise: float
    stone: Colour
    trim: Colour
    dark: Colour
    panes: tuple[Colour, ...]
    glow: float  # brightness of the panes; above 1 where lamps are lit behind them
    side: float  # where the light comes from

    @property
    def width(self) -> float:
        """Width of the wall in picture widths."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height of the rectangle in picture heights."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Where the axis of symmetry stands."""
        return (self.left + self.right) / 2.0

    def profile(self) -> list[Point]:
        """Upper edge of the wall from left to right."""
        if self.shape == "gable":
            apex = (self.middle, self.top - self.rise)
            return [(self.left, self.top), apex, (self.right, self.top)]
        if self.shape == "arched":
            steps = 12
            return [
                (
                    self.middle - self.width / 2.0 * math.cos(math.pi * step / steps),
                    self.top - self.rise * math.sin(math.pi * step / steps),
                )
                for step in range(steps + 1)
            ]
        return [(self.left, self.top), (self.right, self.top)]

    def outline(self) -> list[Point]:
        """Outline of the whole wall."""
        return [*self.profile(), (self.right, self.bottom), (self.left, self.bottom)]


@dataclass(frozen=True)
class Composition:
    """Camera, light, wall and vanishing point of one scene."""

    camera: Camera
    light: Light
    wall: Wall
    masonry: Masonry
    vanishing: Point
    eye_level: float  # height of the eye in people


def compose(rng: np.random.Generator) -> Composition:
    """Draw the composition of one scene from the one distribution that all scenes share."""
    light = _light(rng)
    wall = _wall(rng, light)
    across, up = rng.uniform(0.22, 0.78), rng.uniform(0.16, 0.44)
    vanishing = (wall.left + across * wall.width, wall.bottom - up * wall.height)
    camera = Camera(
        roll=float(rng.normal(0.0, 0.018)),
        yaw=float(rng.uniform(-0.16, 0.16)),
        pitch=float(rng.uniform(-0.08, 0.12)),
    )
    kind = int(rng.integers(5))
    course = float((rng.uniform(0.03, 0.05), 0.018, rng.uniform(0.05, 0.08), 0.026, 0.04)[kind])
    masonry = Masonry(
        course=course,
        aspect=float(rng.uniform(1.6, 3.2)),
        joint=0.0 if kind == 4 else float(rng.uniform(0.06, 0.24)),
        tone=0.0 if kind == 4 else float(rng.uniform(0.02, 0.09)),
        stain=float(rng.uniform(0.03, 0.11)),
    )
    return Composition(camera, light, wall, masonry, vanishing, float(rng.uniform(1.0, 2.2)))


def _light(rng: np.random.Generator) -> Light:
    hour = list(TINTS)[int(rng.integers(len(TINTS)))]
    haze = float(rng.uniform(0.0, 0.1))
    if hour in {"mist", "dust"}:
        haze += float(rng.uniform(0.05, 0.2))
    return Light(
        hour=hour,
        tint=TINTS[hour],
        sunshine=SUNSHINE[hour] * float(rng.uniform(0.75, 1.0)),
        side=float(rng.choice((-1.0, 1.0))),
        height=float(rng.uniform(0.5, 1.3)),
        haze=haze,
        slope=(float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.35, 0.35))),
        dapple=max(0.0, float(rng.uniform(-0.5, 0.5))),
        vignette=float(rng.uniform(0.1, 0.34)),
    )


def _panes(rng: np.random.Generator, light: Light) -> tuple[tuple[Colour, ...], float]:
    """Pane colours and how far they outshine the daylight; lamps are lit on most dark days."""
    panes, lamps = glass(rng), rng.random() < 0.7
    if light.hour in {"night", "dusk", "storm"} and lamps:
        return tuple(mix(pane, (250, 188, 86), 0.78) for pane in panes), 1.0 / light.tint[0]
    return panes, 1.0


def _wall(rng: np.random.Generator, light: Light) -> Wall:
    width, height = rng.uniform(0.65, 0.85), rng.uniform(0.5, 0.63)
    middle = 0.5 + rng.uniform(-0.5, 0.5) * (0.94 - width)
    bottom = float(rng.uniform(0.79, 0.87))
    shape = str(rng.choice(("flat", "flat", "gable", "arched")))
    stone = pick(rng, STONES)
    kind = int(rng.integers(4))
    trim = (
        mix(stone, (248, 244, 234), float(rng.uniform(0.35, 0.7))),
        mix(stone, (60, 52, 48), float(rng.uniform(0.2, 0.4))),
        pick(rng, STONES),
        mix(stone, (250, 240, 220), float(rng.uniform(0.15, 0.3))),
    )[kind]
    panes, glow = _panes(rng, light)
    return Wall(
        left=float(middle - width / 2.0),
        top=float(bottom - height),
        right=float(middle + width / 2.0),
        bottom=bottom,
        shape=shape,
        rise=float(rng.uniform(0.07, 0.13)),
        stone=stone,
        trim=vary(rng, trim, 4.0),
        dark=shade(mix(stone, (40, 44, 56), 0.75), 0.8),
        panes=panes,
        glow=glow,
        side=light.side,
    )
