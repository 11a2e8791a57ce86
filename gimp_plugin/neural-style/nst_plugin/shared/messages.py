"""What plug-in and engine tell each other, in the plug-in's terms. Understood by Python 2.7 and 3.

What the engine says is checked before it is believed: another program may answer, or one of another version.
"""

import collections
import re

from nst_plugin.shared import frames
from nst_plugin.shared.translation import said

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, Dict, List, Mapping, Optional, Tuple

    Message = Tuple[Dict[str, Any], Dict[str, frames.Array]]

NAME_LENGTH = 100
"""Most characters that the engine is told of a style's name."""

SENTENCE_LENGTH = 1000
"""Most characters of what the engine says that are shown."""

MOST_NETWORKS = 100
"""How many networks are offered."""

UNSEEN = re.compile(
    b"[\x00-\x1f\x7f-\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]".decode("unicode_escape")
)
"""What does not print, or turns around how the rest of a line reads."""


class Picture(collections.namedtuple("Picture", "width height rgba")):
    """Pixels as they travel: ``rgba`` is bytes-like, sRGB-encoded RGBA, row-major, top row first.

    Its numbers are float32, or uint16 where the engine is far.
    """

    __slots__ = ()

    @property
    def dtype(self):
        # type: () -> str
        is_float = len(self.rgba) == frames.byte_count("float32", (self.height, self.width, 4))
        return "float32" if is_float else "uint16"


Mask = collections.namedtuple("Mask", "width height values")
"""How much each pixel counts: ``values`` is bytes-like, one uint8 a pixel, row-major, top row first."""

Style = collections.namedtuple("Style", "name picture weight")
"""A style by name, its pixels, and how much it counts among several (above 0)."""

Request = collections.namedtuple("Request", "content styles options protection selection")
"""A job: the Picture to paint, its Styles, the options that differ from their defaults, by name, and two Masks of the
content's size or None: where the content stays, and where to paint."""

Progress = collections.namedtuple("Progress", "fraction seconds_left text")
"""How far a job is: 0 to 1, seconds (None while unknown), and a text for people."""

Preview = collections.namedtuple("Preview", "width height rgba")
"""What a job has made so far, in the content's proportions but smaller: uint8 sRGB RGBA."""

Planned = collections.namedtuple("Planned", "width height seconds")
"""At which size the engine would work, and about how long."""

Sketched = collections.namedtuple("Sketched", "width height rgba")
"""How a job would look: uint8 sRGB RGBA of the size of the content that was sent."""

Refusal = collections.namedtuple("Refusal", "sentence asked")
"""Why the engine could not do what it was asked, and what helps; and which kind of answer was due, if one was."""

Result = collections.namedtuple("Result", "picture used remark")
"""The Picture, of the content's size, a dict of what it was made with, and what kept it from being better, or ''."""


def plan(options, width, height):
    # type: (Mapping[str, Any], int, int) -> Message
    """Header and arrays of the question at which size a content of this size would be painted."""
    return {"kind": "plan", "options": dict(options), "width": width, "height": height}, {}


def sketch(request):
    # type: (Request) -> Message
    """Header and arrays of the question how a job would look; its pictures are as small as the sketch is to be."""
    header, arrays = stylize(request)
    return dict(header, kind="sketch"), arrays


def stylize(request, is_far=False):
    # type: (Request, bool) -> Message
    """Header and arrays of a job. ``is_far``: the engine is at the other end of a line that may be slow."""
    arrays = {"content": _array(request.content)}
    announced = []
    for index, style in enumerate(request.styles):
        key = "style-%d" % index
        arrays[key] = _array(style.picture)
        announced.append({"name": style.name[:NAME_LENGTH], "weight": style.weight, "pixels": key})
    for name, mask in (("protection", request.protection), ("selection", request.selection)):
        if mask is not None:
            arrays[name] = frames.Array("uint8", (mask.height, mask.width, 1), mask.values)
    header = {"kind": "stylize", "protocol": frames.PROTOCOL, "options": dict(request.options), "styles": announced}
    if is_far:
        header["is_far"] = True
    return header, arrays


def understood(frame, size, dtype="float32"):
    # type: (frames.Frame, Tuple[int, int], str) -> Any
    """What a frame after the greeting says; ``size`` and ``dtype`` are what a result must have.

    LookupError, TypeError, ValueError or OverflowError when that is nothing.
    """
    header, arrays = frame
    kind = header["kind"]
    if kind == "progress":
        return _progress(header["fraction"], header["seconds_left"], said(header, "text"))
    if kind == "preview":
        return Preview(*_small(arrays["picture"]))
    if kind == "sketched":
        return Sketched(*_small(arrays["picture"]))
    if kind == "result":
        return Result(_picture(arrays["picture"], size, dtype), _report(header.get("used")), _remark(header))
    if kind == "planned":
        return Planned(_length(header["width"]), _length(header["height"]), _seconds(header["seconds"]))
    if kind == "error":
        return Refusal(plain("%s %s" % (said(header, "message"), said(header, "remedy"))).strip(), None)
    raise ValueError(kind)


def names(value):
    # type: (object) -> List[str]
    """The names that a list has, as they can be shown; none where it is no list."""
    found = value[:MOST_NETWORKS] if isinstance(value, list) else []
    return [plain(name) for name in found if isinstance(name, type(""))]


def plain(text):
    # type: (str) -> str
    """What others say, as GIMP can show it: one line of text, not too long, in which everything prints."""
    if isinstance(text, bytes):  # what the system says, under Python 2.7
        text = text.decode("utf-8", "replace")
    shown = UNSEEN.sub(" ", text)[:SENTENCE_LENGTH]
    return shown.encode("utf-8", "replace").decode("utf-8")


def _progress(fraction, seconds_left, text):
    # type: (float, Optional[float], str) -> Progress
    if not 0 <= fraction <= 1:
        raise ValueError(fraction)
    return Progress(float(fraction), None if seconds_left is None else _seconds(seconds_left), plain(text))


def _seconds(value):
    # type: (float) -> float
    """A time to wait, if it is one: more than a century is none."""
    if not 0 <= value < 4e9:
        raise ValueError(value)
    return float(value)


def _length(value):
    # type: (int) -> int
    if not 0 < value < 2**31:
        raise ValueError(value)
    return int(value)


def _report(value):
    # type: (object) -> Dict[str, Any]
    """A report if it is one: a picture is worth more than the story of its making."""
    return value if isinstance(value, dict) else {}


def _remark(header):
    # type: (Mapping[str, Any]) -> str
    """What the engine remarks on a picture, if it is a text: as for a report."""
    remark = header.get("remark")
    return plain(said(header, "remark")) if hasattr(remark, "strip") else ""


def _array(picture):
    # type: (Picture) -> frames.Array
    return frames.Array(picture.dtype, (picture.height, picture.width, 4), picture.rgba)


def _small(array):
    # type: (frames.Array) -> Tuple[int, int, Any]
    """Width, height and pixels of a picture that is only looked at."""
    height, width, channels = array.shape
    if (array.dtype, channels) != ("uint8", 4):
        raise ValueError(array.shape)
    return width, height, array.data


def _picture(array, size, dtype):
    # type: (frames.Array, Tuple[int, int], str) -> Picture
    """The result's pixels, which must be as many as the content's, and such: among whole ones none is no number."""
    width, height = size
    if array.dtype != dtype or array.shape != (height, width, 4):
        raise ValueError(array.shape)
    return Picture(width, height, array.data)
