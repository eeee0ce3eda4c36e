"""The user's module stays bit for bit what it was, and its changes are followed."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import saliency_widget as sw
from saliency_widget.compute import CancelToken, Cancelled
from saliency_widget.explain import prepare
from saliency_widget.model.shadow import Shadow, checksum
from small_models import STYLES, TwoHeads, keep, picture

CPU = torch.device("cpu")


def state_of(module):
    """All that a careless library changes."""
    return {
        "weights": {name: value.clone() for name, value in module.state_dict().items()},
        "grads": [p.grad for p in module.parameters()],
        "requires": [p.requires_grad for p in module.parameters()],
        "training": [layer.training for layer in module.modules()],
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in module.modules()],
        "ids": [id(layer) for layer in module.modules()] + [id(p) for p in module.parameters()],
        "pointers": [p.data_ptr() for p in module.parameters()],
    }


def assert_same(before, after):
    weights = zip(before.pop("weights").values(), after.pop("weights").values(), strict=True)
    assert all(torch.equal(one, other) for one, other in weights)
    assert before == after


def wrapped(module):
    return sw.ImageModel(module, heads={"style": STYLES, "age": sw.Regression()}, preprocess=keep, device="cpu")


@pytest.mark.parametrize("method", sw.methods())
@pytest.mark.parametrize("inplace", [False, True])
def test_explaining_changes_nothing_of_a_module_in_training(method, inplace):
    module = TwoHeads(inplace=inplace)
    module.train()
    module.body[1].eval()
    next(module.parameters()).requires_grad_(False)
    before = state_of(module)
    small = {"samples": 3} if "samples" in sw.methods()[method].parameters else {}
    small |= {"steps": 3} if "steps" in sw.methods()[method].parameters else {}
    e = sw.explain(wrapped(module), picture(), target="style:gothic", method=method, **small)
    assert e.attribution.shape == (3, 8, 12)
    assert_same(before, state_of(module))


def test_an_error_and_a_cancel_change_nothing_either():
    module = TwoHeads()
    module.train()
    model = wrapped(module)
    model.discover(picture())
    before = state_of(module)
    with pytest.raises(sw.SaliencyError):
        sw.explain(model, torch.zeros(1, 8, 12), target="style:gotic")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        list(prepare(model, picture(), "style").estimates(token))
    assert_same(before, state_of(module))


def test_dropout_and_batch_norm_behave_as_at_inference():
    module = TwoHeads()
    module.train()
    model = wrapped(module)
    maps = [sw.explain(model, picture(), "style:gothic").attribution for _ in range(2)]
    assert (maps[0] == maps[1]).all()


def test_the_shadow_shares_the_weights():
    module = TwoHeads()
    shadow = Shadow(module, CPU).module()
    assert [p.data_ptr() for p in shadow.parameters()] == [p.data_ptr() for p in module.parameters()]


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.style.weight.data.mul_(2),
        lambda m: m.style.weight.detach().numpy().__imul__(2),
        lambda m: m.load_state_dict({k: v * 2 if k == "style.weight" else v for k, v in m.state_dict().items()}),
        lambda m: setattr(m.style, "weight", nn.Parameter(m.style.weight.detach() * 2)),
        lambda m: setattr(m, "style", _doubled(m.style)),
    ],
    ids=["data", "numpy", "load_state_dict", "a new parameter", "a new layer"],
)
@pytest.mark.parametrize("precision", ["auto", "float64"])
def test_weights_that_change_later_are_followed_however_they_change(change, precision):
    module = TwoHeads()
    model = sw.ImageModel(module, preprocess=keep, device="cpu", precision=precision)
    before = sw.explain(model, picture(), ("style", 0)).attribution
    revision = model.revision()
    change(module)
    assert model.revision() != revision
    assert sw.explain(model, picture(), ("style", 0)).attribution == pytest.approx(2 * before, rel=1e-4, abs=1e-9)


def _doubled(layer):
    made = copy.deepcopy(layer)
    made.weight.data.mul_(2)
    return made


def test_a_checksum_is_the_same_for_the_same_weights():
    assert checksum(TwoHeads()) == checksum(TwoHeads())


def test_a_module_that_cannot_be_copied_is_refused_with_a_reason():
    module = TwoHeads()
    module.lock = (n for n in range(3))  # a generator has no copy
    with pytest.raises(sw.SaliencyError, match="cannot be copied"):
        sw.explain(sw.ImageModel(module, preprocess=keep, device="cpu"), picture())


def test_weight_normalisation_works_on_the_shadow():
    module = TwoHeads()
    nn.utils.parametrizations.weight_norm(module.style)
    assert sw.explain(wrapped(module), picture(), "style:gothic").attribution.any()


def test_gradients_are_taken_inside_no_grad_inference_mode_and_autocast():
    model = wrapped(TwoHeads())
    free = sw.explain(model, picture(), "style:gothic").attribution
    for context in (torch.no_grad(), torch.inference_mode(), torch.autocast("cpu", torch.bfloat16)):
        with context:
            assert (sw.explain(model, picture(), "style:gothic").attribution == free).all()
