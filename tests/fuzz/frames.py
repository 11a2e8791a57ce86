"""Frames on both sides of the pipe: what is written is read, and anything else is refused in a sentence."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nst_engine import frames
from tests.fuzz.values import json_values, texts

sys.path.insert(0, str(Path(__file__).parents[2] / "gimp_plugin/neural-style"))

from nst_plugin.shared import frames as frames_of_plugin

sides = st.sampled_from([frames, frames_of_plugin])

shapes = st.lists(st.integers(1, 4), min_size=1, max_size=4)

headers = st.builds(
    lambda kind, fields: {**fields, "kind": kind},
    texts.filter(bool),
    st.dictionaries(texts.filter(lambda name: name not in ("arrays", "kind")), json_values, max_size=4),
)


@st.composite
def arrays(draw: st.DrawFn) -> frames.Array:
    dtype, shape = draw(st.sampled_from(sorted(frames.ITEM_SIZES))), tuple(draw(shapes))
    count = frames.byte_count(dtype, shape)
    return frames.Array(dtype, shape, bytearray(draw(st.binary(min_size=count, max_size=count))))


whole_frames = st.tuples(headers, st.dictionaries(texts.filter(bool), arrays(), max_size=3))


class Trickle(io.RawIOBase):
    """A stream that gives so many bytes at a time."""

    def __init__(self, data: bytes, count: int) -> None:
        self.source, self.count = io.BytesIO(data), count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self.source.readinto(memoryview(buffer)[: self.count])


def written(side: ModuleType, header: dict[str, Any], arrays: dict[str, frames.Array]) -> bytes:
    stream = io.BytesIO()
    side.write_frame(stream, header, arrays)
    return stream.getvalue()


@given(st.lists(whole_frames, max_size=3), sides, sides, st.integers(1, 100))
def what_one_side_writes_the_other_reads(
    sent: list[Any], writer: ModuleType, reader: ModuleType, at_a_time: int
) -> None:
    data = b"".join(written(writer, *frame) for frame in sent)
    stream = io.BufferedReader(Trickle(data, at_a_time), 16)
    assert [tuple(frame) for frame in iter(lambda: reader.read_frame(stream), None)] == sent


@st.composite
def damaged_frames(draw: st.DrawFn) -> bytes:
    """A frame with up to three places cut, doubled, replaced or filled."""
    data = written(frames, *draw(whole_frames))
    for _ in range(draw(st.integers(1, 3))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        data = data[:start] + draw(st.sampled_from([b"", data[start:end] * 2]) | st.binary(max_size=5)) + data[end:]
    return data


odd_announcements = st.fixed_dictionaries(
    {},
    optional={
        "name": texts | json_values,
        "dtype": st.sampled_from(["uint8", "float32", "object"]) | json_values,
        "shape": st.lists(st.integers(-1, 3) | st.integers(), max_size=5) | json_values,
        "bytes": st.integers(-1, 300) | json_values,
    },
)


@st.composite
def odd_frames(draw: st.DrawFn) -> bytes:
    """JSON that announces arrays as nobody should."""
    announced = draw(st.lists(odd_announcements | json_values, max_size=3) | json_values)
    return json.dumps({"kind": "x", "arrays": announced}).encode() + b"\n" + draw(st.binary(max_size=300))


@given(st.binary(max_size=200) | damaged_frames() | odd_frames(), sides)
def whatever_comes_is_a_frame_or_refused_in_a_sentence(data: bytes, reader: ModuleType) -> None:
    stream = io.BytesIO(data)
    try:
        while (frame := reader.read_frame(stream)) is not None:
            assert frame.header["kind"]
            for array in frame.arrays.values():
                assert len(array.data) == frames.byte_count(array.dtype, array.shape) > 0
    except reader.FrameError as error:
        sentence = str(error)
        assert sentence.isascii()
        assert sentence.endswith(".")
        assert len(sentence) < 700


PROPERTIES = (what_one_side_writes_the_other_reads, whatever_comes_is_a_frame_or_refused_in_a_sentence)
