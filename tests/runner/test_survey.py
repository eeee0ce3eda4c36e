"""Many pictures beside the one on screen: what the model says of each, and small copies of those in sight."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

import saliency_widget as sw
from fake_pages import MANY, Desk
from saliency_widget import protocol
from saliency_widget.errors import BadImage, BadMessage
from saliency_widget.runner import survey, thumbs
from saliency_widget.runner.gallery import gallery
from small_models import STYLES, keep, picture, two_heads


def desk_of(count=6, labels=None, images=None, model=None):
    model = model or two_heads()
    images = images or [picture(seed=s) for s in range(count)]
    desk = Desk(model, images)
    desk.session.pictures = gallery(images, labels, model=model)
    desk.session.pictures.check(model.heads)
    return desk


def asked(desk, first=0, count=1000):
    return survey.ask(desk.session, desk.request(), first=first, count=count)


def rows(desk):
    return [row for told in desk.port.of("survey") for row in told["rows"]]


# -- what the model says ----------------------------------------------------------------------------------------------


def test_each_picture_is_said_of_what_a_prediction_alone_says():
    desk = desk_of(labels=[STYLES[s % 3] for s in range(5)] + [None])
    job = asked(desk)
    desk.run()
    assert desk.port.ends() == {job.number: "complete"}
    assert [row["at"] for row in rows(desk)] == list(range(6))
    for row in rows(desk):
        said = desk.model.predict(picture(seed=row["at"]))["style"].probabilities
        order = np.argsort(-said)
        judged = row["heads"]["style"]
        true = row["at"] % 3 if row["at"] < 5 else None
        assert (judged["true"], judged["top"], judged["next"]) == (true, order[0], order[1])
        expected = [said[order[0]], said[order[1]], said[order[0] if true is None else true]]
        assert judged["p"] == pytest.approx(expected, abs=2e-6)
        assert row["image"] == desk.session.pictures[row["at"]].id
        value = desk.model.predict(picture(seed=row["at"]))["age"].value
        assert row["heads"]["age"] == {"true": None, "value": pytest.approx(value, rel=1e-6)}


THINGS = ["tree", "car", "dog", "bird"]


class Things(torch.nn.Module):
    """Labels and a value whose numbers are the picture's first pixels."""

    def forward(self, images):
        first = images[:, 0].flatten(1)
        return {"things": 8 * first[:, :4] - 4, "age": 10 * first[:, 4:5]}


def things(*pictures, labels):
    """Return the rows of pictures of which the first pixels are given, as shares of white."""
    model = sw.ImageModel(
        Things(), heads={"things": sw.MultiLabel(THINGS), "age": sw.Regression("years")}, preprocess=keep, device="cpu"
    )
    images = []
    for pixels in pictures:
        image = torch.zeros(3, 8, 12)
        image[0, 0, : len(pixels)] = torch.tensor(pixels)
        images.append(image)
    model.discover(images[0])
    desk = desk_of(labels=list(labels), images=images, model=model)
    asked(desk)
    desk.run()
    return [row["heads"] for row in rows(desk)]


def test_a_value_stands_beside_the_true_one():
    found = things([0, 0, 0, 0, 0.57], [0, 0, 0, 0, 0.1], labels=[{"age": 4.5}, None])
    assert [row["age"]["true"] for row in found] == [4.5, None]
    assert [row["age"]["value"] for row in found] == pytest.approx([5.7, 1.0])


def test_of_labels_the_missed_and_the_invented_ones_are_told_and_what_the_model_says():
    (found,) = things([0.9, 0.8, 0.3, 0.1], labels=[["tree", "dog"]])
    judged = found["things"]
    assert judged["true"] == [0, 2]
    assert judged["labels"] == [2, 1, 0]  # the least sure (a dog that is missed), an invented car, a tree that is right
    expected = torch.sigmoid(torch.tensor([8 * 0.3 - 4, 8 * 0.8 - 4, 8 * 0.9 - 4]))
    assert judged["p"] == pytest.approx(expected.tolist(), abs=2e-6)


def test_of_labels_that_nobody_knows_the_model_s_own_are_told():
    (found,) = things([0.9, 0.1, 0.45, 0.0], labels=[None])
    assert (found["things"]["true"], found["things"]["labels"]) == (None, [2, 0])


