"""The engine's end of the pipe, as the stand-ins beside this file use it."""

from __future__ import annotations

import array
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from nst_engine import frames

VERSION = os.environ.get("STAND_IN_VERSION", "99")
NETWORKS = ["vgg19", "vgg19-caffe"]


def greet(protocol: int = frames.PROTOCOL) -> None:
    send({"kind": "hello", "protocol": protocol, "version": VERSION, "networks": NETWORKS})


def progress(fraction: float) -> None:
    send({"kind": "progress", "fraction": fraction, "seconds_left": 20.0, "text": "256 px, step 12 of 40"})


def preview(width: int, height: int, rgba: tuple[int, ...]) -> None:
    """A picture of one color."""
    pixels = frames.Array("uint8", (height, width, 4), bytes(rgba) * (width * height))
    send({"kind": "preview"}, {"picture": pixels})


def wait_for_stop() -> None:
    """Wait until the client has enough."""
    if receive().header["kind"] != "stop":
        sys.exit("What came was no stop.")


def receive_job() -> frames.Frame:
    """Wait for a job and note in the log what it asks for; whoever only asks how it would be gets an answer."""
    while (frame := receive()).header["kind"] in ASIDES:
        ASIDES[frame.header["kind"]](frame)
    shapes = {name: list(pixels.shape) for name, pixels in frame.arrays.items()}
    print(json.dumps({**frame.header, "shapes": shapes}), file=sys.stderr, flush=True)
    return frame


def receive() -> frames.Frame:
    """Wait for a message; leave when there will be no more."""
    frame = frames.read_frame(sys.stdin.buffer)
    if frame is None:
        sys.exit()
    return frame


def planned(plan: frames.Frame) -> None:
    """Every picture would be painted at its own size, in half a minute."""
    size = {name: plan.header[name] for name in ("width", "height")}
    send({"kind": "planned", "seconds": 30.0, **size})


def sketched(sketch: frames.Frame) -> None:
    """Every sketch shows the content with red and blue exchanged."""
    picture = painted(sketch)
    values = bytes(round(255 * min(1, max(0, value))) for value in array.array("f", bytes(picture.data)))
    send({"kind": "sketched"}, {"picture": frames.Array("uint8", picture.shape, values)})


ASIDES = {"plan": planned, "sketch": sketched, "stop": lambda _stop: None}
"""What comes before a job; a stop is for a sketch that is done already."""


def send(header: dict[str, Any], arrays: dict[str, frames.Array] | None = None) -> None:
    frames.write_frame(sys.stdout.buffer, header, arrays)


def painted(job: frames.Frame) -> frames.Array:
    """The content with red and blue exchanged, and the style's first pixel as its own first pixel."""
    content, style = job.arrays["content"], job.arrays["style-0"]
    kind = {"float32": "f", "uint16": "H"}[content.dtype]
    values = array.array(kind, bytes(content.data))
    values[0::4], values[2::4] = values[2::4], values[0::4]
    values[0:4] = array.array(kind, bytes(style.data[: 4 * values.itemsize]))
    return frames.Array(content.dtype, content.shape, values.tobytes())
