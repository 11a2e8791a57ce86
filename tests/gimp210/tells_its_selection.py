"""An engine that notes in its log what the selection is like."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "gimp/engines"))

import pipe

pipe.greet()
job = pipe.receive_job()
dtype, (height, width, channels), values = job.arrays["selection"]
first = values.index(b"\xff")
told = {"values": sorted(set(values)), "selected": values.count(b"\xff"), "first": [first % width, first // width]}
print(json.dumps(told), file=sys.stderr, flush=True)
pipe.send({"kind": "result", "used": {}}, {"picture": pipe.painted(job)})
pipe.receive_job()
