"""Models that are compiled, parallel, scripted, exported, in half precision, or cannot be copied: they work, or say why not."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import saliency_widget as sw
from saliency_widget.errors import ModelError, NotApplicable
from saliency_widget.plan import prepare
from small_models import keep

IMAGE = np.random.default_rng(3).random((8, 8, 3), dtype=np.float32)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.conv(x)).relu().mean((2, 3)))


@pytest.fixture
def small() -> Small:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Small().eval()


def gradient(module: object) -> np.ndarray:
    return sw.explain(sw.ImageModel(module, preprocess=keep), IMAGE, 1).attribution


def test_a_compiled_module_is_worked_on_as_it_was_before_its_compilation(small):
    compiled = torch.compile(small)
    model = sw.ImageModel(compiled, preprocess=keep)
    assert np.array_equal(sw.explain(model, IMAGE, 1).attribution, gradient(small))
    assert any("compiled" in note for note in model.notes)
    assert model.module is compiled


def test_a_module_that_was_compiled_in_place_works_too(small):
    plain = gradient(small)
    small.compile()
    assert np.array_equal(gradient(small), plain)


def test_data_parallel_is_left_aside(small):
    model = sw.ImageModel(nn.DataParallel(small), preprocess=keep)
    assert np.array_equal(sw.explain(model, IMAGE, 1).attribution, gradient(small))
    assert model.layer("conv").name == "conv"


def test_a_scripted_module_works_and_follows_its_weights(small):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript says that it is old
        scripted = torch.jit.script(small)
    model = sw.ImageModel(scripted, preprocess=keep)
    before = sw.explain(model, IMAGE, 1).attribution
    assert np.allclose(before, gradient(small), atol=1e-6)
    with torch.no_grad():
        for weight in scripted.parameters():
            weight.mul_(2)
    assert not np.allclose(sw.explain(model, IMAGE, 1).attribution, before)


def test_a_traced_module_works(small):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(small, torch.zeros(1, 3, 8, 8))
    assert np.allclose(gradient(traced), gradient(small), atol=1e-6)


def test_an_exported_program_says_what_to_give_in_its_place(small):
    exported = torch.export.export(small, (torch.zeros(1, 3, 8, 8),))
    with pytest.raises(ModelError, match=r"give its \.module\(\)"):
        sw.ImageModel(exported)


@pytest.mark.parametrize("method", ["gradient", "smoothgrad"])
def test_the_module_of_an_exported_program_works_even_if_it_takes_one_image_at_a_time(small, method):
    exported = torch.export.export(small, (torch.zeros(1, 3, 8, 8),)).module()
    model = sw.ImageModel(exported, preprocess=keep)
    found = sw.explain(model, IMAGE, 1, method).attribution
    assert np.allclose(
        found, sw.explain(sw.ImageModel(small, preprocess=keep), IMAGE, 1, method).attribution, atol=1e-5
    )
    assert any("one image at a time" in note for note in model.notes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_module_in_half_precision_stays_so_and_its_maps_are_computed_in_float32(small, dtype):
    half = small.to(dtype)
    e = sw.explain(sw.ImageModel(half, preprocess=keep), IMAGE, 1)
    assert e.attribution.dtype == np.float32
    assert e.precision == "float32"
    assert half.conv.weight.dtype == dtype


def test_what_cannot_be_copied_in_a_module_is_shared_with_the_copy(small):
    small.lock = threading.Lock()
    small.log = iter(range(3))
    assert np.array_equal(gradient(small), gradient(small))


class OneOfAKind(Small):
    """Refuses to be copied, and counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __deepcopy__(self, memo: dict) -> OneOfAKind:
        raise TypeError("there is only one of me")

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        return super().forward(x)


def test_a_module_that_cannot_be_copied_is_worked_on_itself_and_put_back_after_each_forward():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = OneOfAKind()
    module.train()
    module.head.eval()
    module.norm(torch.randn(4, 4, 5, 5) + 3)  # statistics that training mode would not use
    statistics = module.norm.running_mean.clone()
    model = sw.ImageModel(module, preprocess=keep)
    e = sw.explain(model, IMAGE, 1, "smoothgrad", samples=5)
    assert e.attribution.any()
    assert (module.training, module.norm.training, module.head.training) == (True, True, False)
    assert torch.equal(module.norm.running_mean, statistics)
    assert module.count == 0
    assert not module.conv._forward_hooks
    module.eval()
    assert np.array_equal(sw.explain(model, IMAGE, 1).attribution, gradient(module))


def test_methods_that_would_change_a_module_that_cannot_be_copied_do_not_apply():
    model = sw.ImageModel(OneOfAKind(), preprocess=keep)
    model.discover(IMAGE)
    with pytest.raises(NotApplicable, match="cannot be copied"):
        prepare(model, IMAGE, 1, "guided_backprop")


def test_another_precision_of_a_module_that_cannot_be_copied_is_refused():
    with pytest.raises(ModelError, match="cannot be computed on another device or in another precision"):
        sw.explain(sw.ImageModel(OneOfAKind(), preprocess=keep, precision="float64"), IMAGE, 1)


def test_a_module_without_values_is_refused():
    with torch.device("meta"):
        module = Small()
    with pytest.raises(ModelError, match="meta device"):
        sw.explain(sw.ImageModel(module, preprocess=keep), IMAGE, 1)
