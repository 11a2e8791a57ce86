"""The subprocess beside an editor: messages in on stdin, messages out on stdout, cancel by closing the pipe."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

import numpy as np

from nst_engine import __version__, memory, options, protocol, sketch, threads
from nst_engine.errors import OutOfMemory, PictureError, ProtocolError, StyleTransferError
from nst_engine.frames import PAYLOAD_LIMIT, PROTOCOL
from nst_engine.network import library
from nst_engine.options import Options
from nst_engine.originals import check_size
from nst_engine.painting import Painter, Stylized
from nst_engine.pixels import Masks, Pixels, Size, as_kind, fractions
from nst_engine.progress import Step
from nst_engine.protocol import (
    Failure,
    Hello,
    Plan,
    Planned,
    Preview,
    Progress,
    Result,
    Sketch,
    Sketched,
    Stop,
    Stylize,
)
from nst_engine.words import Words

PREVIEW_SECONDS = 1.5
"""Time between previews; the first comes with the first step, and none without a step since the last."""

FAR_PREVIEW_SECONDS, FAR_PREVIEW_PIXELS = 4.0, 2**16
"""The same for a client that is far, and how large its previews are: 50 kB a second, once ssh has compressed them."""

PROGRESS_SECONDS = 0.1
"""Least time between two progress messages."""

LAST_WORDS_SECONDS = 5
"""How long the client and the log may take to hear why the engine leaves."""

LOG_LIMIT = 8000
"""Most characters of one entry in the log: a pipe in its place that nobody reads holds a few of them."""

FAULT_LENGTH = 300
"""Most characters that the client hears of what nobody foresaw."""

Request = Stylize | Sketch | Plan
"""What is worked on, one after another."""

PIXELS_LIMIT = PAYLOAD_LIMIT // 16
"""Most pixels of a content: of RGBA float32, more cannot be sent."""

LEFT = 0
"""Exit status, whatever the reason: a job is judged by its messages, and closing the pipe is how one is cancelled."""


def main() -> None:
    """Serve jobs until stdin ends. Whatever a library prints goes to stderr, or nowhere, never into the stream."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    if not _is_open(2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(reader.fileno(), os.O_BINARY)
        msvcrt.setmode(writer.fileno(), os.O_BINARY)
    Worker(reader, writer).run()


