"""What one dry run shows of a network: its layers, activations, attention; what methods decide by whether they apply."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from saliency_widget.errors import BadParameter, ModelError, nearest
from saliency_widget.model.layers import Layer, recognise
from saliency_widget.model.rectifying import cap

__all__ = ["Attention", "Facts", "examine", "first_tensor"]

_FUNCTIONS = {
    "relu": "relu",
    "relu_": "relu",
    "relu6": "relu6",
    "hardtanh": "hardtanh",
    "hardtanh_": "hardtanh",
    "leaky_relu": "leaky_relu",
    "elu": "elu",
    "gelu": "gelu",
    "silu": "silu",
    "hardswish": "hardswish",
    "hardsigmoid": "hardsigmoid",
    "sigmoid": "sigmoid",
    "sigmoid_": "sigmoid",
    "tanh": "tanh",
    "softmax": "softmax",
    "log_softmax": "log_softmax",
    "layer_norm": "layer_norm",
    "normalize": "normalize",
    "batch_norm": "batch_norm",
    "scaled_dot_product_attention": "scaled_dot_product_attention",
    "multi_head_attention_forward": "multi_head_attention_forward",
}
"""Functions that are looked for, by the name under which torch calls them."""

_LARGEST = frozenset({
    "max_pool1d", "max_pool2d", "max_pool2d_with_indices", "adaptive_max_pool1d", "adaptive_max_pool2d", "amax", "max",
    "topk",
})  # fmt: skip

_OF_KIND = {
    "relu": (nn.ReLU,),
    "relu6": (nn.ReLU6,),
    "hardtanh": (nn.Hardtanh,),
    "leaky_relu": (nn.LeakyReLU,),
    "elu": (nn.ELU,),
    "gelu": (nn.GELU,),
    "silu": (nn.SiLU,),
    "hardswish": (nn.Hardswish,),
    "hardsigmoid": (nn.Hardsigmoid,),
    "sigmoid": (nn.Sigmoid,),
    "tanh": (nn.Tanh,),
    "softmax": (nn.Softmax, nn.Softmax2d),
    "log_softmax": (nn.LogSoftmax,),
    "layer_norm": (nn.LayerNorm,),
    "batch_norm": (nn.modules.batchnorm._BatchNorm,),  # noqa: SLF001 - torch has no other name for all of them
    "multi_head_attention_forward": (nn.MultiheadAttention,),
}

_NO_FEATURES = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten)
"""Layers that add nothing to the feature map before them."""


@dataclass(frozen=True)
class Attention:
    """One place where tokens attend to tokens.

    Attributes
    ----------
    name : str
        Name of the module in whose forward it happens.
    kind : {"module", "function", "softmax"}
        An ``nn.MultiheadAttention``, a call of ``scaled_dot_product_attention``, or a plain softmax over keys.
    tokens : int
        How many there are; 0 where the dry run did not see it.
    windowed : bool
        Whether the image was cut into windows that do not see each other.
    """

    name: str
    kind: str
    tokens: int = 0
    windowed: bool = False


@dataclass(frozen=True)
class Facts:
    """What was seen of a network while one image went through it.

    Attributes
    ----------
    calls : mapping of str to int
        How often each module was called, by name.
    kinds : mapping of str to int
        How many modules there are of each class, by the class's name.
    functions : mapping of str to int
        Activations and normalisations that were called as functions, not by the module of torch that is named after them.
    relus : int
        How often a ReLU was applied, as a module or as a function; one with a cap, as a ReLU6 is, counts too.
    maxima : int
        How often the largest of several numbers was taken, as a max pool does.
    attention : tuple of Attention
        In the order of the forward.
    layers : tuple of Layer
        All layers that a method can work at, in the order of the forward. A container that hands on the output of its last
        layer stands for it.
    aliases : mapping of str to Layer
        Those, and the layers that their containers stand for, by name.
    default_layer : str or None
        The last of them that the scores depend on, other than a transformer's projections to queries, keys and values.
    opaque : tuple of str
        Modules whose inside cannot be seen: scripted or exported ones.
    """

    calls: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    functions: Mapping[str, int] = field(default_factory=dict)
    relus: int = 0
    maxima: int = 0
    attention: tuple[Attention, ...] = ()
    layers: tuple[Layer, ...] = ()
    aliases: Mapping[str, Layer] = field(default_factory=dict)
    default_layer: str | None = None
    opaque: tuple[str, ...] = ()

    @property
    def reused(self) -> tuple[str, ...]:
        """Names of the modules that were called more than once."""
        return tuple(name for name, times in self.calls.items() if times > 1)

    def layer(self, name: str | None, of: str) -> Layer:
        """Return a layer by name, or the default one; `of` is the network's name.

        Raises
        ------
        ModelError
            If there is no layer at all.
        BadParameter
            If there is none of that name, with the nearest one.
        """
        name = name or self.default_layer
        if name is None:
            message = f"{of} has no layer whose output lies over the image as a grid of more than one row and column"
            raise ModelError(message)
        if name not in self.aliases:
            called = self.calls.get(name, 0)
            why = f", which is called {called} times," if called > 1 else ""
            known = nearest(name, [layer.name for layer in self.layers], limit=40)
            message = f"layer '{name}'{why} is none that a method can work at; {known}"
            raise BadParameter(message)
        return self.aliases[name]


def examine(
    module: nn.Module, points: Tensor, run: Callable[[Tensor], Any], scores: Callable[[Any], Iterable[Tensor]]
) -> tuple[Any, Facts]:
    """Run a network once and watch it.

    Parameters
    ----------
    module : nn.Module
        The copy that `run` runs; hooks are put on it meanwhile.
    points : Tensor
        One input, (1, C, h, w).
    run : callable
        Runs the network on points, with gradients.
    scores : callable
        Takes the network's output, returns the tensors of scores in it.

    Returns
    -------
    output : object
        What the network returned.
    facts : Facts
    """
    names = {layer: name for name, layer in module.named_modules()}
    watch = _Watch(names, (int(points.shape[-2]), int(points.shape[-1])))
    with watch.hooks(), _Calls(watch):
        output = run(points)
    touched = watch.touched(scores(output))
    layers = tuple(one.layer for one in touched)
    return output, Facts(
        calls=dict(watch.calls),
        kinds=dict(Counter(type(layer).__name__ for layer in names)),
        functions=dict(watch.functions),
        relus=watch.relus,
        maxima=watch.maxima,
        attention=tuple(watch.attention),
        layers=layers,
        aliases={name: layer for name, layer in watch.recognised.items() if watch.calls[name] == 1},
        default_layer=watch.default(touched),
        opaque=tuple(
            name or type(layer).__name__
            for layer, name in names.items()
            if isinstance(layer, torch.jit.ScriptModule | torch.fx.GraphModule)
        ),
    )


def first_tensor(output: Any) -> Tensor | None:
    """Return the tensor that a layer's output is, or begins with, as the blocks of some transformers do."""
    if isinstance(output, tuple | list) and output:
        output = output[0]
    return output if isinstance(output, Tensor) else None


