"""The widget as Python makes it: what a page needs to begin is there, and what is wrong is said at once."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re

import ipywidgets
import numpy as np
import pytest
from PIL import Image
from torch import nn

from gates import LONG
from saliency_widget import wire
from saliency_widget.errors import BadImage, BadParameter, ModelError, UnknownMethod, UnknownTarget
from small_models import picture


def test_what_is_synced_is_exactly_what_the_protocol_says(widget, synced):
    hosts = set(ipywidgets.DOMWidget().keys) | {"_esm", "_anywidget_id"}
    assert set(widget.keys) - hosts == synced
    assert synced - {"display", "locked"} == wire.KERNELS


def test_a_new_widget_has_all_that_a_page_needs_to_begin(make):
    widget = make(images=[picture(30, 20), picture(8, 8, seed=1)], labels=["gothic", None])
    assert [head["name"] for head in widget.card["heads"]] == ["style", "age"]
    assert widget.card["revision"] == widget._session.models[""].revision()
    assert "smoothgrad" in [method["name"] for method in widget.card["methods"]]
    assert [(i["label"], i["width"], i["height"]) for i in widget.images] == [("gothic", 30, 20), ("", 8, 8)]
    assert widget.images[0]["box"] == pytest.approx([0, 0, 30, 20], abs=0.1)
    assert widget.base[:4] == b"RIFF"
    assert widget.display == {}


def test_what_was_done_to_read_a_picture_is_told_to_the_page(make):
    widget = make(images=[picture(8, 8), np.zeros((8, 8), dtype=np.uint16)])
    assert [image["notes"] for image in widget.images] == [[], ["16-bit values scaled to 8 bits"]]


def test_a_large_picture_is_shown_smaller(make):
    widget = make(images=picture(1200, 600))
    assert Image.open(io.BytesIO(widget.base)).size == (1024, 512)
    assert (widget.images[0]["width"], widget.images[0]["height"]) == (1200, 600)


def test_the_first_job_starts_by_itself(make):
    widget = make(target="age", method="smoothgrad", params={"samples": 3}, seed=5)
    widget.wait(LONG)
    e = widget.explanation
    assert (str(e.target), e.method, e.params["samples"], e.seed) == ("age", "smoothgrad", 3, 5)
    assert widget.status["state"] == "idle"


def test_a_raw_module_will_do(make):
    class Net(nn.Module):
        def forward(self, images):
            return images.mean((2, 3))

    widget = make(Net())
    widget.wait(LONG)
    assert widget.explanation.target.head == "head0"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"target": "style:gotic"}, UnknownTarget, "did you mean 'gothic'"),
        ({"method": "gradiant"}, UnknownMethod, "did you mean 'gradient'"),
        ({"params": {"steps": 1}}, BadParameter, "no parameter 'steps'"),
        ({"score": "loggit"}, BadParameter, "did you mean 'logit'"),
        ({"images": b"nonsense"}, BadImage, "no image that Pillow can read"),
        ({"images": [b""]}, BadImage, "empty"),
        ({"model": 7}, ModelError, "given as int"),
        ({"labels": ["a"]}, BadParameter, "labels"),
    ],
)
def test_what_is_wrong_appears_where_the_widget_is_made_and_leaves_nothing_behind(make, arguments, error, words):
    before = len(ipywidgets.widgets.widget._instances)
    with pytest.raises(error, match=words):
        make(**arguments)
    assert len(ipywidgets.widgets.widget._instances) == before


def test_a_page_that_was_never_built_is_one_clear_error(make, tmp_path):
    (tmp_path / "widget.css").unlink()
    with pytest.raises(FileNotFoundError, match="make build"):
        make()


def packed_in(widget):
    """Return the script that the widget's page unpacks."""
    (data,) = re.findall(r'atob\("([^"]+)"\)', widget._esm)
    return json.loads(gzip.decompress(base64.b64decode(data)))["script"]


def test_the_page_is_read_anew_for_each_widget(make, tmp_path):
    (tmp_path / "widget.js").write_text("first")
    assert packed_in(make()) == "first"
    (tmp_path / "widget.js").write_text("second")
    assert packed_in(make()) == "second"


def test_where_no_widget_can_be_shown_the_text_says_what_it_is(widget):
    data, _ = widget._repr_mimebundle_()
    first = data["text/plain"].splitlines()[0]
    assert first == f"SaliencyWidget(TwoHeads, target='{widget.target}', method='gradient'): idle"
    assert "application/vnd.jupyter.widget-view+json" in data
