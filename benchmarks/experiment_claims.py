"""The figures that answer the claims of the original experiment: comparisons, paired by scene."""

from __future__ import annotations

from collections.abc import Sequence

from experiment_cases import ARCHITECTURES, CONTROLS, HEADS, label
from experiment_figures import BOTH, Figures, Interval, difference, interval, mean_of
from experiment_tables import cell, signed, table
from scene_parts import PARTS

__all__ = ["failing", "heads", "misleading", "others", "simpler"]

PIXELS = ("gradient", "input_x_gradient", "smoothgrad", "integrated_gradients", "smoothgrad_ig", "blur_ig", "xrai")
"""The methods that the original claims name, and what they are made of."""

SHOWN_PARTS = ("smoothgrad", "integrated_gradients", "smoothgrad_ig", "blur_ig", "xrai", "occlusion", "edges")
GROUPS = {
    "gradients and paths": (
        *(
            "gradient",
            "input_x_gradient",
            "smoothgrad",
            "integrated_gradients",
            "smoothgrad_ig",
            "blur_ig",
            "guided_ig",
        ),
        *("expected_gradients", "deeplift", "xrai"),
    ),
    "CAMs": ("grad_cam", "grad_cam_pp", "layer_cam", "finer_cam", "ablation_cam"),
    "occlusion": ("occlusion",),
    "LRP": ("lrp",),
}
"""Methods that work on all four architectures and differ from each other; each group is one voice."""

_BETTER = (("contrast", "heads told apart"), ("beyond chance", "rank accuracy"), ("single", "single deletion"))


def simpler(f: Figures) -> list[str]:
    """Compare VGG with each of the others, in groups of methods that work everywhere."""
    lines: list[str] = []
    for key, what in _BETTER:
        rows = []
        for group, names in GROUPS.items():
            levels = {model: mean_of(f.values(model, name, BOTH, key) for name in names) for model in ARCHITECTURES}
            rows.append(
                [group, str(len(levels["vgg"])), *(cell(interval(levels[model].values())) for model in ARCHITECTURES)]
            )
            gaps = [signed(interval(difference(levels["vgg"], levels[other]).values())) for other in ARCHITECTURES[1:]]
            rows.append(["vgg less that", "", "", *gaps])
            rows.append(
                [
                    "methods: vgg surely higher, lower",
                    "",
                    "",
                    *(_score(f, names, other, key) for other in ARCHITECTURES[1:]),
                ]
            )
        lines += [*table([what, "scenes", *ARCHITECTURES], rows), ""]
    return lines[:-1]


def _score(f: Figures, names: Sequence[str], other: str, key: str) -> str:
    gaps = [_gap(f, name, other, key) for name in names]
    sure = [gap for gap in gaps if gap is not None and gap.sure]
    return f"{sum(gap.mean > 0 for gap in sure)}, {sum(gap.mean < 0 for gap in sure)} of {len(gaps)}"


def _gap(f: Figures, name: str, other: str, key: str) -> Interval | None:
    return interval(difference(f.values("vgg", name, BOTH, key), f.values(other, name, BOTH, key)).values())


def failing(f: Figures) -> list[str]:
    """Compare the named methods with Integrated Gradients on EfficientNet, and on VGG."""
    lines: list[str] = []
    for model in ("efficientnet", "vgg"):
        rows = []
        for name in (*PIXELS, "grad_cam", "edges", "random"):
            told = [signed(f.of(model, name, head, "contrast")) for head in HEADS]
            others = [
                cell(f.of(model, name, BOTH, key)) for key in ("beyond chance", "single", "gain", "grain", "steady")
            ]
            rows.append([label(name), *told, *others])
        columns = [
            "style told apart",
            "perspective told apart",
            "rank beyond chance",
            "single deletion",
            "insertion - deletion",
        ]
        lines += [*table([model, *columns, "neighbours", "steady"], rows), ""]
    rows = []
    for name in ("blur_ig", "xrai"):
        for than in ("smoothgrad", "integrated_gradients", "smoothgrad_ig"):
            gaps = [
                signed(
                    interval(difference(f.values(model, name, BOTH, key), f.values(model, than, BOTH, key)).values())
                )
                for model in ("efficientnet", "vgg")
                for key in ("contrast", "beyond chance", "single")
            ]
            rows.append([f"{label(name)} less {label(than)}", *gaps])
    columns = [f"{model}: {what}" for model in ("efficientnet", "vgg") for _, what in _BETTER]
    return [*lines, *table(["difference", *columns], rows)]


def misleading(f: Figures) -> list[str]:
    """Compare MobileNet's maps with those of the others: the strongest pixel, and what deletions say."""
    rows = []
    for name in (*PIXELS, "grad_cam", "occlusion", "lrp"):
        for key, what in (("away", "strongest pixel in the other head's mask"), ("single", "single deletion")):
            rows.append([label(name), what, *(cell(f.of(model, name, BOTH, key)) for model in ARCHITECTURES)])
    return table(["method", "figure", *ARCHITECTURES], rows)


def _parts_of(f: Figures, model: str, names: Sequence[str]) -> list[str]:
    rows = []
    for part in PARTS:
        cells = []
        for name in names:
            one, other = (f.values(model, name, head, part) for head in HEADS)
            if name in CONTROLS:
                cells.append(cell(interval(one.values())))
                continue
            gap = interval(difference(one, other).values())
            means = [interval(some.values()) for some in (one, other)]
            shown = " / ".join(f"{mean.mean:.2f}" for mean in means if mean is not None)
            cells.append(f"**{shown}**" if gap is not None and gap.sure else shown)
        counts = sorted({len(f.values(model, name, HEADS[0], part)) for name in names if name not in CONTROLS})
        rows.append([part, str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}", *cells])
    return table([f"{model}: part", "scenes", *(label(name) for name in names)], rows)


def heads(f: Figures) -> list[str]:
    """Return the shares of VGG's maps in the parts of the building, for each head."""
    cheap = ("gradient", "guided_backprop", "lrp", "deeplift", "grad_cam", "edges")
    return [*_parts_of(f, "vgg", SHOWN_PARTS), "", *_parts_of(f, "vgg", cheap)]


def others(f: Figures) -> list[str]:
    """Return the shares in the parts for the other architectures, of two methods."""
    lines: list[str] = []
    for model in ARCHITECTURES[1:]:
        lines += [*_parts_of(f, model, ("gradient", "smoothgrad", "integrated_gradients", "grad_cam", "occlusion")), ""]
    return lines[:-1]
