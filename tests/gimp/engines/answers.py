"""An engine that answers at once."""

import pipe

pipe.greet()
while True:
    job = pipe.receive_job()
    pipe.progress(0.25)
    pipe.send({"kind": "log", "level": "info", "text": "a line for the log", "later_field": 1})
    pipe.send({"kind": "result", "used": {}}, {"picture": pipe.painted(job)})