def test_that_no_label_is_there_is_known_too():
    (found,) = things([0.0, 0.9, 0.6, 0.0], labels=[[]])
    assert (found["things"]["true"], found["things"]["labels"]) == ([], [2, 1])


def test_of_thousands_of_labels_no_more_are_told_than_matter():
    p = np.random.default_rng(1).random(5000).astype(np.float32)
    true = [int(index) for index in np.argsort(p)[:3]]  # the surest mistakes of all
    told = survey._telling(p, true)
    assert len(told) == survey._MOST_LABELS == len(set(told))
    assert told[0] == np.abs(p - 0.5).argmin()
    sure = np.abs(p - 0.5)[told[1:]]
    assert (np.diff(sure) <= 0).all()
    assert set(true) < set(told)


def test_what_was_looked_at_is_not_computed_again(monkeypatch):
    desk = desk_of()
    asked(desk, 0, 4)
    desk.run()
    looked = []
    whole = survey._look
    monkeypatch.setattr(survey, "_look", lambda s, j, some: looked.extend(some) or whole(s, j, some))
    asked(desk, 2, 4)
    desk.run()
    assert looked == [4, 5]
    assert [row["at"] for row in desk.port.of("survey")[-1]["rows"]] == [2, 3, 4, 5]


def test_new_weights_are_looked_at_anew():
    desk = desk_of()
    asked(desk)
    desk.run()
    before = rows(desk)
    with torch.no_grad():
        desk.model.module.style.bias += torch.tensor([0.0, 0.0, 9.0])
    asked(desk)
    desk.run()
    after = rows(desk)[len(before) :]
    assert all(row["heads"]["style"]["top"] == 2 for row in after)
    first, second = (told["revision"] for told in desk.port.of("survey"))
    assert first != second


def test_weights_that_change_meanwhile_end_it():
    desk = desk_of()
    job = asked(desk)
    desk.turn()
    with torch.no_grad():
        desk.model.module.style.bias += 1
    desk.run()
    (end,) = desk.port.of("end")
    assert (end["job"], end["status"]) == (job.number, "error")
    assert "weights changed" in end["message"]


def test_batches_grow_while_they_are_quick_and_shrink_when_they_are_not(monkeypatch):
    desk = desk_of(40)
    sizes = []
    whole = survey._look

    def slow(session, job, some):
        sizes.append(len(some))
        desk.clock.advance(0.04 * len(some))
        return whole(session, job, some)

    monkeypatch.setattr(survey, "_look", slow)
    asked(desk)
    desk.run()
    assert sizes[:4] == [1, 2, 1, 2]
    assert sum(sizes) == 40


def test_progress_is_told_at_times_and_the_rows_come_in_pieces():
    desk = desk_of(40)
    asked(desk)
    desk.turn(times=3, seconds=0.4)
    desk.run()
    told = desk.port.of("survey")
    assert len(told) > 1
    assert [(t["done"], t["total"]) for t in told][-1] == (40, 40)
    assert [t["done"] for t in told] == list(np.cumsum([len(t["rows"]) for t in told]))


def test_a_click_comes_first():
    desk = desk_of(40)
    asked(desk)
    desk.turn()
    click = desk.click(**MANY)
    desk.run()
    assert list(desk.port.ends()) == [click.number, 1]


def test_it_can_be_cancelled_and_goes_with_its_page():
    desk = desk_of(40)
    job = asked(desk)
    desk.turn()
    desk.session.cancel(job.number)
    other = asked(desk)
    desk.turn()
    desk.session.bye("p")
    desk.run()
    assert desk.port.ends() == {job.number: "cancelled", other.number: "cancelled"}


def test_pictures_of_several_sizes_are_looked_at_all_the_same():
    desk = desk_of(images=[picture(8 + 2 * (s % 3), 8, seed=s) for s in range(9)])
    asked(desk)
    desk.run()
    assert [row["at"] for row in rows(desk)] == list(range(9))
    assert all(row["problem"] is None for row in rows(desk))


