"""What the widget's tests share: small widgets that are closed again, and torch without threads of its own."""

from __future__ import annotations

import pytest

import saliency_widget as sw
from gates import LONG, Gated
from one_thread import one_torch_thread
from saliency_widget import wire
from small_models import keep, picture, two_heads

__all__ = ["one_torch_thread"]


@pytest.fixture(autouse=True)
def _any_page(tmp_path, monkeypatch):
    """These tests are of the kernel: they need no built page."""
    for name in ("widget.js", "widget.css"):
        (tmp_path / name).write_text(f"/* {name} */")
    monkeypatch.setattr(wire, "_STATIC", tmp_path)


@pytest.fixture
def make():
    """Make widgets that are closed at the end."""
    made = []

    def make(model=None, images=None, **how):
        widget = sw.SaliencyWidget(model or two_heads(), images or [picture(seed=0), picture(seed=1)], **how)
        made.append(widget)
        return widget

    yield make
    for widget in made:
        widget.close()


@pytest.fixture
def widget(make):
    """A widget whose first job has ended."""
    widget = make()
    widget.wait(LONG)
    return widget


@pytest.fixture
def gated(make):
    """A widget whose model waits, once its gate is shut, inside its forward."""
    module = Gated()
    model = sw.ImageModel(module, preprocess=keep, device="cpu")
    widget = make(model)
    widget.wait(LONG)
    widget.gate = module.gate
    module.gate.reached.clear()
    yield widget
    module.gate.open.set()


@pytest.fixture(scope="session")
def synced():
    """The names of all that is synced, as docs/protocol.md lists them."""
    return {
        *("card", "images", "base", "image", "target", "method", "params", "score", "layer", "seed", "tolerance"),
        *(
            "predictions",
            "result",
            "result_data",
            "status",
            "display",
            "gallery",
            "masks",
            "masks_data",
            "model",
            "locked",
        ),
    }
