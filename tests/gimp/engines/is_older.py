"""An engine of an earlier version."""

import pipe

pipe.greet(protocol=0)
pipe.receive_job()
