"""Live jobs: a map for each picture of a page, the newest picture first, one end for each job, and nothing left over."""

from __future__ import annotations

import gc
import io
import weakref

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from fake_pages import MANY, Desk
from saliency_widget.errors import NotApplicable
from saliency_widget.explain import explain
from saliency_widget.runner.flow import CREDIT, RESET
from saliency_widget.runner.live import SILENCE, Shot
from small_models import picture

SIZE = (40, 32)


def pixels(seed):
    return np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)


def jpeg(seed=0, size=SIZE):
    file = io.BytesIO()
    Image.fromarray(pixels(seed)).resize(size).save(file, "JPEG")
    return file.getvalue()


class LiveDesk(Desk):
    """A session whose page has a camera."""

    def live(self, target="style:gothic", **args):
        return self.session.live(self.request(), **(self.asked(target) | args))

    def shoot(self, n, page="p", **changes):
        given = {"width": SIZE[0], "height": SIZE[1], "format": "rgb", "data": pixels(n).tobytes()}
        self.session.shot(Shot(page, n, **(given | changes)))

    @property
    def numbers(self):
        return [m["shot"]["n"] for m in self.port.frames if m["shot"] is not None]


@pytest.fixture
def desk():
    return LiveDesk()


def heatmaps(desk):
    for message, data in zip(desk.port.messages, desk.port.data, strict=True):
        if message["type"] == "frame":
            yield np.frombuffer(data, "<i2").reshape(message["shape"]) * message["scales"][0]


def test_each_picture_gets_the_map_that_explain_gives_for_it(desk):
    desk.live()
    for n in (1, 2):
        desk.shoot(n)
        desk.run()
    assert desk.numbers == [1, 2]
    for n, found in zip((1, 2), heatmaps(desk), strict=True):
        expected = explain(desk.model, pixels(n), "style:gothic").heatmap()
        assert np.allclose(found, expected, atol=np.abs(expected).max() / 30_000)


def test_a_frame_says_which_picture_it_is_of_where_the_model_looked_and_what_it_says(desk):
    desk.live()
    desk.shoot(7)
    desk.run()
    (frame,) = desk.port.frames
    shot = frame["shot"]
    said = desk.model.predict(pixels(7))
    assert (shot["page"], shot["n"], shot["size"]) == ("p", 7, list(SIZE))
    assert shot["box"] == pytest.approx(list(desk.model.geometry(desk.model.read(pixels(7))).box))
    assert shot["heads"]["style"]["probabilities"] == pytest.approx(said["style"].probabilities.tolist(), rel=1e-5)
    assert not frame["final"]
    assert frame["names"] == ["style:gothic"]


def test_a_jpeg_is_read_as_what_it_shows(desk):
    desk.live()
    data = jpeg(3)
    desk.shoot(1, format="jpeg", data=data)
    desk.run()
    (found,) = heatmaps(desk)
    expected = explain(desk.model, data, "style:gothic").heatmap()
    assert np.allclose(found, expected, atol=np.abs(expected).max() / 30_000)


def test_of_pictures_that_come_faster_than_maps_only_the_newest_is_computed(desk):
    desk.live()
    for n in range(1, 30):
        desk.shoot(n)
    desk.run()
    assert desk.numbers == [29]


def test_between_two_pictures_nothing_is_on_the_compute_thread(desk):
    job = desk.live()
    assert not desk.schedule.turn()
    desk.shoot(1)
    desk.run()
    assert not desk.schedule.turn()
    assert job.task is None
    assert desk.port.ends() == {}


def test_a_page_that_does_not_acknowledge_has_two_frames_in_flight_and_gets_the_newest_next(desk):
    desk.live()
    for n in range(1, 8):
        desk.shoot(n)
        desk.run(ack=False)
    assert desk.numbers == [1, 2]
    assert CREDIT == 2
    desk.ack()
    assert desk.numbers == [1, 2, 7]


