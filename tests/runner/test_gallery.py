"""One picture or many, with what is true of them and where it can be seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import saliency_widget as sw
from saliency_widget.errors import BadImage, BadParameter
from saliency_widget.model import read_image
from saliency_widget.runner.gallery import Gallery, as_gallery, gallery
from small_models import keep, picture, two_heads

MODEL = two_heads()


def checked(*args, **options):
    made = gallery(*args, model=MODEL, **options)
    made.check(MODEL.heads)
    return made


def test_one_image_needs_no_list():
    made = checked(picture(), labels={"style": "gothic"}, masks=np.ones((8, 12), bool))
    assert len(made) == 1
    assert made.caption(0) == "style: gothic"
    assert made.truth(0) == {"style": 0}
    assert made.entry(0).masks["mask"].all()


def test_several_images_keep_their_order():
    made = checked((picture(seed=1), picture(seed=2)), labels=["gothic", None])
    assert [p.image.tobytes() for p in made] == [picture(seed=s).tobytes() for s in (1, 2)]
    assert [made.caption(i) for i in range(2)] == ["gothic", ""]
    assert [made.truth(i) for i in range(2)] == [{"style": 0}, {}]


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


@pytest.mark.parametrize(
    ("label", "truth"),
    [
        ("neoclassical", {"style": 1}),
        (2, {"style": 2}),
        (np.int64(1), {"style": 1}),
        (torch.tensor(1), {"style": 1}),
        ({"style": "greek_roman", "age": 7}, {"style": 2, "age": 7.0}),
        ({"style": None, "age": 7.5}, {"age": 7.5}),
        (None, {}),
    ],
)
def test_a_label_is_a_name_or_an_index_by_head_or_of_the_first_head(label, truth):
    assert checked([picture()], labels=[label]).truth(0) == truth


@pytest.mark.parametrize("labels", [np.array([2, 0]), torch.tensor([2, 0])])
def test_labels_may_be_an_array(labels):
    made = checked([picture(), picture(seed=1)], labels=labels)
    assert [made.truth(i) for i in range(2)] == [{"style": 2}, {"style": 0}]


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("gotik", r"labels\[1\] is 'gotik', which is no class of the head 'style'.*gothic"),
        (3, r"labels\[1\] is class 3 of the head 'style', which has the classes 0 to 2"),
        (True, r"labels\[1\] is True \(bool\)"),
        (0.5, r"labels\[1\] is 0.5 \(float\) for the head 'style'; expected a class's name or index"),
        ({"stile": "gothic"}, r"labels\[1\] names the head 'stile', which the model does not have.*style"),
        ({"age": "old"}, r"labels\[1\] is 'old' for the head 'age'; expected a number"),
    ],
)
def test_a_label_that_the_model_cannot_say_is_refused(label, words):
    with pytest.raises(BadParameter, match=words):
        checked([picture(), picture(seed=1)], labels=["gothic", label])


class Things(torch.nn.Module):
    """Some labels and a value."""

    def __init__(self, size):
        super().__init__()
        self.things, self.age = (torch.nn.Linear(8 * 12 * 3, count) for count in (size, 1))

    def forward(self, images):
        return {"things": self.things(images.flatten(1)), "age": self.age(images.flatten(1))}


def labelled(classes=("tree", "car", "dog")):
    """Return a model with labels and a value, its heads known."""
    heads = {"things": sw.MultiLabel(list(classes)), "age": sw.Regression("years")}
    model = sw.ImageModel(Things(len(classes)), heads=heads, preprocess=keep, device="cpu")
    model.discover(picture())
    return model


LABELLED = labelled()


def truth_of(label, model=LABELLED):
    made = gallery([picture()], [label], model=model)
    made.check(model.heads)
    return made.truth(0)


@pytest.mark.parametrize(
    ("label", "there"),
    [
        (["tree", "dog"], [0, 2]),
        (("dog", "tree", "dog"), [0, 2]),
        ({"car"}, [1]),
        ("car", [1]),
        (2, [2]),
        ([2], [2]),
        ([0, 2], [0, 2]),
        ([], []),
        ([True, False, True], [0, 2]),
        ([1, 0, 1], [0, 2]),
        ([0.0, 0.0, 0.0], []),
        (np.array([0, 1, 1]), [1, 2]),
        (torch.tensor([0.0, 1.0, 0.0]), [1]),
        (torch.tensor([2, 1]), [1, 2]),
        ([np.int64(1), np.str_("dog")], [1, 2]),
    ],
)
def test_labels_that_are_there_are_named_or_each_is_a_yes_or_a_no(label, there):
    assert truth_of(label) == {"things": there}
    assert truth_of({"things": label, "age": np.float32(4.5)}) == {"things": there, "age": 4.5}


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (["tree", "cat"], r"labels\[0\] is 'cat', which is no label of the head 'things'; .*Known: tree, car, dog"),
        ([0, 3], r"labels\[0\] is label 3 of the head 'things', which has the labels 0 to 2"),
        ([1.0, 0.0], r"is \[1.0, 0.0\] for the head 'things'; expected a list of the labels that are there, such as "),
        ([True, False], r"\(\[\] for none\), or a yes or no for each of its 3 labels"),
        ([0.0, 0.7, 1.0], "or a yes or no for each of its 3 labels"),
        (np.ones((2, 3)), r"\(ndarray\) for the head 'things'; expected a list"),
        (True, "or a yes or no for each"),
        (["tree", None], r"such as \['tree', 'car'\]"),
        ({"things": {"tree": True}}, r"\(dict\) for the head 'things'; expected a list"),
        ({"age": float("nan")}, "is nan for the head 'age'; expected a number, its true value in years, or None where"),
        ({"age": [4.5, 3]}, r"is \[4.5, 3\] for the head 'age'; expected a number, its true value in years"),
        ({"age": True}, "is True for the head 'age'; expected a number"),
    ],
)
def test_labels_that_make_no_sense_are_refused(label, words):
    with pytest.raises(BadParameter, match=words):
        truth_of(label)


@pytest.mark.parametrize("label", [[0, 1], [1, 0]])
def test_of_two_labels_numbers_that_may_be_both_are_refused(label):
    two = labelled(["tree", "car"])
    with pytest.raises(BadParameter, match=r"are these indices, or a no and a yes\? Give names or"):
        truth_of(label, two)
    assert truth_of(np.array(label), two) == {"things": [label.index(1)]}
    assert truth_of([bool(one) for one in label], two) == {"things": [label.index(1)]}
    assert truth_of([1, 1], two) == {"things": [0, 1]}


@pytest.mark.parametrize(("label", "there"), [(1, [0]), (0, []), (True, [0]), (0.0, []), ("tree", [0]), ([True], [0])])
def test_of_one_label_a_number_says_whether_it_is_there(label, there):
    assert truth_of(label, labelled(["tree"])) == {"things": there}


def test_several_classes_of_a_head_that_chooses_one_are_refused_with_what_to_do():
    words = r"labels\[0\] is \['gothic', 'neoclassical'\] \(list\).*declared as sw.MultiLabel\(\[...\]\)"
    with pytest.raises(BadParameter, match=words):
        checked([picture()], labels=[["gothic", "neoclassical"]])


@pytest.mark.parametrize("table", [np.array([[1, 0, 1], [0, 0, 0]]), torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])])
def test_labels_may_be_a_table_with_a_row_for_each_picture(table):
    made = gallery([picture(), picture(seed=1)], table, model=LABELLED)
    made.check(LABELLED.heads)
    assert [made.truth(i) for i in range(2)] == [{"things": [0, 2]}, {"things": []}]
    assert [made.caption(i) for i in range(2)] == [p.label for p in made]
    with pytest.raises(BadParameter, match="labels was given as 2 of them for 1 images"):
        gallery([picture()], table, model=LABELLED)


@pytest.mark.parametrize(
    ("label", "caption"),
    [
        (["tree", "dog"], "tree + dog"),
        ({"things": {"dog", "car"}, "age": 4.5}, "things: car + dog, age: 4.5"),
        ({"things": [], "age": None}, "things: none"),
        (torch.tensor([1, 0, 1]), ""),
        ({"things": [1, 0, 1], "age": 3}, "age: 3"),
    ],
)
def test_a_caption_has_names_and_no_table(label, caption):
    made = gallery([picture()], [label], model=LABELLED)
    assert made.entry(0).caption == caption


def test_a_scene_brings_its_labels_and_its_masks():
    scenes = sw.demo.buildings(2, seed=1, size=48)
    made = checked(scenes)
    assert [made.truth(i) for i in range(2)] == [
        {"style": MODEL.heads["style"].classes.index(s.labels["style"])} for s in scenes
    ]  # this model has no head for the perspective
    assert (made.entry(1).masks["perspective"] == scenes[1].evidence["perspective"]).all()
    assert made.caption(0) == ""
    assert made.labelled


def test_what_is_given_counts_more_than_what_a_scene_says():
    scene = sw.demo.building(1, 0, size=48)
    made = checked([scene], labels=["gothic"], masks=[{"door": np.zeros((48, 48), bool)}])
    assert made.truth(0) == {"style": 0}
    assert list(made.entry(0).masks) == ["door"]


def test_bare_pictures_become_a_gallery_of_which_nothing_is_known():
    pictures = [read_image(picture(seed=s)) for s in range(2)]
    made = as_gallery(pictures)
    assert isinstance(made, Gallery)
    assert as_gallery(made) is made
    assert [made.find(p.id) for p in pictures] == [0, 1]
    assert made.find("nothing") is None
    assert not made.labelled


def test_a_picture_is_added_behind_the_others_and_only_once():
    made = as_gallery([read_image(picture(seed=s)) for s in range(2)])
    added = read_image(picture(seed=7))
    assert [made.add(added, "seven"), made.add(added), made.add(made[1])] == [2, 2, 1]
    assert (len(made), made.caption(2)) == (3, "seven")


def test_a_page_cannot_fill_the_memory_with_pictures(monkeypatch):
    monkeypatch.setattr("saliency_widget.runner.gallery._MOST_ADDED", 2)
    made = as_gallery([read_image(picture())])
    for seed in (1, 2):
        made.add(read_image(picture(seed=seed)))
    with pytest.raises(BadImage, match="2 pictures were added"):
        made.add(read_image(picture(seed=3)))
