"""Writes docs/methods.md from the registry: what each method is, whose it is, what it takes and costs.

``python tools/methods_page.py``
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import saliency_widget as sw

if TYPE_CHECKING:
    from saliency_widget.methods import Method, Parameter

__all__ = ["PAGE", "text"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "methods.md"
SIZE = (224, 224)

_HEAD = """# The methods

Made by `python tools/methods_page.py` from the registry; the same is in `sw.methods()` and in the page, which also says which of
them apply to the model at hand, and why not. A method of your own: [adding-a-method.md](adding-a-method.md). Which works on
which network: [applicability.md](applicability.md); held against other libraries: [oracles.md](oracles.md); how good a map is
before it is done: [anytime.md](anytime.md).

![All methods on both heads of the built-in model](images/montage-demo-vgg.webp)

**Work** is for one target at 224 x 224 with the default parameters. *partial*: what is shown while it runs is part of the way,
not an estimate of the final map; *picture*: it makes a picture, no attribution; *same run as*: it comes for free with that
method. Maps are signed unless the formula itself has no sign; a ReLU that a paper draws its map through is the display choice
`sign="positive"`.
"""


def text() -> str:
    """Return the page."""
    parts = [_HEAD]
    for family, methods in groupby(sw.methods().values(), lambda method: method.family):
        parts.append(
            f"## {family[0].upper()}{family[1:]}\n\n" + "\n\n".join(_method(method) for method in methods) + "\n"
        )
    return "\n".join(parts)


def _method(method: Method) -> str:
    marks = [f"*{method.kind}*"] if method.kind != "estimate" else []
    marks += [f"*same run as* `{method.sibling_of}`"] if method.sibling_of else []
    marks += ["at a layer"] if method.layer else []
    marks += [f"extra `{method.extra}`"] if method.extra else []
    units = method.units({name: parameter.default for name, parameter in method.parameters.items()}, SIZE)
    work = "asks the model nothing" if method.reads == "pixels" else f"{units:,} {method.reads}"
    what = f"**`{method.name}`** {method.label}. {method.explain}"
    lines = [what, f"{method.cite}. Work: {work}." + "".join(f" {mark}." for mark in marks)]
    lines += [
        f"- `{parameter.name}` ({_values(parameter)}): {parameter.help}" for parameter in method.parameters.values()
    ]
    return "\n\n".join(lines[:2]) + ("\n\n" + "\n".join(lines[2:]) if lines[2:] else "")


def _values(parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(f"**{c}**" if c == parameter.default else c for c in parameter.choices)
    shown = f"{parameter.default:g}" if isinstance(parameter.default, float) else str(parameter.default)
    if parameter.range is None:
        return f"**{shown}**"
    return f"{parameter.range.minimum:g} to {parameter.range.maximum:g}, **{shown}**"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
