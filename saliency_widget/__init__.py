"""Live saliency for any PyTorch image model, in a notebook: see which pixels made it decide.

The public names, and nothing else. ``widget``, ``demo`` and ``lab`` are loaded on first use, so that a script which only
explains pays for no notebook.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from saliency_widget._version import __version__
from saliency_widget.errors import SaliencyError
from saliency_widget.explain import explain, stream
from saliency_widget.explanation import Explanation
from saliency_widget.methods import methods
from saliency_widget.model import ImageModel, MultiLabel, Regression, Target, load, models
from saliency_widget.trial import measure_precision

if TYPE_CHECKING:
    from saliency_widget import demo, lab
    from saliency_widget.widget import SaliencyWidget

__all__ = [
    "Explanation",
    "ImageModel",
    "MultiLabel",
    "Regression",
    "SaliencyError",
    "SaliencyWidget",
    "Target",
    "__version__",
    "demo",
    "explain",
    "lab",
    "load",
    "measure_precision",
    "methods",
    "models",
    "stream",
]

_LATER = {
    "SaliencyWidget": ("saliency_widget.widget", "SaliencyWidget"),
    "demo": ("saliency_widget.demo", None),
    "lab": ("saliency_widget.lab", None),
}


def __getattr__(name: str) -> Any:
    """Import a public name that is loaded on first use."""
    if name not in _LATER:
        message = f"module 'saliency_widget' has no attribute '{name}'"
        raise AttributeError(message)
    module, attribute = _LATER[name]
    found = importlib.import_module(module)
    return found if attribute is None else getattr(found, attribute)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
