"""An engine that makes more pictures than anybody can look at: each is of another shade, the last one white."""

import sys

import pipe

pipe.greet()
job = pipe.receive_job()
for shade in range(256):
    pipe.preview(64, 48, (shade, shade, shade, 255))
    pipe.progress(shade / 256)
print("the last one is white", file=sys.stderr, flush=True)
pipe.wait_for_stop()
pipe.send({"kind": "result", "used": {}}, {"picture": pipe.painted(job)})
print("stopped", file=sys.stderr, flush=True)
pipe.receive_job()
