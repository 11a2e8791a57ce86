"""An engine that shows how it gets on, a small red picture and then a small blue one, until it is told to stop."""

import pipe

RED, BLUE = (255, 0, 0, 255), (0, 0, 255, 255)

pipe.greet()
job = pipe.receive_job()
pipe.progress(0.25)
pipe.preview(4, 3, RED)
pipe.preview(4, 3, BLUE)
pipe.progress(0.5)
pipe.wait_for_stop()
pipe.send({"kind": "result", "used": {}}, {"picture": pipe.painted(job)})
pipe.receive_job()
