"""What is left of a map when the network forgets what it learned, layer by layer; on a private copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from saliency_widget.compute import ScoreFunction
from saliency_widget.errors import NotApplicable
from saliency_widget.lab.bench import Bench
from saliency_widget.lab.cost import Work
from saliency_widget.lab.finding import Curve, Finding, Number, Position
from saliency_widget.lab.measures import similarity, spearman
from saliency_widget.lab.registry import experiment
from saliency_widget.methods import get
from saliency_widget.methods.parameters import Help, Range

__all__ = ["randomise", "randomised"]

_SIGNED, _ABSOLUTE, _SSIM = "rank correlation, signed", "rank correlation, absolute", "structural similarity"


def _uncopyable(b: Bench) -> str | None:
    return None if b.model.copies else "the module cannot be copied, and its own weights must not be touched"


@experiment(
    label="Randomised weights",
    explain="Forgets the network's weights layer by layer, on a copy, and compares each map with that of the trained network.",
    cite="Adebayo et al. 2018, arXiv:1810.03292",
    caveat=(
        "A map that stays the same cannot show what was learned. The opposite does not follow: a map may change and still be "
        "wrong, and how alike two maps are depends on the measure, on the layers' order and on the task (Yona & Greenfeld 2021, "
        "arXiv:2110.14297). Randomised layers keep much of what went through them, and the test favours noisy maps "
        "(Binder et al. 2023, arXiv:2211.12486)."
    ),
    cost=lambda *, most, **_: Work(2 + most, maps=1 + most, at_most=True),
    needs=("method",),
    check=_uncopyable,
)
def randomise(
    b: Bench,
    *,
    mode: Annotated[
        Literal["cascading", "independent"],
        Help("Whether the layers before stay random too, from the output down, or each is random alone."),
    ] = "cascading",
    weights: Annotated[
        Literal["reset", "shuffle"],
        Help("Drawn anew as before training, or the trained weights of each tensor in another order."),
    ] = "reset",
    most: Annotated[
        int, Range(1, 64), Help("How many steps at most; a network of more layers is randomised in blocks of them.")
    ] = 12,
) -> Iterator[Finding]:
    """Yield how alike a map stays while weights are randomised (Adebayo et al. 2018, arXiv:1810.03292).

    Layers come in the order from the output to the input; those that the target's score does not depend on are left out.
    Compared are the maps with their channels added up: by Spearman's rank correlation, of the signed and of the absolute
    values, and by structural similarity of the absolute values, each divided by its maximum. Random weights depend on the seed
    and on the layer alone, so both modes draw the same ones. The user's module is not touched.
    """
    layers = _layers(b)
    blocks = _blocks(layers, most)
    total = 2 + len(blocks)
    first = b.attribution()
    original = _flat(first)
    edges = _flat(b.run(get("edges"), {}))
    (said,) = b.says(b.f.x[None])
    label = f"{b.plan.method.label}, {b.target}"
    positions = [Position("trained", 0.0, maps={label: first}, says=said, numbers=_alike(original, original))]
    control = _alike(original, edges)
    yield _finding(b, positions, blocks, control, mode, 2, total)
    for place, block in enumerate(blocks, start=1):
        chosen = [name for one in blocks[:place] for name in one] if mode == "cascading" else list(block)
        prepare = randomised(chosen, weights, {name: i for i, name in enumerate(layers)}, b.f.seed)
        with b.f.rules(prepare) as f:
            made = b.attribution(f=f)
            (said,) = b.says(b.f.x[None], f)
        ends = [name or "the network itself" for name in (block[0], block[-1])]
        name = ends[0] if len(block) == 1 else " to ".join(ends)
        numbers = _alike(original, _flat(made))
        positions.append(Position(name, float(place), maps={label: made}, says=said, numbers=numbers))
        yield _finding(b, positions, blocks, control, mode, 2 + place, total)


def randomised(names: Sequence[str], weights: str, order: dict[str, int], seed: int) -> Callable[[nn.Module], None]:
    """Return what gives some layers of a private copy random weights of their own.

    Parameters
    ----------
    names : sequence of str
        The layers.
    weights : {"reset", "shuffle"}
    order : mapping of str to int
        A number for each layer, which its draw depends on.
    seed : int
    """

    def prepare(network: nn.Module) -> None:
        for name in names:
            module = network.get_submodule(name)
            for own, tensor in _own(module):
                # The copy's weights are the model's own: never written, but put out of the way.
                module._parameters[own] = nn.Parameter(tensor.detach().clone(), requires_grad=False)  # noqa: SLF001
            with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
                torch.manual_seed((seed * 1_000_003 + order[name]) % (1 << 63))
                _draw(module, weights)

    return prepare


def _own(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Return the weights of a module itself, not of its parts."""
    return [(name, tensor) for name, tensor in vars(module)["_parameters"].items() if tensor is not None]


