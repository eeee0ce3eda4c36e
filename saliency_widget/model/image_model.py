"""A user's module, how an image becomes its input, and its heads: what everything above asks; it takes no gradient."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from saliency_widget.errors import BadParameter, ModelError, NotFinite
from saliency_widget.model.diagnose import broken_forwards
from saliency_widget.model.fingerprint import checksum
from saliency_widget.model.geometry import Geometry, measure
from saliency_widget.model.heads import Head, HeadSpec, Prediction, find_heads, flatten
from saliency_widget.model.images import Picture, read_image
from saliency_widget.model.preprocess import Preprocess, default_preprocess
from saliency_widget.model.shadow import Shadow
from saliency_widget.model.targets import Target, resolve

__all__ = ["ImageModel", "as_model", "is_out_of_memory"]

_DTYPES = {"auto": None, "float32": torch.float32, "float64": torch.float64}
_DEFAULT_SIZE = 224


class ImageModel:
    """Any PyTorch image model, wrapped: its module, its preprocessing, its heads.

    The module itself is never touched: work happens on a shadow that shares its weights.

    Parameters
    ----------
    module : nn.Module
        Takes a batch (N, C, h, w), returns scores: a tensor (N, K) or (N,), or a tuple, list, dict, named tuple or
        dataclass of such.
    heads : mapping of str to (sequence of str, Regression or None), optional
        Names of the heads and of their classes; `Regression` for a head that gives a value. By default the heads are
        found by running the model once.
    preprocess : callable, optional
        Takes a float tensor (3, H, W) in [0, 1] (or a Pillow image, if it takes only that), returns the model's input
        (C, h, w). By default: resize and crop to `input_size`, ImageNet's mean and standard deviation.
    input_size : int or (int, int), optional
        Height and width of the model's input where `preprocess` is not given; 224 if unknown.
    device : str or torch.device
        ``"auto"``: where the module is, if that is a GPU, else a GPU if there is one.
    precision : {"auto", "float32", "float64"}
        Floating type of the computation; ``"auto"`` keeps the module's own.
    name : str, optional
        Name for people; the module's class by default.

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
    ) -> None:
        if not isinstance(module, nn.Module):
            message = f"a model was given as {type(module).__name__}; expected a torch.nn.Module or an sw.ImageModel"
            raise ModelError(message)
        if precision not in _DTYPES:
            message = f"unknown precision {precision!r}; expected one of {', '.join(_DTYPES)}"
            raise BadParameter(message)
        if heads is not None and not isinstance(heads, Mapping):
            message = (
                f"heads= was given as {type(heads).__name__}; expected a dict such as {{'style': ['gothic', ...]}}"
            )
            raise BadParameter(message)
        self.module: nn.Module = module
        self.name = name or type(module).__name__
        self.notes: list[str] = []
        self.device = _choose_device(module, device)
        own = _own_dtype(module)
        asked = _DTYPES[precision]
        if asked is None and own in {torch.float16, torch.bfloat16}:
            # Sums of many gradients lose their digits in half precision, and SmoothGrad's squares overflow.
            asked = torch.float32
            self.notes.append(f"the weights are {str(own).removeprefix('torch.')}; maps are computed in float32")
        self.dtype = asked or own
        self.heads: dict[str, Head] = {}
        self._spec: dict[str, HeadSpec] | None = dict(heads) if heads is not None else None
        self._shadow = Shadow(module, self.device, asked)
        self._lock = threading.Lock()
        self._geometries: dict[tuple[int, int], Geometry] = {}
        hooks = sum(len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in module.modules())  # noqa: SLF001
        if hooks:
            self.notes.append(
                f"the module has {hooks} forward hooks of its own; they may be part of it, so they run with it"
            )
        if preprocess is None:
            height, width = _size(input_size)
            preprocess = default_preprocess(height, width)
            shown = f"{height} x {width}"
            self.notes.append(
                f"no preprocess= was given: images are resized and cropped to {shown} and normalised by ImageNet's mean "
                "and standard deviation"
            )
        self._preprocess = Preprocess(preprocess)

    def __repr__(self) -> str:
        """Return the name, the heads and the device in one line."""
        heads = ", ".join(
            f"{h.name} ({h.unit or 'value'})" if h.kind == "value" else f"{h.name} ({h.size})"
            for h in self.heads.values()
        )
        return f"ImageModel({self.name}; heads: {heads or 'found at the first image'}; {self.device})"

    def discover(self, image: Any) -> None:
        """Run the model once on an image to find its heads; does nothing where they are known.

        Raises
        ------
        ModelError
            If the model raises, or what it returns does not fit the heads that were named.
        """
        with self._lock:
            if not self.heads:
                picture = read_image(image)
                output = self._forward(self.input(picture)[None], grad=False)
                self.heads = find_heads(output, self._spec)
                if not self.geometry(picture).exact:
                    self.notes.append(
                        "preprocess= does more than resize and crop: maps are stretched over the whole picture"
                    )

    def input(self, image: Any) -> Tensor:
        """Return the model's input (C, h, w), on the model's device, for an image of any kind.

        A float tensor (3, H, W) in [0, 1] is taken as it is; everything else is read as :meth:`predict` reads it.
        """
        pixels = image if isinstance(image, Tensor) and image.is_floating_point() else read_image(image).tensor
        return self._preprocess(pixels).to(self.device, self.dtype)

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
        parts = flatten(self._forward(points, grad=grad), len(points))
        missing = [head.name for head in self.heads.values() if head.key not in parts]
        if missing:
            message = f"the model returned no head {missing[0]!r} this time, only {', '.join(parts)}; its outputs must not vary"
            raise ModelError(message)
        return {head.name: parts[head.key] for head in self.heads.values()}

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
        picture = read_image(image)
        self.refresh()
        self.discover(picture)
        points = self.input(picture)[None]
        outputs = self.scores(points, grad=False)
        if not all(bool(torch.isfinite(scores).all()) for scores in outputs.values()):
            raise NotFinite(self.blame(points))
        return {name: _prediction(self.heads[name], scores[0]) for name, scores in outputs.items()}

    def blame(self, points: Tensor) -> str:
        """Say, in one sentence, which layer first gives NaN or infinity for inputs (N, C, h, w) that do not end finite."""
        if not bool(torch.isfinite(points).all()):
            return "the preprocessing gives NaN or infinity for this image; check preprocess= (a division by a std of zero?)"
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
        size = (picture.width, picture.height)
        if size not in self._geometries:
            self._geometries[size] = measure(
                lambda image: self._preprocess(image).cpu(), size, quantised=lambda: self._preprocess.quantises
            )
        return self._geometries[size]

    def revision(self) -> str:
        """Return a checksum of the module's weights as they are now."""
        return checksum(self.module)

    def refresh(self) -> None:
        """Follow what has changed in the module since the last time; called once before each run."""
        self._shadow.refresh()

    @property
    def shadow(self) -> nn.Module:
        """The copy on which everything is computed."""
        return self._shadow.module

    def _forward(self, points: Tensor, *, grad: bool) -> Any:
        # The caller may be inside no_grad, inference_mode or autocast; none of them may change a map. Nor is
        # inference_mode used here: what a module caches on the way would never again take part in a gradient.
        with (
            torch.inference_mode(mode=False),
            torch.set_grad_enabled(grad),
            torch.autocast(points.device.type, enabled=False),
        ):
            try:
                return self._shadow.run(points)
            except ModelError:
                raise
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                message = (
                    f"the model raised {type(error).__name__} for an input of shape {tuple(points.shape)}: {error}; check "
                    "preprocess=, input_size= and the number of channels that it expects"
                )
                raise ModelError(message) from error


