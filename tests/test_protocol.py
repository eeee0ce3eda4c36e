"""The protocol's kernel half: the samples that both halves share, every field's limits, and whatever else arrives."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saliency_widget import protocol
from saliency_widget.errors import BadMessage

SAMPLES = {p.stem: json.loads(p.read_text()) for p in sorted(Path(__file__).parent.glob("fixtures/protocol/*.json"))}


def samples(direction, kind):
    return [
        pytest.param(sample, id=f"{name}: {sample['about']}")
        for name, of in SAMPLES.items()
        if of["direction"] == direction
        for sample in of[kind]
    ]


def buffers(sample):
    return [base64.b64decode(sample["buffer"])] if "buffer" in sample else []


def request(**changes):
    message = copy.deepcopy(SAMPLES["request"]["good"][0]["message"])
    for path, value in changes.items():
        *way, last = path.split("__")
        inner = message
        for step in way:
            inner = inner[int(step) if step.isdecimal() else step]
        if value is ...:
            del inner[last]
        else:
            inner[last] = value
    return message


def test_there_is_a_sample_of_every_message():
    assert set(SAMPLES) >= {"hello", "request", "cancel", "ack", "visible", "bye", "shot", "fetch", "experiments"}
    assert set(SAMPLES) >= set(protocol._OUTGOING)


@pytest.mark.parametrize("sample", samples("page-to-kernel", "good"))
def test_what_a_page_may_send_is_understood(sample):
    parsed = protocol.parse(sample["message"], buffers(sample))
    for name, value in vars(parsed).items():
        if name == "cells":
            sent = [{**cell, "targets": tuple(cell["targets"])} for cell in sample["message"]["args"]["cells"]]
            kept = [
                {k: v for k, v in vars(cell).items() if k not in {"req", "have"} and (k, v) != ("model", None)}
                for cell in value
            ]
            assert kept == sent
            continue
        if name == "data":
            assert [value] == buffers(sample)
            continue
        given_as = sample["message"].get(name, sample["message"].get("args", {}).get(name))
        assert value == (tuple(given_as) if isinstance(value, tuple) else given_as)


@pytest.mark.parametrize(
    "sample", [p for p in samples("page-to-kernel", "bad") if p.values[0]["code"] == "bad_message"]
)
def test_what_a_page_may_not_send_is_refused(sample):
    with pytest.raises(BadMessage):
        protocol.parse(sample["message"], buffers(sample))


@pytest.mark.parametrize(
    "sample", [p for p in samples("page-to-kernel", "bad") if p.values[0]["code"] != "bad_message"]
)
def test_what_only_the_widget_can_judge_is_let_through(sample):
    protocol.parse(sample["message"], buffers(sample))


@pytest.mark.parametrize("sample", samples("kernel-to-page", "good"))
def test_what_the_page_understands_is_what_is_built(sample):
    fields = {name: value for name, value in sample["message"].items() if name not in {"v", "type"}}
    assert protocol.message(sample["message"]["type"], fields) == sample["message"]


def test_a_message_to_the_page_with_a_field_missing_or_too_many_is_not_built():
    with pytest.raises(BadMessage, match="running"):
        protocol.message("welcome", {"page": "p", "job": 1, "ipykernel": "7"})
    with pytest.raises(BadMessage, match="colour"):
        protocol.message("welcome", {"page": "p", "job": 1, "running": False, "ipykernel": "7", "colour": "red"})


def test_no_message_to_the_page_has_an_id_which_ipykernel_would_keep():
    assert all("id" not in fields for fields in protocol._OUTGOING.values())


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (None, "a message is None; expected an object"),
        ("hello", "a message is 'hello'; expected an object"),
        ({}, "no field 'v'"),
        ({"v": True, "type": "hello"}, "two versions"),
        ({"v": 2, "type": "hello"}, "v: 2; expected 1.*reload the page"),
        ({"v": 1}, "no field 'type'"),
        ({"v": 1, "type": "dance"}, "type: 'dance'; expected one of hello, request"),
        ({"v": 1, "type": ["hello"]}, "type: a list of 1"),
        ({"v": 1, "type": "bye", "page": ""}, "page: ''; expected a text of 1 to 200"),
        ({"v": 1, "type": "bye", "page": "p" * 201}, "page: 'ppp"),
        ({"v": 1, "type": "bye", "page": "p", "why": 3}, "unknown field, why: 3"),
        ({"v": 1, "type": "ack", "page": "p", "seq": -1}, "seq: -1; expected a whole number from 0"),
        ({"v": 1, "type": "ack", "page": "p", "seq": True}, "seq: True"),
        ({"v": 1, "type": "ack", "page": "p", "seq": 1.5}, "seq: 1.5"),
        ({"v": 1, "type": "ack", "page": "p", "seq": 10**400}, "seq: 1000"),
        (request(kind="explode"), "kind: 'explode'; expected one of explain, live, predict"),
        (request(req=7), "has req: 7; expected an object"),
        (request(req__n="1"), "req.n: '1'"),
        (request(req__x=1), "unknown field, req.x"),
        (request(args=[]), "has args: a list of 0; expected an object"),
        (request(args__seed=...), "no field 'args.seed'"),
        (request(args__seed=-1), "args.seed: -1"),
        (request(args__colour="red"), "unknown field, args.colour: 'red'"),
        (request(args__targets={}), "args.targets: a mapping of 0; expected a list"),
        (request(args__targets=[None] * 65), "a list of 65; expected a list of at most 64"),
        (request(args__targets=["style:gothic"]), r"args.targets\[0\]: 'style:gothic'"),
        (request(args__targets__0__index="0"), r"args.targets\[0\].index: '0'"),
        (request(args__targets__0__index=-2), r"args.targets\[0\].index: -2; expected a whole number from -1"),
        (request(args__targets__0__versus=-1), r"args.targets\[0\].versus: -1; expected a whole number from 0"),
        (request(args__targets__0__weight=1), r"unknown field, args.targets\[0\].weight"),
        (request(args__params=None), "args.params: None"),
        (request(args__params={"steps": [1]}), "args.params.steps: a list of 1; expected true, false, a finite number"),
        (request(args__params={"steps": float("nan")}), "args.params.steps: nan"),
        (request(args__params={"steps": 10**400}), "args.params.steps: 1000"),
        (request(args__params={str(i): i for i in range(65)}), "args.params: .* at most 64"),
        (request(args__layer=3), "args.layer: 3"),
        (request(args__have=""), "args.have: ''"),
    ],
)
def test_a_refusal_names_the_field_what_it_was_and_what_was_expected(message, words):
    with pytest.raises(BadMessage, match=words):
        protocol.parse(message)


def test_a_layer_is_a_name_or_none():
    named = protocol.parse(request(args__layer="features.29"))
    assert isinstance(named, protocol.Explain)
    assert named.layer == "features.29"
    assert protocol.parse(request()).layer is None


def test_binary_parts_that_nobody_asked_for_are_refused():
    with pytest.raises(BadMessage, match="1 binary buffers"):
        protocol.parse({"v": 1, "type": "bye", "page": "p"}, [b"x"])


def test_a_refusal_is_short_whatever_was_sent():
    with pytest.raises(BadMessage) as refused:
        protocol.parse({"v": 1, "type": "x" * 10_000_000})
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("message", "req"),
    [
        ({"req": {"page": "p", "n": 3}}, {"page": "p", "n": 3}),
        ({"v": 7, "type": "?", "req": {"page": "p", "n": 3}}, {"page": "p", "n": 3}),
        ({"req": {"page": "p"}}, None),
        ({"req": "p"}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_the_sender_of_a_malformed_request_is_found_if_it_can_be(message, req):
    assert protocol.req_of(message) == req


@pytest.mark.parametrize(
    "value",
    [
        {},
        {
            "opacity": 0.5,
            "colormap": "red-blue",
            "sign": "signed",
            "smooth": 1,
            "clip": 99.5,
            "locked": True,
            "scale": 0,
        },
        {"scale": None},
    ],
)
def test_a_display_is_taken_as_it_is(value):
    assert protocol.display(value) == value


@pytest.mark.parametrize(
    "value", [None, [], {"a": []}, {"a": float("inf")}, {"a": "x" * 201}, {str(i): 0 for i in range(65)}]
)
def test_a_display_that_is_no_small_flat_object_is_refused(value):
    with pytest.raises(BadMessage, match="display"):
        protocol.display(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_anything_that_json_can_hold_is_understood_or_refused(message):
    try:
        protocol.parse(message)
    except BadMessage as refused:
        assert len(str(refused)) < 500  # noqa: PT017 - most are refused, and none must be anything else
    assert protocol.req_of(message) is None or "req" in message


def places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from places(each, (*path, name))


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(
        [sample["message"] for of in SAMPLES.values() for sample in of["good"] if "req" in sample["message"]]
    ),
    st.data(),
    JSON,
)
def test_a_good_message_with_anything_in_any_place_is_understood_or_refused(message, data, value):
    changed = {"whole": copy.deepcopy(message)}
    *way, last = ("whole", *data.draw(st.sampled_from(list(places(message)))))
    inner = changed
    for step in way:
        inner = inner[step]
    inner[last] = value
    try:
        protocol.parse(changed["whole"])
    except BadMessage as refused:
        assert len(str(refused)) < 500  # noqa: PT017
