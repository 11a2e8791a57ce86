"""The messages of the pipe, one frozen dataclass each, and their way into and out of frames.

The engine greets with :class:`Hello`; the client may ask for a :class:`Plan` and is answered :class:`Planned`, or for a
:class:`Sketch` and is answered :class:`Sketched`; it sends :class:`Stylize` (and perhaps :class:`Stop`); the engine
answers with any number of :class:`Progress` and :class:`Preview`, then one :class:`Result` or one :class:`Failure`.
Jobs come one after another on one pipe. Closing the pipe is the cancel. Unknown kinds are an error, unknown fields are
ignored. What texts are made of travels beside them, as ``words``: a client that has other words for it shows those.
Pictures are height × width × channels arrays, sRGB-encoded.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from nst_engine import frames
from nst_engine.errors import ProtocolError
from nst_engine.pixels import Pixels, StylePicture
from nst_engine.words import Words, shortened, translatable


@dataclasses.dataclass(frozen=True)
class Hello:
    """The engine's first words: it is ready, with this number of its protocol, these networks, and this version."""

    protocol: int
    networks: tuple[str, ...] = ()
    version: str = ""


@dataclasses.dataclass(frozen=True)
class Stylize:
    """A job. ``options`` maps option names to values, defaults left out.

    ``protection`` is a mask of what is to stay as it is, ``selection`` of what is to be painted (alpha is multiplied
    by it), ``init`` a picture to start from. ``is_far`` says that the pixels go through a line that may be slow: the
    result is then one of 16-bit integers, and the previews are few and small.
    """

    protocol: int
    options: Mapping[str, Any]
    content: Pixels
    styles: tuple[StylePicture, ...]
    protection: Pixels | None = None
    selection: Pixels | None = None
    init: Pixels | None = None
    is_far: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """How large would a content of this size be painted with these options, and how long would it take?"""

    options: Mapping[str, Any]
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class Planned:
    """The size it would be painted at, in pixels, and about how many seconds it would take."""

    width: int
    height: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Sketch:
    """How would a job look? As :class:`Stylize`, but with content and styles as small as they are to be painted."""

    options: Mapping[str, Any]
    content: Pixels
    styles: tuple[StylePicture, ...]
    protection: Pixels | None = None
    selection: Pixels | None = None


@dataclasses.dataclass(frozen=True)
class Sketched:
    """How it would look: uint8 RGBA of the size of the sketch's content."""

    picture: Pixels


@dataclasses.dataclass(frozen=True)
class Stop:
    """Finish all jobs and sketches sent before this now, each with its best picture so far; later ones do not hear."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """``fraction`` 0…1 of the job, ``seconds_left`` (None while unknown), and a text such as '256 px, step 3 of 40'."""

    fraction: float
    seconds_left: float | None
    text: str


@dataclasses.dataclass(frozen=True)
class Preview:
    """The picture as it stands: uint8 RGBA, at most one megapixel, in the content's proportions."""

    picture: Pixels


@dataclasses.dataclass(frozen=True)
class Result:
    """The finished picture: float32 RGBA in the content's own size, uint16 for a client that is far.

    ``used`` says how it was made, or nothing; ``remark`` is a sentence on what kept it from being as good as it could
    be, if anything did.
    """

    picture: Pixels
    used: Mapping[str, Any]
    remark: str = ""


@dataclasses.dataclass(frozen=True)
class Failure:
    """The job failed: stable code, what is wrong in one sentence, what to do in one sentence."""

    code: str
    message: str
    remedy: str


ToEngine = Stylize | Stop | Plan | Sketch
FromEngine = Hello | Planned | Sketched | Progress | Preview | Result | Failure

KINDS: dict[str, type[Any]] = {
    "hello": Hello, "plan": Plan, "planned": Planned, "stylize": Stylize, "stop": Stop, "progress": Progress,
    "preview": Preview, "result": Result, "error": Failure, "sketch": Sketch, "sketched": Sketched,
}  # fmt: skip

MOST_NETWORKS = 100
"""How many networks are told of."""

NAME_LIMIT = 100
"""Most characters of a style's name that travel, so that thousands of styles fit a header."""

ANEW = "Install plug-in and engine anew, together."
"""What helps when they do not understand each other."""

PICTURES = ("content", "picture")
MASKS = ("protection", "selection")
MAY_BE_ABSENT = (*MASKS, "init")
"""Fields that hold pixels; they travel as arrays of the same name."""


