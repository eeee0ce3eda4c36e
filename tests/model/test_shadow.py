"""The user's module stays bit for bit what it was, and its changes are followed."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest
import torch
from torch import nn

import saliency_widget as sw
from saliency_widget.compute import Cancelled, CancelToken
from saliency_widget.model.shadow import Shadow, checksum
from saliency_widget.plan import prepare
from small_models import STYLES, TwoHeads, keep, picture

CPU = torch.device("cpu")


def state_of(module):
    """All that a careless library changes."""
    return {
        "weights": {name: value.clone() for name, value in module.state_dict().items()},
        "grads": [p.grad is not None and float(p.grad.sum()) for p in module.parameters()],
        "rng": torch.get_rng_state().tolist(),
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


@pytest.mark.parametrize("method", ["gradient", "smoothgrad", "integrated_gradients"])  # all: tests/test_untouched.py
@pytest.mark.parametrize("inplace", [False, True])
def test_explaining_changes_nothing_of_a_module_in_training(method, inplace):
    module = TwoHeads(inplace=inplace)
    module.train()
    module.body[1].eval()
    next(module.parameters()).requires_grad_(False)
    module.style.weight.grad = torch.ones_like(module.style.weight)
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
    shadow = Shadow(module, CPU).refresh()
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


def test_weight_normalisation_works_on_the_shadow():
    module = TwoHeads()
    nn.utils.parametrizations.weight_norm(module.style)
    assert sw.explain(wrapped(module), picture(), "style:gothic").attribution.any()


def test_gradients_are_taken_inside_no_grad_inference_mode_and_autocast():
    model = wrapped(TwoHeads())
    free = sw.explain(model, picture(), "style:gothic").attribution
    for context in (torch.no_grad(), torch.inference_mode(), torch.autocast("cpu", torch.bfloat16)):
        for precision in ("auto", "float64"):  # a shadow that shares its weights, and one that has its own
            heads = {"style": STYLES, "age": sw.Regression()}
            with context:
                inside = sw.ImageModel(model.module, heads, keep, device="cpu", precision=precision)
                assert np.allclose(
                    sw.explain(inside, picture(), "style:gothic").attribution, free, rtol=1e-3, atol=1e-8
                )
            sw.explain(inside, picture(), "style:gothic")


class Writing(TwoHeads):
    """A forward that leaves traces in the module."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))
        self.log = []
        self.grid = None

    def forward(self, images):
        self.body[1].train()
        self.seen += len(images)
        self.log.append(images.mean())
        if self.grid is None:
            self.grid = torch.ones(3, 1, 1)
        images -= 0.0  # in place, on what it was given
        return super().forward(images * self.grid)


def test_what_a_forward_writes_stays_in_the_shadow():
    module = Writing().eval()
    before = state_of(module)
    model = wrapped(module)
    sw.explain(model, picture(), "style:gothic", "smoothgrad", samples=5)
    assert_same(before, state_of(module))
    assert (float(module.seen), module.log, module.grid) == (0.0, [], None)


class Slow(TwoHeads):
    """Keeps an activation in an attribute between two layers, as networks with skip connections do."""

    def forward(self, images):
        self.skip = images.mean((1, 2, 3))
        self.body(images)
        return {name: scores + self.skip[:, None] for name, scores in super().forward(images).items()}


def test_two_threads_that_explain_with_one_model_do_not_mix_their_activations():
    model = wrapped(Slow())
    pictures = [picture(seed=1), picture(seed=2)]
    alone = [sw.explain(model, p, "style:gothic", "smoothgrad", samples=20).attribution for p in pictures]
    wrong = []

    def work(i):
        for _ in range(10):
            found = sw.explain(model, pictures[i], "style:gothic", "smoothgrad", samples=20).attribution
            if not (found == alone[i]).all():
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m.body, "2", nn.Tanh()),
        lambda m: m.style.register_forward_hook(lambda _m, _i, output: output * 3),
        lambda m: m.scales[0].mul_(9),
        lambda m: m.options.update(gain=4.0),
    ],
    ids=["a layer", "a hook", "a tensor in a list", "a setting in a dictionary"],
)
def test_other_changes_of_the_module_are_followed_too(change):
    class Odd(TwoHeads):
        def __init__(self):
            super().__init__()
            self.scales = [torch.ones(1)]
            self.options = {"gain": 1.0}

        def forward(self, images):
            scores = super().forward(images)
            return {"style": scores["style"] * self.scales[0] * self.options["gain"], "age": scores["age"]}

    module = Odd().eval()
    model = wrapped(module)
    model.predict(picture())
    change(module)
    x = model.input(picture())[None]
    assert model.predict(picture())["style"].logits == pytest.approx(module(x)["style"][0].tolist(), rel=1e-5)


def test_half_precision_is_computed_in_float32_and_says_so():
    whole = sw.explain(wrapped(TwoHeads()), picture(), "style:gothic").attribution
    for dtype in (torch.float16, torch.bfloat16):
        model = wrapped(TwoHeads(dtype))
        assert "float32" in model.notes[-1]
        e = sw.explain(model, picture(), "style:gothic")
        assert e.attribution.dtype == np.float32
        assert np.abs(e.attribution - whole).max() < 0.05 * np.abs(whole).max()


def test_layers_of_different_types_keep_them():
    class Mixed(TwoHeads):
        def __init__(self):
            super().__init__()
            self.style.double()

        def forward(self, images):
            features = self.body(images).mean((2, 3))
            return {"style": self.style(features.double()), "age": self.age(features)}

    assert sw.explain(wrapped(Mixed()), picture(), "style:gothic").attribution.any()


def test_a_forward_that_was_replaced_by_a_function_is_refused():
    module = TwoHeads()
    original = module.forward
    module.forward = lambda images: {name: 2 * scores for name, scores in original(images).items()}
    with pytest.raises(sw.SaliencyError, match="replaced by a plain function"):
        sw.explain(wrapped(module), picture())


def test_a_lazy_module_is_refused_until_it_has_weights():
    module = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    with pytest.raises(sw.SaliencyError, match="lazy"):
        sw.explain(sw.ImageModel(module, preprocess=keep, device="cpu"), picture())


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_a_scripted_module_works():
    scripted = torch.jit.script(nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    assert sw.explain(sw.ImageModel(scripted, preprocess=keep, device="cpu"), picture()).attribution.any()
