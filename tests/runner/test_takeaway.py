"""What a person takes away of a map: code that makes it again, tested by running it, and a file that loads again."""

from __future__ import annotations

import ast

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import saliency_widget as sw
from fake_pages import Desk
from saliency_widget.model import read_image
from saliency_widget.runner import takeaway
from saliency_widget.runner.gallery import gallery
from saliency_widget.runner.takeaway import code, file_name
from small_models import keep, picture, two_heads


def known(desk, target="style:gothic", **args):
    """Click, and return the finished explanation with what was asked for and its key."""
    desk.click(target, **args)
    desk.run()
    result = desk.port.state["result"]
    return desk.session.explanations[0], result["args"], result["key"]


def take(desk, key, what="code", target="style:gothic", *, sign="signed", channels="sum", smooth=0.0):
    """Ask as a page does; returns the job, the answer and its data."""
    drawn = {"sign": sign, "channels": channels, "smooth": smooth}
    job = takeaway.ask(desk.session, desk.request(), what=what, key=key, target=target, **drawn)
    desk.run()
    answers = [(m, d) for m, d in zip(desk.port.messages, desk.port.data, strict=True) if m["type"] == "file"]
    return job, *(answers[-1] if answers else (None, None))


def run(text, **names):
    """Run the code as a cell would, and return what it left behind."""
    names = dict(names)
    exec(compile(text, "cell", "exec"), names)  # noqa: S102 - that it runs is what is tested
    return names


def same(one, other):
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-6 * np.abs(other).max())


