"""What the project wants to reach, and whether what was measured reaches it; it measures nothing.

A goal is about ratios within one run, over the networks of one case. What was measured on some of its networks alone is judged on
those, and says so; what was not measured is neither met nor missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import timing
from peak_memory import Peak
from speed_runs import BEST, OURS, Row
from speed_subjects import CONVOLUTIONAL

__all__ = ["GOALS", "MEMORY", "Goal", "Verdict", "judge", "judge_memory"]

GIGABYTE = 1e9
MEMORY = ("integrated_gradients", "resnet50", 0.35)
"""Case, network, and how many gigabytes ours may take beyond the loaded model."""


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes
    ----------
    title : str
    case : str
    theirs, ours : str
        Contenders: how many times as long the one takes as the other.
    mean : float
        What the geometric mean over the networks has to reach.
    least : float
        What each network has to reach.
    networks : tuple of str
        Those that count; all where empty.
    inverse : bool
        Whether the figure is stated the other way round: what ours takes as a share of the other, at most `mean`.
    milliseconds : float
        Instead of a ratio, what ours may take.
    device : str
        Where the goal is stated for; everywhere where empty.
    """

    title: str
    case: str
    theirs: str = ""
    mean: float = 0.0
    least: float = 0.0
    networks: tuple[str, ...] = ()
    ours: str = OURS
    inverse: bool = False
    milliseconds: float = 0.0
    device: str = ""


@dataclass(frozen=True)
class Verdict:
    """What came of a goal, in words."""

    title: str
    goal: str
    measured: str
    verdict: str


_VIT = ("vit_b_16",)
_CAPTUM, _PAIR = "captum", "PAIR"


def _against(case: str, name: str, peer: str, mean: float, least: float) -> Goal:
    title = f"{name} against {peer}{BEST}"
    return Goal(title, case, peer + BEST, mean, least, CONVOLUTIONAL, device="cpu")


_IG, _SMOOTH = ("integrated_gradients", "IG-50"), ("smoothgrad", "SmoothGrad-50")

GOALS: tuple[Goal, ...] = (
    Goal("IG-50 against captum's defaults", _IG[0], _CAPTUM, 4.0, device="cpu"),
    _against(*_IG, _CAPTUM, 1.6, 1.2),
    _against(*_SMOOTH, _CAPTUM, 1.6, 1.2),
    Goal("IG-50, ViT, against captum" + BEST, _IG[0], _CAPTUM + BEST, 0.95, 0, _VIT, device="cpu"),
    Goal("SmoothGrad-50, ViT, against captum" + BEST, _SMOOTH[0], _CAPTUM + BEST, 0.95, 0, _VIT, device="cpu"),
    _against(*_IG, _PAIR, 1.5, 1.1),
    _against(*_SMOOTH, _PAIR, 1.5, 1.1),
    Goal("IG-50, automatic precision, against captum" + BEST, _IG[0], _CAPTUM + BEST, 2.3, ours="auto", device="cpu"),
    Goal("Eight targets, IG-50, against captum" + BEST, "eight_targets", _CAPTUM + BEST, 2.5),
    Goal(
        "A second class of the same picture, as a share of the first",
        "second_class",
        "the first class",
        0.75,
        inverse=True,
    ),
    Goal("XRAI against PAIR fast" + BEST, "xrai", f"{_PAIR} fast{BEST}", 1.1),
    Goal("XRAI that stops by itself against PAIR fast" + BEST, "xrai", f"{_PAIR} fast{BEST}", 4.0, ours="stopping"),
    Goal("Blur IG against PAIR" + BEST, "blur_ig", _PAIR + BEST, 1.6, networks=("resnet50",)),
    Goal("Blur IG against PAIR" + BEST, "blur_ig", _PAIR + BEST, 2.5, networks=("mobilenet_v2",)),
    Goal("Grad-CAM against captum", "grad_cam", _CAPTUM, 1.3),
    Goal("Grad-CAM against grad-cam", "grad_cam", "grad-cam", 1.3),
    Goal("IG-50, automatic precision", _IG[0], ours="auto", networks=("vgg16",), milliseconds=10, device="cuda"),
    Goal("IG-50, automatic precision", _IG[0], ours="auto", networks=("resnet50",), milliseconds=8, device="cuda"),
    Goal("First estimate", "first_estimate", milliseconds=3, device="cuda"),
    Goal("IG-50 against captum's defaults", _IG[0], _CAPTUM, 5.0, device="cuda"),
    Goal("IG-50 against captum" + BEST, _IG[0], _CAPTUM + BEST, 3.0, device="cuda"),
    Goal("Gradient on live frames, 120 a second", "live", milliseconds=1000 / 120, device="cuda"),
)


def judge(goal: Goal, rows: Sequence[Row]) -> Verdict:
    """Say whether a goal is met by what was measured."""
    fitting = [row for row in rows if row.case == goal.case and (not goal.networks or row.network in goal.networks)]
    if goal.milliseconds:
        return _judge_time(goal, fitting)
    found = {row.network: figure.median for row in fitting if (figure := row.ratio(goal.theirs, goal.ours)) is not None}
    asked = f"<= {goal.mean:g}" if goal.inverse else f">= {goal.mean:g}x"
    if goal.least:
        asked += f", none below {goal.least:g}x"
    if not found:
        return Verdict(_titled(goal), asked, "", "not measured")
    mean = timing.geometric_mean(found.values())
    worst = min(found, key=found.__getitem__)
    met = (1 / mean <= goal.mean) if goal.inverse else mean >= goal.mean
    met = met and found[worst] >= goal.least
    shown = f"{1 / mean:.2f}" if goal.inverse else f"{mean:.2f}x"
    if len(found) > 1:
        share = f"{1 / found[worst]:.2f}" if goal.inverse else f"{found[worst]:.2f}x"
        shown += f" over {len(found)} networks, at worst {share} ({worst})"
    missing = [name for name in goal.networks if name not in found]
    if missing:
        shown += f"; without {', '.join(missing)}"
    return Verdict(_titled(goal), asked, shown, "met" if met else "not met")


def _judge_time(goal: Goal, rows: Sequence[Row]) -> Verdict:
    asked = f"<= {goal.milliseconds:.3g} ms"
    found = {}
    for row in rows:
        # Where the precision may choose itself and chooses float32, that is what it is.
        seconds = row.seconds.get(goal.ours) or (row.seconds.get(OURS) if goal.ours == "auto" else None)
        if seconds:
            found[row.network] = 1000 * float(np.median(seconds))
    if not found:
        return Verdict(_titled(goal), asked, "", "not measured")
    shown = ", ".join(f"{milliseconds:.2f} ms ({name})" for name, milliseconds in found.items())
    met = max(found.values()) <= goal.milliseconds
    return Verdict(_titled(goal), asked, shown, "met" if met else "not met")


def judge_memory(peaks: Sequence[Peak]) -> Verdict:
    """Say whether ours keeps within its memory."""
    case, network, most = MEMORY
    found = [peak.extra for peak in peaks if (peak.case, peak.network, peak.contender) == (case, network, OURS)]
    title, asked = f"Extra memory, IG-50 ({network})", f"<= {most:g} GB"
    if not found or found[0] is None:
        return Verdict(title, asked, "", "not measured")
    size = found[0] / GIGABYTE
    return Verdict(title, asked, f"{size:.2f} GB", "met" if size <= most else "not met")


def _titled(goal: Goal) -> str:
    return f"{goal.title} ({goal.networks[0]})" if len(goal.networks) == 1 and goal.networks != _VIT else goal.title
