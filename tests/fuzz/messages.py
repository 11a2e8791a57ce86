"""Messages: what is sent is received, and any other frame is refused in a sentence."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nst_engine import frames, protocol
from nst_engine.errors import ProtocolError
from tests.fuzz.frames import arrays
from tests.fuzz.values import json_values, numbers, texts

seconds = st.floats(0, 1e300)


def pictures(*channels: int) -> st.SearchStrategy[protocol.Pixels]:
    shapes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.sampled_from(channels))
    kinds = st.sampled_from([np.uint8, np.float32])
    return st.builds(lambda shape, kind, start: np.arange(start, start + np.prod(shape), dtype=kind).reshape(shape),
        shapes, kinds, st.integers(0, 9))  # fmt: skip


masks = st.none() | pictures(1)
options = st.dictionaries(texts, json_values, max_size=3)
styles = st.builds(
    protocol.StylePicture, texts, pictures(3, 4), st.floats(0, 1e308, exclude_min=True) | st.integers(1, 9), masks
)
MESSAGES: dict[str, st.SearchStrategy[Any]] = {
    "hello": st.builds(protocol.Hello, st.integers(0, 99), st.lists(texts, max_size=3).map(tuple)),
    "plan": st.builds(protocol.Plan, options, st.integers(-9, 9), st.integers(-9, 9)),
    "planned": st.builds(protocol.Planned, st.integers(), st.integers(), seconds),
    "stylize": st.builds(
        protocol.Stylize, st.integers(0, 99), options, pictures(3, 4), st.lists(styles, max_size=3).map(tuple),
        masks, masks, st.none() | pictures(3, 4),
    ),
    "sketch": st.builds(
        protocol.Sketch, options, pictures(3, 4), st.lists(styles, max_size=3).map(tuple), masks, masks
    ),
    "sketched": st.builds(protocol.Sketched, pictures(3, 4)),
    "stop": st.just(protocol.Stop()),
    "progress": st.builds(protocol.Progress, st.floats(0, 1), st.none() | seconds, texts),
    "preview": st.builds(protocol.Preview, pictures(3, 4)),
    "result": st.builds(protocol.Result, pictures(3, 4), options),
    "error": st.builds(protocol.Failure, texts, texts, texts),
}  # fmt: skip


def passed(message: Any) -> Any:
    stream = io.BytesIO()
    protocol.send(stream, message)
    stream.seek(0)
    return protocol.receive(stream)


def as_plain(value: Any) -> Any:
    """The same in what can be compared."""
    if dataclasses.is_dataclass(value):
        return {
            "": type(value),
            **{field.name: as_plain(getattr(value, field.name)) for field in dataclasses.fields(value)},
        }
    if isinstance(value, np.ndarray):
        return value.dtype.name, value.tolist()
    return [as_plain(item) for item in value] if isinstance(value, tuple) else value


@given(st.sampled_from(sorted(MESSAGES)).flatmap(MESSAGES.__getitem__))
def a_message_arrives_as_it_was_sent(message: Any) -> None:
    assert as_plain(passed(message)) == as_plain(message)


FIELDS = sorted({field.name for kind in protocol.KINDS.values() for field in dataclasses.fields(kind)})
NAMES = ("content", "picture", "protection", "selection", "init", "s")

odd_styles = st.fixed_dictionaries(
    {},
    optional={
        "name": json_values,
        "pixels": st.sampled_from(NAMES) | json_values,
        "weight": numbers | json_values,
        "region": st.sampled_from(NAMES) | json_values,
    },
)
odd_fields = json_values | numbers | texts | st.lists(odd_styles | json_values, max_size=2)


@given(
    st.sampled_from([*protocol.KINDS, "sing"]),
    st.dictionaries(st.sampled_from(FIELDS), odd_fields),
    st.dictionaries(st.sampled_from(NAMES) | texts.filter(bool), arrays(), max_size=6),
)
def any_frame_is_a_message_or_refused_in_a_sentence(kind: str, fields: dict[str, Any], given: dict[str, Any]) -> None:
    stream = io.BytesIO()
    frames.write_frame(stream, {**fields, "kind": kind}, given)
    stream.seek(0)
    try:
        message = protocol.receive(stream)
    except ProtocolError as error:
        assert error.message.endswith(".")
        assert len(error.message) < 300
    else:
        assert as_plain(passed(message)) == as_plain(message)


PROPERTIES = (a_message_arrives_as_it_was_sent, any_frame_is_a_message_or_refused_in_a_sentence)
