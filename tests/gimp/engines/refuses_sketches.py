"""An engine that makes no sketches, and paints all the same."""

import pipe

TIRED = {"kind": "error", "code": "memory", "message": "There is no room for a sketch.", "remedy": "Close a program."}

pipe.greet()
while True:
    asked = pipe.receive()
    if asked.header["kind"] == "sketch":
        pipe.send(TIRED)
    elif asked.header["kind"] in pipe.ASIDES:
        pipe.ASIDES[asked.header["kind"]](asked)
    else:
        pipe.send({"kind": "result", "used": {}}, {"picture": pipe.painted(asked)})
