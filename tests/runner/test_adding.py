"""One more picture while the widget runs: put among the others, sent by a page, or cut out of another."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from fake_pages import Desk
from saliency_widget.errors import BadImage
from saliency_widget.model import Picture, read_image
from saliency_widget.runner import receiving
from saliency_widget.runner.adding import add
from saliency_widget.runner.receiving import cropped, decoded
from small_models import picture, two_heads


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def sent(desk, data, name="church.png"):
    job = receiving.receive(desk.session, desk.request(), name=name, data=data)
    desk.run()
    return job


# -- among the others -------------------------------------------------------------------------------------------------


def test_an_added_picture_can_be_asked_for_under_the_id_that_adding_gives():
    desk = Desk()
    image = add(desk.session, read_image(picture(seed=9)), "painted")
    assert desk.port.state["images"][-1] | {"box": None, "input": None} == {
        "id": image,
        "at": 2,
        "label": "painted",
        "width": 12,
        "height": 8,
        "box": None,
        "input": None,
        "notes": [],
        "truth": {},
    }
    assert desk.port.state["gallery"]["count"] == 3
    desk.click(image=image)
    desk.run()
    assert desk.session.choice.image == 2
    assert desk.port.state["result"]["image"] == image


def test_adding_leaves_the_choice_and_the_map_alone():
    desk = Desk()
    desk.click()
    desk.run()
    before = desk.session.choice, desk.port.state["image"], desk.port.state["result"]["key"]
    add(desk.session, read_image(picture(seed=9)))
    assert (desk.session.choice, desk.port.state["image"], desk.port.state["result"]["key"]) == before


def test_a_picture_that_is_there_is_not_added_again():
    desk = Desk()
    first = add(desk.session, read_image(picture(seed=9)), "one")
    assert add(desk.session, read_image(picture(seed=9)), "two") == first
    assert add(desk.session, desk.pictures[1]) == desk.pictures[1].id
    assert len(desk.session.pictures) == 3


# -- from a page ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_a_picture_of_a_usual_kind_is_decoded_on_the_compute_thread_and_added(kind):
    desk = Desk()
    data = encoded(picture(16, 10, seed=4), kind)
    job = receiving.receive(desk.session, desk.request(), name=f"a.{kind}", data=data)
    assert len(desk.session.pictures) == 2  # the handler has only noted it
    desk.run()
    (told,) = desk.port.of("added")
    assert told["job"] == job.number
    assert told["image"] == desk.session.pictures[2].id
    assert desk.port.ends() == {job.number: "complete"}
    assert desk.port.state["images"][-1]["label"] == f"a.{kind}"
    assert (desk.session.pictures[2].width, desk.session.pictures[2].height) == (16, 10)


def test_an_animation_gives_its_first_frame_and_says_so():
    desk = Desk()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    sent(desk, encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert desk.port.of("added")[0]["notes"] == ["the first of 3 frames"]
    assert desk.session.pictures[2].image.getpixel((4, 4)) == (255, 0, 0)


def test_a_photograph_is_turned_as_its_exif_says():
    desk = Desk()
    exif = Image.Exif()
    exif[0x0112] = 6
    sent(desk, encoded(picture(20, 10), "JPEG", exif=exif))
    assert (desk.session.pictures[2].width, desk.session.pictures[2].height) == (10, 20)
    assert desk.port.of("added")[0]["notes"] == ["rotated as its EXIF data says"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GIF", "'a.b' is no picture of a kind that is taken (3 bytes); expected JPEG, PNG, WEBP, GIF, BMP"),
        (encoded(picture(), "TIFF"), "expected JPEG, PNG"),
        (encoded(picture(), "PPM"), "expected JPEG, PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "expected JPEG, PNG"),
        (encoded(picture(300, 300), "PNG")[:4000], "'a.b': the image is corrupt"),
    ],
    ids=["broken", "TIFF", "PPM", "SVG", "cut off"],
)
def test_what_is_no_usual_picture_is_refused_in_words_and_nothing_is_added(data, words):
    desk = Desk()
    job = sent(desk, data, "a.b")
    (end,) = desk.port.of("end")
    assert (end["job"], end["status"], end["code"]) == (job.number, "error", "unknown_image")
    assert words in end["message"]
    assert len(desk.session.pictures) == 2


@pytest.mark.parametrize("most", [99, 10])
def test_a_picture_that_claims_too_many_pixels_is_never_decoded(monkeypatch, most):
    monkeypatch.setattr(receiving, "MOST_PIXELS", 96)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)  # Pillow warns above it, and refuses twice as many
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", lambda *_: 1 / 0)
    with pytest.raises(BadImage, match=r"'bomb.png' is too large to decode safely"):
        decoded(two_heads(), encoded(picture(20, 10), "PNG"), "bomb.png")


def test_a_name_is_only_what_can_be_read():
    assert decoded(two_heads(), encoded(picture(), "PNG"), "a\x00\n\u202eb.png").label == "ab.png"
    assert decoded(two_heads(), encoded(picture(), "PNG"), "\x07").label == "picture"


def test_a_click_after_it_is_not_lost_and_the_picture_comes_first():
    desk = Desk()
    click = desk.click()
    job = sent(desk, encoded(picture(seed=4), "PNG"))
    assert desk.port.ends() == {click.number: "complete", job.number: "complete"}
    assert [m["type"] for m in desk.port.messages].index("added") < desk.port.types.index("frame")


# -- cut out ----------------------------------------------------------------------------------------------------------


def test_a_part_of_a_picture_becomes_a_picture_of_its_own():
    desk = Desk()
    box = [2.4, 1.6, 9.4, 6.1]
    receiving.cut(desk.session, desk.request(), image=desk.pictures[0].id, box=box)
    desk.run()
    assert np.array_equal(np.array(desk.session.pictures[2].image), np.array(picture(seed=0))[2:6, 2:9])
    assert desk.port.state["images"][-1]["label"] == "picture (7 x 4 at 2, 2)"


def test_what_the_model_gets_of_a_part_are_the_exact_values():
    exact = torch.rand(5, 8, 12)
    part = cropped(Picture(picture(), "planes", exact=exact), [1, 2, 100, 100])
    assert torch.equal(part.exact, exact[:, 2:, 1:])
    assert part.label == "planes (11 x 6 at 1, 2)"


@pytest.mark.parametrize("box", [[3, 3, 4, 8], [20, 3, 30, 8], [8, 8, 2, 2]])
def test_a_part_of_next_to_nothing_is_refused(box):
    with pytest.raises(BadImage, match=r"the part to cut out is .*; mark a larger one"):
        cropped(read_image(picture()), box)


def test_a_part_of_a_picture_that_is_not_there_is_refused_at_once():
    desk = Desk()
    with pytest.raises(BadImage, match="there is no picture 'gone'"):
        receiving.cut(desk.session, desk.request(), image="gone", box=[0, 0, 5, 5])
