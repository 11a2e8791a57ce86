"""Framing on the pipe: what is written is read back, and nothing else is taken for a frame."""

from __future__ import annotations

import contextlib
import io
import json
import tracemalloc

import pytest

from nst_engine import frames
from nst_engine.frames import Array, Frame, FrameError, TruncatedFrame

PIXELS = Array("uint8", (2, 1, 3), bytearray(b"abcdef"))
CASES = [
    (Frame({"kind": "stop"}, {}), b'{"kind":"stop"}\n'),
    (
        Frame({"kind": "preview", "text": "é"}, {"picture": PIXELS}),
        b'{"arrays":[{"bytes":6,"dtype":"uint8","name":"picture","shape":[2,1,3]}],"kind":"preview","text":"\\u00e9"}\n'
        b"abcdef",
    ),
]


class Trickle(io.RawIOBase):
    """A stream that gives one byte at a time."""

    def __init__(self, data: bytes) -> None:
        self.source = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self.source.readinto(memoryview(buffer)[:1])


class Zeros(Trickle):
    """A stream of a line and then so many zeros."""

    def __init__(self, line: bytes, count: int) -> None:
        super().__init__(line)
        self.left = count

    def readinto(self, buffer) -> int:
        got = self.source.readinto(buffer)
        if got == 0:
            got = min(self.left, len(buffer))
            buffer[:got] = bytes(got)
            self.left -= got
        return got


@pytest.mark.parametrize(("frame", "data"), CASES, ids=["bare", "with pixels"])
class TestCases:
    def test_written_bytes_are_the_same_under_every_python(self, frame, data):
        stream = io.BytesIO()
        frames.write_frame(stream, frame.header, frame.arrays)
        assert stream.getvalue() == data

    def test_read_whole_with_the_next_frame_behind(self, frame, data):
        stream = io.BytesIO(data + data)
        assert frames.read_frame(stream) == frame
        assert frames.read_frame(stream) == frame
        assert frames.read_frame(stream) is None

    def test_read_one_byte_at_a_time(self, frame, data):
        assert frames.read_frame(io.BufferedReader(Trickle(data), 1)) == frame

    def test_cut_at_every_position(self, frame, data):
        for end in range(1, len(data)):
            with pytest.raises(TruncatedFrame):
                frames.read_frame(io.BytesIO(data[:end]))


def announced(**changes: object) -> bytes:
    entry = {"name": "picture", "dtype": "uint8", "shape": [2, 3], "bytes": 6, **changes}
    return json.dumps({"kind": "preview", "arrays": [entry]}).encode() + b"\n" + b"abcdef"


HOSTILE = {
    "an ssh greeting": (b"Welcome to gpu-box\n", 'Expected a message, got the text "Welcome to gpu-box"'),
    "not JSON": (b"{kind}\n", "is not JSON"),
    "a number that JSON lacks": (b'{"kind":"progress","fraction":NaN}\n', "is not JSON"),
    "a JSON bomb": (b'{"kind":' + b"[" * 50_000 + b"\n", "is not JSON"),
    "a number that no float64 holds": (b'{"kind":"progress","fraction":1e999}\n', "is not JSON"),
    "a number of a million digits": (b'{"kind":"plan","width":1' + b"0" * 1_000_000 + b"}\n", "is not JSON"),
    "a field twice": (b'{"kind":"stop","kind":"plan"}\n', "is not JSON"),
    "half a character": (b'{"kind":"stop\xc3"}\n', "is not JSON"),
    "no kind": (b'{"arrays":[]}\n', "no field 'kind'"),
    "an endless line": (b"{" + b" " * frames.HEADER_LIMIT, "longer than"),
    "arrays not a list": (b'{"kind":"preview","arrays":{}}\n', "not a list"),
    "unknown dtype": (announced(dtype="object"), "unknown dtype"),
    "dtype not a text": (announced(dtype=[]), "unknown dtype"),
    "nameless": (announced(name=""), "no name"),
    "negative length": (announced(shape=[-2, -3]), "impossible shape"),
    "empty": (announced(shape=[0, 3], bytes=0), "impossible shape"),
    "a name that no terminal shows": (announced(name="\x1b]\ud800\0", dtype=""), r'Array "\\u001b]\?\\u0000" has'),
    "an endless name": (announced(name="é" * 500_000, shape=3), "impossible shape"),
    "length not whole": (announced(shape=[2.0, 3]), "impossible shape"),
    "too many dimensions": (announced(shape=[1, 1, 1, 2, 3]), "impossible shape"),
    "count does not fit": (announced(bytes=7), "does not fit its shape"),
    "more than may follow": (announced(shape=[2**30, 2**30], bytes=2**60), "at most"),
}


@pytest.mark.parametrize(("data", "sentence"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_frames_are_refused_in_a_sentence(data, sentence):
    with pytest.raises(FrameError, match=sentence) as caught:
        frames.read_frame(io.BytesIO(data))
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 600


def test_two_arrays_of_one_name():
    entry = {"name": "picture", "dtype": "uint8", "shape": [1], "bytes": 1}
    line = json.dumps({"kind": "preview", "arrays": [entry, entry]}).encode() + b"\nab"
    with pytest.raises(FrameError, match="same name"):
        frames.read_frame(io.BytesIO(line))


UNSENDABLE = {
    "a header too long": ({"text": "x" * frames.HEADER_LIMIT}, {}, "longer than"),
    "a number that JSON lacks": ({"fraction": float("nan")}, {}, "not JSON"),
    "an object that JSON lacks": ({"file": io.BytesIO()}, {}, "not JSON"),
    "fewer bytes than the shape": ({}, {"picture": Array("uint8", (2, 1, 3), b"abc")}, "does not fit its shape"),
    "an empty array": ({}, {"picture": Array("uint8", (0, 1, 3), b"")}, "impossible shape"),
    "a nameless array": ({}, {"": PIXELS}, "no name"),
    "an unknown dtype": ({}, {"picture": Array("float64", (1,), bytes(8))}, "unknown dtype"),
}


@pytest.mark.parametrize(("fields", "arrays", "sentence"), UNSENDABLE.values(), ids=UNSENDABLE.keys())
def test_what_is_no_frame_is_refused_before_a_byte_is_written(fields, arrays, sentence):
    stream = io.BytesIO()
    with pytest.raises(FrameError, match=sentence):
        frames.write_frame(stream, {"kind": "progress", **fields}, arrays)
    assert stream.getvalue() == b""


def peak_of_reading(stream: io.BufferedIOBase) -> int:
    tracemalloc.start()
    try:
        with contextlib.suppress(TruncatedFrame):
            frames.read_frame(stream)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_grows_with_what_comes_and_not_with_what_is_announced():
    all_that_is_allowed = announced(shape=[2**15, 2**18], bytes=2**33)
    assert peak_of_reading(io.BytesIO(all_that_is_allowed)) < 4 * frames.PIECE


def test_a_large_array_is_held_once():
    size = 64 * 1024**2
    line = announced(shape=[size], bytes=size).removesuffix(b"abcdef")
    zeros = io.BufferedReader(Zeros(line, size))
    assert peak_of_reading(zeros) < 1.2 * size


def test_no_header_takes_much_more_memory_than_its_own_length():
    line = b'{"kind":"stop","x":[' + b"{}," * 100_000 + b"0]}\n"
    assert peak_of_reading(io.BytesIO(line)) < 40 * len(line)
