"""Models that cannot be explained are refused with what was given, what was expected and what to do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import saliency_widget as sw
from saliency_widget.errors import BadImage, BadParameter, ModelError, NotFinite
from saliency_widget.model.placement import check_weights
from small_models import TwoHeads, keep, picture


def wrapped(module, **options):
    return sw.ImageModel(module, preprocess=keep, device="cpu", **options)


@pytest.mark.parametrize("bad", ["nan", "inf"])
@pytest.mark.parametrize("ask", ["predict", "discover"])
def test_weights_that_are_no_numbers_are_named(ask, bad):
    module = TwoHeads()
    module.body[4].weight.data[0, 0, 0, 0] = float(bad)
    module.body[4].weight.data[1, 0, 0, 0] = float(bad)
    what = {"nan": "NaN", "inf": "infinity"}[bad]
    with pytest.raises(NotFinite, match=rf"weight 'body\.4\.weight' holds {what} \(2 of 432 values\)"):
        getattr(wrapped(module), ask)(picture())


def test_weights_that_break_later_are_named_too():
    module = TwoHeads()
    model = wrapped(module)
    model.predict(picture())
    module.body[1].running_var.fill_(float("nan"))
    with pytest.raises(NotFinite, match=r"weight 'body\.1\.running_var' holds NaN"):
        model.predict(picture())


def test_numbers_that_break_in_a_layer_name_the_layer():
    with pytest.raises(NotFinite, match="first in layer 'last'"):
        wrapped(_Divides()).predict(picture())


class _Zero(nn.Module):
    def forward(self, images):
        return images.flatten(1)[:, :3] / 0


class _Divides(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = _Zero()

    def forward(self, images):
        return self.last(images)


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2)), "first layer is nn.Embedding.*no model for images"),
        (nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)), "first layer is nn.Linear.*flatten the image"),
        (nn.LSTM(7, 4), "first layer is nn.LSTM"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(99, 2)), "check preprocess=, input_size="),
        (nn.Bilinear(3, 3, 2), "several inputs is adapted by one function.*call=lambda"),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), "as for segmentation"),
    ],
)
def test_a_module_that_is_not_for_images_gives_one_error(module, says):
    with pytest.raises(ModelError, match=says):
        wrapped(module).predict(picture())


def test_weights_without_values_are_refused():
    with torch.device("meta"):
        module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ModelError, match=r"weight '0\.weight' is on the meta device.*to_empty"):
        wrapped(module)


class _Gone:
    """Stands for a weight on a GPU that has failed."""

    is_meta = False
    device = torch.device("cuda", 0)

    def numel(self):
        return 3

    def detach(self):
        raise RuntimeError("CUDA error: device-side assert triggered\nmore")


def test_weights_on_a_device_that_is_gone_are_refused():
    module = nn.Module()
    module.named_parameters = lambda: iter([("last.bias", _Gone())])
    with pytest.raises(
        ModelError, match=r"'last\.bias' is on cuda:0, which cannot be used \(CUDA error: .* triggered\);"
    ):
        check_weights(module)


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a device that is not there")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(BadParameter, match=r"'cuda' cannot be used here.*use 'auto' or 'cpu'"):
        sw.ImageModel(TwoHeads(), device="cuda")


def test_a_device_without_values_is_refused():
    with pytest.raises(BadParameter, match="'meta' has no values"):
        sw.ImageModel(TwoHeads(), device="meta")


def test_a_device_that_fails_on_the_way_is_said():
    class Fails(nn.Module):
        def forward(self, images):
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    with pytest.raises(ModelError, match="has failed or is gone: restart the kernel"):
        wrapped(Fails()).predict(picture())


def test_an_empty_list_of_images_is_refused():
    with pytest.raises(BadImage, match="empty"):
        sw.SaliencyWidget(wrapped(TwoHeads()), [])


def test_a_head_that_comes_and_goes_is_refused():
    class Fickle(nn.Module):
        def forward(self, images):
            name = "bright" if images.mean() > 0.5 else "dark"
            return {name: images.flatten(1)[:, :3], "always": images.flatten(1)[:, :2]}

    model = wrapped(Fickle())
    model.discover(torch.ones(3, 8, 12))
    with pytest.raises(ModelError, match="returned no head 'bright' this time, only dark, always"):
        model.predict(torch.zeros(3, 8, 12))
