"""A data set as a widget's pictures: read one by one when they are needed, and never all of it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

import saliency_widget as sw
from saliency_widget.errors import BadImage, BadParameter
from saliency_widget.runner.gallery import gallery
from small_models import STYLES, TwoHeads, keep, picture, two_heads

MODEL = two_heads()
MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]


class Items(Dataset):
    """Says which of its items were read."""

    def __init__(self, make=lambda i: (picture(seed=i), i % 3), count=50_000, **more):
        self.make, self.count, self.read = make, count, []
        vars(self).update(more)

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.read.append(index)
        return self.make(index)


def opened(data, model=MODEL, **options):
    made = gallery(data, model=model, **options)
    made.check(model.heads)
    return made


def of_labels(*names):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(8 * 12 * 3, len(names)))
    model = sw.ImageModel(net, heads={"things": sw.MultiLabel(names)}, preprocess=keep, device="cpu")
    model.discover(picture())
    return model


def normalised(image):
    planes = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    return (planes - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def test_of_fifty_thousand_pictures_the_first_is_read_and_the_length_is_known():
    data = Items()
    made = opened(data)
    assert len(made) == 50_000
    assert made.about() == {"count": 50_000, "labelled": True, "name": made.about()["name"], "unread": 50_000}
    assert data.read == [0]


def test_a_picture_is_named_and_found_without_being_read():
    data = Items()
    made = opened(data)
    name = made[40_000].id
    assert name == made.name(40_000) == f"{made.about()['name']}-40000"
    assert made.find(name) == 40_000
    assert made.find(f"{made.about()['name']}-50000") is None
    assert data.read == [0]
    assert made[40_000].image.tobytes() == picture(seed=40_000).tobytes()
    assert data.read == [0, 40_000]


def test_two_galleries_do_not_share_names():
    assert opened(Items())[3].id != opened(Items())[3].id


def test_a_picture_that_somebody_holds_is_read_once_and_only_a_few_are_kept():
    data = Items()
    made = opened(data)
    held = made[7]
    assert held.width == held.width == 12
    assert data.read.count(7) == 1
    for index in range(100, 150):
        _ = made[index].image
    assert sum(made.known(index) is not None for index in range(200)) <= 16
    assert held.image.size == (12, 8)
    assert data.read.count(7) == 1


def test_what_the_page_is_told_does_not_grow_without_end(monkeypatch):
    monkeypatch.setattr("saliency_widget.runner.gallery._MOST_SEEN", 3)
    made = opened(Items(count=50))
    made.add(MODEL.read(picture(seed=99)))
    for index in (50, 0, 9, 4, 30, 7):
        made.card(index, {"id": str(index)})
    assert [card["at"] for card in made.cards()] == [4, 7, 30, 50]


def test_a_look_at_many_pictures_keeps_none_of_them():
    data = Items()
    made = opened(data)
    _ = made[0].image
    assert [made.truth(i, made.entry(i))["style"] for i in range(1, 6)] == [1, 2, 0, 1, 2]
    assert [made.known(i) for i in range(1, 6)] == [None] * 5
    assert made.known(0) is not None


@pytest.mark.parametrize(
    ("make", "truth", "masks"),
    [
        (lambda _: picture(), {}, []),
        (lambda _: (picture(),), {}, []),
        (lambda _: (picture(), "gothic"), {"style": 0}, []),
        (lambda _: (picture(), {"style": 1, "age": 3}), {"style": 1, "age": 3.0}, []),
        (lambda _: (picture(), 2, np.ones((8, 12), bool)), {"style": 2}, ["mask"]),
        (lambda _: {"image": picture(), "label": 1, "mask": {"door": np.ones((8, 12))}}, {"style": 1}, ["door"]),
    ],
    ids=["image", "one part", "name", "mapping", "triple", "named parts"],
)
def test_an_item_is_an_image_or_comes_with_a_label_and_a_mask(make, truth, masks):
    made = opened(Items(make, 3))
    entry = made.entry(1)
    assert made.truth(1, entry) == truth
    assert list(entry.masks) == masks


def test_what_is_given_beside_it_counts_more_and_is_as_long():
    made = opened(Items(count=2), labels=["greek_roman", None], masks=[None, np.ones((8, 12), bool)])
    assert [made.truth(i, made.entry(i)) for i in range(2)] == [{"style": 2}, {}]
    assert list(made.entry(1).masks) == ["mask"]
    with pytest.raises(BadParameter, match="labels was given as 1 of them for 2 images"):
        opened(Items(count=2), labels=["gothic"])


def test_targets_that_a_data_set_lists_are_known_without_reading():
    data = Items(targets=[2, 0, 1], count=3)
    made = opened(data)
    assert [made.truth(i) for i in range(3)] == [{"style": 2}, {"style": 0}, {"style": 1}]
    assert data.read == [0]


def test_classes_are_matched_by_name_whatever_their_order():
    made = opened(Items(classes=sorted(STYLES), targets=[0, 1, 2], count=3))
    assert [MODEL.heads["style"].classes[made.truth(i)["style"]] for i in range(3)] == sorted(STYLES)


def test_as_many_classes_of_other_names_are_taken_in_their_order():
    made = opened(Items(classes=["n1", "n2", "n3"], targets=[0, 1, 2], count=3))
    assert [made.truth(i)["style"] for i in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("label", "there"),
    [
        (0, ["dog"]),
        (torch.tensor(2), ["tree"]),
        ([0, 2], ["dog", "tree"]),
        (torch.tensor([1, 0, 0]), ["dog"]),
        ([0.0, 0.0, 0.0], []),
        (["tree"], ["tree"]),
    ],
)
def test_labels_of_a_data_set_are_matched_by_name_whatever_their_order(label, there):
    things = ["tree", "dog", "car", "bird"]
    made = opened(Items(lambda i: (picture(seed=i), label), 2, classes=["dog", "bird", "tree"]), of_labels(*things))
    assert made.truth(1, made.entry(1)) == {"things": sorted(things.index(name) for name in there)}


def test_labels_of_a_data_set_that_make_no_sense_are_refused_when_they_are_read():
    data = Items(lambda i: (picture(seed=i), [0.5 * i, 1.0]), 2, classes=["dog", "tree"])
    made = opened(data, of_labels("tree", "dog"))
    with pytest.raises(BadParameter, match=r"the label of item 1 is .*or a yes or no for each of its 2 labels"):
        made.truth(1, made.entry(1))


def test_a_table_of_labels_is_known_without_reading():
    data = Items(count=3)
    made = opened(data, of_labels("tree", "dog"), labels=np.array([[1, 0], [0, 0], [1, 1]]))
    assert [made.truth(i) for i in range(3)] == [{"things": [0]}, {"things": []}, {"things": [0, 1]}]
    assert data.read == [0]


def test_classes_that_are_not_the_models_are_refused():
    with pytest.raises(BadParameter, match=r"has the classes cat, dog \(2\), but the head 'style' has gothic.*labels="):
        opened(Items(classes=["cat", "dog"], targets=[0, 1], count=2))


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ({"boxes": [1, 2]}, "the label of item 0 names the head 'boxes'"),
        (torch.tensor([1, 0, 1]), r"the label of item 0 is tensor\(\[1, 0, 1\]\) \(Tensor\) for the head 'style'"),
        (5, "the label of item 0 is class 5"),
    ],
)
def test_a_label_that_is_none_of_a_class_is_refused(label, words):
    with pytest.raises(BadParameter, match=words):
        opened(Items(lambda _: (picture(), label), 2))


def test_of_a_folder_the_files_are_read_and_its_folders_are_the_classes(tmp_path):
    for seed, style in enumerate(STYLES):
        (tmp_path / style).mkdir()
        picture(20, 16, seed).save(tmp_path / style / f"{seed}.png")
    made = opened(ImageFolder(tmp_path, transform=v2.Compose([v2.ToImage(), v2.RandomErasing(1.0), v2.Grayscale()])))
    found = {made[i].label: (made[i].image.tobytes(), made.truth(i)["style"]) for i in range(3)}
    assert found == {f"{s}.png": (picture(20, 16, s).tobytes(), s) for s in range(3)}


def test_a_part_of_a_data_set_is_as_the_whole(tmp_path):
    for seed, style in enumerate(STYLES):
        (tmp_path / style).mkdir()
        picture(seed=seed).save(tmp_path / style / f"{seed}.png")
    whole = ImageFolder(tmp_path)
    made = opened(Subset(Subset(whole, [2, 1]), [1]))
    assert len(made) == 1
    assert made[0].image.tobytes() == whole[1][0].tobytes()
    assert MODEL.heads["style"].classes[made.truth(0)["style"]] == whole.classes[1]


def test_a_tensor_that_is_a_picture_is_shown_as_it_is():
    data = Items(lambda i: (torch.rand(3, 8, 12, generator=torch.Generator().manual_seed(i)), 0), 2)
    assert torch.equal(opened(data)[1].tensor, torch.rand(3, 8, 12, generator=torch.Generator().manual_seed(1)))


def test_a_normalised_tensor_is_refused_with_what_to_do():
    with pytest.raises(BadImage, match=r"item 0 of the Items is a tensor with values from -.*without Normalize"):
        opened(Items(lambda i: (normalised(picture(seed=i)), 0), 2))


def test_what_the_models_own_preprocessing_normalises_is_brought_back():
    model = sw.ImageModel(
        TwoHeads(), heads={"style": STYLES, "age": sw.Regression()}, preprocess=v2.Normalize(MEAN, STD)
    )
    model.discover(picture())
    made = opened(Items(lambda i: (normalised(picture(seed=i)), 0), 2), model)
    assert np.abs(np.array(made[1].image).astype(int) - np.array(picture(seed=1))).max() <= 1


def test_a_normalisation_that_is_not_the_models_is_not_guessed():
    model = sw.ImageModel(
        TwoHeads(), heads={"style": STYLES, "age": sw.Regression()}, preprocess=v2.Normalize([0.5] * 3, [2.0] * 3)
    )
    with pytest.raises(BadImage, match="not the normalisation that the model's own preprocessing makes"):
        opened(Items(lambda i: (normalised(picture(seed=i)), 0), 2), model)


def test_a_transform_that_normalises_is_seen_even_where_the_values_look_harmless():
    grey = torch.full((3, 8, 12), 0.5)
    with pytest.raises(BadImage, match="a transform has normalised it"):
        opened(
            Items(lambda _: (grey, 0), 2, transform=v2.Compose([v2.Normalize(MEAN, STD)])),
            sw.ImageModel(TwoHeads(), preprocess=lambda x: x.flip(0) * 2),
        )


def test_an_item_that_cannot_be_read_says_which():
    made = opened(Items(lambda i: (picture(), 0) if i == 0 else 1 / 0, 3))
    with pytest.raises(BadImage, match="item 2 of the Items cannot be read: ZeroDivisionError"):
        _ = made[2].image
    made = opened(Items(lambda i: picture() if i == 0 else (1, 2, 3, 4), 3))
    with pytest.raises(BadImage, match="item 1 of the Items has 4 parts"):
        made.entry(1)
    made = opened(Items(lambda i: picture() if i == 0 else {"photo": picture()}, 3))
    with pytest.raises(BadImage, match="item 1 of the Items is a mapping of photo; expected an 'image'"):
        made.entry(1)


def test_what_has_no_length_or_no_items_is_refused():
    class Endless(IterableDataset):
        def __iter__(self):
            return iter([])

    with pytest.raises(BadImage, match="Endless, which has no length"):
        opened(Endless())
    with pytest.raises(BadImage, match="an empty Items"):
        opened(Items(count=0))


def test_pictures_are_added_behind_a_data_set():
    made = opened(Items(count=3))
    assert made.add(MODEL.read(picture(seed=99))) == 3
    assert made.find(made[3].id) == 3


def test_a_widget_over_a_data_set_explains_any_of_its_pictures_and_tells_the_page_of_those_it_read():
    data = Items(count=1000)
    model = sw.ImageModel(TwoHeads(), heads={"style": STYLES, "age": sw.Regression()}, preprocess=keep, device="cpu")
    widget = sw.SaliencyWidget(model, data, idle=False)
    try:
        widget.explain(image=640)
        assert widget.image == 640
        assert [card["at"] for card in widget.images] == [0, 640]
        assert widget.images[1]["truth"] == {"style": 640 % 3}
        assert widget.gallery["count"] == 1000
        assert set(data.read) == {0, 640}
        assert Image.open(io.BytesIO(widget.base)).size == (12, 8)
    finally:
        widget.close()


def test_a_picture_that_cannot_be_read_is_an_error_and_leaves_the_others_usable():
    data = Items(lambda i: (picture(seed=i), 0) if i != 5 else 1 / 0, 10)
    model = sw.ImageModel(TwoHeads(), heads={"style": STYLES, "age": sw.Regression()}, preprocess=keep, device="cpu")
    widget = sw.SaliencyWidget(model, data, idle=False)
    try:
        with pytest.raises(BadImage, match="item 5"):
            widget.explain(image=5)
        assert widget.status["code"] == "unknown_image"
        assert widget.base == b""
        assert widget.explain(image=6).done == 1
        assert widget.base != b""
    finally:
        widget.close()
