"""Framing on the pipe: what is written is read back, and nothing else is taken for a frame."""

from __future__ import annotations

import io
import json

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
    "no kind": (b'{"arrays":[]}\n', "no field 'kind'"),
    "an endless line": (b"{" + b" " * frames.HEADER_LIMIT, "longer than"),
    "arrays not a list": (b'{"kind":"preview","arrays":{}}\n', "not a list"),
    "unknown dtype": (announced(dtype="object"), "unknown dtype"),
    "dtype not a text": (announced(dtype=[]), "unknown dtype"),
    "nameless": (announced(name=""), "no name"),
    "negative length": (announced(shape=[-2, -3]), "impossible shape"),
    "length not whole": (announced(shape=[2.0, 3]), "impossible shape"),
    "too many dimensions": (announced(shape=[1, 1, 1, 2, 3]), "impossible shape"),
    "count does not fit": (announced(bytes=7), "does not fit its shape"),
    "more than may follow": (announced(shape=[2**30, 2**30], bytes=2**60), "at most"),
}


@pytest.mark.parametrize(("data", "sentence"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_frames_are_refused_in_a_sentence(data, sentence):
    with pytest.raises(FrameError, match=sentence):
        frames.read_frame(io.BytesIO(data))


def test_two_arrays_of_one_name():
    entry = {"name": "picture", "dtype": "uint8", "shape": [1], "bytes": 1}
    line = json.dumps({"kind": "preview", "arrays": [entry, entry]}).encode() + b"\nab"
    with pytest.raises(FrameError, match="same name"):
        frames.read_frame(io.BytesIO(line))


def test_a_header_too_long_is_not_sent():
    with pytest.raises(FrameError, match="longer than"):
        frames.write_frame(io.BytesIO(), {"kind": "log", "text": "x" * frames.HEADER_LIMIT})