CHOICES = {
    "a gradient": ("style:gothic", {}),
    "a contrast": ("style:gothic versus greek_roman", {}),
    "all outputs": ("style:*", {}),
    "a value": ("age", {"method": "input_x_gradient"}),
    "parameters": ("style:gothic", {"method": "integrated_gradients", "params": {"steps": 7, "baseline": "white"}}),
    "a seed": ("style:gothic", {"method": "smoothgrad", "params": {"samples": 6, "noise": 0.3}, "seed": 5}),
    "a score": ("style:gothic", {"score": "log_softmax"}),
    "a layer": ("style:gothic", {"method": "grad_cam", "layer": "body.0"}),
    "a tolerance": ("style:gothic", {"method": "smoothgrad", "params": {"samples": 60}, "tolerance": 0.3}),
    "a sibling": ("style:gothic", {"method": "vargrad", "params": {"samples": 5}}),
    "a map by windows": ("style:gothic", {"method": "occlusion", "params": {"window": 4, "stride": 2}}),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_the_code_that_was_taken_makes_the_map_on_screen_again(choice):
    target, args = CHOICES[choice]
    desk = Desk()
    shown, _, key = known(desk, target, **args)
    _, answer, data = take(desk, key, target=str(shown.target))
    made = run(data.decode(), model=desk.model, images=desk.pictures)
    same(made["e"].attribution, shown.attribution)
    assert (made["e"].target, made["e"].done, made["e"].total) == (shown.target, shown.done, shown.total)
    assert answer["name"].endswith(".py")


@pytest.mark.parametrize(
    ("sign", "channels", "smooth"),
    [("signed", "sum", 0.0), ("absolute", "max", 1.5), ("negative", "sum", 0.0), ("signed", "norm", 0.0)],
)
def test_the_code_draws_the_map_as_it_is_drawn_on_the_page(sign, channels, smooth):
    desk = Desk()
    shown, _, key = known(desk)
    _, _, data = take(desk, key, sign=sign, channels=channels, smooth=smooth)
    made = run(data.decode(), model=desk.model, images=desk.pictures)
    same(made["heatmap"], shown.heatmap(sign, channels=channels, smooth=smooth))


def test_only_what_differs_from_the_defaults_is_said():
    desk = Desk()
    _, _, key = known(desk)
    text = take(desk, key)[2].decode()
    (call,) = [
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and "sw.explain" in ast.unparse(node)
    ]
    assert ast.unparse(call) == "sw.explain(model, image, target='style:gothic', method='gradient')"
    assert max(map(len, text.splitlines())) <= 60
    assert text.splitlines()[-2:] == ["heatmap = e.heatmap()", "e.plot()"]


def test_another_picture_of_the_list_is_named_by_its_place():
    desk = Desk()
    desk.session.ask({"image": 1, "tolerance": None})
    desk.run()
    _, _, data = take(desk, desk.port.state["result"]["key"])
    made = run(data.decode(), model=desk.model, images=desk.pictures)
    same(made["e"].attribution, desk.session.explanations[0].attribution)
    assert "images[1]" in data.decode()


class Pairs(torch.utils.data.Dataset):
    """Pictures with labels, read one by one."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return picture(seed=index), index % 3


def test_an_item_of_a_data_set_is_taken_out_of_its_pair():
    model, data = two_heads(), Pairs()
    wrapped = sw.ImageModel(model, preprocess=keep, device="cpu") if isinstance(model, nn.Module) else model
    pictures = gallery(data, model=wrapped)
    wrapped.discover(pictures[0])
    shown = sw.explain(wrapped, pictures[2])
    args = {"image": pictures[2].id, "score": "logit", "layer": None, "seed": 0, "tolerance": None}
    made = run(code(wrapped, pictures, shown, args), model=wrapped, images=data)
    same(made["e"].attribution, shown.attribution)


def test_a_picture_that_was_dropped_into_the_page_is_none_of_the_list():
    desk = Desk()
    added = desk.session.pictures.add(read_image(picture(seed=9), label="dropped.png"))
    desk.session.ask({"image": added, "tolerance": None})
    desk.run()
    text = take(desk, desk.port.state["result"]["key"])[2].decode()
    assert "# image: the picture that the page was given (here 'dropped.png')" in text
    made = run(text, model=desk.model, image=picture(seed=9))
    same(made["e"].attribution, desk.session.explanations[0].attribution)


def test_a_model_that_was_loaded_and_a_picture_from_a_file_need_nothing_else(tmp_path):
    path = tmp_path / "it's a picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(path)
    model = sw.load("demo/vgg", device="cpu")
    model.discover(str(path))
    desk = Desk(model=model, pictures=[str(path)])
    shown, args, _ = known(desk)
    made = run(code(model, desk.pictures, shown, args))
    same(made["e"].attribution, shown.attribution)
    untrained = sw.load("demo/vgg", weights=None, precision="float64")
    assert 'sw.load("demo/vgg", weights=None, precision="float64")' in code(untrained, desk.pictures, shown, args)


def test_names_that_would_be_read_as_something_else_are_given_as_indices():
    class Odd(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    model = sw.ImageModel(Odd(), heads={"a": [" spaced ", "b versus c", "0"]}, preprocess=keep, device="cpu")
    model.discover(picture())
    desk = Desk(model=model, pictures=[picture()], target=("a", 1))
    for index in range(3):
        desk.session.ask({"target": ("a", index), "tolerance": None})
        desk.run()
        shown = desk.session.explanations[0]
        text = code(model, desk.pictures, shown, desk.port.state["result"]["args"])
        made = run(text, model=model, images=desk.pictures)
        assert made["e"].target.index == index
        same(made["e"].attribution, shown.attribution)


def test_a_picture_that_a_method_made_is_taken_as_a_picture():
    desk = Desk()
    shown, args, _ = known(desk, method="class_appearance", params={"steps": 2})
    made = run(code(desk.model, desk.pictures, shown, args), model=desk.model, images=desk.pictures)
    assert np.array_equal(made["picture"], shown.rgb())


def test_somebodys_names_cannot_end_a_comment_or_a_text():
    desk = Desk(pictures=[read_image(picture(), label="x\nimport os  # '")])
    desk.model.name = "y\nraise SystemExit"
    shown, args, _ = known(desk)
    tree = ast.parse(code(desk.model, desk.pictures, shown, args))
    assert [type(node).__name__ for node in tree.body] == ["Import", "Assign", "Assign", "Assign", "Expr"]


def test_a_reduced_precision_is_said():
    desk = Desk()
    shown, args, _ = known(desk)
    desk.model.dtype = torch.float64  # as if the map had been made in less
    assert "in float32, measured to give the same map" in code(desk.model, desk.pictures, shown, args)


def test_the_file_holds_all_numbers_and_loads_again(tmp_path):
    desk = Desk()
    shown, _, key = known(desk, method="smoothgrad", params={"samples": 4})
    job, answer, data = take(desk, key, "npz")
    path = tmp_path / answer["name"]
    path.write_bytes(data)
    loaded = sw.Explanation.load(path)
    assert np.array_equal(loaded.attribution, shown.attribution)
    assert (loaded.target, loaded.method, set(loaded.siblings)) == (shown.target, "smoothgrad", set(shown.siblings))
    assert answer["name"].endswith("_style-gothic_smoothgrad.npz")
    assert desk.port.ends()[job.number] == "complete"


def test_each_map_of_a_run_for_several_targets_can_be_taken():
    desk = Desk(target=["style:gothic", "age"])
    desk.session.ask({})
    desk.run()
    key = desk.port.state["result"]["key"]
    for target in ("style:gothic", "age"):
        _, _, data = take(desk, key, target=target)
        assert f'"{target}"' in data.decode()


def test_a_map_that_is_gone_is_said_so_and_nothing_else_changes():
    desk = Desk()
    known(desk)
    before = dict(desk.port.state)
    job, answer, _ = take(desk, "no such key")
    (end,) = [m for m in desk.port.of("end") if m["job"] == job.number]
    assert (answer, end["status"]) == (None, "error")
    assert "click its class" in end["message"]
    assert desk.port.state == before


def test_file_names_keep_only_what_every_file_system_bears():
    desk = Desk()
    shown, _, _ = known(desk)
    object.__setattr__(shown, "model", "../../etc/pass wd?" + "x" * 200)
    name = file_name(shown, "npz")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert not name.startswith(".")
    assert len(name) < 200


def test_a_raw_module_is_named_by_a_comment():
    model = two_heads()
    desk = Desk(model=model)
    shown, args, _ = known(desk)
    assert f"# model: what the widget was given, '{model.name}'" in code(model, desk.pictures, shown, args)
