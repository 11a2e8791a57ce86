"""An engine that gets stuck, so that it does not even notice that nobody listens any more."""

import time

import pipe

pipe.greet()
pipe.receive_job()
pipe.progress(0.25)
time.sleep(600)
