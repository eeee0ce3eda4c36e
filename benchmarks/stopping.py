"""How good the error is that a run estimates of itself, and how many gradients the usual methods need for an error of 5 %.

On the trained built-in model, over held-out scenes: each run is recorded once, and the rule of `tolerance=` is applied to the
record for several tolerances. What it says is held against the distance from the map of many more steps or samples (or of the
run's own end, where that is the map itself).

``python benchmarks/stopping.py`` writes docs/stopping.md; with the names of methods, only these, to the screen.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from captum.attr import IntegratedGradients
from scipy.stats import spearmanr

import saliency_widget as sw
from saliency_widget.compute import ScoreFunction
from saliency_widget.methods import Estimate, until_precise
from saliency_widget.plan import Plan, prepare

__all__ = ["CASES", "Case", "Stop", "stops"]

DOCS = Path(__file__).resolve().parent.parent / "docs"
SEEDS, TARGETS = (500_017, 500_018, 500_021, 500_023, 500_030, 500_031), ("style", "perspective")
GOAL = 0.05
COUNTS = (6, 8, 10, 12, 14, 16, 20, 25, 50)
_WIDE = (0.1, 0.15, 0.2, 0.3)


HEADINGS = (
    "| run | tolerance | stopped | evaluations | estimated error | true error | true <= tolerance (true / estimated) "
    "| lowest rank correlation |"
)

PAGE = """# When a run stops by itself

Made by `python benchmarks/stopping.py`: `demo/vgg`, 2 to {scenes} held-out scenes, the top classes of two heads.

With `tolerance=0.05` a run ends once it estimates that its map's relative error (L2, against the map of endless steps or
samples) is 5 % at most. The rule (`saliency_widget/methods/stopping.py`) knows no method. It compares the running map with those
after about a half and a quarter of the work so far: the two distances say how fast the error falls, and so what is left of
it. It must have been small enough for a while, and the method's own figures, completeness or standard error, must be within
the tolerance too. Estimates come chunk by chunk, so where a run stops depends on the chunk size (here 8 gradients).

XRAI is judged by the attribution that its regions are ranked by, since a ranking jumps, however small the change: its true error
here is that of the ranked map, which may be larger than the tolerance, and its rank correlation is what counts.

Evaluations are gradients. The true error of a sampling method is that against another seed's map, without what that map's own
standard error adds. Where a run does not stop it goes on to its end, and claims nothing. Of all methods but XRAI the true error
was within the tolerance at {share}, counted for each tolerance; one place may count for several. The rule's few numbers
(how cautious, how lasting) were chosen while looking at these very scenes, so elsewhere it may do somewhat worse.

Other methods never stop by themselves. An earlier run with them, over 2 or 3 scenes, found the rule wrong for Blur IG (it comes
to rest at the map of its own pieces, 22 % from that of endless ones: right at 6 of 14 stops), RISE (1 of 11) and Score-CAM (12
of 22); occlusion stopped 3 times in 24, twice rightly. Ablation-CAM was right at all 24, but that says nothing: behind this
network's last feature map there is only a mean and a linear layer, for which its first guess is the answer.

{table}

## An error of 5 %

How many gradients a map needs whose relative error against the converged one is 5 %, for the top class of the style:

{goals}"""

GOALS = """\
- **Integrated Gradients**, black baseline: {ours} gradients with our default rule, the middles of equal pieces, and {theirs}
  with captum's, Gauss-Legendre (tried: {counts}). captum's default is 50, whose error is {their_end:.1f} % (ours
  {end:.1f} %). **The goal, half of that default, is {verdict}**: by `steps=25`, and by a run of 50 that stops by itself (the
  first rows above). Gauss-Legendre, which is made for smooth paths, gained nothing on this network of ReLUs.
- **SmoothGrad**, noise 0.15: {draws} gradients. **The goal cannot be met by averaging independent draws**: captum's
  default, `NoiseTunnel`'s, is 5 samples, which at this noise leave an error of {five} %. A mean of n independent draws has an
  error of s / sqrt(n), whoever draws them; s was measured from the draws themselves, and the numbers follow from it. Draws in
  opposite pairs would lower the error at equal work to {pairs:.2f} of that, and the number of gradients to {work:.2f}: not to a
  half. Nothing else was tried.