class Spoiled(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return (picture(seed=index), 0) if index != 2 else 1 / 0


def test_of_a_picture_that_cannot_be_read_it_is_said_why_and_the_others_go_on():
    model = two_heads()
    desk = desk_of(model=model)
    desk.session.pictures = gallery(Spoiled(), model=model)
    desk.session.pictures.check(model.heads)
    asked(desk)
    desk.run()
    problems = {row["at"]: row["problem"] for row in rows(desk)}
    assert "item 2 of the Spoiled cannot be read" in problems.pop(2)
    assert set(problems.values()) == {None}


def test_numbers_that_are_none_are_no_prediction():
    model = two_heads()
    desk = desk_of(model=model)
    with torch.no_grad():
        model.module.style.weight[:] = float("nan")
    asked(desk)
    desk.run()
    assert all("NaN" in row["problem"] and row["heads"] == {} for row in rows(desk))


def test_no_more_is_looked_at_than_there_is():
    desk = desk_of(3)
    asked(desk, 2, 10**9)
    asked(desk, 7, 5)
    desk.run()
    assert [row["at"] for row in rows(desk)][-1:] == []  # the second took the place of the first
    asked(desk, 2, 10**9)
    desk.run()
    assert [row["at"] for row in rows(desk)] == [2]


# -- small copies -----------------------------------------------------------------------------------------------------


def copies(desk):
    found = {}
    for told, data in zip(desk.port.messages, desk.port.data, strict=True):
        if told["type"] == "thumbs":
            at = np.cumsum([0, *told["sizes"]])
            assert at[-1] == len(data)
            found |= {index: data[at[i] : at[i + 1]] for i, index in enumerate(told["pictures"])}
    return found


def test_small_copies_come_of_the_pictures_in_sight_and_of_no_other():
    ramp = np.add.outer(np.arange(200), np.arange(300)).astype(np.uint8) // 2
    desk = desk_of(images=[Image.fromarray(ramp + s) for s in range(3)])
    thumbs.ask(desk.session, [2, 0])
    desk.run()
    assert (desk.session.jobs.count, desk.port.ends()) == (0, {})
    assert list(copies(desk)) == [2, 0]
    small = Image.open(io.BytesIO(copies(desk)[2]))
    assert (small.format, small.size) == ("JPEG", (128, 85))
    exact = np.asarray(Image.fromarray(ramp + 2).convert("RGB").resize((128, 85), Image.Resampling.BOX), float)
    assert np.abs(np.asarray(small, float) - exact).mean() < 3


def test_they_come_in_several_messages_and_a_click_in_between():
    desk = desk_of(20)
    thumbs.ask(desk.session, list(range(20)))
    desk.turn()
    click = desk.click()
    desk.run()
    assert [len(told["pictures"]) for told in desk.port.of("thumbs")] == [8, 8, 4]
    assert desk.port.types.index("end") < desk.port.types.index("thumbs")
    assert desk.port.ends() == {click.number: "complete"}


def test_of_one_that_cannot_be_read_there_is_none():
    model = two_heads()
    desk = desk_of(model=model)
    desk.session.pictures = gallery(Spoiled(), model=model)
    thumbs.ask(desk.session, [1, 2])
    desk.run()
    assert {index: len(data) > 0 for index, data in copies(desk).items()} == {1: True, 2: False}


def test_a_place_that_is_not_there_is_refused():
    desk = desk_of(3)
    with pytest.raises(BadImage, match="there is no picture 3; they are numbered from 0 to 2"):
        thumbs.ask(desk.session, [0, 3])


def test_none_are_made_of_a_widget_that_is_closed():
    desk = desk_of(20)
    thumbs.ask(desk.session, list(range(20)))
    desk.turn()
    desk.session.close()
    desk.run()
    assert desk.port.of("thumbs") == []


@pytest.mark.parametrize("pictures", [[], list(range(65)), ["img-a1"], [True], [-1], None])
def test_a_page_must_name_places_and_not_too_many(pictures):
    with pytest.raises(BadMessage, match=r"pictures: .*; expected a list of 1 to 64 whole numbers from 0"):
        protocol.parse({"v": 1, "type": "thumbs", "page": "p", "pictures": pictures})


def test_a_page_asks_by_places():
    asked = protocol.parse({"v": 1, "type": "thumbs", "page": "p", "pictures": [3, 0]})
    assert asked == protocol.Thumbs("p", (3, 0))
