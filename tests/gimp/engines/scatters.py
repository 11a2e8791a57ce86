"""An engine whose preview has no two places alike; then it waits until it is told to stop."""

import random

import pipe

pipe.greet()
job = pipe.receive_job()
pipe.progress(0.25)
height, width = job.arrays["content"].shape[:2]
noise = random.Random(1).randbytes(height * width)
pixels = bytes(value for gray in noise for value in (gray, gray, gray, 255))
pipe.send({"kind": "preview"}, {"picture": pipe.frames.Array("uint8", (height, width, 4), pixels)})
pipe.wait_for_stop()
pipe.send({"kind": "result", "used": {}}, {"picture": pipe.painted(job)})
pipe.receive_job()
