"""An engine that wants another picture."""

import pipe

pipe.greet()
pipe.receive_job()
pipe.send(
    {
        "kind": "error",
        "code": "picture",
        "message": "The content is too small.",
        "remedy": "Use a larger one.",
    }
)
pipe.receive_job()
