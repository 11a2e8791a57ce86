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
    from typing import Any, BinaryIO, Callable, Dict, List, Mapping, Optional, Tuple

PROTOCOL = 1
"""Version of the messages. Two sides with different numbers refuse each other with a sentence."""

HEADER_LIMIT = 4 * 1024**2
"""Longest header line, in bytes. Real ones are below one kilobyte; ten thousand styles fit."""

PAYLOAD_LIMIT = 8 * 1024**3
"""Most bytes that may follow one header: 500 megapixels of float RGBA."""

DIGITS_LIMIT = 300
"""Most digits of a whole number in a header: it can still become a float64."""

PIECE = 1024**2
"""Most bytes that are asked of the stream at once, so that memory grows with what comes and not with what is told."""

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
    Raises FrameError, before anything is written, for what no reader would take for a frame.
    """
    named = sorted((arrays or {}).items())
    fields = dict(header)
    if named:
        fields["arrays"] = [_announcement(name, array) for name, array in named]
    _check_total([(array.dtype, array.shape) for _, array in named])
    line = _line(fields)
    stream.write(line)
    for _, array in named:
        stream.write(array.data)
    stream.flush()


def read_frame(stream, header_limit=HEADER_LIMIT, payload_limit=lambda: PAYLOAD_LIMIT):
    # type: (BinaryIO, int, Callable[[], int]) -> Optional[Frame]
    """Read one frame from a buffered binary stream; None when the stream ends cleanly between two frames.

    ``header_limit`` is the longest header line in bytes; ``payload_limit`` is asked, once a header has come, how many
    bytes may follow it. Raises FrameError for anything that is not a frame, before its payload is read, and
    TruncatedFrame when the stream ends in the middle of one. Memory is taken for what has come, whatever the header
    announces.
    """
    line = stream.readline(header_limit + 1)
    if not line:
        return None
    header = parse_header(line, header_limit)
    announced = [_check_announcement(entry) for entry in _list_field(header.pop("arrays", []))]
    if len(set(name for name, _, _ in announced)) != len(announced):
        raise FrameError("The header announces two arrays of the same name.")
    _check_total([(dtype, shape) for _, dtype, shape in announced], payload_limit())
    arrays = {}
    for name, dtype, shape in announced:
        arrays[name] = Array(dtype, shape, _read_exactly(stream, byte_count(dtype, shape)))
    return Frame(header, arrays)


def parse_header(line, limit=HEADER_LIMIT):
    # type: (bytes, int) -> Dict[str, Any]
    """The dict that a header line (bytes, with its line end) holds; FrameError when it is not a header."""
    if not line.startswith(b"{"):
        raise FrameError("Expected a message, got the text %s." % _quoted(line))
    if not line.endswith(b"\n"):
        if len(line) > limit:
            raise FrameError("A header line is longer than %d bytes." % limit)
        raise TruncatedFrame("The stream ended inside a header line, after %d bytes." % len(line))
    try:
        header = _JSON.decode(line.decode("utf-8"))
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply, RecursionError on Python 3
        raise FrameError("A header line is not JSON: %s." % _quoted(line))
    if not isinstance(header, dict) or not _is_text(header.get("kind")):
        raise FrameError("A header line has no field 'kind': %s." % _quoted(line))
    return header


def byte_count(dtype, shape):
    # type: (str, Any) -> int
    """Bytes that an array of this dtype and shape occupies."""
    return _product(ITEM_SIZES[dtype], shape)


def _product(count, lengths):
    # type: (int, Any) -> int
    for length in lengths:
        count *= length
    return count


def _line(fields):
    # type: (Mapping[str, Any]) -> bytes
    """The header line, or FrameError for what JSON or its limit do not allow."""
    try:
        line = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: nested too deeply
        raise FrameError("The header to send is not JSON: %s." % _named(repr(error)))
    if len(line) > HEADER_LIMIT:
        raise FrameError("The header to send is longer than %d bytes." % HEADER_LIMIT)
    return line


def _announcement(name, array):
    # type: (str, Array) -> Dict[str, Any]
    """What a header says of an array, or FrameError where that would not be true."""
    view = memoryview(array.data)
    count = _product(view.itemsize, view.shape)
    entry = {"name": name, "dtype": array.dtype, "shape": list(array.shape), "bytes": count}
    _check_announcement(entry)
    return entry


def _check_total(kinds, limit=PAYLOAD_LIMIT):
    # type: (List[Tuple[str, Any]], int) -> None
    total = sum(byte_count(dtype, shape) for dtype, shape in kinds)
    if total > limit:
        raise FrameError("The arrays have %d bytes; at most %d may follow a header." % (total, limit))


def _check_announcement(entry):
    # type: (Any) -> Tuple[str, str, Tuple[int, ...]]
    """(name, dtype, shape) of one announced array, or FrameError."""
    if not isinstance(entry, dict):
        raise FrameError("An array is not announced by an object.")
    name, dtype, shape = entry.get("name", ""), entry.get("dtype", ""), entry.get("shape")
    if not _is_text(name):
        raise FrameError("An announced array has no name.")
    if not _is_text(dtype) or dtype not in ITEM_SIZES:
        raise FrameError("Array %s has an unknown dtype." % _named(name))
    if not isinstance(shape, list) or not 1 <= len(shape) <= 4 or not all(_is_length(n) for n in shape):
        raise FrameError("Array %s has an impossible shape." % _named(name))
    if entry.get("bytes") != byte_count(dtype, shape):
        raise FrameError("Array %s announces a byte count that does not fit its shape." % _named(name))
    return name, str(dtype), tuple(shape)


def _list_field(value):
    # type: (Any) -> List[Any]
    if not isinstance(value, list):
        raise FrameError("The field 'arrays' is not a list.")
    return value


def _is_text(value):
    # type: (Any) -> bool
    return isinstance(value, (str, type(json.loads('""')))) and value != ""


def _is_length(value):
    # type: (Any) -> bool
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31


def _refuse_constant(name):
    # type: (str) -> None
    raise ValueError(name + " is not JSON")


def _whole(digits):
    # type: (str) -> int
    if len(digits.lstrip("-")) > DIGITS_LIMIT:
        raise ValueError("too many digits")
    return int(digits)


def _finite(text):
    # type: (str) -> float
    number = float(text)
    if number - number != 0:
        raise ValueError("too large")
    return number


def _without_repeats(pairs):
    # type: (List[Tuple[str, Any]]) -> Dict[str, Any]
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("two fields of one name")
    return fields


_JSON = json.JSONDecoder(
    object_pairs_hook=_without_repeats, parse_int=_whole, parse_float=_finite, parse_constant=_refuse_constant
)
"""JSON as every reader understands it: no name twice, no number beyond float64."""


def _read_exactly(stream, count):
    # type: (BinaryIO, int) -> bytearray
    data = bytearray()
    while len(data) < count:
        piece = stream.read(min(PIECE, count - len(data)))
        if not piece:
            raise TruncatedFrame("The stream ended inside a frame: received %d of %d bytes." % (len(data), count))
        data += piece
    return data


def _named(name):
    # type: (str) -> str
    return _quoted(name.encode("utf-8", "replace"))


def _quoted(line):
    # type: (bytes) -> str
    """The first 80 characters of a line, made printable."""
    return json.dumps(line[:80].decode("utf-8", "replace").rstrip("\r\n"))