def test_another_class_goes_on_with_the_same_camera_under_a_new_number(desk):
    desk.live()
    desk.shoot(1)
    desk.run()
    desk.live("age")
    assert desk.port.ends() == {1: "superseded"}
    desk.shoot(2)
    desk.run()
    assert [(m["job"], m["names"]) for m in desk.port.frames] == [(1, ["style:gothic"]), (2, ["age"])]
    assert desk.session.choice.targets[0].head == "age"


def test_a_target_without_a_class_follows_the_top_class_of_each_picture(desk):
    desk.live(target=None)
    assert desk.port.of("accepted")[-1]["args"]["targets"] == []
    said = {}
    for n in range(1, 9):
        desk.shoot(n)
        desk.run()
        prediction = desk.model.predict(pixels(n))["style"]
        said[n] = int(prediction.logits.argmax())
    assert [m["targets"][0]["index"] for m in desk.port.frames] == list(said.values())


@pytest.mark.parametrize("way", ["click", "python", "cancel", "bye", "close", "live"])
def test_each_live_job_ends_exactly_once_whatever_ends_it(desk, way):
    desk.live()
    desk.shoot(1)
    desk.run()
    desk.shoot(2)  # waits
    how = {
        "click": desk.click,
        "python": lambda: desk.session.ask({"target": "style:gothic"}),
        "cancel": lambda: desk.session.cancel(1),
        "bye": lambda: desk.session.bye("p"),
        "close": desk.session.close,
        "live": desk.live,
    }
    how[way]()
    desk.run()
    desk.alarm.pass_time(2 * RESET)
    ends = [m for m in desk.port.of("end") if m["job"] == 1]
    status = {"cancel": "cancelled", "bye": "cancelled", "close": "error"}.get(way, "superseded")
    assert [end["status"] for end in ends] == [status]
    assert desk.numbers == [1], "a picture of an ended job got a map"
    assert not [j for j in desk.session.jobs.running() if j.number == 1]


def test_a_map_that_waits_for_credit_does_not_follow_its_job_s_end(desk):
    desk.live()
    for n in range(1, CREDIT + 2):
        desk.shoot(n)
        desk.run(ack=False)
    desk.session.cancel(1)
    desk.ack()
    assert desk.port.types[-1] == "end"
    assert desk.numbers == [1, 2]


def test_a_live_job_that_is_stopped_in_the_network_ends_there():
    desk = LiveDesk()
    job = desk.live()
    seen = []

    def stop(*_):
        seen.append(1)
        desk.session.cancel(job.number)

    desk.shoot(1)
    layer = next(desk.model.shadow.children())
    hook = layer.register_forward_hook(stop)
    try:
        desk.run()
    finally:
        hook.remove()
    assert seen
    assert desk.port.frames == []
    assert desk.port.ends() == {1: "cancelled"}
    assert desk.session.jobs.running() == []


def test_pictures_of_another_page_and_late_ones_are_not_looked_at(desk):
    desk.shoot(1)
    desk.live()
    desk.run()
    desk.shoot(2, page="q")
    desk.run()
    desk.session.cancel(1)
    desk.shoot(3)
    desk.run()
    assert desk.port.frames == []


def test_a_page_that_leaves_ends_its_own_live_job_and_no_other(desk):
    desk.session.hello("q", visible=True)
    desk.live()
    desk.session.bye("q")
    desk.shoot(1)
    desk.run()
    assert desk.numbers == [1]
    assert desk.port.ends() == {}


def test_a_camera_that_is_silent_for_a_minute_ends_its_job_and_one_that_is_not_does_not(desk):
    desk.live()
    for n in range(1, 4):
        desk.alarm.pass_time(SILENCE - 1)
        desk.shoot(n)
        desk.run()
    assert desk.port.ends() == {}
    desk.alarm.pass_time(SILENCE)
    assert desk.port.ends() == {1: "complete"}
    assert desk.session.jobs.running() == []
    assert desk.alarm.set == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "jpeg", "data": b"no picture"}, "cannot be decoded"),
        ({"format": "jpeg", "data": jpeg()[:200]}, "cannot be decoded"),
        ({"format": "jpeg", "data": jpeg(size=(64, 64))}, "64 x 64 as one of 40 x 32"),
        ({"data": b"x"}, "cannot be decoded"),
    ],
)
def test_a_picture_that_cannot_be_read_ends_live_with_one_clear_message(desk, changes, words):
    desk.live()
    desk.shoot(1, **changes)
    desk.shoot(1, **changes)
    desk.run()
    (end,) = desk.port.of("end")
    assert end["status"] == "error"
    assert words in end["message"]
    desk.click()
    desk.run()
    assert desk.port.ends()[2] == "complete"


