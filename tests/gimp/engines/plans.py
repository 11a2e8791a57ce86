"""An engine that does every quality but Best, for which the picture is too large."""

import pipe

MISFIT = {"kind": "error", "code": "memory", "message": "The picture does not fit.", "remedy": "Choose a smaller size."}

pipe.greet()
while True:
    asked = pipe.receive()
    if asked.header["options"].get("quality") == "best":
        pipe.send(MISFIT)
    elif asked.header["kind"] in pipe.ASIDES:
        pipe.ASIDES[asked.header["kind"]](asked)
    else:
        pipe.send({"kind": "result", "used": {}}, {"picture": pipe.painted(asked)})
