"""An engine of another version."""

import pipe

pipe.greet(protocol=99)
pipe.receive_job()
