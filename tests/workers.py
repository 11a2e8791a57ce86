"""Workers of the engine as processes of their own, and what is sent to them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from nst_engine import protocol
from nst_engine.frames import PROTOCOL
from nst_engine.pixels import Pixels, StylePicture
from nst_engine.protocol import Failure, Result, Stylize

BROKEN = "import nst_engine.worker as w; w.Painter = None; w.main()"
"""Code of a worker that meets a fault at every job."""


@contextlib.contextmanager
def started(*command: str, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = command or ("-m", "nst_engine", "worker")
    with subprocess.Popen([sys.executable, *command], **{**pipes, **streams}) as process:
        yield process
        process.kill()


def job(content: Pixels, style: Pixels, protocol_number: int = PROTOCOL, **options: Any) -> Stylize:
    return Stylize(protocol_number, options, content, (StylePicture("pattern", style),))


def answers(worker: subprocess.Popen[bytes], until: Any = (Result, Failure)) -> list[Any]:
    """All messages up to one of these kinds, or None for the end."""
    messages = [protocol.receive(worker.stdout)]
    while not isinstance(messages[-1], until) and messages[-1] is not None:
        messages.append(protocol.receive(worker.stdout))
    return messages
