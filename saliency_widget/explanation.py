"""An explanation: the attribution with all that it needs to be read, and how it is drawn and saved; it computes no gradient."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from saliency_widget import heatmaps
from saliency_widget.errors import BadParameter
from saliency_widget.methods import ESTIMATED_ERROR, Quality
from saliency_widget.model import Geometry, Picture, Prediction, Target

__all__ = ["Explanation"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Which pixels made a model say what it says of one target.

    Attributes
    ----------
    attribution : numpy.ndarray
        Shape (C, h, w), signed, in the pixels of the model's input; float32 (float64 where the model computes in it).
        What its values are is said by the method's ``values``: for most, score units per unit of the input, or score units.
    target : Target
        What is explained.
    method : str
        The method's name.
    params : dict
        All its parameters.
    score : str
        The number that is explained, and `score_value`, what it is at the picture.
    prediction : dict of str to Prediction
        What all heads say.
    quality : tuple of Quality
        Figures such as the completeness error.
    done, total : int
        The work done, and all there was to do.
    kind : {"estimate", "partial", "picture"}
        Whether the attribution is an estimate of the final map, an honest part of one, or a picture: then it holds a model's
        input, no attribution, and is read by :meth:`rgb`.
    elapsed : float
        Seconds.
    """

    attribution: NDArray[Any]
    target: Target
    method: str
    params: dict[str, Any]
    score: str
    score_value: float
    seed: int
    layer: str | None
    prediction: Mapping[str, Prediction]
    quality: tuple[Quality, ...]
    done: int
    total: int
    kind: str
    elapsed: float
    precision: str
    model: str
    picture: Picture
    geometry: Geometry
    sibling_maps: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    rgb_pixels: NDArray[np.uint8] | None = None

    def __repr__(self) -> str:
        """Return target, method, progress and quality in one line."""
        quality = "".join(f", {figure.text}" for figure in self.quality)
        return f"Explanation({self.target}, {self.method}, {self.done}/{self.total}{quality})"

    def _repr_png_(self) -> bytes:
        """Return what a notebook shows at a cell's end: the figure of :meth:`plot`."""
        drawn: bytes = self.plot()._repr_png_()
        return drawn

    @property
    def progress(self) -> float:
        """The share of the work that is done, in (0, 1]; 1 for a run that stopped by itself."""
        return 1.0 if self.stopped else self.done / self.total

    @property
    def stopped(self) -> bool:
        """Whether the run stopped by itself before all its work was done, since it was precise enough."""
        return any(figure.name == ESTIMATED_ERROR for figure in self.quality)

    @property
    def siblings(self) -> dict[str, Explanation]:
        """Explanations by other methods that came for free from the same run, by method name."""
        return {
            name: replace(self, attribution=other, method=name, quality=(), sibling_maps={})
            for name, other in self.sibling_maps.items()
        }

    def heatmap(
        self,
        sign: Literal["signed", "absolute", "positive", "negative", "increase", "decrease", "keep"] = "signed",
        *,
        channels: Literal["sum", "max", "norm"] = "sum",
        smooth: float = 0.0,
    ) -> NDArray[np.float32]:
        """Return the map that is drawn: channels reduced, then the sign chosen, then smoothed.

        Parameters
        ----------
        sign : {"signed", "absolute", "positive", "negative", "increase", "decrease", "keep"}
            Which evidence is shown; ``negative`` shows the evidence against, as positive numbers. The last three are for a
            regression head: what would *increase* its value (the positive part), what would *decrease* it (the negative
            part), and what has to be left alone to *keep* it: the absolute map, as a change of either sign would move it.
        channels : {"sum", "max", "norm"}
            How channels become one: their sum, the one with the largest magnitude, or the Euclidean norm.
        smooth : float
            Sigma of a Gaussian, in pixels of the model's input; 0 for none.

        Returns
        -------
        numpy.ndarray
            Shape (h, w), float32.

        Raises
        ------
        BadParameter
        """
        if self.kind == "picture":
            message = f"what '{self.method}' makes is a picture, not an attribution; use e.rgb() or e.plot()"
            raise BadParameter(message)
        shown = heatmaps.sign_of(sign, of_value=self.prediction[self.target.head].value is not None)
        return heatmaps.reduce(self.attribution, shown, channels, smooth)

    def rgb(self) -> NDArray[np.uint8]:
        """Return the picture that a method of kind ``picture`` made, such as the class-appearance image.

        Returns
        -------
        numpy.ndarray
            Shape (h, w, 3), uint8, in the pixels of the model's input.

        Raises
        ------
        BadParameter
            If this is an attribution.
        """
        if self.rgb_pixels is None:
            message = f"what '{self.method}' makes is an attribution, not a picture; use e.heatmap() or e.on_image()"
            raise BadParameter(message)
        return self.rgb_pixels

    def on_image(self, sign: str = "signed", *, max_side: int | None = None, **options: Any) -> NDArray[np.float32]:
        """Return the heatmap in the pixels of the original image (scaled down, if it is very large, as `picture` is).

        Parameters
        ----------
        sign, **options
            As for :meth:`heatmap`.
        max_side : int, optional
            Scale the result down to this many pixels on its long side.

        Returns
        -------
        numpy.ndarray
            Shape (H, W), float32; NaN where the model saw nothing.
        """
        geometry = self.geometry if max_side is None else self.geometry.shrunk(max_side)
        return heatmaps.place(self.heatmap(sign, **options), geometry)  # type: ignore[arg-type]

    def plot(self, sign: str = "signed", **options: Any) -> Any:
        """Draw the picture, the map over it and its colour bar; or the picture that the method made.

        Parameters
        ----------
        sign, **options
            As for :meth:`heatmap`; also ``colormap`` (a matplotlib name), ``opacity`` in [0, 1], ``clip`` (percentile).

        Returns
        -------
        matplotlib.figure.Figure
            Made without pyplot, so nothing has to be closed.
        """
        return importlib.import_module("saliency_widget.render.figure").draw(self, sign, **options)

    def save(self, path: str | Path, **options: Any) -> Path:
        """Save as a picture (``.png``) or with all numbers (``.npz``).

        Parameters
        ----------
        path : str or Path
            The ending says what is saved.
        **options
            For a picture: as for :meth:`plot`.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        BadParameter
            If the ending is another one.
        """
        path = Path(path)
        if path.suffix.lower() == ".png":
            self.plot(**options).savefig(path, dpi=150)
        elif path.suffix.lower() == ".npz":
            with path.open("wb") as file:  # given a name, NumPy would add an ending of its own
                np.savez_compressed(file, **self._arrays())
        else:
            message = (
                f"cannot save an explanation as '{path.suffix or path.name}'; expected a name that ends in .png or .npz"
            )
            raise BadParameter(message)
        return path

    @classmethod
    def load(cls, path: str | Path) -> Explanation:
        """Load what :meth:`save` wrote as ``.npz``; nothing in the file is executed.

        Raises
        ------
        BadParameter
            If the file is no such file.
        """
        try:
            with np.load(Path(path), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            meta = json.loads(str(arrays["meta"]))
            explanation = _from_arrays(meta, arrays)
        except Exception as error:
            message = f"'{path}' is no explanation that save() wrote as .npz ({type(error).__name__}: {error})"
            raise BadParameter(message) from error
        return explanation

    def _arrays(self) -> dict[str, Any]:
        meta = {name: getattr(self, name) for name in _PLAIN} | {
            "target": asdict(self.target),
            "quality": [asdict(figure) for figure in self.quality],
            "geometry": asdict(self.geometry),
            "picture": {"label": self.picture.label, "notes": self.picture.notes},
            "prediction": {
                name: {"classes": said.classes, "value": said.value, "unit": said.unit}
                for name, said in self.prediction.items()
            },
        }
        arrays = {
            "meta": np.array(json.dumps(meta)),
            "attribution": self.attribution,
            "image": np.array(self.picture.image),
        }
        arrays |= {f"sibling/{name}": other for name, other in self.sibling_maps.items()}
        arrays |= {} if self.rgb_pixels is None else {"rgb": self.rgb_pixels}
        arrays |= {} if self.picture.exact is None else {"exact": self.picture.exact.numpy()}
        for name, said in self.prediction.items():
            if said.logits is not None:
                arrays |= {f"logits/{name}": said.logits, f"probabilities/{name}": said.probabilities}
        return arrays


_PLAIN = (
    "method",
    "params",
    "score",
    "score_value",
    "seed",
    "layer",
    "done",
    "total",
    "kind",
    "elapsed",
    "precision",
    "model",
)


def _from_arrays(meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Explanation:
    def prediction(name: str, said: dict[str, Any]) -> Prediction:
        classes = None if said["classes"] is None else tuple(said["classes"])
        return Prediction(
            classes, arrays.get(f"logits/{name}"), arrays.get(f"probabilities/{name}"), said["value"], said["unit"]
        )

    geometry, image = meta["geometry"], meta["picture"]
    exact = torch.from_numpy(arrays["exact"]) if "exact" in arrays else None
    return Explanation(
        attribution=arrays["attribution"],
        target=Target(**meta["target"]),
        quality=tuple(Quality(**figure) for figure in meta["quality"]),
        prediction={name: prediction(name, said) for name, said in meta["prediction"].items()},
        picture=Picture(Image.fromarray(arrays["image"]), image["label"], tuple(image["notes"]), exact),
        geometry=Geometry(
            tuple(geometry["size"]), tuple(geometry["box"]), tuple(geometry["input_size"]), exact=geometry["exact"]
        ),
        sibling_maps={
            name.removeprefix("sibling/"): other for name, other in arrays.items() if name.startswith("sibling/")
        },
        rgb_pixels=arrays.get("rgb"),
        **{name: meta[name] for name in _PLAIN},
    )