def test_a_picture_of_another_size_than_it_was_called_is_not_even_decoded(desk, monkeypatch):
    def decode(self):
        raise AssertionError("decoded")

    data = jpeg(size=(64, 64))
    monkeypatch.setattr(JpegImageFile, "load", decode)
    desk.live()
    desk.shoot(1, format="jpeg", data=data)
    desk.run()
    assert "64 x 64" in desk.port.of("end")[0]["message"]


def test_a_png_is_not_decoded_even_if_a_page_calls_it_a_jpeg(desk):
    file = io.BytesIO()
    Image.fromarray(pixels(0)).save(file, "PNG")
    desk.live()
    desk.shoot(1, format="jpeg", data=file.getvalue())
    desk.run()
    assert "cannot be decoded" in desk.port.of("end")[0]["message"]


def test_a_method_of_many_gradients_is_refused_with_the_reason_and_live_goes_on(desk):
    desk.live()
    with pytest.raises(NotApplicable, match=r"takes 40 gradients for each picture.*Grad-CAM"):
        desk.live(**MANY)
    desk.shoot(1)
    desk.run()
    assert desk.port.frames[0]["method"] == "gradient"
    assert desk.session.choice.method == "gradient"


def test_while_live_the_saved_map_and_the_explanation_stay_those_of_the_chosen_picture(desk):
    desk.click()
    desk.run()
    before = desk.session.explanations, dict(desk.port.state)
    desk.live()
    desk.shoot(1)
    desk.run()
    desk.session.cancel(2)
    desk.run()
    assert desk.session.explanations is before[0]
    assert desk.port.state["result"] == before[1]["result"]
    assert desk.port.state["predictions"] == before[1]["predictions"]


def test_whoever_waits_in_python_does_not_wait_for_a_camera(desk):
    desk.live()
    desk.shoot(1)
    desk.run()
    desk.session.jobs.wait(timeout=0)


def test_a_click_that_predicts_goes_between_two_live_maps(desk):
    desk.live()
    desk.shoot(1)
    desk.session.predict({"page": "p", "n": 9}, image=desk.pictures[1].id)
    desk.run()
    assert desk.port.ends() == {2: "complete"}
    assert desk.numbers == [1]


def test_a_page_that_comes_meanwhile_hears_of_the_live_job(desk):
    desk.live()
    desk.session.hello("q", visible=True)
    assert desk.port.of("welcome")[-1]["running"]
    assert desk.port.of("accepted")[-1]["kind"] == "live"


def test_nothing_grows_while_live_goes_on(desk):
    job = desk.live()
    shots = []
    for n in range(1, 60):
        shot = Shot("p", n, *SIZE, "rgb", pixels(n).tobytes())
        shots.append(weakref.ref(shot))
        desk.session.shot(shot)
        del shot
        desk.run()
    gc.collect()
    assert [ref for ref in shots if ref() is not None] == []
    assert job.newest is None
    assert len(desk.alarm.set) == 1, "the one that tells that the camera is silent"
    desk.session.close()
    assert desk.alarm.set == []


def test_an_alarm_keeps_no_session_alive(desk):
    desk.live()
    alarm, session = desk.alarm, weakref.ref(desk.session)
    desk.session = None
    gc.collect()
    assert session() is None
    alarm.pass_time(2 * SILENCE)


def test_a_grey_or_odd_picture_list_does_not_matter_for_live_pictures():
    desk = LiveDesk(pictures=[picture(seed=3)])
    desk.live(method="grad_cam")
    desk.shoot(1)
    desk.run()
    assert desk.port.frames[0]["method"] == "grad_cam"
