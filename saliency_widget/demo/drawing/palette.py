"""Colours of stone, glass, sky and ground, and arithmetic on them; it draws nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Colour = tuple[float, float, float]
"""Red, green and blue, each from 0 to 255."""

STONES: tuple[Colour, ...] = (
    (214, 202, 178),  # limestone
    (206, 172, 126),  # sandstone
    (156, 153, 152),  # granite
    (170, 98, 78),  # brick
    (230, 224, 212),  # white plaster
    (222, 186, 124),  # ochre plaster
    (214, 166, 150),  # rose plaster
    (172, 184, 158),  # sage plaster
    (148, 164, 184),  # blue-grey plaster
    (112, 114, 122),  # slate
    (140, 112, 90),  # umber
    (236, 222, 190),  # cream
)

GROUNDS: tuple[Colour, ...] = (
    (158, 152, 144),  # flagstones
    (196, 178, 148),  # sand, limestone tiles
    (120, 96, 72),  # earth, oak boards
    (96, 122, 66),  # grass, green carpet
    (84, 84, 90),  # asphalt, slate tiles
    (218, 218, 220),  # snow, white marble
    (174, 112, 84),  # terracotta
    (92, 108, 126),  # wet stone, blue tiles
    (142, 134, 86),  # dry grass, straw matting
    (152, 92, 72),  # brick paving, red carpet
)

PAINTS: tuple[Colour, ...] = (
    (232, 228, 218),
    (206, 196, 176),
    (150, 176, 204),
    (92, 124, 172),
    (52, 62, 104),
    (176, 180, 186),
    (224, 190, 168),
    (232, 208, 150),
    (120, 92, 66),
    (168, 186, 170),
    (208, 168, 176),
    (112, 116, 124),
)
"""Colours of ceilings and of painted furnishings; skies use :data:`SKIES`."""

SKIES: dict[str, tuple[Colour, Colour]] = {
    "noon": ((62, 114, 186), (184, 212, 232)),
    "morning": ((112, 152, 202), (250, 226, 192)),
    "golden": ((98, 120, 164), (252, 196, 122)),
    "dusk": ((58, 58, 112), (238, 142, 112)),
    "night": ((22, 30, 62), (74, 92, 132)),
    "overcast": ((146, 152, 160), (204, 206, 208)),
    "storm": ((74, 82, 96), (150, 156, 160)),
    "mist": ((206, 208, 208), (234, 230, 224)),
    "dust": ((190, 162, 124), (238, 218, 184)),
    "rose": ((176, 150, 186), (252, 214, 196)),
}
"""For each hour and weather: the colour overhead and the colour at the horizon."""

TINTS: dict[str, Colour] = {
    "noon": (1.02, 1.0, 0.97),
    "morning": (1.06, 1.0, 0.9),
    "golden": (1.14, 0.98, 0.78),
    "dusk": (0.92, 0.78, 0.84),
    "night": (0.56, 0.62, 0.82),
    "overcast": (0.93, 0.96, 1.0),
    "storm": (0.76, 0.8, 0.86),
    "mist": (1.0, 1.0, 1.0),
    "dust": (1.06, 0.98, 0.84),
    "rose": (1.06, 0.95, 0.95),
}
"""What the light of each hour multiplies red, green and blue by, on every lit surface."""

SUNSHINE: dict[str, float] = {
    "noon": 1.0,
    "morning": 0.95,
    "golden": 1.0,
    "dusk": 0.5,
    "night": 0.35,
    "overcast": 0.3,
    "storm": 0.35,
    "mist": 0.25,
    "dust": 0.6,
    "rose": 0.7,
}
"""How hard the shadows of each hour are, from 0 to 1."""

JEWELS: tuple[Colour, ...] = (
    (176, 40, 48),
    (38, 70, 156),
    (222, 168, 58),
    (54, 118, 82),
    (112, 60, 132),
    (206, 210, 214),
    (64, 130, 168),
)

CLOTHES: tuple[Colour, ...] = (
    (52, 56, 72),
    (122, 48, 44),
    (64, 84, 70),
    (168, 148, 112),
    (84, 76, 110),
    (206, 200, 188),
    (44, 44, 46),
    (178, 122, 66),
)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours; ``share`` is the part of the second, from 0 to 1."""
    keep = 1.0 - share
    return (
        first[0] * keep + second[0] * share,
        first[1] * keep + second[1] * share,
        first[2] * keep + second[2] * share,
    )


def shade(colour: Colour, factor: float) -> Colour:
    """Multiply a colour by a brightness factor."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def vary(rng: np.random.Generator, colour: Colour, amount: float = 12.0) -> Colour:
    """Move a colour a little at random, brightness more than hue."""
    common, red, green, blue = rng.normal(0.0, amount, 4)
    return (
        min(255.0, max(0.0, colour[0] + common + 0.4 * red)),
        min(255.0, max(0.0, colour[1] + common + 0.4 * green)),
        min(255.0, max(0.0, colour[2] + common + 0.4 * blue)),
    )


def pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """Choose one colour of a palette, slightly varied."""
    return vary(rng, colours[int(rng.integers(len(colours)))])


def glass(rng: np.random.Generator) -> tuple[Colour, ...]:
    """Choose the pane colours of all windows of one wall, whatever its style."""
    kind = int(rng.integers(6))
    if kind == 0:  # dark rooms behind
        base: Colour = (44, 52, 64)
    elif kind == 1:  # daylight or the mirrored sky
        base = (152, 182, 206)
    elif kind == 2:  # lamps behind
        base = (246, 206, 128)
    elif kind == 3:
        base = (98, 116, 128)
    elif kind == 4:
        base = (214, 208, 190)
    else:
        first = int(rng.integers(len(JEWELS)))
        return tuple(
            vary(rng, mix(JEWELS[(first + step) % len(JEWELS)], (150, 140, 128), 0.16), 8.0) for step in (0, 1, 3, 4)
        )
    base = vary(rng, base, 10.0)
    return tuple(shade(base, float(f)) for f in rng.uniform(0.84, 1.14, 4))
