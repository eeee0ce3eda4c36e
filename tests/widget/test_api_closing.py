"""The widget once Python has closed it: no more work, its jobs ended, and the user's model as it was."""

from __future__ import annotations

import pytest
import torch

from fake_pages import FakePage
from gates import LONG
from saliency_widget.runner import Closed
from small_models import two_heads


def test_a_closed_widget_refuses_work_and_keeps_its_last_explanation(widget):
    last = widget.explanation
    widget.close()
    widget.close()
    assert widget.explanation is last
    assert widget.wait() is None
    for ask in (
        lambda: setattr(widget, "target", "age"),
        lambda: widget.explain("age"),
        lambda: widget.on_explanation(print),
    ):
        with pytest.raises(Closed, match="closed"):
            ask()
    assert "SaliencyWidget(" in repr(widget)


def test_closing_ends_the_running_job_for_the_page(gated):
    page = FakePage(gated)
    gated.gate.open.clear()
    page.click("style:0")
    assert gated.gate.reached.wait(LONG)
    gated.close()
    (end,) = page.of("end")
    assert (end["status"], end["code"]) == ("error", "closed")


def test_the_users_model_is_what_it_was(make):
    model = two_heads()
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    widget = make(model, method="smoothgrad", params={"samples": 8})
    widget.wait(LONG)
    widget.explain("age")
    widget.close()
    assert all(torch.equal(before[name], value) for name, value in model.module.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.module.parameters())
    assert model.module.training
