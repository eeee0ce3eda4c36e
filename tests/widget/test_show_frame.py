"""`show_frame`: pictures that Python hands over one by one, each shown with its map; the newest wins, nobody waits."""

from __future__ import annotations

import gc
import io
import weakref

import numpy as np
import pytest
import torch
from PIL import Image

import saliency_widget as sw
from fake_pages import MANY, Desk, FakePage
from gates import LONG
from saliency_widget.errors import BadImage, NotApplicable
from saliency_widget.explain import explain
from saliency_widget.runner import Closed
from saliency_widget.runner.flow import CREDIT
from saliency_widget.runner.live import SILENCE, Shot

SIZE = (40, 32)


def pixels(seed):
    return np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)


class LoopDesk(Desk):
    """A session to which a loop shows pictures."""

    def give(self, seed, who="a cell"):
        image = self.model.read(pixels(seed))
        return self.session.holding(lambda: self.session.moving.feed(image, who))

    def stop(self):
        return self.session.holding(self.session.moving.unfed)

    @property
    def numbers(self):
        return [m["shot"]["n"] for m in self.port.frames if m["shot"] is not None]

    @property
    def shown(self):
        """Of each frame its heatmap and its picture."""
        for message, data in zip(self.port.messages, self.port.data, strict=True):
            if message["type"] == "frame" and message["shot"] is not None:
                cut = len(data) - message["shot"]["picture"]
                values = np.frombuffer(data[:cut], "<i2").reshape(message["shape"]) * message["scales"][0]
                yield values, Image.open(io.BytesIO(data[cut:]))


@pytest.fixture
def desk():
    return LoopDesk(target="style:gothic")


def test_each_picture_is_sent_with_the_map_that_explain_gives_for_it(desk):
    for seed in (1, 2):
        assert desk.give(seed) == 0
        desk.run()
    assert desk.numbers == [1, 2]
    (accepted,) = desk.port.of("accepted")
    assert (accepted["kind"], accepted["req"]) == ("live", None)
    for seed, (found, shown) in zip((1, 2), desk.shown, strict=True):
        expected = explain(desk.model, pixels(seed), "style:gothic").heatmap()
        assert np.allclose(found, expected, atol=np.abs(expected).max() / 30_000)
        assert shown.size == SIZE
        assert np.abs(np.asarray(shown).astype(int) - pixels(seed)).mean() < 5
    shot = desk.port.frames[0]["shot"]
    assert (shot["page"], shot["size"]) == ("", list(SIZE))
    assert shot["heads"]["style"]["probabilities"]


def test_of_pictures_that_come_faster_than_maps_the_newest_counts_and_the_others_are_counted(desk):
    assert [desk.give(seed) for seed in range(1, 6)] == [0, 1, 2, 3, 4]
    desk.run()
    assert desk.numbers == [5]
    assert desk.give(6) == 4


def test_a_page_that_is_slow_does_not_hold_the_loop_and_gets_the_newest_next(desk):
    for seed in range(1, 8):
        desk.give(seed)
        desk.run(ack=False)
    assert desk.numbers == list(range(1, CREDIT + 1))
    desk.ack()
    assert desk.numbers == [*range(1, CREDIT + 1), 7]


def test_none_goes_back_to_the_chosen_picture_and_says_how_many_were_left_out(desk):
    desk.give(1)
    desk.give(2)
    desk.run()
    assert desk.stop() == 1
    desk.run()
    assert desk.port.ends() == {1: "superseded", 2: "complete"}
    assert desk.port.of("accepted")[-1]["kind"] == "explain"
    assert desk.give(3) == 0
    assert desk.stop() == 0
    assert desk.stop() == 0, "a second time there is nothing to go back from"


def test_a_class_that_is_clicked_on_the_page_goes_on_with_the_same_picture_and_the_next_ones(desk):
    desk.give(1)
    desk.run()
    desk.session.live(desk.request(), **desk.asked("age"))
    desk.run()
    desk.give(2)
    desk.run()
    assert [m["names"] for m in desk.port.frames] == [["style:gothic"], ["age"], ["age"]]
    assert desk.numbers == [1, 1, 2]
    desk.session.bye("p")
    desk.session.hello("q", visible=True)
    desk.give(3)
    desk.run(ack=False)
    desk.ack("q")
    assert desk.numbers[-1] == 3, "the page that clicked is gone, the loop is not"


