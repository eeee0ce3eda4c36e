"""Attribution methods: one plain generator function each, one file per family; no devices, no chunks, no drawing."""

from saliency_widget.methods import (
    attention,
    attnlrp,
    blur_ig,
    class_appearance,
    controls,
    deeplift,
    expected_gradients,
    gradients,
    guided_ig,
    occlusion,
    paths,
    rectifiers,
    relevance,
    rise,
    smoothing,
    xrai,
)
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
    "attention",
    "attnlrp",
    "blur_ig",
    "class_appearance",
    "controls",
    "deeplift",
    "expected_gradients",
    "get",
    "gradients",
    "guided_ig",
    "method",
    "methods",
    "occlusion",
    "paths",
    "rectifiers",
    "relevance",
    "rise",
    "smoothing",
    "xrai",
]
