"""New heads on a network that somebody has already: what it sees is kept, what it says is learned anew; it trains nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import saliency_widget as sw

__all__ = ["Headed", "two_heads"]

_NEAR = 1e-4
"""Features that are not negative and add up to 1 this nearly are probabilities."""

_NAMES = (
    "a list of class names such as ['inside', 'outside'], sw.Regression('years') or sw.MultiLabel(['hat', 'beard'])"
)


class Headed(nn.Module):
    """A backbone with one linear layer for each head; made by :func:`two_heads`.

    Parameters
    ----------
    backbone : nn.Module
        Takes images (N, C, h, w), returns features (N, width) or maps (N, width, h', w'), of which the mean is taken.
    width : int
        Number of features.
    heads : mapping of str to (sequence of str, Regression or MultiLabel)
        As for :class:`saliency_widget.ImageModel`.
    taken_off : str or None
        Name of the backbone's last layer, which an identity has replaced.
    train_backbone : bool
        Whether the backbone learns too.

    Attributes
    ----------
    backbone : nn.Module
    last : nn.ModuleList
        The heads' linear layers, in the order of `heads`.
    heads : dict
        As it was given; ``sw.ImageModel(net)`` reads all names from it.
    taken_off : str or None
    width : int
    """

    def __init__(
        self,
        backbone: nn.Module,
        width: int,
        heads: Mapping[str, Any],
        *,
        taken_off: str | None = None,
        train_backbone: bool = True,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.heads = dict(heads)
        self.taken_off = taken_off
        self.width = width
        self.pool = nn.AdaptiveAvgPool2d(1)
        # No ModuleDict: a head may be called "type" or "keys", which are names of its own.
        self.last = nn.ModuleList(nn.Linear(width, _size(name, spec)) for name, spec in heads.items())
        self._frozen = not train_backbone
        if self._frozen:
            backbone.requires_grad_(requires_grad=False)
        self.train(backbone.training)

    def train(self, mode: bool = True) -> Headed:
        """Set training or evaluation mode; a backbone that does not learn stays in evaluation mode."""
        super().train(mode)
        if self._frozen:
            self.backbone.eval()
        return self

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return each head's outputs (N, K), by name, for images (N, C, h, w)."""
        features = _first(self.backbone(images))
        if features.dim() == 4:
            features = self.pool(features).flatten(1)
        return {name: layer(features) for name, layer in zip(self.heads, self.last, strict=True)}

    def extra_repr(self) -> str:
        """Return the heads, and what was taken off."""
        sizes = ", ".join(f"{name} ({_size(name, spec)})" for name, spec in self.heads.items())
        return f"heads: {sizes}; taken off: {self.taken_off or 'nothing'}"