"""


@dataclass(frozen=True)
class Case:
    """One run that is recorded.

    Attributes
    ----------
    method : str
        Those that come for free from its run are looked at too.
    params : mapping
        Of the run, and `longer` of the one that counts as converged; none where the run's own end does.
    tolerances : tuple of float
    scenes : int
        How many.
    """

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    longer: Mapping[str, Any] | None = None
    tolerances: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2)
    scenes: int = len(SEEDS)

    @property
    def title(self) -> str:
        """The method with what is not usual about the run."""
        return f"`{self.method}`" + "".join(f", {name} {value}" for name, value in self.params.items())


CASES = (
    Case("integrated_gradients", {"steps": 50}, {"steps": 400}),
    Case("xrai", {"steps": 100}, {"steps": 200}),
    Case("smoothgrad", {"samples": 250}, {"samples": 1000}, _WIDE, 2),
    Case("integrated_gradients", {"samples": 24, "steps": 12}, {"samples": 80, "steps": 12}, (0.3, 0.4, 0.5), 2),
    Case("expected_gradients", {"samples": 250}, {"samples": 1000}, _WIDE, 2),
)


@dataclass(frozen=True)
class Stop:
    """Where a run would have stopped, and how far its map was from the converged one."""

    method: str
    tolerance: float
    done: int
    total: int
    stopped: bool
    estimated: float
    true: float
    rank: float


def stops(model: sw.ImageModel, image: Any, case: Case) -> Iterator[Stop]:
    """Record a run and apply the rule to it, for each target, tolerance and map that it gives."""
    plan = prepare(model, image, list(TARGETS), case.method, params=case.params)
    record = list(plan.estimates())
    end = record[-1]
    if case.longer is not None:
        *_, end = prepare(model, image, list(TARGETS), case.method, seed=1, params=case.longer).estimates()
    for t in range(len(TARGETS)):
        for name in (case.method, *end.siblings):
            run = [one for one in (_alone(e, t, name, case.method) for e in record) if one is not None]
            (truth,) = [one for one in [_alone(end, t, name, case.method)] if one is not None]
            for tolerance in case.tolerances:
                *_, last = until_precise(iter(run), tolerance)
                yield Stop(
                    name,
                    tolerance,
                    last.done,
                    last.total,
                    last.stopped,
                    last.quality[0][0].value if last.stopped else float("nan"),
                    _error(last, truth, sampled=case.longer is not None),
                    _rank(last.attribution, truth.attribution),
                )


def _alone(estimate: Estimate, t: int, name: str, root: str) -> Estimate | None:
    """Return the estimate of one target's map by one of the run's methods, as a run for that alone would give it."""
    own = name == root
    maps = estimate.attribution if own else estimate.siblings.get(name)
    if maps is None:
        return None
    return replace(
        estimate,
        attribution=maps[t : t + 1],
        gauge=None if estimate.gauge is None else estimate.gauge[t : t + 1],
        quality=estimate.quality[t : t + 1] if own else (),
        siblings={},
    )


def _error(last: Estimate, truth: Estimate, *, sampled: bool) -> float:
    """Return the relative distance from the converged map, less what that map's own standard error adds."""
    own = next((q.value for q in (truth.quality or ((),))[0] if q.name == "standard_error"), 0.0) if sampled else 0.0
    distance = float((last.attribution - truth.attribution).norm() / truth.attribution.norm())
    return max(0.0, distance**2 - own**2) ** 0.5


