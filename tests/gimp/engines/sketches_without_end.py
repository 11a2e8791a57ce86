"""An engine that is at its sketches until it is told to stop, and keeps the last of them in a file."""

import sys

import pipe

from nst_engine import frames

pipe.greet()
while True:
    asked = pipe.receive()
    if asked.header["kind"] == "plan":
        pipe.planned(asked)
    elif asked.header["kind"] == "sketch":
        with open(sys.argv[1], "wb") as recording:
            frames.write_frame(recording, asked.header, asked.arrays)
        pipe.wait_for_stop()
        pipe.sketched(asked)
    elif asked.header["kind"] == "stylize":
        pipe.send({"kind": "result", "used": {}}, {"picture": pipe.painted(asked)})
