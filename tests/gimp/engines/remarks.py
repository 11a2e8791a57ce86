"""An engine that has something to say on its picture."""

import pipe

pipe.greet()
while True:
    job = pipe.receive_job()
    sentence = "Memory ran short: some steps were made with less of it."
    words = {"text": sentence, "template": sentence, "values": {}}
    header = {"kind": "result", "used": {}, "remark": sentence, "words": {"remark": words}}
    pipe.send(header, {"picture": pipe.painted(job)})
