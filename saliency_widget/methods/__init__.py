"""Attribution methods: one plain generator function each, one file per family; no devices, no chunks, no drawing."""

from saliency_widget.methods import class_appearance, controls, gradients, occlusion, paths, rise, smoothing
from saliency_widget.methods.estimate import Estimate, Quality
from saliency_widget.methods.parameters import Help, Parameter, Range
from saliency_widget.methods.registry import Applies, Method, Sibling, get, method, methods

__all__ = [
    "Applies",
    "Estimate",
    "Help",
    "Method",
    "Parameter",
    "Quality",
    "Range",
    "Sibling",
    "class_appearance",
    "controls",
    "get",
    "gradients",
    "method",
    "methods",
    "occlusion",
    "paths",
    "rise",
    "smoothing",
]
