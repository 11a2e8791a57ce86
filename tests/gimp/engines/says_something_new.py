"""An engine with a message of tomorrow."""

import pipe

pipe.greet()
pipe.receive_job()
pipe.send({"kind": "fireworks"})
pipe.receive_job()
