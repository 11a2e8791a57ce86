"""An engine that is killed while it sends its picture."""

import os
import signal
import sys

import pipe

pipe.greet()
job = pipe.receive_job()
pipe.progress(0.25)
sys.stdout.buffer.write(
    b'{"arrays":[{"bytes":64,"dtype":"float32","name":"picture","shape":[2,2,4]}],"kind":"result"}\nab'
)
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
