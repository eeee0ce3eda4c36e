"""Writes down how far every method is from the other libraries' own, on six networks, and where it differs on purpose.

``python benchmarks/agreement.py`` writes docs/oracles.md (some minutes on one core) and fails where the rule is broken; with
words, only the networks whose names hold one of them, to the screen. The suite asks the same in tests/methods/test_oracles.py.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]  # the oracles are the tests' own

from peer_networks import NETWORKS, load  # noqa: E402
from peers import (  # noqa: E402
    EXACT,
    METHODS,
    REASONS,
    ROUNDING,
    SAMPLES,
    STEPS,
    TIMES,
    Result,
    compare,
    obstacle,
)

__all__ = ["ALONE", "main"]

DOCS = ROOT / "docs" / "oracles.md"

ALONE: dict[str, str] = {
    "idgi": "closed forms on a linear, a bilinear and a one-hidden-layer model, and the limit of the paper's own formula: "
    "`test_paths.py`",
    "rise": "its expected value, and a linear model seen through the masks: `test_rise.py`",
    "attention_rollout": "attention that is set by hand, and the product of matrices: `test_attention.py`",
    "gradient_attention": "one layer, worked out with a pencil, and small transformers step by step: `test_attention.py`",
    "legrad": "the same, and the mean over layers of each block's own score: `test_attention.py`",
    "attnlrp": "every step of the way back through one layer of attention written out, and what each rule conserves: "
    "`test_attnlrp.py`",
    "class_appearance": "a linear model, whose picture ends at the sign of its weights: `test_class_appearance.py`",
    "edges": "the slope of a ramp in any direction: `test_controls.py`",
    "random": "it depends on the seed alone: `test_controls.py`",
    "plain_input": "it is what the model is given: `test_controls.py`",
}
"""What holds the methods that no peer has."""

_ON_PURPOSE = """\
- **The places of a path.** captum rounds the places and weights of its steps to float32, whatever the model's precision;
  ours are kept in float64. Its trapezoid rule has weights that add up to (n - 1)/n; ours add up to 1. PAIR's Integrated
  Gradients give both ends of the path the full weight, which is none of our rules, so that captum is the peer.
- **VarGrad** is the sample variance, divided by n - 1; captum divides by n. PAIR's "SmoothGrad" is the mean square.
- **Blur IG** takes a piece's change of the picture itself, so that a linear model is explained exactly, and the gradient in
  the piece's middle; PAIR's takes a derivative over 0.01 pixels at the sharp end. Ours mirrors the picture at its border;
  PAIR's goes on with zeros, which is the mean colour of a normalised input. Compared: the same border, the whole step, the
  sharp end.
- **Guided IG** of PAIR asks NumPy for a quantile by a name that NumPy 2.4 took away: told the new name.
- **CAMs** are signed and on the layer's own grid; the peers' ReLU and rescaling come after what is compared.
  pytorch-grad-cam adds small numbers to the denominators of Grad-CAM++, XGrad-CAM, Score-CAM and Finer-CAM, which change
  maps of small activations or gradients; ours has none (the peer is scaled by powers of two, so that its own vanish).
- **Score-CAM** enlarges its masks by half-pixel centres; the peer aligns corners, which moves them by half a cell.
- **Ablation-CAM** is not divided by the score: near zero that says nothing, and below zero it turns the map's sign. A
  channel is set to zero whatever its sign.
- **Finer-CAM** takes the weights of the rivals as constants; the peer lets the gradient through them, which with more than
  one rival is another map. Compared with one rival.
- **Occlusion** is the mean over the windows that cover a pixel, as in captum, which rounds to float32 on the way; PAIR's
  does not divide.
- **Guided backprop and DeconvNet** change every ReLU, also one that is a function, is used twice or has a cap (ReLU6), where
  captum's keeps the plain gradient. Compared on MobileNetV2 with each ReLU6 given to captum as a ReLU and a cap. Both equal
  the gradient where there is no ReLU: EfficientNet (SiLU).
- **DeepLIFT** follows max pools whose windows overlap, pools right behind an activation, and any activation, all of which
  captum's loses.
- **LRP and Deep Taylor** merge a batch norm into the layer before it with its own epsilon once; zennit's canonizer leaves
  it there to be divided by a second time. They find that layer by how the network runs, zennit by the order of its listing,
  and share out sums of any residual block, for which zennit needs a canonizer of each kind.
