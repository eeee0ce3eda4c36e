"""Noticing, by the values of its outputs, that a model ends in a softmax, a log-softmax or a sigmoid; it undoes none.

A single image proves nothing: logits may happen to lie between 0 and 1. So the model is asked about altered inputs too, but
only where the first output is suspicious: most models pay nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from saliency_widget.model.heads import Ending, Head

__all__ = ["Endings", "find_endings", "without"]

Run = Callable[[Tensor], Mapping[str, Tensor]]

_NEAR = {torch.float16: 2e-3, torch.bfloat16: 1e-2}
"""Probabilities that went through half precision add up to 1 only this nearly."""

_NEAR_FLOAT = 1e-4

_MODULES: dict[Ending, type[nn.Module]] = {
    "softmax": nn.Softmax,
    "log_softmax": nn.LogSoftmax,
    "sigmoid": nn.Sigmoid,
}
_CALLED: dict[Ending, str] = {"softmax": "softmax", "log_softmax": "log-softmax", "sigmoid": "sigmoid"}

_LINEAR = re.compile(r"(Addmm|Mm|Bmm|Baddbmm|Mv|Addmv|Convolution|Linear)Backward\d*$")
"""A last step whose values have no bounds, though some may lie between 0 and 1."""

_VIEWS = re.compile(
    r"(Unsafe)?(View|Reshape|ReshapeAlias|Squeeze|Unsqueeze|Clone|ToCopy|Alias|Slice|Select|T|Transpose|Permute)Backward\d*$"
)


@dataclass(frozen=True)
class Endings:
    """What was found.

    Attributes
    ----------
    heads : dict of str to Head
        The heads that were given, with their `ending` and `noted`, and as labels where their outputs are sigmoids.
    skip : tuple of str
        Names of the modules that are to be left out, as they do nothing but the ending.
    notes : tuple of str
        What a user should know besides.
    """

    heads: dict[str, Head]
    skip: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_endings(
    heads: Mapping[str, Head],
    outputs: Mapping[str, Tensor],
    run: Run,
    points: Tensor,
    module: nn.Module | None,
    declared: Collection[str] = (),
) -> Endings:
    """Find out which heads end in a softmax, a log-softmax or a sigmoid.

    Parameters
    ----------
    heads : mapping of str to Head
        As they were found.
    outputs : mapping of str to Tensor
        Each head's outputs (1, K) for the image, with their graph where they have one.
    run : callable
        Takes inputs (n, C, h, w), returns each head's outputs (n, K).
    points : Tensor
        The model's input for the image, (1, C, h, w).
    module : nn.Module or None
        The copy that `run` runs; hooks are put on it for a moment. None where it is the user's own, from which nothing may
        be left out.
    declared : collection of str
        Names of the heads that the user declared regressions: they are left alone.
    """
    suspects = {
        name: ending
        for name, head in heads.items()
        if name not in declared and (ending := _ending(head, outputs[name].detach())) is not None
    }
    if not suspects:
        return Endings(dict(heads))
    seen: list[tuple[Tensor, Mapping[str, Tensor]]] = [(points, {name: outputs[name].detach() for name in heads})]
    seen += _asked(run, points)
    if len(seen) < 2:
        return Endings(dict(heads))
    found: dict[str, Ending] = {}
    for name, ending in suspects.items():
        values = torch.cat([said[name] for _, said in seen])
        if _ending(heads[name], values) == ending and (ending != "sigmoid" or _is_bounded(values, outputs[name])):
            found[name] = ending
    single = [name for name in found if heads[name].kind == "value"]
    notes = tuple(
        f"head '{name}' gives one number, which looks like the probability of a sigmoid; it is taken as a value. To take it as "
        f"a yes or no: heads={{'{name}': sw.MultiLabel(['yes'])}}"
        for name in single
    )
    found = {name: ending for name, ending in found.items() if name not in single}
    skip, bare = _final(module, run, seen[:2], found)
    settled = {
        name: _settle(head, found[name], bare=name in bare) if name in found else head for name, head in heads.items()
    }
    return Endings(settled, skip, notes)


def without(names: Collection[str]) -> Callable[[nn.Module], None]:
    """Return a function that leaves modules of these names out of a network, which it changes."""

    def leave_out(module: nn.Module) -> None:
        for name in names:
            parent, _, child = name.rpartition(".")
            setattr(module.get_submodule(parent), child, nn.Identity().eval())

    return leave_out


def _settle(head: Head, ending: Ending, *, bare: bool) -> Head:
    """Return a head that knows its ending, or that it is left out."""
    called = _CALLED[ending]
    noted = f"The model ends in a {called}. "
    if bare:
        noted += "It is left out: logits are what goes into it."
    elif ending == "sigmoid":
        noted += "Logits are recovered from its probabilities."
    else:
        noted += "Logits are recovered from its probabilities, up to a constant: their mean is 0."
    if ending == "sigmoid" and head.kind == "classes":
        noted += " Its outputs are taken as labels of which any number may hold."
    return replace(
        head, kind="labels" if ending == "sigmoid" else head.kind, ending=None if bare else ending, noted=noted
    )


def _ending(head: Head, values: Tensor) -> Ending | None:
    """Say what a head's values (n, K) look like, all rows alike."""
    values = values.double()
    near = next((near for dtype, near in _NEAR.items() if bool((values == values.to(dtype)).all())), _NEAR_FLOAT)
    if not bool(torch.isfinite(values.nan_to_num(neginf=0.0)).all()) or bool(values.isnan().any()):
        return None
    within = bool(((values >= 0) & (values <= 1)).all())
    if head.kind == "classes" and head.size > 1:
        if within and bool(((values.sum(1) - 1).abs() <= near).all()):
            return "softmax"
        if bool((values <= near).all()) and bool((values.logsumexp(1).abs() <= near).all()):
            return "log_softmax"
    if within and bool(((values > 0) & (values < 1)).any()):
        return "sigmoid"
    return None


