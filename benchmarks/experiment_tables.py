"""The tables of the original experiment: what each method gives on each architecture; the claims are answered elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from experiment_cases import ARCHITECTURES, CASES, CONTROLS, HEADS, ROWS, TIERS, UNTRAINED, label
from experiment_figures import BOTH, Figures, Interval

import saliency_widget as sw

__all__ = [
    "cell",
    "cost",
    "curves",
    "grain",
    "perspective",
    "pointing",
    "rank",
    "reserves",
    "rows_of",
    "scenes",
    "signed",
    "single",
    "steady",
    "style",
    "table",
    "untrained",
]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table of Markdown, the first column to the left and the others to the right."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def cell(found: Interval | None, digits: int = 2) -> str:
    """Return a mean with its interval; nothing where there is none."""
    return "" if found is None else found.short(digits)


def signed(found: Interval | None, digits: int = 2) -> str:
    """Return a difference; bold where its interval leaves out zero."""
    if found is None:
        return ""
    text = f"{found.mean:+.{digits}f} ± {found.half:.{digits}f}"
    return f"**{text}**" if found.sure else text


def rows_of(f: Figures) -> list[str]:
    """Return the maps that were made, in the order of the tables."""
    return [name for name in ROWS if name in f.maps]


def _count(f: Figures, name: str) -> str:
    counts = {len(f.values(model, name, HEADS[0], "own")) for model in ARCHITECTURES} - {0}
    return " or ".join(str(count) for count in sorted(counts))


def scenes(f: Figures) -> list[str]:
    """Say on how many scenes the figures stand, and how often each model is right."""
    counts = {tier: len(f.scenes.get(tier, ())) for tier in TIERS}
    cheap, middle, expensive, again = counts.values()
    curves = len(f.values(ARCHITECTURES[0], "gradient", HEADS[0], "gain"))
    lines = [
        (
            f"{cheap} scenes for methods of up to ten gradients, {middle} for those of up to a hundred, {expensive} for "
            f"Score-CAM and RISE; insertion and deletion on {curves}, maps of noisy copies on {again}."
        ),
        "",
    ]
    rows = [
        [name, *((found.full(3) if (found := f.accuracy(name, head)) else "") for head in HEADS)]
        for name in (*ARCHITECTURES, *(UNTRAINED + name for name in ARCHITECTURES))
    ]
    return lines + table(["model", *(f"{head} right" for head in HEADS)], rows)


def _shares(f: Figures, head: str) -> list[str]:
    rows = []
    for name in rows_of(f):
        cells = []
        for model in ARCHITECTURES:
            own, told = f.of(model, name, head, "own"), f.of(model, name, head, "contrast")
            cells.append(
                "" if own is None else f"{own.short()}, {signed(told)}" if name not in CONTROLS else own.short()
            )
        rows.append([label(name), _count(f, name), *cells])
    return table(["method", "scenes", *ARCHITECTURES], rows)


def style(f: Figures) -> list[str]:
    """Return the shares in the mask of style."""
    return _shares(f, "style")


def perspective(f: Figures) -> list[str]:
    """Return the shares in the mask of perspective."""
    return _shares(f, "perspective")


def _two_heads(f: Figures, key: str, digits: int = 2) -> list[str]:
    rows, widest = [], 0.0
    for name in rows_of(f):
        cells = []
        for model in ARCHITECTURES:
            found = [one for head in HEADS if (one := f.of(model, name, head, key)) is not None]
            widest = max([widest, *(one.half for one in found)])
            cells.append(" / ".join(f"{one.mean:.{digits}f}" for one in found))
        rows.append([label(name), _count(f, name), *cells])
    note = f"Style / perspective. No interval is wider than ± {widest:.{digits}f}."
    return [*table(["method", "scenes", *ARCHITECTURES], rows), "", note]


def rank(f: Figures) -> list[str]:
    """Return rank accuracy."""
    return _two_heads(f, "rank")


def pointing(f: Figures) -> list[str]:
    """Return the pointing game."""
    return _two_heads(f, "point")


def single(f: Figures) -> list[str]:
    """Return the correlation with single deletions."""
    return _both(f, "single")


def curves(f: Figures) -> list[str]:
    """Return insertion less deletion."""
    return _both(f, "gain")


def grain(f: Figures) -> list[str]:
    """Return how smooth the maps are."""
    return _both(f, "grain")


def steady(f: Figures) -> list[str]:
    """Return how alike the maps of two slightly different copies are."""
    return _both(f, "steady")


def _both(f: Figures, key: str) -> list[str]:
    rows = [
        [
            label(name),
            str(len(f.values(ARCHITECTURES[0], name, BOTH, key))),
            *(cell(f.of(m, name, BOTH, key)) for m in ARCHITECTURES),
        ]
        for name in rows_of(f)
        if f.values(ARCHITECTURES[0], name, BOTH, key)
    ]
    return table(["method", "scenes", *ARCHITECTURES], rows)


def cost(f: Figures) -> list[str]:
    """Return what each run cost, in gradients, seconds and plain gradients of the same model."""
    rows = []
    for case in CASES:
        works = [f.work(model, case.name) for model in ARCHITECTURES]
        known = [work for work in works if work is not None]
        if not known:
            continue
        cells = [_time(f, model, case.name) for model in ARCHITECTURES]
        forwards = sorted({work[0] for work in known})
        backwards = sorted({work[1] for work in known})
        rows.append([label(case.name), _range(forwards), _range(backwards), *cells])
    return table(["run", "forwards", "gradients", *ARCHITECTURES], rows)


def _range(numbers: list[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _time(f: Figures, model: str, name: str) -> str:
    seconds, plain = f.seconds(model, name), f.seconds(model, "gradient")
    return "" if seconds is None or not plain else f"{seconds:.2f} s, {seconds / plain:.1f} x"


def untrained(f: Figures) -> list[str]:
    """Return the shares of the untrained networks beside those of the trained ones."""
    rows = []
    for name in (case.name for case in CASES if case.untrained):
        for model in ARCHITECTURES:
            pairs = [
                (f.of(m, name, h, k)) for m in (model, UNTRAINED + model) for h in HEADS for k in ("own", "contrast")
            ]
            if all(one is not None for one in pairs):
                cells = [cell(one) if i % 2 == 0 else signed(one) for i, one in enumerate(pairs)]
                rows.append([label(name), model, *(f"{a}, {b}" for a, b in zip(cells[::2], cells[1::2], strict=True))])
    return table(["method", "architecture", "style", "perspective", "style, untrained", "perspective, untrained"], rows)


def reserves(_: Figures) -> list[str]:
    """List which method does not apply to which architecture, or equals another there, and why."""
    lines = []
    picture = sw.demo.building(0, 0).image
    for architecture in ARCHITECTURES:
        model = sw.load(f"demo/{architecture}")
        model.discover(picture)
        reasons: dict[str, list[str]] = {}
        for case in CASES:
            applies = sw.methods()[case.run].applies(model)
            if applies.status != "works":
                reasons.setdefault(f"{applies.status}: {applies.reason}", []).append(label(case.name))
        lines += [f"- {architecture}, {', '.join(names)}: {reason}" for reason, names in reasons.items()]
    return lines
