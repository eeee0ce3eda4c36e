"""A user's module, how an image becomes its input, and its heads: what everything above asks; it takes no gradient."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from saliency_widget.errors import BadParameter, ModelError
from saliency_widget.model.diagnose import broken_forwards
from saliency_widget.model.discovery import outputs_of, study
from saliency_widget.model.endings import without
from saliency_widget.model.entrance import Entrance
from saliency_widget.model.facts import Facts, examine
from saliency_widget.model.fingerprint import checksum
from saliency_widget.model.geometry import Geometry
from saliency_widget.model.heads import Head, HeadSpec, Prediction, check_spec
from saliency_widget.model.images import Picture
from saliency_widget.model.layers import Layer
from saliency_widget.model.looking import Look, look
from saliency_widget.model.outputs import flatten
from saliency_widget.model.passes import Kept
from saliency_widget.model.placement import DTYPES, check_weights, choose_device, own_dtype
from saliency_widget.model.planes import Display
from saliency_widget.model.precision import Precisions
from saliency_widget.model.refusals import broken_weights, is_out_of_memory, why_it_raised
from saliency_widget.model.shadow import Altered, Shadow
from saliency_widget.model.targets import Target, resolve
from saliency_widget.model.tuning import Tuning
from saliency_widget.model.unwrap import spans_devices, unwrap

__all__ = ["ImageModel", "as_model", "is_out_of_memory"]


class ImageModel:
    """Any PyTorch image model, wrapped: its module, its preprocessing, its heads.

    The module itself is never touched: work happens on a shadow that shares its weights.

    Parameters
    ----------
    module : nn.Module
        Takes a batch (N, C, h, w), returns scores: a tensor (N, K) or (N,), or a tuple, list, dict, named tuple,
        dataclass or Hugging Face output of such.
    heads : mapping of str to (sequence of str, Regression, MultiLabel or None), or callable, optional
        Names of the heads and of their classes; `Regression` for a value, `MultiLabel` for labels of which any number may hold.
        By default running the model once finds them, and a dict `module.heads` that fits names them. A callable is `select`.
    preprocess : callable, optional
        Takes a float tensor (3, H, W) in [0, 1] (or a Pillow image, if it takes only that), returns the model's input
        (C, h, w). By default: resize and crop to `input_size`, ImageNet's mean and standard deviation; of one channel
        the grey value, of any other number the channels as they are, not normalised.
    input_size : int or (int, int), optional
        Height and width of the model's input where `preprocess` is not given; 224 if unknown.
    device : str or torch.device
        ``"auto"``: where the module is, if that is a GPU, else a GPU if there is one.
    precision : {"auto", "float32", "float64"}
        Floating type of the computation; ``"auto"`` keeps the module's own, and takes bfloat16 for those maps for which
        :func:`saliency_widget.measure_precision`, or the widget in idle time, has found that they come out the same.
    name : str, optional
        Name for people; the module's class by default.
    channels : int, optional
        How many channels the model's input has: 1 for digits and X-rays, 5 for a camera of five bands. Its first
        convolution or linear layer tells where it is not given.
    select : callable, optional
        Takes what the module returns, returns the scores in it, as any of the forms above.
    call : callable, optional
        How the module is run, ``call(module, x)``, where it takes more than the image:
        ``lambda module, x: module(image=x, age=age.expand(len(x)))``. It must use the module that it is given, which is the
        private copy; `x` holds several inputs at a time.
    display : (int, int, int) or callable, optional
        For images whose channels are no colours: which ones are shown as red, green and blue, or a function of the
        planes (C, H, W) that returns (3, H, W).
    references : sequence of images, optional
        Pictures of the data that the model knows, from which expected gradients may draw its baselines; they may be set later.

    Attributes
    ----------
    heads : dict of str to Head
        Known after the first image (:meth:`discover`).
    notes : list of str
        What a user should know about how the model was wrapped.

    Raises
    ------
    ModelError, BadParameter
        If `module` is no module, or another argument does not fit.
    """

    def __init__(
        self,
        module: Any,
        heads: Any = None,
        preprocess: Callable[[Any], Any] | None = None,
        input_size: int | tuple[int, int] | None = None,
        device: str | torch.device = "auto",
        precision: str = "auto",
        *,
        name: str | None = None,
        channels: int | None = None,
        display: Display | None = None,
        select: Callable[[Any], Any] | None = None,
        call: Callable[[nn.Module, Tensor], Any] | None = None,
        references: Iterable[Any] = (),
    ) -> None:
        network, notes = unwrap(module)
        if precision not in DTYPES:
            message = f"unknown precision {precision!r}; expected one of {', '.join(DTYPES)}"
            raise BadParameter(message)
        if callable(heads) and select is None:
            heads, select = None, heads
        for option, given in (("select", select), ("call", call)):
            if given is not None and not callable(given):
                message = f"{option}= was given as {type(given).__name__}; expected a function"
                raise BadParameter(message)
        spec = check_spec(heads)
        check_weights(network)
        self.module: nn.Module = module
        self.name = name or type(module).__name__
        self.notes: list[str] = notes
        self.device = choose_device(network, device)
        own = own_dtype(network)
        asked = DTYPES[precision]
        if asked is None and own in {torch.float16, torch.bfloat16}:
            # Sums of many gradients lose their digits in half precision, and SmoothGrad's squares overflow.
            asked = torch.float32
            self.notes.append(f"the weights are {str(own).removeprefix('torch.')}; maps are computed in float32")
        self.dtype = asked or own
        self.heads: dict[str, Head] = {}
        self.facts: Facts | None = None
        self.batches = True
        self._spec: dict[str, HeadSpec] | None = spec
        self._select = select
        self._called = call is not None
        place = None if device == "auto" and spans_devices(network) else self.device
        self._shadow: Shadow | Altered = Shadow(network, place, asked, call)
        self._lock = threading.Lock()
        self.tuning = Tuning()
        self.precisions = Precisions(free=precision == "auto" and self.dtype == torch.float32)
        self._reduced: torch.dtype | None = None
        self.kept = Kept()
        self._entrance = Entrance(module, preprocess, input_size, channels, display)
        self.references = references
        hooks = sum(len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in module.modules())  # noqa: SLF001
        if hooks:
            self.notes.append(
                f"the module has {hooks} forward hooks of its own; they may be part of it, so they run with it"
            )
        if self._entrance.note:
            self.notes.append(self._entrance.note)

    def __repr__(self) -> str:
        """Return the name, the heads and the device in one line."""
        heads = ", ".join(
            f"{h.name} ({h.unit or 'value'})" if h.kind == "value" else f"{h.name} ({h.size})"
            for h in self.heads.values()
        )
        return f"ImageModel({self.name}; heads: {heads or 'found at the first image'}; {self.device})"

    @property
    def channels(self) -> int:
        """How many channels the model's input has: as given, or as its first layer says, or as the first image showed."""
        return self._entrance.channels

    @property
    def references(self) -> tuple[Picture, ...]:
        """Pictures from which baselines may be drawn."""
        return self._references

    @references.setter
    def references(self, images: Iterable[Any]) -> None:
        if isinstance(images, str | bytes | np.ndarray | Tensor) or not isinstance(images, Iterable):
            message = f"references was given as {type(images).__name__}; expected a list of images, each as predict() takes it"
            raise BadParameter(message)
        self._references = tuple(self.read(image) for image in images)

    def read(self, image: Any) -> Picture:
        """Read an image of any kind as this model takes it; see :func:`saliency_widget.model.images.read_image`."""
        return self._entrance.read(image)

    def discover(self, image: Any) -> None:
        """Run the model once on an image to find its heads; does nothing where they are known.

        Raises
        ------
        ModelError
            If the model raises, or what it returns does not fit the heads that were named.
        """
        with self._lock:
            if not self.heads:
                picture = self.read(image)
                before = self._entrance.note
                output, self.facts = self._entrance.first(picture, self._examine)
                self.notes = [self._entrance.note or note if note == before else note for note in self.notes]
                if self._called and not self.facts.opaque and not any(self.facts.calls.values()):
                    message = (
                        "call= did not run the module that it was given; it must use its first argument, the private copy, and "
                        "not the module from outside"
                    )
                    raise ModelError(message)
                self.heads = self._study(output, self.input(picture)[None])
                if not self.geometry(picture).exact:
                    self.notes.append(
                        "preprocess= does more than resize and crop: maps are stretched over the whole picture"
                    )

    def input(self, image: Any) -> Tensor:
        """Return the model's input (C, h, w), on the model's device, for an image of any kind.

        A float tensor (C, H, W) in [0, 1] is taken as it is; everything else is read as :meth:`predict` reads it.
        """
        return self._entrance.input(image).to(self.device, self.dtype)

    def to_pixels(self, points: Tensor) -> Tensor:
        """Return model inputs (n, C, h, w) as people see them: colours (n, 3, h, w) in [0, 1]."""
        return self._entrance.to_pixels(points)

    def scores(self, points: Tensor, *, grad: bool) -> dict[str, Tensor]:
        """Return each head's outputs (N, K) for model inputs (N, C, h, w).

        Parameters
        ----------
        points : Tensor
            On the model's device.
        grad : bool
            Whether a gradient with respect to `points` will be taken.

        Raises
        ------
        ModelError
            If the model raises, or a head is gone.
        """
        single = points.chunk(len(points)) if len(points) > 1 and not self.batches else (points,)
        each = [outputs_of(self._forward(some, grad=grad), self.heads, len(some)) for some in single]
        return each[0] if len(each) == 1 else {name: torch.cat([one[name] for one in each]) for name in self.heads}

    def predict(self, image: Any) -> dict[str, Prediction]:
        """Say what each head says of an image.

        Parameters
        ----------
        image : path, bytes, PIL.Image.Image, numpy.ndarray, torch.Tensor or Picture
            See :func:`saliency_widget.model.images.read_image`.

        Returns
        -------
        dict of str to Prediction

        Raises
        ------
        BadImage, ModelError, NotFinite
        """
        return self.look(image).prediction

    def look(self, image: Any, layer: str | None = None) -> Look:
        """Predict, and keep the way there for a gradient; see :func:`saliency_widget.model.looking.look`."""
        picture = self.read(image)
        self.refresh()
        self.discover(picture)
        return look(self, picture, layer)

    def blame(self, points: Tensor) -> str:
        """Say, in one sentence, which weight or layer first gives NaN or infinity for inputs (N, C, h, w)."""
        if not bool(torch.isfinite(points).all()):
            return "the preprocessing gives NaN or infinity for this image; check preprocess= (a division by a std of zero?)"
        if weight := broken_weights(self.shadow):
            return weight
        layer = broken_forwards(self.shadow, lambda: self._forward(points, grad=False))
        where = f"first in layer '{layer}'" if layer else "in its outputs"
        return (
            f"the model gives NaN or infinity for this image, {where}; check its weights and the range of the input that "
            "preprocess= gives it"
        )

    def resolve(self, target: Any, top: Mapping[str, int] | None = None) -> Target:
        """Turn any spelling of a target into a :class:`Target`; see :func:`saliency_widget.model.targets.resolve`."""
        return resolve(target, self.heads, top)

    def geometry(self, picture: Picture) -> Geometry:
        """Say which part of a picture the model's input covers."""
        return self._entrance.geometry(picture)

    def revision(self) -> str:
        """Return a checksum of the module's weights as they are now."""
        return checksum(self.module)

    def refresh(self) -> None:
        """Follow what has changed in the module since the last time; called once before each run."""
        self._shadow.refresh()

    def layer(self, name: str | None = None) -> Layer:
        """Return a layer at which methods can work; the last feature map where none is named.

        Raises
        ------
        BadParameter
            If there is none of that name, with the nearest one.
        ModelError
            If the network has none at all, or has seen no image yet.
        """
        if self.facts is None:
            message = "the layers are found by running the model once; call discover(image) first"
            raise ModelError(message)
        return self.facts.layer(name, self.name)

    def altered(
        self,
        prepare: Callable[[nn.Module], object] | None = None,
        around: Callable[[], AbstractContextManager[object]] | None = None,
        reduced: torch.dtype | None = None,
    ) -> ImageModel:
        """Return the same model on a private copy of its network, changed; see :meth:`Shadow.altered`.

        With `reduced` its convolutions and matrix products are computed in that type.
        """
        other = copy.copy(self)
        other._reduced = reduced  # noqa: SLF001 - another one of this class
        other._shadow = self._shadow.altered(prepare, around)  # noqa: SLF001 - another one of this class
        other.kept = Kept()
        return other

    @property
    def copies(self) -> bool:
        """Whether the network can be copied, so that a method may change its rules; known after the first image."""
        return self._shadow.guard is None

    @property
    def on_shadow(self) -> bool:
        """Whether this is the model on its shadow, and not on a copy that was changed."""
        return isinstance(self._shadow, Shadow) and self.copies

    @property
    def shadow(self) -> nn.Module:
        """The copy on which everything is computed."""
        return self._shadow.module

    def _examine(self, point: Tensor) -> tuple[Any, Facts]:
        """Run the model once on an input (C, h, w) under observation: what it returns, and what it is made of."""
        with torch.inference_mode(mode=False):
            # A copy of our own: one that was made inside somebody's inference_mode could not be part of a gradient.
            points = point.to(self.device, self.dtype, copy=True)[None]

        def scores(output: Any) -> list[Tensor]:
            return list(flatten(output).values())

        with torch.inference_mode(mode=False), torch.enable_grad():
            return examine(self.shadow, points.detach().requires_grad_(), lambda p: self._forward(p, grad=True), scores)

    def _study(self, output: Any, points: Tensor) -> dict[str, Head]:
        """Find the heads in the output for one image, (1, C, h, w), and make ready for them."""
        private = isinstance(self._shadow, Shadow) and self._shadow.guard is None
        found = study(
            output, self._spec, lambda some: self._forward(some, grad=False), points, self.shadow, private=private
        )
        self.batches = found.batches
        self.notes += found.notes
        if found.skip and isinstance(self._shadow, Shadow):
            leave_out = without(found.skip)
            leave_out(self.shadow)
            self._shadow.changes.append(leave_out)
            _, self.facts = self._examine(points[0])
        return found.heads

    def _forward(self, points: Tensor, *, grad: bool) -> Any:
        # The caller may be inside no_grad, inference_mode or autocast; none of them may change a map. Nor is
        # inference_mode used here: what a module caches on the way would never again take part in a gradient.
        with (
            torch.inference_mode(mode=False),
            torch.set_grad_enabled(grad),
            torch.autocast(points.device.type, self._reduced, enabled=self._reduced is not None),
        ):
            try:
                output = self._shadow.run(points)
            except ModelError:
                raise
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                raise ModelError(why_it_raised(self.shadow, error, points)) from error
            try:
                return output if self._select is None else self._select(output)
            except Exception as error:
                message = f"select= raised {type(error).__name__} for what the model returned, a {type(output).__name__}: {error}"
                raise ModelError(message) from error


def as_model(model: Any) -> ImageModel:
    """Return an ImageModel as it is, and a raw module wrapped.

    Raises
    ------
    ModelError
        If it is neither.
    """
    return model if isinstance(model, ImageModel) else ImageModel(model)
