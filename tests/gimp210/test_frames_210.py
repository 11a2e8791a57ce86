"""The two Pythons agree on what is a frame."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

from test_frames import CASES, HOSTILE

FRAMES = Path(__file__).parents[2] / "nst_engine/frames.py"

CODE = """
import base64, io, json, sys, types
told = json.load(sys.stdin)
frames = types.ModuleType("frames")
exec(compile(told["frames"].encode("utf-8"), "frames.py", "exec"), frames.__dict__)

def seen(stream):
    "Each frame as it is written again, and what was wrong with the last."
    while True:
        try:
            frame = frames.read_frame(stream)
        except frames.FrameError as error:
            yield type(error).__name__
            return
        if frame is None:
            return
        again = io.BytesIO()
        frames.write_frame(again, *frame)
        yield base64.b64encode(again.getvalue()).decode("ascii")

print(json.dumps([list(seen(io.BytesIO(base64.b64decode(stream)))) for stream in told["streams"]]))
"""


def test_both_pythons_take_the_same_for_frames_and_write_them_the_same(gimp_210):
    good = b"".join(data for _, data in CASES)
    streams = [good, good[:-3], *(data for data, _ in HOSTILE.values())]
    encoded = [base64.b64encode(stream).decode() for stream in streams]
    told = json.dumps({"frames": FRAMES.read_text("utf-8"), "streams": encoded})
    old = gimp_210.run(["python2.7", "-c", CODE], input=told)
    new = subprocess.run([sys.executable, "-c", CODE], input=told, capture_output=True, text=True, check=True)
    assert json.loads(old.stdout) == json.loads(new.stdout), old.stderr
    assert json.loads(new.stdout)[0] == [base64.b64encode(data).decode() for _, data in CASES]
