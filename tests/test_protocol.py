"""Messages into frames and back."""

from __future__ import annotations

import dataclasses
import io
import math

import numpy as np
import pytest

from nst_engine import frames, protocol, words
from nst_engine.errors import ProtocolError
from nst_engine.pixels import StylePicture
from nst_engine.protocol import (
    Failure,
    Hello,
    Plan,
    Planned,
    Preview,
    Progress,
    Result,
    Sketch,
    Sketched,
    Stop,
    Stylize,
)

PICTURE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
MASK = np.ones((2, 3, 1), np.uint8)
STYLES = (StylePicture("Starry Night", PICTURE), StylePicture("Welle é", PICTURE[:1] + 1, 0.5, MASK))
MESSAGES = [
    Hello(1),
    Hello(1, ("vgg19", "Mein Netz é")),
    Stylize(1, {"size": 256, "color": "match"}, PICTURE, STYLES),
    Stylize(1, {}, PICTURE, STYLES[:1], MASK, MASK * 2, PICTURE * 3),
    Plan({"quality": "draft"}, 4000, 3000),
    Planned(512, 384, 12.5),
    Sketch({"strength": 70}, PICTURE, STYLES, MASK),
    Sketched(np.zeros((2, 3, 4), np.uint8)),
    Stop(),
    Progress(0.25, 12.5, "256 px, step 1 of 4"),
    Progress(0, None, ""),
    Preview(np.zeros((2, 2, 4), np.uint8)),
    Result(PICTURE, {"device": "cpu"}),
    Result(PICTURE, {}, "Memory ran short."),
    Failure("memory", "Too large.", "Choose a smaller size."),
]


def passed(message):
    stream = io.BytesIO()
    protocol.send(stream, message)
    stream.seek(0)
    return protocol.receive(stream)


def equal(first, second) -> bool:
    if dataclasses.is_dataclass(first):
        return type(first) is type(second) and all(
            equal(getattr(first, field.name), getattr(second, field.name)) for field in dataclasses.fields(first)
        )
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second)
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    return first == second


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message):
    assert equal(passed(message), message)


@pytest.mark.parametrize("used", [{"loss": math.nan}, {"text": "x" * frames.HEADER_LIMIT}, {"array": PICTURE}])
def test_a_result_arrives_even_if_it_cannot_be_told_how_it_was_made(used):
    assert equal(passed(Result(PICTURE, used)), Result(PICTURE, {}))


def test_thousands_of_styles_travel_with_names_of_any_length():
    styles = tuple(StylePicture(f"{number} {'é' * 10_000}", PICTURE, 1.0, MASK) for number in range(4000))
    arrived = passed(Stylize(1, {}, PICTURE, styles)).styles
    assert len(arrived) == 4000
    assert {len(style.name) for style in arrived} == {protocol.NAME_LIMIT}


def test_what_cannot_travel_otherwise_is_refused_before_a_byte_is_written():
    stream = io.BytesIO()
    with pytest.raises(ProtocolError, match="'progress' cannot travel"):
        protocol.send(stream, Progress(math.nan, None, ""))
    assert stream.getvalue() == b""


def test_texts_of_any_length_lose_their_middle():
    message = passed(Failure("option", f"It is {'x' * 100_000}.", "")).message
    assert (len(message), message[:7], message[-2:]) == (words.TEXT_LIMIT, "It is x", "x.")


def test_a_clean_end_is_none():
    assert protocol.receive(io.BytesIO()) is None


def test_a_greeting_need_not_tell_of_networks():
    assert protocol.receive(io.BytesIO(b'{"kind":"hello","protocol":1}\n')) == Hello(1, ())


def test_unknown_fields_are_ignored():
    assert protocol.receive(io.BytesIO(b'{"kind":"stop","from":"the future"}\n')) == Stop()


def test_arrays_that_nobody_asked_for_are_ignored():
    stream = io.BytesIO()
    frames.write_frame(stream, {"kind": "stop"}, {"surprise": frames.Array("uint8", (4,), b"abcd")})
    stream.seek(0)
    assert protocol.receive(stream) == Stop()


FAULTY = {
    "unknown kind": ({"kind": "sing"}, {}, "kind 'sing' is unknown"),
    "field missing": ({"kind": "planned", "width": 4, "height": 3}, {}, "no valid field 'seconds'"),
    "field of another type": ({"kind": "progress", "fraction": 0, "seconds_left": 1, "text": 3}, {}, "'text'"),
    "truth for a number": ({"kind": "progress", "fraction": True, "seconds_left": 1, "text": ""}, {}, "'fraction'"),
    "a name that is a number": ({"kind": "hello", "protocol": 1, "networks": [3]}, {}, "'networks'"),
    "names that are a text": ({"kind": "hello", "protocol": 1, "networks": "vgg19"}, {}, "'networks'"),
    "picture missing": ({"kind": "preview"}, {}, "no valid field 'picture'"),
    "picture flat": ({"kind": "preview"}, {"picture": frames.Array("uint8", (6,), b"abcdef")}, "'picture'"),
    "mask with colors": (
        {"kind": "stylize", "protocol": 1, "options": {}, "styles": []},
        {"content": frames.Array("uint8", (1, 1, 3), b"abc"), "selection": frames.Array("uint8", (1, 1, 3), b"abc")},
        "'selection'",
    ),
    "a style that is a text": (
        {"kind": "stylize", "protocol": 1, "options": {}, "styles": ["x"]},
        {"content": frames.Array("uint8", (1, 1, 3), b"abc")},
        "'styles'",
    ),
    "less time left than none": (
        {"kind": "progress", "fraction": 1, "seconds_left": -1, "text": ""},
        {},
        "'seconds_left'",
    ),
    "more than all": ({"kind": "progress", "fraction": 1.01, "seconds_left": 1, "text": ""}, {}, "'fraction'"),
    "styles not a list": ({"kind": "stylize", "protocol": 1, "options": {}, "styles": 3}, {}, "'content'"),
    "not a frame": (None, {}, "Expected a message"),
}


@pytest.mark.parametrize(("header", "arrays", "sentence"), FAULTY.values(), ids=FAULTY.keys())
def test_faulty_messages_are_refused_in_a_sentence(header, arrays, sentence):
    stream = io.BytesIO(b"hello\n")
    if header:
        frames.write_frame(stream, header, arrays)
        stream.seek(0)
    with pytest.raises(ProtocolError, match=sentence):
        protocol.receive(stream)


@pytest.mark.parametrize("weight", [0, -1, "1", True, None])
def test_style_weights_are_positive_numbers(weight):
    stream = io.BytesIO()
    header = {
        "kind": "stylize",
        "protocol": 1,
        "options": {},
        "styles": [{"name": "a", "weight": weight, "pixels": "s"}],
    }
    pixels = frames.Array("uint8", (1, 1, 3), b"abc")
    frames.write_frame(stream, header, {"content": pixels, "s": pixels})
    stream.seek(0)
    with pytest.raises(ProtocolError, match="'styles'"):
        protocol.receive(stream)
