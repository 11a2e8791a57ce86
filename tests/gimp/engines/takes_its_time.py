"""An engine that leaves the user some seconds to change the image."""

import time

import pipe

pipe.greet()
job = pipe.receive_job()
pipe.progress(0.25)
time.sleep(3)
pipe.send({"kind": "result", "used": {}}, {"picture": pipe.painted(job)})
pipe.receive_job()