"""


def measure(names: list[str]) -> tuple[dict[tuple[str, str], Result], list[str]]:
    """Return the results by (method, network), and what of them breaks the rule."""
    found: dict[tuple[str, str], Result] = {}
    broken = []
    for name in names:
        began = time.perf_counter()
        network = load(name)
        for method in METHODS:
            if obstacle(method, name) is None:
                found[method, name] = result = compare(method, network)
                if result.broken:
                    broken.append(f"{method} on {name}: {result.broken}")
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    return found, broken


def table(found: Mapping[tuple[str, str], Result], names: list[str]) -> str:
    """Return the table as Markdown."""
    short = [name.partition("/")[2] if name.startswith("torchvision/") else name for name in names]
    rows = [f"| method | peer | {' | '.join(short)} |", "|---|---|" + ":-:|" * len(names)]
    for method, chosen in METHODS.items():
        cells = [_cell(found.get((method, name)), obstacle(method, name)) for name in names]
        rows.append(f"| `{method}` | {chosen.peer} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(result: Result | None, word: str | None) -> str:
    if result is None:
        return f"*{word}*"
    double = f"{result.double:.0e}" if result.double else "0"
    if max(result.ours, result.theirs) <= ROUNDING:
        return f"{double} / equal"
    return f"{double} / {result.ours / result.theirs:.2g}x"


def worst(found: Mapping[tuple[str, str], Result]) -> str:
    """Return the largest errors of each method as Markdown."""
    rows = ["| method | float64 | float32, ours | float32, the peer's |", "|---|:-:|:-:|:-:|"]
    for method in METHODS:
        results = [result for (name, _), result in found.items() if name == method]
        if results:
            largest = (max(getattr(one, name) for one in results) for name in ("double", "ours", "theirs"))
            rows.append(f"| `{method}` | " + " | ".join(f"{value:.0e}" for value in largest) + " |")
    return "\n".join(rows)


def page(found: Mapping[tuple[str, str], Result], names: list[str]) -> str:
    """Return the page of the documentation."""
    scattered = ", ".join(f"`{method}`" for method, chosen in METHODS.items() if chosen.several)
    reasons = "\n".join(f"- *{word}*: {reason}." for word, reason in REASONS.items())
    alone = "\n".join(f"- `{method}`: {held}." for method, held in ALONE.items())
    return f"""\
# Agreement with other libraries

Made by `python benchmarks/agreement.py` (torch {torch.__version__.partition("+")[0]}, {platform.machine()});
`tests/methods/test_oracles.py` asks the same in the suite.

Every method is compared with another library's own, at equal settings: the same noise, path, segments, layer and target, the best
class of a photograph. The networks are seeded (batch norm calibrated on photographs, the gradient's size checked), and
the built-in one is trained. Paths have {STEPS} steps, sampling methods {SAMPLES} samples.

**The rule.** In float64 the relative L2 distance from the peer's map is at most {EXACT:.0e}. In float32 the error of
our map against the peer's map in float64 is at most {TIMES:.0f} times the error of the peer's own map in float32, or no
more than rounding, {ROUNDING:.0e}.

A cell is *distance in float64 / error in float32, in multiples of the peer's*; "equal" where both errors are no more
than rounding. Both compute with the network as it is. (All but the first point of a run goes through a faster copy: over 18
maps of these networks its error in float32 is 1.02 times that of the network as it is, in the geometric mean; on VGG-16 it was
1.5 to 5.8 times, since channels-last convolutions round twice as much there. The suite asks that too.) Where both do
the same arithmetic at the same points, the errors are the same to the digit. Elsewhere
({scattered})
they scatter by factors of ten from picture to picture, in both: a ReLU near its bend, a pool whose values are nearly
equal or a sum near zero falls to one side or to the other. There the multiple is that of the geometric means over
three photographs (two for VGG-16), and the suite judges the mean over all networks. In float64 the largest distance
counts.

{table(found, names)}

## The largest errors

{worst(found)}

Guided IG and XRAI choose, value by value or region by region, and what they choose next depends on what they chose before. A
different last digit sends them another way: in float32 neither we nor the peer get the map that float64 gives.

## Cells without figures

{reasons}

A peer is given the same function of the same weights, spelled so that it can follow (`benchmarks/peer_networks.py`):
each ReLU a module that is called once and not in place, each residual sum and each last pool a module. The scores are
the same bit for bit.

## Where our formula differs on purpose

These differences are taken out before the comparison, on the peer's side (`tests/oracles`).

{_ON_PURPOSE}
## Methods without a peer

Closed forms in `tests/methods` hold these:

{alone}

Guided IG, Blur IG and AttnLRP have closed forms on linear and bilinear models and on one hidden layer, worked out by hand:
`test_closed_forms.py`, `test_guided_ig.py`, `test_blur_ig.py`.
"""


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only networks whose names hold one of these")
    words = parser.parse_args().words
    warnings.simplefilter("ignore")
    names = [name for name in NETWORKS if not words or any(word in name for word in words)]
    found, broken = measure(names)
    if words:
        print(table(found, names))
    else:
        DOCS.write_text(page(found, names), encoding="utf-8")
    if broken:
        sys.exit("the rule is broken:\n" + "\n".join(broken))


if __name__ == "__main__":
    main()