class Worker:
    """Two threads: one reads messages and notices at once that the client is gone, the other works on requests.

    Requests are numbered as they come, and answered in that order. A stop is for every one that came before it,
    running, waiting or done, and for none that comes after. However a thread ends, the client hears why.
    """

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self.reader, self.writer = reader, writer
        self.requests: queue.Queue[tuple[int, Request]] = queue.Queue()
        self.received = self.stopped = 0
        self.last_painter: Painter | None = None
        self.writing, self.failing = threading.Lock(), threading.Lock()
        self.last_preview = self.last_progress = 0.0
        self.steps_shown = 0

    def run(self) -> None:
        """Greet, then work on one job after another for as long as the client is there."""
        with self._last_words():
            threading.Thread(target=self._read, daemon=True).start()
            self._send(Hello(PROTOCOL, library.listed()[: protocol.MOST_NETWORKS], __version__))
            while True:
                self._work(*self.requests.get())

    def _read(self) -> None:
        """Take messages until the stream ends, and the process with it, whatever it is doing."""
        with self._last_words():
            while self._take(protocol.receive(self.reader)):
                pass

    def _take(self, message: protocol.ToEngine | protocol.FromEngine | None) -> bool:
        """Put a message where it belongs; False for the end."""
        if isinstance(message, Stop):
            self.stopped = self.received
        elif isinstance(message, Request):
            self.received += 1
            self.requests.put((self.received, message))
        elif message is not None:
            told = Words("A {kind} message is not for the engine.", kind=type(message).__name__)
            raise ProtocolError(told, protocol.ANEW)
        return message is not None

    @contextlib.contextmanager
    def _last_words(self) -> Iterator[None]:
        """When this block ends, so does the process; an error is told first, to a client that listens."""
        try:
            yield
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # half a picture may be what takes the memory
            threading.Timer(LAST_WORDS_SECONDS, os._exit, [LEFT]).start()
            self._fail(error)
        finally:
            self.failing.acquire(timeout=LAST_WORDS_SECONDS)
            os._exit(LEFT)

    def _work(self, number: int, request: Request) -> None:
        self.last_preview = self.last_progress = 0.0
        self.steps_shown = 0
        try:
            if isinstance(request, Plan):
                self._send(self._planned(request))
            elif isinstance(request, Sketch):
                self._send(self._sketched(number, request))
            else:
                done = self._stylized(number, request)
                self._send(Result(_as_sent(done.picture, request.is_far), done.summary, next(iter(done.warnings), "")))
        except Exception as error:
            self._fail(error)

    def _stylized(self, number: int, job: Stylize) -> Stylized:
        if job.protocol != PROTOCOL:
            raise ProtocolError(
                Words("The plug-in speaks protocol {its}, the engine {own}.", its=job.protocol, own=PROTOCOL),
                "Run install/install.py again.",
            )
        painter = self._painter(options.from_mapping(job.options))
        masks = Masks(job.protection, job.selection)
        return painter.paint(
            job.content,
            job.styles,
            masks,
            job.init,
            partial(self._tell, is_far=job.is_far),
            should_stop=lambda: number <= self.stopped,
            kind=np.uint16 if job.is_far else np.float32,
        )

    def _planned(self, plan: Plan) -> Planned:
        size = _content_size(plan)
        found = self._painter(options.from_mapping(plan.options)).estimate(size)
        return Planned(found.size.width, found.size.height, found.seconds)

    def _sketched(self, number: int, job: Sketch) -> Sketched:
        """Paint small, with a core left to whoever is choosing, and no longer than that takes sense."""
        until = time.monotonic() + sketch.SECONDS
        with threads.leaving_a_core():
            sketcher = sketch.Sketcher(options.from_mapping(job.options), self.last_painter)
            done = sketcher.paint(
                job.content,
                job.styles,
                Masks(job.protection, job.selection),
                should_stop=lambda: number <= self.stopped or time.monotonic() > until,
                kind=np.uint8,
            )
        return Sketched(done.picture)

    def _painter(self, chosen: Options) -> Painter:
        """A painter that has what its like before it loaded and measured: plan and job agree on the size."""
        self.last_painter = Painter(chosen, like=self.last_painter)
        return self.last_painter

    def _tell(self, step: Step, is_far: bool) -> None:
        """How the picture gets on. What keeps it from being told does not keep it from getting on."""
        now = time.monotonic()
        try:
            if now - self.last_progress >= PROGRESS_SECONDS:
                self.last_progress = now
                self._send(Progress(min(1.0, step.fraction), step.seconds_left, step.text))
            is_new = step.steps > self.steps_shown
            if is_new and now - self.last_preview >= (FAR_PREVIEW_SECONDS if is_far else PREVIEW_SECONDS):
                self.last_preview, self.steps_shown = now, step.steps
                self._send(Preview(step.preview(FAR_PREVIEW_PIXELS) if is_far else step.preview()))
        except Exception:
            _log(traceback.format_exc())

    def _fail(self, error: Exception) -> None:
        """The client must hear of it, before the log, which may block; of what nobody foresaw, that has the rest."""
        foreseen = _foreseen(error)
        with self.failing:
            self._send(Failure(foreseen.code, foreseen.message, foreseen.remedy))
            if foreseen is not error:
                _log(traceback.format_exc())

    def _send(self, message: protocol.FromEngine) -> None:
        try:
            with self.writing:
                protocol.send(self.writer, message)
        except OSError:
            os._exit(LEFT)


def _content_size(plan: Plan) -> Size:
    """The size that is asked about; PictureError when a content of it would be refused."""
    size = Size(plan.height, plan.width)
    check_size(Words("content"), size)
    if size.pixels > PIXELS_LIMIT:
        raise PictureError(
            Words("The content has {width}×{height} pixels.", width=size.width, height=size.height),
            Words("It may have at most {most} megapixels.", most=PIXELS_LIMIT // 10**6),
        )
    return size


def _as_sent(picture: Pixels, is_far: bool) -> Pixels:
    """A finished picture as it travels, now that the memory is free again in which it was painted."""
    if is_far:
        return as_kind(fractions(picture), np.uint16) if picture.dtype == np.uint8 else picture
    return np.divide(picture, 255, dtype=np.float32) if picture.dtype == np.uint8 else picture


def _foreseen(error: Exception) -> StyleTransferError:
    """The error in a sentence for the user."""
    if isinstance(error, StyleTransferError):
        return error
    if memory.is_shortage(error):
        return OutOfMemory("The memory is too small for these pictures.", "Use smaller ones, or close other programs.")
    fault = f"{type(error).__name__}: {error}"[:FAULT_LENGTH]
    told = Words("The engine met an unexpected fault ({fault}).", fault=fault)
    return StyleTransferError(told, "Its log file has the details.")


def _log(text: str) -> None:
    """Put a text on stderr, where there is one that takes it."""
    with contextlib.suppress(OSError, ValueError):
        print(text[-LOG_LIMIT:], file=sys.stderr, flush=True)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
