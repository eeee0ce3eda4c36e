"""A user's module as this package sees it: heads, targets, images, geometry, loading, the shadow; no gradients here."""

from saliency_widget.model.geometry import Geometry
from saliency_widget.model.heads import Head, MultiLabel, Prediction, Regression
from saliency_widget.model.image_model import ImageModel, as_model
from saliency_widget.model.images import Picture, read_image
from saliency_widget.model.loading import load, models
from saliency_widget.model.targets import Target

__all__ = [
    "Geometry",
    "Head",
    "ImageModel",
    "MultiLabel",
    "Picture",
    "Prediction",
    "Regression",
    "Target",
    "as_model",
    "load",
    "models",
    "read_image",
]
