"""One picture or many, with labels and masks beside them."""

from __future__ import annotations

import numpy as np
import pytest

from saliency_widget.errors import BadImage, BadParameter
from saliency_widget.runner.gallery import gallery
from small_models import picture


def test_one_image_needs_no_list():
    made = gallery(picture(), labels={"style": "gothic"}, masks=np.ones((8, 12), bool))
    assert len(made.pictures) == len(made.labels) == len(made.masks) == 1
    assert made.caption(0) == "style: gothic"


def test_several_images_keep_their_order():
    made = gallery((picture(seed=1), picture(seed=2)), labels=["a", None])
    assert [p.image.tobytes() for p in made.pictures] == [picture(seed=s).tobytes() for s in (1, 2)]
    assert made.masks == (None, None)
    assert [made.caption(i) for i in range(2)] == ["a", ""]


def test_a_file_is_called_by_its_name(tmp_path):
    path = tmp_path / "church.png"
    picture().save(path)
    assert gallery([path]).caption(0) == "church.png"


def test_a_bad_image_is_named_by_its_place():
    with pytest.raises(BadImage, match=r"images\[1\]: the image is empty"):
        gallery([picture(), b""])
    with pytest.raises(BadImage, match=r"^the image is empty"):
        gallery(b"")


def test_no_image_at_all_is_refused():
    with pytest.raises(BadImage, match="empty list"):
        gallery([])


@pytest.mark.parametrize("name", ["labels", "masks"])
def test_labels_and_masks_must_be_as_many_as_images(name):
    with pytest.raises(BadParameter, match=f"{name} was given as 1 of them for 2 images"):
        gallery([picture(), picture(seed=1)], **{name: ["a"]})
    with pytest.raises(BadParameter, match=f"{name} was given as a dict for 2 images"):
        gallery([picture(), picture(seed=1)], **{name: {"a": 1}})