def _rank(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(spearmanr(*(maps.sum((0, 1)).cpu().numpy() for maps in (one, other)), axis=None).statistic)


def _relative(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


@dataclass(frozen=True)
class Needs:
    """What one scene's map needs.

    Attributes
    ----------
    ours, captum : dict of int to float
        Error of Integrated Gradients by the number of steps, each library with its own rule.
    draws : float
        Samples that SmoothGrad needs for an error of 5 %: a mean of n independent draws has the n-th part of their variance.
    pairs : float
        The error at equal work if the draws came in opposite pairs, as a share of that.
    """

    ours: dict[int, float]
    captum: dict[int, float]
    draws: float
    pairs: float


def needs(model: sw.ImageModel, image: Any) -> Needs:
    """Measure it for the scene's style."""
    plan = prepare(model, image, [TARGETS[0]])
    f = ScoreFunction(model, plan.picture, plan.targets)
    start = f.baseline("black")
    truth = _final(plan, 400)
    captum = IntegratedGradients(lambda x: model.module(x)[TARGETS[0]])
    index = plan.targets[0].index
    ours = {n: _relative(_final(plan, n), truth) for n in COUNTS}
    theirs = {
        n: _relative(
            captum.attribute(f.x[None], start[None], target=index, n_steps=n, internal_batch_size=8)[0].detach(), truth
        )
        for n in COUNTS
    }
    sigma = 0.15 * (f.x.max() - f.x.min())
    signs = [(i, sign) for i in range(60) for sign in (1, -1)]
    found = torch.cat([c.gradients[0] for c in f.each(f.x + s * sigma * f.noise(i) for i, s in signs)])
    first, pairs = found[::2], (found[::2] + found[1::2]) / 2
    single, paired = (float(x.var(0).sum()) for x in (first, pairs))
    # Of the square of the mean map's norm, the noise that is left in it is taken off.
    size = float(found.mean(0).square().sum()) - paired / len(pairs)
    return Needs(ours, theirs, single / size / GOAL**2, (2 * paired / single) ** 0.5)


def _final(plan: Plan, steps: int) -> torch.Tensor:
    chosen = sw.methods()["integrated_gradients"]
    *_, last = replace(plan, method=chosen, params=chosen.validate({"steps": steps})).estimates()
    return last.attribution[0]


def _enough(errors: Mapping[int, float]) -> int:
    """Return the fewest steps from which on the error stays within the goal."""
    return next(n for n in errors if all(error <= GOAL for more, error in errors.items() if more >= n))


def _line(title: str, method: str, found: list[Stop]) -> str:
    """Return a row of the table."""
    ended = [one for one in found if one.stopped]
    shown = title if method in title else f"`{method}` of that run"
    if not ended:
        return f"| {shown} | {found[0].tolerance:g} | 0 of {len(found)} | | | | | |"
    done = sorted(one.done for one in ended)
    good = sum(one.true <= one.tolerance for one in ended)
    ratios = [one.true / one.estimated for one in ended]
    return (
        f"| {shown} | {found[0].tolerance:g} | {len(ended)} of {len(found)} | "
        f"{done[0]} to {done[-1]}, median {int(np.median(done))} of {ended[0].total} | "
        f"{np.mean([one.estimated for one in ended]):.3f} | {np.mean([one.true for one in ended]):.3f} | "
        f"{good} of {len(ended)} ({min(ratios):.1f} to {max(ratios):.1f}) | {min(one.rank for one in ended):.3f} |"
    )


def _table(model: sw.ImageModel, images: list[Any], words: list[str]) -> tuple[list[str], list[Stop]]:
    lines = [HEADINGS, re.sub(r"[^|]+", "---", HEADINGS)]
    every: list[Stop] = []
    for case in CASES:
        if words and case.method not in words:
            continue
        found = [stop for image in images[: case.scenes] for stop in stops(model, image, case)]
        every += found
        for name in dict.fromkeys(stop.method for stop in found):
            for tolerance in case.tolerances:
                rows = [stop for stop in found if (stop.method, stop.tolerance) == (name, tolerance)]
                lines.append(_line(case.title, name, rows))
                print(lines[-1], flush=True)
    return lines, every


def _goal(model: sw.ImageModel, images: list[Any]) -> str:
    found = [needs(model, image) for image in images]
    ours, theirs = [_enough(n.ours) for n in found], [_enough(n.captum) for n in found]
    draws, pairs = [n.draws for n in found], [n.pairs for n in found]
    return GOALS.format(
        ours=_span(ours),
        theirs=_span(theirs),
        counts=", ".join(str(n) for n in COUNTS),
        end=100 * np.mean([n.ours[50] for n in found]),
        their_end=100 * np.mean([n.captum[50] for n in found]),
        verdict="met" if max(ours) <= 25 else "not met",
        draws=_span([round(n) for n in draws]),
        five=_span([round(100 * GOAL * (n / 5) ** 0.5) for n in draws]),
        pairs=np.mean(pairs),
        work=np.mean(np.square(pairs)),
    )


def _span(counts: list[int]) -> str:
    return f"{min(counts)} to {max(counts)}"


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only these methods")
    words = parser.parse_args().words
    model = sw.load("demo/vgg")
    images = [sw.demo.buildings(1, seed=seed)[0].image for seed in SEEDS]
    table, every = _table(model, images, words)
    ended = [stop for stop in every if stop.stopped and stop.method != "xrai"]
    good = sum(stop.true <= stop.tolerance for stop in ended)
    share = f"{good} of {len(ended)} stops ({100 * good / max(1, len(ended)):.0f} %)"
    if words:
        print(share)
        return
    text = PAGE.format(scenes=len(SEEDS), share=share, table="\n".join(table), goals=_goal(model, images))
    (DOCS / "stopping.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