def send(stream: BinaryIO, message: ToEngine | FromEngine) -> None:
    """Write one message to a binary stream and flush it.

    What only tells of the work never keeps it back: long texts travel shortened, and a result of which it cannot be
    told how it was made travels with ``used`` empty. Raises ProtocolError when the message does not fit a frame,
    before anything is written, and OSError when nobody listens.
    """
    header: dict[str, Any] = {"kind": next(kind for kind, cls in KINDS.items() if cls is type(message))}
    pictures: dict[str, Pixels] = {}
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        if field.name in (*PICTURES, *MAY_BE_ABSENT):
            pictures |= {} if value is None else {field.name: value}
        elif field.name == "styles":
            header["styles"] = [_style_header(index, style, pictures) for index, style in enumerate(value)]
        else:
            header[field.name] = shortened(value) if isinstance(value, str) else value
    if words := translatable(vars(message)):
        header["words"] = words
    arrays = {name: _to_array(pixels) for name, pixels in pictures.items()}
    try:
        frames.write_frame(stream, header, arrays)
    except frames.FrameError as error:
        if "used" not in header:
            told = Words("A message '{kind}' cannot travel: {reason}", kind=header["kind"], reason=str(error))
            raise ProtocolError(told) from None
        frames.write_frame(stream, {**header, "used": {}}, arrays)


def receive(stream: BinaryIO) -> ToEngine | FromEngine | None:
    """Read one message; None at a clean end. Raises ProtocolError for anything else."""
    try:
        frame = frames.read_frame(stream)
    except frames.FrameError as error:
        raise ProtocolError(Words("What was sent is no message: {reason}", reason=str(error)), ANEW) from None
    return None if frame is None else _from_frame(frame)


def _from_frame(frame: frames.Frame) -> ToEngine | FromEngine:
    kind = frame.header["kind"]
    if kind not in KINDS:
        told = Words("The message kind '{kind}' is unknown.", kind=shortened(kind, NAME_LIMIT))
        raise ProtocolError(told, ANEW)
    cls = KINDS[kind]
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        try:
            values[field.name] = _field(field.name, frame)
        except (KeyError, TypeError, ValueError):
            told = Words("The message '{kind}' has no valid field '{name}'.", kind=kind, name=field.name)
            raise ProtocolError(told, ANEW) from None
    message: ToEngine | FromEngine = cls(**values)
    return message


_CHECKS: dict[str, tuple[type[Any], ...]] = {
    "protocol": (int,), "version": (str,), "options": (dict,), "used": (dict,), "text": (str,), "code": (str,),
    "message": (str,), "remedy": (str,), "remark": (str,), "fraction": (int, float),
    "seconds_left": (int, float, type(None)), "width": (int,), "height": (int,), "seconds": (int, float),
    "networks": (list, tuple),
}  # fmt: skip
"""The JSON types of every plain field."""

_HIGHEST = {"fraction": 1.0, "seconds_left": math.inf, "seconds": math.inf}
"""The numbers that are never negative, and how large they may be."""


def _field(name: str, frame: frames.Frame) -> Any:
    if name in MAY_BE_ABSENT and name not in frame.arrays:
        return None
    if name in (*PICTURES, *MAY_BE_ABSENT):
        return _to_pixels(frame.arrays[name], (1,) if name in MASKS else (3, 4))
    if name == "networks":
        return _names(frame.header.get(name, ()))
    if name == "is_far":
        return frame.header.get(name) is True
    value = frame.header.get(name, "") if name in ("version", "remark") else frame.header[name]
    if name == "styles":
        return tuple(_style(style, frame) for style in value)
    return _checked(name, value)


def _checked(name: str, value: Any) -> Any:
    if not isinstance(value, _CHECKS[name]) or isinstance(value, bool):
        raise TypeError(name)
    if name in _HIGHEST and value is not None and not 0 <= value <= _HIGHEST[name]:
        raise ValueError(name)
    return value


def _names(value: Any) -> tuple[str, ...]:
    """Names, of which there may be none."""
    return tuple(_checked("text", name) for name in _checked("networks", value)[:MOST_NETWORKS])


def _style(header: Any, frame: frames.Frame) -> StylePicture:
    if not isinstance(header, dict):
        raise TypeError("styles")
    region = header.get("region")
    return StylePicture(
        _checked("text", header["name"]),
        _to_pixels(frame.arrays[header["pixels"]]),
        _positive(header.get("weight", 1.0)),
        None if region is None else _to_pixels(frame.arrays[region], (1,)),
    )


def _style_header(index: int, style: StylePicture, pictures: dict[str, Pixels]) -> dict[str, Any]:
    header = {"name": shortened(style.name, NAME_LIMIT), "weight": style.weight, "pixels": f"style-{index}"}
    pictures[f"style-{index}"] = style.pixels
    if style.region is not None:
        header["region"] = f"region-{index}"
        pictures[f"region-{index}"] = style.region
    return header


def _positive(number: Any) -> float:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < math.inf:
        raise ValueError(number)
    return float(number)


def _to_array(pixels: Pixels) -> frames.Array:
    packed = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    return frames.Array(packed.dtype.name, packed.shape, packed.reshape(-1).view(np.uint8).data)


def _to_pixels(array: frames.Array, channels: tuple[int, ...] = (3, 4)) -> Pixels:
    if len(array.shape) != 3 or array.shape[2] not in channels:
        raise ValueError(array.shape)
    dtype = np.dtype(array.dtype).newbyteorder("<")
    return np.frombuffer(array.data, dtype=dtype).reshape(array.shape)