def _draw(module: nn.Module, weights: str) -> None:
    reset = getattr(module, "reset_parameters", None)
    if weights == "reset" and callable(reset):
        reset()
        return
    for _, tensor in _own(module):
        flat = tensor.detach().flatten()
        if weights == "shuffle":
            drawn = flat[torch.randperm(flat.numel()).to(flat.device)]
        else:  # a layer that cannot say how it begins: numbers of the same mean and spread
            spread = flat.std(correction=0)
            drawn = flat.mean() + spread * torch.randn(flat.shape, dtype=flat.dtype).to(flat.device)
        tensor.data.copy_(drawn.view_as(tensor))


def _layers(b: Bench) -> list[str]:
    """Return the layers with weights that the target's score depends on, from the output to the input."""
    model = b.model.altered()
    f = ScoreFunction(model, b.picture, (b.target,), score=b.plan.score, cancel=b.cancel)
    called = {name: place for place, name in enumerate(b.f.facts.calls)}
    own = [
        (name, tensor) for name, module in model.shadow.named_modules() for _, tensor in _own(module)
        if tensor.is_floating_point()
    ]  # fmt: skip
    names = _depended_on(f, own)
    if not names:
        message = f"the score of '{b.target}' depends on no weights of the network's own layers"
        raise NotApplicable(message)
    inside = {name: place for place, name in enumerate(dict(model.shadow.named_modules()))}
    return sorted(names, key=lambda name: (_when(name, called), inside[name]), reverse=True)


def _when(name: str, called: dict[str, int]) -> int:
    """Return when a layer was called; one that was not, since its host does its work, when its host was."""
    while name and name not in called:
        name = name.rpartition(".")[0]
    return called.get(name, 0)


def _depended_on(f: ScoreFunction, own: Sequence[tuple[str, Tensor]]) -> set[str]:
    if not own:
        return set()
    for _, tensor in own:
        tensor.requires_grad_()

    def run() -> tuple[Tensor | None, ...]:
        with f.passing(f.x[None]) as (scores, _, _):
            if not scores.requires_grad:
                return ()
            return torch.autograd.grad(scores.sum(), [tensor for _, tensor in own], allow_unused=True)

    gradients = f.differentiate(run)
    return {name for (name, _), gradient in zip(own, gradients, strict=False) if gradient is not None}


def _blocks(names: Sequence[str], most: int) -> list[tuple[str, ...]]:
    """Return the layers in at most so many blocks of about one size, in their order."""
    parts = np.array_split(np.arange(len(names)), min(most, len(names)))
    return [tuple(names[i] for i in part) for part in parts]


def _flat(attribution: NDArray[np.floating]) -> NDArray[np.float64]:
    flat: NDArray[np.float64] = attribution.sum(0, dtype=np.float64)
    return flat


def _alike(original: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[Number, ...]:
    means = "likeness to the trained network's map"
    return (
        Number("signed", spearman(original, other), f"{means}: {_SIGNED}"),
        Number("absolute", spearman(np.abs(original), np.abs(other)), f"{means}: {_ABSOLUTE}"),
        Number("ssim", similarity(np.abs(original), np.abs(other)), f"{means}: {_SSIM} of absolute values"),
    )


def _finding(
    b: Bench,
    positions: Sequence[Position],
    blocks: Sequence[Sequence[str]],
    control: tuple[Number, ...],
    mode: str,
    done: int,
    total: int,
) -> Finding:
    places = np.array([position.value for position in positions])
    unit = f"layers randomised, {mode}, from the output"
    curves = []
    for name, label in (("signed", _SIGNED), ("absolute", _ABSOLUTE), ("ssim", _SSIM)):
        found = [position.number(name) for position in positions]
        values = np.array([np.nan if value is None else value for value in found])
        curves.append(Curve(label, places, values, unit, "likeness to the trained map"))
        edge = next(number.value for number in control if number.name == name)
        if name != "signed" and edge is not None:
            ends = np.array([0.0, float(len(blocks))])
            curves.append(
                Curve(
                    f"edge detector, {label}",
                    ends,
                    np.full(2, edge),
                    unit,
                    "likeness to the trained map",
                    role="control",
                )
            )
    last = positions[-1].numbers
    numbers = tuple(
        Number(f"last_{number.name}", number.value, f"{number.means}, at '{positions[-1].label}'") for number in last
    ) + tuple(
        Number(f"edges_{number.name}", number.value, f"how alike the map is to an edge detector's: {number.name}")
        for number in control
        if number.name != "signed"
    )
    value = positions[-1].number("absolute")
    shown = "none" if value is None else f"{value:.2f}"
    where = "with all layers randomised" if mode == "cascading" and done == total else f"at '{positions[-1].label}'"
    reading = f"The rank correlation with the trained network's map is {shown} {where} (absolute values)."
    if len(positions) == 1:
        reading = "The trained network's map, with which all others are compared."
    return b.finding(
        reading, done, total, curves=tuple(curves), positions=tuple(positions), slider=unit, numbers=numbers
    )