@dataclass
class _Seen:
    layer: Layer
    output: Tensor
    kind: nn.Module
    order: int
    live: bool = False


class _Watch:
    """Takes notes while the network runs."""

    def __init__(self, names: Mapping[nn.Module, str], size: tuple[int, int]) -> None:
        self.names = names
        self.size = size
        self.calls: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()
        self.relus = 0
        self.maxima = 0
        self.attention: list[Attention] = []
        self.recognised: dict[str, Layer] = {}
        self._seen: list[_Seen] = []
        self._inside: list[nn.Module] = []
        self._last_attention = 0
        self._split: set[tuple[str | int, ...]] = set()  # where tokens were divided among heads: module, heads, tokens

    @contextlib.contextmanager
    def hooks(self) -> Iterator[None]:
        handles = []
        for layer in self.names:
            if not isinstance(layer, torch.jit.ScriptModule):
                handles += [layer.register_forward_pre_hook(self._enter), layer.register_forward_hook(self._leave)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, layer: nn.Module, _inputs: Any) -> None:
        self.calls[self.names[layer]] += 1
        self._inside.append(layer)

    def _leave(self, layer: nn.Module, _inputs: Any, output: Any) -> None:
        while self._inside and self._inside.pop() is not layer:
            pass
        tensor = first_tensor(output)
        if tensor is None or not tensor.is_floating_point() or not self.names[layer]:
            return
        grids = [(one.layer.height, one.layer.width) for one in self._seen]
        found = recognise(self.names[layer], tuple(tensor.shape), self.size, grids)
        if found is None:
            return
        self.recognised[found.name] = found
        if self._seen and self._seen[-1].output is tensor:
            # A container hands on the very tensor of its last layer: one candidate, under the container's name.
            if isinstance(layer, _NO_FEATURES):
                return  # a layer that does nothing, which stands for nobody
            self._seen.pop()
        self._seen.append(_Seen(found, tensor, layer, sum(self.calls.values())))

    def called(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        given = args[0] if args else kwargs.get("input")
        if isinstance(given, Tensor) and not given.requires_grad:
            return  # of numbers that the picture has no part in, such as a table of position biases
        inside = self._inside[-1] if self._inside else None
        if cap(name, args, kwargs) is not None:
            self.relus += 1
        # A class derived from torch's may do anything: what it calls is noted, since its own name says nothing.
        if not isinstance(inside, _OF_KIND.get(name, ())) or not type(inside).__module__.startswith("torch.nn."):
            self.functions[name] += 1
        self._look_for_attention(name, inside, args, kwargs)

    def _look_for_attention(
        self, name: str, inside: nn.Module | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        where = self.names.get(inside, "") if inside is not None else ""
        host = where.rpartition(".")[0] if isinstance(inside, nn.Softmax) else where
        if name == "multi_head_attention_forward":
            query = args[0] if args else kwargs["query"]  # (tokens, batch, channels)
            self.attention.append(Attention(where, "module", int(query.shape[0]), windowed=query.shape[1] > 1))
        elif name == "scaled_dot_product_attention":
            query = args[0] if args else kwargs["query"]
            key = args[1] if len(args) > 1 else kwargs["key"]
            self._split |= {(host, *query.shape[1:3]), (host, *key.shape[1:3])}
            self.attention.append(
                Attention(where, "function", int(query.shape[-2]), windowed=bool(query.dim() > 4 or query.shape[0] > 1))
            )
        elif name == "softmax" and args and args[0].dim() >= 4 and args[0].shape[-1] == args[0].shape[-2]:
            windowed = bool(args[0].dim() > 4 or args[0].shape[0] > 1)
            self._split.add((host, *args[0].shape[1:3]))
            self.attention.append(Attention(where, "softmax", int(args[0].shape[-1]), windowed=windowed))
        else:
            return
        self._last_attention = sum(self.calls.values())

    def touched(self, scores: Iterable[Tensor]) -> list[_Seen]:
        """Return the layers that can be worked at, knowing of each whether the scores depend on its grid."""
        apart = {name for name, layer in self.recognised.items() if self._divided(layer)}
        if any(one.output.requires_grad for one in self._seen):
            # What has no gradient does not come from the image: a table of relative positions, for one.
            apart |= {one.layer.name for one in self._seen if not one.output.requires_grad}
        for name in apart:
            self.recognised.pop(name, None)
        once = [one for one in self._seen if self.calls[one.layer.name] == 1 and one.layer.name in self.recognised]
        usable = [one for one in once if one.output.requires_grad]
        heads = [score for score in scores if score.requires_grad]
        if usable and heads:
            # Weighted unevenly: the sum over a softmax, or over heads that cancel out, depends on nothing.
            total = torch.stack([(s * torch.linspace(1, 2, s.numel()).to(s).view_as(s)).sum() for s in heads]).sum()
            with contextlib.suppress(RuntimeError):  # an output that was changed in place has no gradient of its own
                outputs = [one.output for one in usable]
                for one, gradient in zip(usable, torch.autograd.grad(total, outputs, allow_unused=True), strict=True):
                    one.live = gradient is not None and bool(one.layer.grid(gradient).any())
        return once

    def _divided(self, layer: Layer) -> bool:
        """Tell whether a supposed feature map is tokens divided among attention heads, or the attention itself."""
        shape = (layer.height, layer.width) if layer.channels_last else (layer.channels, layer.height)
        hosts = [host for host, *heads in self._split if tuple(heads) == shape]
        return layer.kind == "map" and any(layer.name.startswith(f"{host}." if host else "") for host in hosts)

    def default(self, layers: list[_Seen]) -> str | None:
        """Choose the last feature map that the scores depend on."""
        features = [one for one in layers if not isinstance(one.kind, _NO_FEATURES) and not _is_part(one)] or layers
        live = [one for one in features if one.live]
        if not live:
            # Nothing has a gradient, as in a network with a head of zeros. Behind the last attention only the class token
            # goes on, so the image's tokens count up to there.
            live = [one for one in features if not one.layer.prefix or one.order < self._last_attention] or features
        return live[-1].layer.name if live else None


def _is_part(one: _Seen) -> bool:
    """Tell whether a layer gives tokens only a part of what they are: queries, keys or values."""
    return one.layer.kind == "tokens" and isinstance(one.kind, nn.Linear)


class _Calls(TorchFunctionMode):
    """Tells the watch of each call of a function that it looks for."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch

    def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        spelled = getattr(func, "__name__", "")
        name = _FUNCTIONS.get(spelled)
        if name is not None:
            self._watch.called(name, args, kwargs or {})
        self._watch.maxima += spelled in _LARGEST
        return func(*args, **(kwargs or {}))
