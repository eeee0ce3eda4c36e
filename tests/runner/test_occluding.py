"""Painting over a picture: scores of the newest mask, one forward for each, before anything else, and nothing else touched."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch

from fake_pages import MANY, Desk
from saliency_widget.errors import BadImage, BadParameter, SaliencyError
from saliency_widget.model.image_model import ImageModel
from saliency_widget.runner.occluding import Mask
from small_models import two_heads

GRID = (8, 6)


class PaintDesk(Desk):
    """A session on whose page somebody paints."""

    forwards = 0

    def begin(self, image=0, page="p"):
        self.requests += 1
        return self.session.occluding.begin({"page": page, "n": self.requests}, self.pictures[image].id)

    def paint(self, mask=None, page="p", image=0, **changes):
        """Send a mask; returns its number."""
        self.requests += 1
        cells = np.zeros(GRID[::-1]) if mask is None else np.asarray(mask)
        given = {"fill": "black", "seed": 0, "keep": False, "pixels": False}
        self.session.occluding.paint(
            Mask(
                req={"page": page, "n": self.requests},
                image=self.pictures[image].id,
                width=cells.shape[1],
                height=cells.shape[0],
                data=np.round(255 * cells).astype(np.uint8).tobytes(),
                **(given | changes),
            )
        )
        return self.requests

    @property
    def scores(self):
        return self.port.of("scores")

    @property
    def numbers(self):
        return [m["n"] for m in self.scores if m["painted"]]


@pytest.fixture
def desk():
    return PaintDesk()


@pytest.fixture
def counted(desk, monkeypatch):
    """A list that grows by one with each forward."""
    seen = []
    forward = ImageModel._forward

    def counting(self, points, *, grad):
        seen.append(points.detach().clone())
        return forward(self, points, grad=grad)

    monkeypatch.setattr(ImageModel, "_forward", counting)
    return seen


def half():
    mask = np.zeros(GRID[::-1])
    mask[:, : GRID[0] // 2] = 1
    return mask


def some(seed):
    return (np.random.default_rng(seed).random(GRID[::-1]) > 0.5).astype(float)


def test_first_the_page_hears_what_the_model_says_of_the_picture_as_it_is(desk):
    job = desk.begin()
    desk.run()
    (whole,) = desk.scores
    said = desk.model.predict(desk.pictures[0])
    assert (whole["job"], whole["page"], whole["painted"], whole["kept"]) == (job.number, "p", False, None)
    assert whole["heads"]["style"]["logits"] == pytest.approx(said["style"].logits.tolist(), rel=1e-6)
    assert whole["heads"]["age"]["value"] == pytest.approx(said["age"].value)
    assert desk.port.of("accepted")[-1]["kind"] == "occlude"


def test_all_heads_scores_are_those_of_the_picture_with_the_hidden_part_replaced(desk):
    desk.begin()
    desk.paint(half())
    desk.run()
    pixels = np.array(desk.pictures[0].image)
    geometry = desk.model.geometry(desk.pictures[0])
    left, _, right, _ = geometry.box
    middle = round((left + right) / 2)
    pixels[:, max(0, round(left)) : middle] = 0
    expected = desk.model.predict(pixels)
    found = desk.scores[-1]["heads"]
    assert set(found) == set(desk.model.heads)
    assert found["style"]["logits"] == pytest.approx(expected["style"].logits.tolist(), abs=1e-5)
    assert found["age"]["value"] == pytest.approx(expected["age"].value, abs=1e-5)


def test_a_mask_that_hides_nothing_changes_no_score_at_all(desk):
    desk.begin()
    for fill in ("blur", "mean", "black", "noise", "inpaint"):
        desk.paint(fill=fill)
        desk.run()
    whole, *painted = desk.scores
    assert len(painted) == 5
    assert all(scores["heads"] == whole["heads"] for scores in painted)


def test_the_model_never_sees_more_channels_than_the_picture_has(desk, counted):
    desk.begin()
    desk.paint(half() * 0.5)
    desk.run()
    assert [points.shape[1] for points in counted] == [3, 3]


def test_each_painted_mask_takes_one_forward_for_all_heads(desk, counted):
    desk.begin()
    desk.run()
    counted.clear()
    for seed in range(4):
        desk.paint(some(seed))
        desk.run()
    assert len(counted) == 4


def test_of_masks_that_come_faster_than_forwards_only_the_newest_is_computed(desk, counted):
    desk.begin()
    desk.run()
    counted.clear()
    last = [desk.paint(some(seed)) for seed in range(20)][-1]
    desk.run()
    assert desk.numbers == [last]
    assert len(counted) == 1


def test_a_mask_that_is_to_be_kept_is_not_overtaken(desk):
    desk.begin()
    desk.run()
    kept = desk.paint(half(), keep=True)
    last = [desk.paint(some(seed)) for seed in range(3)][-1]
    desk.run()
    assert desk.numbers == [kept, last]


def test_between_two_masks_nothing_is_on_the_compute_thread(desk):
    job = desk.begin()
    desk.run()
    assert not desk.schedule.turn()
    desk.paint(half())
    desk.run()
    assert not desk.schedule.turn()
    assert job.task is None
    assert desk.port.ends() == {}


def test_a_mask_is_scored_between_two_steps_of_a_running_map_which_then_goes_on(desk):
    click = desk.click(**MANY)
    desk.begin()
    desk.turn(4)
    frames = len(desk.port.frames)
    n = desk.paint(half())
    desk.turn()
    assert desk.numbers == [n]
    assert desk.session.jobs.get(click.number) is click
    desk.run()
    assert desk.port.ends() == {click.number: "complete"}
    assert len(desk.port.frames) > frames


def test_painting_leaves_choice_traits_and_map_as_they_are(desk):
    desk.click()
    desk.run()
    state, choice, frames = dict(desk.port.state), desk.session.choice, len(desk.port.frames)
    desk.begin(image=1)
    desk.paint(half(), image=1)
    desk.run()
    assert desk.port.state == state
    assert desk.session.choice == choice
    assert len(desk.port.frames) == frames
    assert len(desk.numbers) == 1


@pytest.mark.parametrize("fill", ["blur", "mean", "black", "noise", "inpaint"])
def test_the_same_mask_has_the_same_scores(desk, fill):
    desk.begin()
    for mask in (some(1), some(2), some(1)):
        desk.paint(mask, fill=fill, seed=3)
        desk.run()
    first, other, again = (m["heads"] for m in desk.scores if m["painted"])
    assert first == again
    assert first != other


def test_another_seed_is_another_noise(desk):
    desk.begin()
    for seed in (1, 2):
        desk.paint(half(), fill="noise", seed=seed)
        desk.run()
    one, two = (m["heads"] for m in desk.scores if m["painted"])
    assert one != two


def test_an_unknown_fill_is_refused_with_the_nearest_one_and_painting_goes_on(desk):
    desk.begin()
    desk.run()
    with pytest.raises(BadParameter, match=r"unknown fill 'blurr'.*blur"):
        desk.paint(half(), fill="blurr")
    n = desk.paint(half())
    desk.run()
    assert desk.numbers == [n]


def test_a_mask_for_another_picture_is_refused_and_painting_goes_on(desk):
    desk.begin()
    desk.run()
    with pytest.raises(BadImage, match=r"while .* is painted"):
        desk.paint(half(), image=1)
    n = desk.paint(half())
    desk.run()
    assert desk.numbers == [n]


def test_an_unknown_picture_cannot_be_painted(desk):
    with pytest.raises(BadImage, match="no picture 'nowhere'"):
        desk.session.occluding.begin({"page": "p", "n": 1}, "nowhere")
    assert desk.port.of("accepted") == []


def test_who_has_no_job_is_not_listened_to(desk):
    desk.paint(half())
    desk.begin()
    desk.run()
    desk.paint(half(), page="q")
    desk.run()
    assert desk.numbers == []


def test_a_second_page_takes_over_and_the_first_is_told(desk):
    first = desk.begin()
    desk.begin(page="q")
    n = desk.paint(half(), page="q")
    desk.run()
    assert desk.port.ends() == {first.number: "superseded"}
    assert desk.numbers == [n]
    assert desk.scores[-1]["page"] == "q"


@pytest.mark.parametrize("way", ["cancel", "bye", "close"])
@pytest.mark.parametrize("moment", ["begun", "waiting", "asked"])
def test_each_job_ends_exactly_once_and_nothing_follows_its_end(desk, way, moment):
    job = desk.begin()
    if moment != "begun":
        desk.run()
    if moment == "asked":
        desk.paint(half())
    before = len(desk.scores)
    {
        "cancel": lambda: desk.session.cancel(job.number),
        "bye": lambda: desk.session.bye("p"),
        "close": desk.session.close,
    }[way]()
    desk.paint(some(1))
    desk.run(ack=way != "close")
    assert [m["job"] for m in desk.port.of("end")] == [job.number]
    assert len(desk.scores) == before
    assert desk.session.jobs.running() == []


def test_a_job_that_has_ended_holds_no_pixels(desk):
    job = desk.begin()
    desk.run()
    easel = weakref.ref(desk.session.occluding._desks[job].easel)
    desk.session.cancel(job.number)
    del job
    gc.collect()
    assert easel() is None


def test_a_model_that_fails_on_what_is_painted_ends_the_job_with_one_error(desk, monkeypatch):
    job = desk.begin()
    desk.run()

    def broken(*_args, **_options):
        raise RuntimeError("no")

    with monkeypatch.context() as patch:
        patch.setattr(ImageModel, "look", broken)
        desk.paint(half())
        desk.run()
    (end,) = desk.port.of("end")
    assert (end["job"], end["status"]) == (job.number, "error")
    assert "no" in end["message"]
    desk.begin()
    n = desk.paint(half())
    desk.run()
    assert desk.numbers == [n]


def test_weights_that_change_while_somebody_paints_change_the_picture_as_it_is_too():
    desk = PaintDesk(two_heads())
    desk.begin()
    desk.paint(half())
    desk.run()
    with torch.no_grad():
        for weights in desk.model.module.parameters():
            weights.mul_(1.5)
    desk.paint(half())
    desk.run()
    kinds = [m["painted"] for m in desk.scores]
    assert kinds == [False, True, False, True]
    assert desk.scores[0]["heads"] != desk.scores[2]["heads"]
    said = desk.model.predict(desk.pictures[0])
    assert desk.scores[2]["heads"]["style"]["logits"] == pytest.approx(said["style"].logits.tolist(), rel=1e-5)


def test_a_painted_picture_that_is_kept_is_one_of_the_widgets_pictures_and_scores_the_same(desk):
    desk.begin()
    desk.paint(half(), fill="inpaint", keep=True)
    desk.run()
    scores = desk.scores[-1]
    kept = desk.session.pictures[-1]
    assert kept.id == scores["kept"]
    assert kept.label.endswith("(painted)")
    assert [card["id"] for card in desk.port.state["images"]][-1] == kept.id
    desk.click(image=kept.id)
    desk.run()
    said = desk.port.state["predictions"]
    assert said["image"] == kept.id
    assert said["heads"]["style"]["logits"] == pytest.approx(scores["heads"]["style"]["logits"], abs=1e-5)


def test_the_page_is_shown_what_stands_in_place_of_the_hidden_cells_if_it_asks(desk):
    desk.begin()
    desk.paint(half(), fill="mean", pixels=True)
    desk.run()
    data = desk.port.data[desk.port.messages.index(desk.scores[-1])]
    cells = np.frombuffer(data, np.uint8).reshape(GRID[1], GRID[0], 3)
    colour = np.asarray(desk.pictures[0].image).reshape(-1, 3).mean(0)
    assert np.abs(cells - colour).max() <= 1
    desk.paint(half())
    desk.run()
    assert desk.port.data[desk.port.messages.index(desk.scores[-1])] is None


def test_work_for_later_ends_when_somebody_paints():
    desk = PaintDesk(idle=True)
    desk.click()
    while desk.port.of("end") == []:
        desk.turn()
    desk.begin()
    desk.run()
    assert desk.port.of("cache") == []
    assert len(desk.scores) == 1


def test_no_error_of_a_mask_is_a_surprise_to_python(desk):
    desk.begin()
    with pytest.raises(SaliencyError):
        desk.paint(half(), fill="")
    desk.session.jobs.wait(timeout=1)