def two_heads(
    backbone: nn.Module,
    heads: Mapping[str, Any],
    *,
    take_off: bool | None = None,
    train_backbone: bool = True,
    input_size: int | tuple[int, int] = 224,
) -> Headed:
    """Put new heads, two or any other number, on a copy of a network.

    The network is run once, on an empty image, to see what it returns. If this comes straight from a linear layer, as in a
    classifier of torchvision or timm, that layer is taken off and the heads take its place; else the heads are put on what is
    returned. Of maps the mean over all places is taken. The new layers are drawn by PyTorch's generator, so
    ``torch.manual_seed`` makes them the same each time.

    Parameters
    ----------
    backbone : nn.Module
        Takes images (N, C, h, w); returns features (N, width), maps (N, width, h', w'), or a classifier's scores. Of a tuple, as
        Inception returns it while it is trained, the first is taken. It is copied, and never altered.
    heads : mapping of str to (sequence of str, Regression or MultiLabel)
        The heads' names, and the names of their classes; as ``heads=`` of :class:`saliency_widget.ImageModel`.
    take_off : bool, optional
        Whether the linear layer that gives the output is taken off. True insists that there is one, False keeps it: for a
        backbone whose last layer gives features and no scores. By default it is taken off where there is one.
    train_backbone : bool
        Whether the backbone learns too. If not, its weights are frozen and it stays in evaluation mode: only the new layers
        learn.
    input_size : int or (int, int)
        Height and width of the empty image, in pixels.

    Returns
    -------
    Headed
        An ``nn.Module`` that returns ``{head: outputs (N, K)}``, on the backbone's device, in its type and in its mode (training
        or evaluation). :func:`saliency_widget.explain`, the widget and ``sw.ImageModel(net)`` take it as it is, and know the
        names of its heads and classes.

    Raises
    ------
    SaliencyError
        If the backbone is no module, cannot be copied or run, or returns neither features nor maps; if there is no linear
        layer to take off; if a head is not named as it should be.

    Examples
    --------
    >>> import torchvision
    >>> vgg = torchvision.models.vgg11_bn(weights=None)
    >>> net = two_heads(vgg, {"style": ["gothic", "romanesque"], "age": sw.Regression("years")})
    >>> net.taken_off, net.width
    ('classifier.6', 4096)
    >>> model = sw.ImageModel(net)
    """
    if not isinstance(backbone, nn.Module):
        hint = "; an ImageModel holds its network in .module" if isinstance(backbone, sw.ImageModel) else ""
        message = f"backbone was given as {type(backbone).__name__}; expected an nn.Module that takes images{hint}"
        raise sw.SaliencyError(message)
    checked = _checked(heads)
    size = _lengths(input_size)
    try:
        body = copy.deepcopy(backbone)
    except Exception as error:
        message = (
            f"{type(backbone).__name__} cannot be copied ({type(error).__name__}: {error}), and it must not be altered; "
            "give a network that holds only weights that were not computed from others"
        )
        raise sw.SaliencyError(message) from error
    features, giver = _run(copy.deepcopy(body), size)
    _refuse(backbone, features)
    linear = None if giver is None or features.dim() != 2 else body.get_submodule(giver)
    width, taken = features.shape[1], None
    if isinstance(linear, nn.Linear) and giver and take_off is not False:
        width, taken = linear.in_features, giver
        parent, _, name = giver.rpartition(".")
        setattr(body.get_submodule(parent), name, nn.Identity().train(linear.training))
    elif take_off:
        raise sw.SaliencyError(_no_linear(body, giver))
    made = Headed(body, width, checked, taken_off=taken, train_backbone=train_backbone)
    made.last.to(features)
    return made


def _checked(heads: Any) -> dict[str, Any]:
    """Return the heads as a dictionary of their own, checked."""
    if not isinstance(heads, Mapping) or not heads:
        given = "empty" if isinstance(heads, Mapping) else type(heads).__name__
        message = f"heads was given as {given}; expected a dict of names, each with {_NAMES}"
        raise sw.SaliencyError(message)
    for name, spec in heads.items():
        if not isinstance(name, str) or not name.strip() or ":" in name:
            message = f"a head was named {name!r}; expected a text without a colon, since it ends at the first one in a target"
            raise sw.SaliencyError(message)
        _size(name, spec)
    return dict(heads)


def _size(name: str, spec: Any) -> int:
    """Return how many outputs a head needs."""
    if isinstance(spec, sw.Regression):
        return 1
    classes = spec.classes if isinstance(spec, sw.MultiLabel) else spec
    listed = isinstance(classes, Sequence) and not isinstance(classes, str | bytes)
    if not listed or not classes or not all(isinstance(one, str) for one in classes):
        message = f"head '{name}' was given as {spec!r}; expected {_NAMES}"
        raise sw.SaliencyError(message)
    if len(set(classes)) < len(classes):
        message = f"head '{name}' names a class twice: {', '.join(classes)}; each needs a name of its own"
        raise sw.SaliencyError(message)
    if len(classes) == 1 and not isinstance(spec, sw.MultiLabel):
        message = (
            f"head '{name}' has the one class '{classes[0]}', from which nothing can be told; name at least two, or take "
            f"sw.MultiLabel(['{classes[0]}']) for a yes or no, or sw.Regression() for a number"
        )
        raise sw.SaliencyError(message)
    return len(classes)


