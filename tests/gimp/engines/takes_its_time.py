"""An engine that leaves the user time to change the image: some seconds, or until the file it is told of is there."""

import sys
import time
from pathlib import Path

import pipe

pipe.greet()
job = pipe.receive_job()
pipe.progress(0.25)
if sys.argv[1:]:
    while not Path(sys.argv[1]).exists():
        time.sleep(0.05)
else:
    time.sleep(3)
pipe.send({"kind": "result", "used": {}}, {"picture": pipe.painted(job)})
pipe.receive_job()
