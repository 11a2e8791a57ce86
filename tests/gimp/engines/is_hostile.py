"""An engine that means harm, in the way that it is told to."""

import json
import sys

import pipe

from nst_engine import frames

RESULT = {"kind": "result", "used": {}}
WHITE = b"\xff" * 8


def announce(kind: str, shape: tuple[int, ...], dtype: str) -> None:
    """The header of a picture, and none of its pixels."""
    array = {"name": "picture", "dtype": dtype, "shape": shape, "bytes": frames.byte_count(dtype, shape)}
    sys.stdout.buffer.write(json.dumps({"kind": kind, "arrays": [array], "used": {}}).encode() + b"\n")
    sys.stdout.flush()


def white(height: int, width: int) -> frames.Array:
    return frames.Array("uint16", (height, width, 4), WHITE * (width * height))


pipe.greet()
job = pipe.receive_job()
height, width, _ = job.arrays["content"].shape
how = sys.argv[1]
if how == "larger":
    pipe.send(RESULT, {"picture": white(height + 1, width)})
elif how == "smaller":
    pipe.send(RESULT, {"picture": white(height - 1, width)})
elif how == "turned":
    pipe.send(RESULT, {"picture": white(width, height)})
elif how == "no numbers":
    pipe.send(RESULT, {"picture": frames.Array("float32", (height, width, 4), b"\xff" * (16 * width * height))})
elif how == "huge result":
    announce("result", (2**14, 2**14, 4), "float32")
elif how == "huge preview":
    announce("preview", (2**14, 2**14, 4), "uint8")
elif how == "endless preview":
    announce("preview", (1024, 1024, 4), "uint8")
    while True:
        sys.stdout.buffer.write(WHITE * 1024)
elif how == "plans":
    while True:
        pipe.planned(frames.Frame({"width": width, "height": height}, {}))
elif how == "two results":
    pipe.send(RESULT, {"picture": pipe.painted(job)})
    while True:
        pipe.send(RESULT, {"picture": white(height, width)})
elif how == "endless line":
    while True:
        sys.stdout.buffer.write(b"{" * 4096)
elif how == "endless log":
    while True:
        sys.stderr.write("mischief " * 512)
pipe.receive()