def _asked(run: Run, points: Tensor) -> list[tuple[Tensor, Mapping[str, Tensor]]]:
    """Return altered inputs and what the model says of them; one that it cannot bear is left out."""
    noise = torch.randn(points.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(points)
    altered = [points.flip(-1), points + noise * points.std().clamp_min(0.1), 10 * points, -10 * points, 1e6 * points]
    told: list[tuple[Tensor, Mapping[str, Tensor]]] = []
    for one in altered:
        try:
            said = run(one)
        except Exception:  # noqa: BLE001, S112 - it is no image, so a refusal means nothing
            continue
        if not any(bool(scores.isnan().any()) for scores in said.values()):
            told.append((one, said))
    return told


def _is_bounded(values: Tensor, output: Tensor) -> bool:
    """Whether values in [0, 1] are no coincidence: they follow the input, and the last step is none without bounds."""
    if not bool((values != values[:1]).any()):
        return False
    step = output.grad_fn
    while step is not None and _VIEWS.match(step.name()) and step.next_functions:
        step = step.next_functions[0][0]
    return step is None or not _LINEAR.match(step.name())


def _final(
    module: nn.Module | None, run: Run, seen: list[tuple[Tensor, Mapping[str, Tensor]]], found: Mapping[str, Ending]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the modules that can be left out, and the heads whose outputs are then logits; nothing where it is not certain."""
    last = {} if module is None else _last(module, run, seen[0][0], found)
    if module is None or not last:
        return (), ()

    def skip(_layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], _output: Any) -> Any:
        return next(iter((*inputs, *named.values())))

    chosen = {id(layer): layer for layer in last.values()}
    with _hooked(chosen.values(), skip, with_kwargs=True):
        try:
            bare = [run(points) for points, _ in seen]
        except Exception:  # noqa: BLE001 - it is needed on the way, so it stays
            return (), ()
    for (_, before), after in zip(seen, bare, strict=True):
        for name, numbers in after.items():
            expected = _apply(found[name], numbers) if name in last else numbers
            if not torch.allclose(expected.double(), before[name].double(), rtol=1e-3, atol=1e-4):
                return (), ()
    # All names under which a shared module is reached.
    names = tuple(name for name, layer in module.named_modules(remove_duplicate=False) if name and id(layer) in chosen)
    return names, tuple(last) if names else ()


def _last(module: nn.Module, run: Run, points: Tensor, found: Mapping[str, Ending]) -> dict[str, nn.Module]:
    """Return the module whose output is a head's output, for each head where there is one."""
    # The tensors are kept, or another one might come to lie where they did.
    made: dict[int, tuple[nn.Module, Tensor]] = {}

    def look(layer: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            made[output.data_ptr()] = layer, output

    kinds = tuple({_MODULES[ending] for ending in found.values()})
    with _hooked([layer for layer in module.modules() if isinstance(layer, kinds)], look):
        said = run(points)
    ends = {name: made[address][0] for name in found if (address := said[name].data_ptr()) in made}
    return {name: layer for name, layer in ends.items() if isinstance(layer, _MODULES[found[name]])}


def _apply(ending: Ending, numbers: Tensor) -> Tensor:
    if ending == "sigmoid":
        return numbers.sigmoid()
    return F.softmax(numbers, 1) if ending == "softmax" else F.log_softmax(numbers, 1)


@contextmanager
def _hooked(layers: Iterable[nn.Module], hook: Callable[..., Any], **options: Any) -> Iterator[None]:
    """Put a forward hook on some layers for a moment."""
    handles = [layer.register_forward_hook(hook, **options) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