@pytest.mark.parametrize("way", ["click", "cancel"])
def test_what_a_person_stops_stays_stopped_for_the_cell_that_runs(desk, way):
    desk.give(1)
    desk.run()
    if way == "click":
        desk.click("style:gothic")
    else:
        desk.session.cancel(1)
    desk.run()
    assert [desk.give(seed) for seed in (2, 3)] == [1, 2]
    desk.run()
    assert desk.numbers == [1]
    desk.give(4, who="the same cell, run again")
    desk.run()
    assert desk.numbers == [1, 4]


def test_a_choice_that_python_makes_is_followed_from_the_next_picture_on(desk):
    desk.give(1)
    desk.run()
    desk.session.ask({"target": "age"})
    desk.run()
    desk.give(2)
    desk.run()
    live = [m["names"] for m in desk.port.frames if m["shot"] is not None]
    assert live == [["style:gothic"], ["age"]]


def test_a_camera_that_a_page_switches_on_takes_the_place_of_pythons_pictures(desk):
    desk.give(1)
    desk.run()
    desk.session.live(desk.request(), **desk.asked("style:gothic"))
    desk.session.shot(Shot("p", 1, *SIZE, "rgb", pixels(9).tobytes()))
    desk.run()
    assert desk.give(2) == 1
    desk.run()
    assert [m["shot"]["page"] for m in desk.port.frames] == ["", "p"]


def test_after_a_minute_without_a_picture_the_chosen_one_comes_back(desk):
    desk.give(1)
    desk.run()
    desk.alarm.pass_time(SILENCE)
    desk.run()
    assert desk.port.ends() == {1: "superseded", 2: "complete"}
    desk.give(2)
    desk.run()
    assert desk.numbers == [1, 1]


def test_a_method_that_is_too_slow_is_refused_and_nothing_has_changed():
    desk = LoopDesk(target="style:gothic", **MANY)
    with pytest.raises(NotApplicable, match="cannot follow a moving one"):
        desk.give(1)
    assert desk.port.of("accepted") == []
    desk.session.ask({"method": "gradient"})
    desk.give(2)
    desk.run()
    assert len(desk.numbers) == 1


def test_a_model_that_fails_is_told_at_the_next_picture(desk):
    layer = next(desk.model.shadow.children())

    def fail(*_):
        raise RuntimeError("broken")

    hook = layer.register_forward_pre_hook(fail)
    desk.give(1)
    desk.run()
    hook.remove()
    with pytest.raises(sw.SaliencyError, match="broken"):
        desk.give(2)
    desk.give(3)
    desk.run()
    assert len(desk.numbers) == 1


def test_no_picture_is_kept(desk):
    images = [desk.model.read(pixels(seed)) for seed in range(4)]
    gone = [weakref.ref(image) for image in images]
    while images:
        image = images.pop()
        desk.session.holding(lambda image=image: desk.session.moving.feed(image, "a cell"))
        del image
        desk.run()
    desk.stop()
    desk.run()
    gc.collect()
    assert [ref() for ref in gone] == [None] * 4
    assert len(desk.session.pictures) == 2


# -- as a user calls it


@pytest.mark.parametrize(
    "image",
    [
        pixels(3),
        Image.fromarray(pixels(3)),
        torch.from_numpy(pixels(3)).permute(2, 0, 1),
        pixels(3) / 255.0,
    ],
    ids=["array", "pillow", "tensor", "floats"],
)
def test_any_kind_of_image_may_be_shown(widget, image):
    assert widget.show_frame(image) == 0
    assert widget.show_frame(None) == 0
    widget.wait(LONG)


def test_an_array_may_be_filled_again_at_once(widget, monkeypatch):
    taken = []
    monkeypatch.setattr(widget._session.moving, "feed", lambda image, who: taken.append(image) or 0)
    for frame in (pixels(1), Image.fromarray(pixels(1)), torch.from_numpy(pixels(1)).permute(2, 0, 1)):
        widget.show_frame(frame)
        if isinstance(frame, Image.Image):
            frame.paste(0, (0, 0, *SIZE))
        else:
            frame[...] = 0
    assert all(np.array_equal(np.asarray(image.image), pixels(1)) for image in taken)


def test_what_is_no_image_and_a_closed_widget_are_told(widget):
    with pytest.raises(BadImage):
        widget.show_frame(np.zeros((4, 5, 6, 7)))
    widget.close()
    with pytest.raises(Closed):
        widget.show_frame(pixels(1))


def test_the_widget_itself_stays_as_it_was(widget):
    FakePage(widget)
    before = (widget.explanation, widget.image, len(widget.images), bytes(widget.base), dict(widget.result))
    for seed in range(5):
        widget.show_frame(pixels(seed))
    assert (widget.explanation, widget.image, len(widget.images), bytes(widget.base), dict(widget.result)) == before