def _lengths(given: Any) -> tuple[int, int]:
    pair = given if isinstance(given, tuple | list) else (given, given)
    if len(pair) != 2 or any(isinstance(one, bool) or not isinstance(one, int) or one < 1 for one in pair):
        message = f"input_size was given as {given!r}; expected pixels, such as 224 or (224, 320)"
        raise sw.SaliencyError(message)
    return pair[0], pair[1]


def _run(spare: nn.Module, size: tuple[int, int]) -> tuple[Any, str | None]:
    """Run a spare copy on an empty image: what it returns, and the name of the layer that gave it, None where no layer did."""
    weight = next(spare.parameters(), torch.zeros(()))
    first = next((one for one in spare.modules() if isinstance(one, nn.Conv2d)), None)
    image = torch.zeros(1, 3 if first is None else first.in_channels, *size).to(weight)
    names = {one: name for name, one in spare.named_modules() if not any(one.children())}
    made: list[tuple[str, Tensor]] = []

    def look(layer: nn.Module, _inputs: Any, output: Any) -> None:
        # An identity hands on what it was given, and so does a dropout in evaluation mode: the first to return it made it.
        if isinstance(output, Tensor) and not any(output is one for _, one in made):
            made.append((names[layer], output))

    for one in names:
        one.register_forward_hook(look)
    try:
        with torch.no_grad():
            output = spare.eval()(image)
    except Exception as error:
        message = (
            f"{type(spare).__name__} raised {type(error).__name__} for an empty image {tuple(image.shape)}: {error}; give the "
            "size of the images that it takes, input_size=, and a network that takes one batch of images and nothing else"
        )
        raise sw.SaliencyError(message) from error
    features = _first(output)
    return features, next((name for name, one in made if one is features), None)


def _first(output: Any) -> Any:
    """Return what a network returned; of a tuple or a list, which ends in outputs for the training alone, the first."""
    return output[0] if isinstance(output, tuple | list) and output else output


def _refuse(backbone: nn.Module, features: Any) -> None:
    """Raise where heads cannot sit on what a backbone returns."""
    who = type(backbone).__name__
    expected = "expected features (N, width) or maps (N, width, h, w)"
    if isinstance(features, Mapping):
        parts = [name for name, _ in backbone.named_children()]
        body = "body" if "body" in parts else next((name for name in parts if "head" not in name), "")
        message = (
            f"{who} returns a dict ({', '.join(map(str, features))}), so it has heads already; {expected}; give the part before "
            f"its heads, such as its .{body or 'body'}"
        )
        raise sw.SaliencyError(message)
    if not isinstance(features, Tensor):
        message = f"{who} returns {type(features).__name__}; {expected}: give its part that does so"
        raise sw.SaliencyError(message)
    if features.dim() not in {2, 4} or len(features) != 1 or not features.is_floating_point():
        hint = (
            "; of tokens (N, tokens, width) take one or their mean, in a module of your own"
            if features.dim() == 3
            else ""
        )
        message = f"{who} returns {features.dtype} of shape {tuple(features.shape)} for one image; {expected}{hint}"
        raise sw.SaliencyError(message)
    if features.dim() == 2 and features.shape[1] > 1:
        for ending, shares in (("softmax", features), ("log-softmax", features.exp())):
            if bool((shares >= 0).all()) and abs(float(shares.sum()) - 1) < _NEAR:
                message = (
                    f"{who} ends in a {ending}: it returns probabilities, no features; give it without that last step"
                )
                raise sw.SaliencyError(message)


def _no_linear(body: nn.Module, giver: str | None) -> str:
    """Say why no linear layer can be taken off."""
    if giver is None:
        found = "its output is computed from its layers' outputs in its forward"
    else:
        found = f"its output comes from '{giver}', {type(body.get_submodule(giver)).__name__}"
    linear = [name for name, one in body.named_modules() if isinstance(one, nn.Linear)]
    others = f"of its linear layers '{linear[-1]}' is the last" if linear else "it has no linear layer at all"
    return (
        f"take_off=True, but no nn.Linear gives what {type(body).__name__} returns: {found}, and {others}; leave take_off out to "
        "put the heads on what it returns, or give the part that you want to keep, such as its .features"
    )
