"""Frames on the pipe between plug-in and engine: one line of JSON, then raw bytes.

The line is an object with a string field ``kind`` and, where pixels follow, a field ``arrays``: a list of
``{"name", "dtype", "shape", "bytes"}`` in the order in which their bytes follow, without holes. Arrays are
little-endian and row-major, top row first. Nothing here knows what the kinds mean.

This file runs inside GIMP as well as in the engine, so it keeps to what Python 2.7 and 3 both understand and
imports nothing but the standard library.
"""

import collections
import json

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, BinaryIO, Dict, List, Mapping, Optional, Tuple

PROTOCOL = 1
"""Version of the messages. Two sides with different numbers refuse each other with a sentence."""

HEADER_LIMIT = 4 * 1024**2
"""Longest header line, in bytes. Real ones are below one kilobyte; ten thousand styles fit."""

PAYLOAD_LIMIT = 8 * 1024**3
"""Most bytes that may follow one header: 500 megapixels of float RGBA."""

ITEM_SIZES = {"uint8": 1, "uint16": 2, "float32": 4}
"""Bytes of one value of each dtype that may travel."""

Array = collections.namedtuple("Array", "dtype shape data")
"""Raw values: ``dtype`` (a key of ITEM_SIZES), ``shape`` (tuple of int), ``data`` (bytes-like, row-major)."""

Frame = collections.namedtuple("Frame", "header arrays")
"""One message: ``header`` (dict, without the field ``arrays``) and ``arrays`` (dict from name to Array)."""


class FrameError(Exception):
    """What came down the pipe is not a frame. The message is one sentence for the log or the user."""


class TruncatedFrame(FrameError):
    """The stream ended inside a frame."""


def write_frame(stream, header, arrays=None):
    # type: (BinaryIO, Mapping[str, Any], Optional[Mapping[str, Array]]) -> None
    """Write one frame and flush.

    ``header`` is a dict with a string ``kind`` and no field ``arrays``; ``arrays`` maps names to Array.
    The same header makes the same bytes under every Python: keys are sorted and text is ASCII-escaped.
    """
    arrays = arrays or {}
    fields = dict(header)
    if arrays:
        fields["arrays"] = [
            {
                "name": name,
                "dtype": array.dtype,
                "shape": list(array.shape),
                "bytes": byte_count(array.dtype, array.shape),
            }
            for name, array in sorted(arrays.items())
        ]
    line = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    if len(line) > HEADER_LIMIT:
        raise FrameError("The header to send is longer than %d bytes." % HEADER_LIMIT)
    stream.write(line)
    for _, array in sorted(arrays.items()):
        stream.write(array.data)
    stream.flush()


def read_frame(stream):
    # type: (BinaryIO) -> Optional[Frame]
    """Read one frame from a buffered binary stream; None when the stream ends cleanly between two frames.

    Raises FrameError for anything that is not a frame, before memory for its payload is taken, and
    TruncatedFrame when the stream ends in the middle of one.
    """
    line = stream.readline(HEADER_LIMIT + 1)
    if not line:
        return None
    header = parse_header(line)
    announced = [_check_announcement(entry) for entry in _list_field(header.pop("arrays", []))]
    if len(set(name for name, _, _ in announced)) != len(announced):
        raise FrameError("The header announces two arrays of the same name.")
    total = sum(byte_count(dtype, shape) for _, dtype, shape in announced)
    if total > PAYLOAD_LIMIT:
        raise FrameError("The header announces %d bytes; at most %d may follow." % (total, PAYLOAD_LIMIT))
    arrays = {}
    for name, dtype, shape in announced:
        arrays[name] = Array(dtype, shape, _read_exactly(stream, byte_count(dtype, shape)))
    return Frame(header, arrays)


def parse_header(line):
    # type: (bytes) -> Dict[str, Any]
    """The dict that a header line (bytes, with its line end) holds; FrameError when it is not a header."""
    if not line.startswith(b"{"):
        raise FrameError("Expected a message, got the text %s." % _quoted(line))
    if not line.endswith(b"\n"):
        if len(line) > HEADER_LIMIT:
            raise FrameError("A header line is longer than %d bytes." % HEADER_LIMIT)
        raise TruncatedFrame("The stream ended inside a header line, after %d bytes." % len(line))
    try:
        header = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply, RecursionError on Python 3
        raise FrameError("A header line is not JSON: %s." % _quoted(line))
    if not isinstance(header, dict) or not _is_text(header.get("kind")):
        raise FrameError("A header line has no field 'kind': %s." % _quoted(line))
    return header


def byte_count(dtype, shape):
    # type: (str, Any) -> int
    """Bytes that an array of this dtype and shape occupies."""
    count = ITEM_SIZES[dtype]
    for length in shape:
        count *= length
    return count


def _check_announcement(entry):
    # type: (Any) -> Tuple[str, str, Tuple[int, ...]]
    """(name, dtype, shape) of one announced array, or FrameError."""
    if not isinstance(entry, dict):
        raise FrameError("An array is not announced by an object.")
    name, dtype, shape = entry.get("name", ""), entry.get("dtype", ""), entry.get("shape")
    if not _is_text(name):
        raise FrameError("An announced array has no name.")
    if not _is_text(dtype) or dtype not in ITEM_SIZES:
        raise FrameError("Array '%s' has an unknown dtype." % name)
    if not isinstance(shape, list) or not 1 <= len(shape) <= 4 or not all(_is_length(n) for n in shape):
        raise FrameError("Array '%s' has an impossible shape." % name)
    if entry.get("bytes") != byte_count(dtype, shape):
        raise FrameError("Array '%s' announces a byte count that does not fit its shape." % name)
    return name, str(dtype), tuple(shape)


def _list_field(value):
    # type: (Any) -> List[Any]
    if not isinstance(value, list):
        raise FrameError("The field 'arrays' is not a list.")
    return value


def _is_text(value):
    # type: (Any) -> bool
    return isinstance(value, type(json.loads('""'))) and value != ""


def _is_length(value):
    # type: (Any) -> bool
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31


def _refuse_constant(name):
    # type: (str) -> None
    raise ValueError(name + " is not JSON")


def _read_exactly(stream, count):
    # type: (BinaryIO, int) -> bytearray
    data = bytearray(count)
    view = memoryview(data)
    received = 0
    while received < count:
        step = stream.readinto(view[received:])  # type: ignore[attr-defined]
        if not step:
            raise TruncatedFrame("The stream ended inside a frame: received %d of %d bytes." % (received, count))
        received += step
    return data


def _quoted(line):
    # type: (bytes) -> str
    """The first 80 characters of a line, made printable."""
    return json.dumps(line[:80].decode("utf-8", "replace").rstrip("\r\n"))
