"""Greek and Roman elements of a wall: colonnades, arcades, pediments, steps, coffers; no surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .canvas import GLASS, Canvas, Region
from .classical import Order, column, entablature, pediment
from .palette import mix, shade
from .shapes import round_arch

if TYPE_CHECKING:
    import numpy as np

    from .composition import Wall

STYLE = Region.STYLE


def draw_wall(canvas: Canvas, wall: Wall, rng: np.random.Generator) -> None:
    """Fill a wall with Greek and Roman elements."""
    order = Order(
        capital=str(rng.choice(("doric", "ionic", "corinthian"))),
        fluted=bool(rng.random() < 0.75),
        flat=False,
    )
    frieze = str(rng.choice(("triglyphs", "triglyphs", "dentils")))
    if wall.shape != "flat":
        _gable_ornament(canvas, wall, rng)
    plan = int(rng.integers(3))
    if plan == 0:
        _temple(canvas, wall, rng, order, frieze)
    elif plan == 1:
        _arcade(canvas, wall, rng, order, frieze)
    else:
        _colonnade(canvas, wall, rng, order, frieze)


def _temple(canvas: Canvas, wall: Wall, rng: np.random.Generator, order: Order, frieze: str) -> None:
    """A temple front: steps, columns, entablature, pediment."""
    inset = wall.width * float(rng.uniform(0.03, 0.09))
    left, right = wall.left + inset, wall.right - inset
    height = wall.height
    steps = height * float(rng.uniform(0.06, 0.09))
    gable = height * float(rng.uniform(0.19, 0.25))
    beam = height * float(rng.uniform(0.1, 0.14))
    peak = wall.top + 0.02 * height
    relief = str(rng.choice(("plain", "disc", "wreath", "figures")))
    pediment(canvas, wall, (left - 0.012, right + 0.012), (peak, peak + gable), relief)
    entablature(canvas, wall, (left, right), (peak + gable, peak + gable + beam), frieze)
    _stylobate(canvas, wall, (left, right), (wall.bottom - steps, wall.bottom))
    head, foot = peak + gable + beam, wall.bottom - steps
    count = int(rng.integers(4, 8))
    _cella(canvas, wall, rng, (left, right), (head, foot), count)
    _row(canvas, wall, order, (left, right), (head, foot), count, 0.3)


def _colonnade(canvas: Canvas, wall: Wall, rng: np.random.Generator, order: Order, frieze: str) -> None:
    """A long colonnade under a coffered attic."""
    left, right, height = wall.left, wall.right, wall.height
    attic = height * float(rng.uniform(0.15, 0.2))
    beam = height * float(rng.uniform(0.11, 0.15))
    steps = height * float(rng.uniform(0.05, 0.08))
    top = wall.top + 0.02 * height
    coffers(canvas, wall, (left + 0.02, right - 0.02), (top, top + attic), int(rng.integers(6, 10)))
    top += attic + 0.02 * height
    entablature(canvas, wall, (left, right), (top, top + beam), frieze)
    foot = wall.bottom - steps
    _stylobate(canvas, wall, (left, right), (foot, wall.bottom))
    count = int(rng.integers(5, 9))
    _cella(canvas, wall, rng, (left + 0.015, right - 0.015), (top + beam, foot), count)
    _row(canvas, wall, order, (left + 0.015, right - 0.015), (top + beam, foot), count, 0.29)


def _arcade(canvas: Canvas, wall: Wall, rng: np.random.Generator, order: Order, frieze: str) -> None:
    """Roman arches between half-columns, in one storey or two."""
    storeys, count = int(rng.integers(1, 3)), int(rng.integers(3, 6))
    steps = wall.height * 0.05
    _stylobate(canvas, wall, (wall.left, wall.right), (wall.bottom - steps, wall.bottom))
    top, bottom = wall.top + 0.02 * wall.height, wall.bottom - steps
    storey = (bottom - top) / storeys
    inset = 0.025 * wall.width
    left, right = wall.left + inset, wall.right - inset
    pitch = (right - left) / count
    for row in range(storeys):
        upper = top + row * storey
        beam = wall.height * (0.15 if storeys == 1 else 0.1)
        lower = upper + storey
        entablature(canvas, wall, (wall.left, wall.right), (upper, upper + beam), frieze)
        crown = upper + beam + 0.09 * storey
        for index in range(count):
            middle = left + (index + 0.5) * pitch
            half = min(0.3 * pitch, 0.55 * (lower - crown))
            _arch(canvas, wall, middle, half, crown, lower)
        half = min(0.085 * pitch, 0.028)
        for index in range(count + 1):
            x = min(wall.right - 1.5 * half, max(wall.left + 1.5 * half, left + index * pitch))
            column(canvas, wall, order, x, half, (upper + beam, lower))


def _arch(canvas: Canvas, wall: Wall, middle: float, half: float, crown: float, bottom: float) -> None:
    springing = crown + half
    for size, tone, relief in ((1.0, 1.06, 21), (0.92, 0.86, 19)):
        outline = round_arch(middle - half * size, middle + half * size, bottom, springing)
        canvas.polygon(outline, shade(wall.trim, tone), STYLE, relief)
    clear = half * 0.8
    opening = round_arch(middle - clear, middle + clear, bottom, springing)
    canvas.polygon(opening, wall.panes[0], STYLE, GLASS)
    lower = springing + 0.5 * (bottom - springing)
    dim = (middle - clear, lower, middle + clear, bottom)
    canvas.rectangle(dim, shade(wall.panes[0], 0.86), STYLE, GLASS)
    bar = mix(wall.panes[0], wall.dark, 0.45)
    for x in (middle - 0.33 * clear, middle + 0.33 * clear):
        canvas.line(((x, crown + 0.25 * half), (x, bottom)), 0.0035, bar, STYLE, 10)
    for y in (springing, lower):
        canvas.line(((middle - clear, y), (middle + clear, y)), 0.0045, bar, STYLE, 10)
    key = (
        (middle - 0.16 * half, crown - 0.1 * half),
        (middle + 0.16 * half, crown - 0.1 * half),
        (middle + 0.09 * half, crown + 0.22 * half),
        (middle - 0.09 * half, crown + 0.22 * half),
    )
    canvas.polygon(key, shade(wall.trim, 1.12), STYLE, 25)
    for sign in (-1.0, 1.0):
        x = middle + sign * 0.9 * half
        impost = (x - 0.16 * half, springing, x + 0.16 * half, springing + 0.12 * half)
        canvas.rectangle(impost, shade(wall.trim, 1.1), STYLE, 24)


def _row(
    canvas: Canvas,
    wall: Wall,
    order: Order,
    across: tuple[float, float],
    down: tuple[float, float],
    count: int,
    stoutness: float,
) -> None:
    left, right = across
    pitch = (right - left) / (count - 1 + 2 * 0.42)
    half = min(stoutness * pitch * 0.62, 0.07 * (down[1] - down[0]))
    for index in range(count):
        column(canvas, wall, order, left + (index + 0.42) * pitch, half, down)


def _cella(
    canvas: Canvas,
    wall: Wall,
    rng: np.random.Generator,
    across: tuple[float, float],
    down: tuple[float, float],
    count: int,
) -> None:
    """What stands behind the columns: a doorway with round or flat niches beside it."""
    left, right = across
    top, bottom = down
    pitch = (right - left) / (count - 1 + 2 * 0.42)
    tall = bottom - top
    rounded = rng.random() < 0.6
    for index in range(count - 1):
        if count > 5 and index % 2 and rounded:
            continue
        middle = left + (index + 0.92) * pitch
        half, crown = 0.22 * pitch, top + 0.24 * tall
        foot = bottom if index * 2 == count - 2 else bottom - 0.18 * tall
        if rounded:
            frame = round_arch(middle - half * 1.2, middle + half * 1.2, foot, crown + half)
            niche = round_arch(middle - half, middle + half, foot, crown + half)
        else:
            frame = [
                (middle - half * 1.2, foot),
                (middle - half, crown - 0.3 * half),
                (middle + half, crown - 0.3 * half),
                (middle + half * 1.2, foot),
            ]
            niche = [
                (middle - half, foot),
                (middle - 0.85 * half, crown),
                (middle + 0.85 * half, crown),
                (middle + half, foot),
            ]
        canvas.polygon(frame, shade(wall.trim, 0.92), STYLE, 17)
        pane = wall.panes[index % 4]
        canvas.polygon(niche, shade(pane, 0.74), STYLE, GLASS)
        edge = -0.2 * half * wall.side
        lit = [(x + edge if 0 < at < len(niche) - 1 else x, y + 0.3 * half) for at, (x, y) in enumerate(niche)]
        lit = [(min(middle + half, max(middle - half, x)), min(y, foot)) for x, y in lit]
        canvas.polygon(lit, pane, STYLE, GLASS)


def _stylobate(canvas: Canvas, wall: Wall, across: tuple[float, float], down: tuple[float, float]) -> None:
    """Three steps, each wider than the one above."""
    left, right = across
    top, bottom = down
    third = (bottom - top) / 3.0
    for step in range(3):
        reach = min(0.012 * step, left - wall.left if step else 0.0)
        y = top + step * third
        box = (left - reach, y, right + reach, y + third)
        canvas.rectangle(box, shade(wall.trim, 0.86), STYLE, 20 + 3 * step)
        tread = (left - reach, y, right + reach, y + 0.36 * third)
        canvas.rectangle(tread, shade(wall.trim, 1.14), STYLE, 22 + 3 * step)


def coffers(canvas: Canvas, wall: Wall, across: tuple[float, float], down: tuple[float, float], count: int) -> None:
    """Draw a band of sunk square panels, each with a rosette."""
    left, right = across
    top, bottom = down
    canvas.rectangle((left, top, right, bottom), wall.trim, STYLE, 20)
    step, deep = (right - left) / count, bottom - top
    for index in range(count):
        x = left + index * step
        for inset, tone, relief in ((0.14, 0.82, 16), (0.25, 0.66, 12)):
            edge = inset * min(step, deep)
            box = (x + edge, top + edge, x + step - edge, bottom - edge)
            canvas.rectangle(box, mix(shade(wall.trim, tone), wall.dark, 0.1), STYLE, relief)
        spot = (x + step / 2, (top + bottom) / 2)
        canvas.disc(spot, 0.13 * min(step, deep), shade(wall.trim, 1.08), STYLE, 19)


def _gable_ornament(canvas: Canvas, wall: Wall, rng: np.random.Generator) -> None:
    """Dentils under the raking cornice and a shield in the middle."""
    profile = wall.profile()
    canvas.line(profile, 0.018, shade(wall.trim, 1.06), STYLE, 24)
    inner = [(wall.middle + 0.9 * (x - wall.middle), y + 0.017) for x, y in profile]
    canvas.line(inner, 0.006, shade(wall.trim, 0.76), STYLE, 20)
    spot = (wall.middle, wall.top - 0.34 * wall.rise)
    canvas.disc(spot, 0.32 * wall.rise, wall.trim, STYLE, 24)
    canvas.disc(spot, 0.2 * wall.rise, shade(wall.trim, 0.72), STYLE, 16)
    if rng.random() < 0.6:
        for sign in (-1.0, 1.0):
            swag = [
                (wall.middle + sign * f * wall.rise, wall.top - g * wall.rise)
                for f, g in ((0.45, 0.4), (0.9, 0.16), (1.35, 0.3))
            ]
            canvas.line(swag, 0.009, wall.trim, STYLE, 22)
