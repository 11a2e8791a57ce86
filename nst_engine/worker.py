"""The subprocess beside an editor: messages in on stdin, messages out on stdout, cancel by closing the pipe."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from typing import BinaryIO

import nst_engine
from nst_engine import device as devices
from nst_engine import networks, options, protocol
from nst_engine.canvas import Masks
from nst_engine.errors import ProtocolError, StyleTransferError
from nst_engine.frames import PROTOCOL
from nst_engine.options import Options
from nst_engine.painting import Painter, Step, Stylized
from nst_engine.protocol import Failure, Hello, Plan, Planned, Preview, Progress, Result, Stop, Stylize
from nst_engine.pyramid import Size

PREVIEW_SECONDS = 1.5
"""Time between previews; the first comes with the first step."""

PROGRESS_SECONDS = 0.1
"""Least time between two progress messages."""

CLIENT_GONE = 0
"""Exit status when the client has closed the pipe: that is how a job is cancelled, not a failure."""


def main() -> None:
    """Serve jobs until stdin ends. Whatever a library prints goes to stderr, never into the stream."""
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(reader.fileno(), os.O_BINARY)
        msvcrt.setmode(writer.fileno(), os.O_BINARY)
    Worker(reader, writer).run()


class Worker:
    """Two threads: one reads messages and notices at once that the client is gone, the other works on jobs."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self.reader, self.writer = reader, writer
        self.jobs: queue.Queue[Stylize | Plan] = queue.Queue()
        self.last_painter: Painter | None = None
        self.stop_wanted = threading.Event()
        self.writing = threading.Lock()
        self.last_preview = self.last_progress = 0.0

    def run(self) -> None:
        """Greet, then work on one job after another for as long as the client is there."""
        threading.Thread(target=self._read, daemon=True).start()
        self._send(Hello(PROTOCOL, nst_engine.__version__, devices.describe(devices.choose("auto")), networks.listed()))
        while True:
            self._work(self.jobs.get())

    def _read(self) -> None:
        """Take messages until the stream ends, and the process with it, whatever it is doing."""
        try:
            while (message := protocol.receive(self.reader)) is not None:
                if isinstance(message, Stop):
                    self.stop_wanted.set()
                elif isinstance(message, (Stylize, Plan)):
                    self.stop_wanted.clear()
                    self.jobs.put(message)
                else:
                    raise ProtocolError(f"A {type(message).__name__} message is not for the engine.")
        except StyleTransferError as error:
            self._send(Failure(error.code, error.message, error.remedy))
        os._exit(CLIENT_GONE)

    def _work(self, job: Stylize | Plan) -> None:
        self.last_preview = self.last_progress = 0.0
        try:
            if isinstance(job, Plan):
                self._send(self._planned(job))
            else:
                done = self._stylized(job)
                self._send(Result(done.picture, done.summary))
        except StyleTransferError as error:
            self._send(Failure(error.code, error.message, error.remedy))
        except Exception:  # the last resort: the client must hear of it, the log gets the rest
            traceback.print_exc()
            self._send(Failure("internal", "The engine met an unexpected fault.", "Its log file has the details."))

    def _stylized(self, job: Stylize) -> Stylized:
        if job.protocol != PROTOCOL:
            raise ProtocolError(
                f"The plug-in speaks protocol {job.protocol}, the engine {PROTOCOL}.", "Run install/install.py again."
            )
        painter = self._painter(options.from_mapping(job.options))
        masks = Masks(job.protection, job.selection)
        return painter.paint(job.content, job.styles, masks, job.init, self._tell, self.stop_wanted.is_set)

    def _planned(self, plan: Plan) -> Planned:
        painter = self._painter(options.from_mapping(plan.options))
        found = painter.estimate(Size(plan.height, plan.width))
        return Planned(found.size.width, found.size.height, found.seconds)

    def _painter(self, chosen: Options) -> Painter:
        """A painter that has what its like before it loaded and measured: plan and job agree on the size."""
        self.last_painter = Painter(chosen, like=self.last_painter)
        return self.last_painter

    def _tell(self, step: Step) -> None:
        now = time.monotonic()
        if now - self.last_progress >= PROGRESS_SECONDS:
            self.last_progress = now
            self._send(Progress(step.fraction, step.seconds_left, step.text))
        if now - self.last_preview >= PREVIEW_SECONDS:
            self.last_preview = now
            self._send(Preview(step.preview()))

    def _send(self, message: protocol.FromEngine) -> None:
        try:
            with self.writing:
                protocol.send(self.writer, message)
        except OSError:
            os._exit(CLIENT_GONE)