def as_model(model: Any) -> ImageModel:
    """Return an ImageModel as it is, and a raw module wrapped.

    Raises
    ------
    ModelError
        If it is neither.
    """
    return model if isinstance(model, ImageModel) else ImageModel(model)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception means that a device's memory is full."""
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def _prediction(head: Head, scores: Tensor) -> Prediction:
    """Turn one head's outputs (K,) into a prediction."""
    numbers = scores.float().cpu().numpy()
    if head.kind == "value":
        return Prediction(value=float(numbers[0]), unit=head.unit)
    classes: tuple[str | int, ...] = head.classes or tuple(range(head.size))
    exponentials = np.exp(numbers - numbers.max())
    return Prediction(classes, numbers, exponentials / exponentials.sum())


def _size(given: Any) -> tuple[int, int]:
    """Read ``input_size=``: one number, or height and width."""
    if given is None:
        return _DEFAULT_SIZE, _DEFAULT_SIZE
    sizes = (given, given) if isinstance(given, int) else tuple(given) if isinstance(given, list | tuple) else ()
    if len(sizes) != 2 or not all(isinstance(n, int) and n > 0 for n in sizes):
        message = f"input_size was given as {given!r}; expected one size in pixels, or (height, width)"
        raise BadParameter(message)
    return sizes[0], sizes[1]


def _own_dtype(module: nn.Module) -> torch.dtype:
    """Return the type of the first floating weight, float32 where there is none."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.float32


def _choose_device(module: nn.Module, device: str | torch.device) -> torch.device:
    """Choose where the shadow lives."""
    if device != "auto":
        try:
            chosen = torch.empty(0, device=torch.device(device)).device  # with its index: "cuda" is "cuda:0"
        except (RuntimeError, AssertionError) as error:
            message = f"device {str(device)!r} cannot be used here: {str(error).splitlines()[0]}; use 'auto' or 'cpu'"
            raise BadParameter(message) from error
        return chosen
    own = next((tensor.device for tensor in (*module.parameters(), *module.buffers())), torch.device("cpu"))
    if own.type != "cpu":
        return own
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps") if torch.backends.mps.is_available() else own
