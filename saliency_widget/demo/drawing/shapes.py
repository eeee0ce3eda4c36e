"""Outlines that several styles share, as lists of points; nothing here paints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .canvas import Point


def pointed_rise(width: float, sharpness: float) -> float:
    """Height of a pointed arch above its springing; sharpness 1 is the equilateral arch."""
    radius = width * sharpness
    return math.sqrt(radius * width - width * width / 4.0)


def pointed_arch(left: float, right: float, bottom: float, springing: float, sharpness: float) -> list[Point]:
    """Outline of an opening that ends in a pointed arch, from the lower left round to the lower right."""
    width = right - left
    radius = width * sharpness
    end = math.acos(max(-1.0, min(1.0, (radius - width / 2.0) / radius)))
    points: list[Point] = [(left, bottom)]
    steps = 6
    for step in range(steps + 1):
        angle = end * step / steps
        points.append((left + radius - radius * math.cos(angle), springing - radius * math.sin(angle)))
    for step in range(steps - 1, -1, -1):
        angle = end * step / steps
        points.append((right - radius + radius * math.cos(angle), springing - radius * math.sin(angle)))
    points.append((right, bottom))
    return points


def round_arch(left: float, right: float, bottom: float, springing: float, flatness: float = 1.0) -> list[Point]:
    """Outline of an opening that ends in a round arch; flatness below 1 makes it segmental."""
    middle, radius = (left + right) / 2.0, (right - left) / 2.0
    points: list[Point] = [(left, bottom)]
    steps = 12
    for step in range(steps + 1):
        angle = math.pi * step / steps
        points.append(
            (
                middle - radius * math.cos(angle),
                springing - radius * flatness * math.sin(angle),
            )
        )
    points.append((right, bottom))
    return points


def circle(middle: Point, radius: float, *, steps: int = 20) -> list[Point]:
    """Outline of a circle, closed."""
    return [
        (
            middle[0] + radius * math.cos(2.0 * math.pi * step / steps),
            middle[1] + radius * math.sin(2.0 * math.pi * step / steps),
        )
        for step in range(steps + 1)
    ]
