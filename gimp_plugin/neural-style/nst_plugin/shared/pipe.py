"""A process and the pipe to it, which nobody has to wait for. Understood by Python 2.7 and 3.

One thread reads what the process sends, another writes what it is told.
"""

import io
import threading
import time

from nst_plugin.shared import engine_process, frames
from nst_plugin.shared.errors import EngineError
from nst_plugin.shared.mailbox import Ending, Mailbox
from nst_plugin.shared.translation import _

try:
    import queue
except ImportError:
    import Queue as queue  # type: ignore[import-not-found,no-redef]  # Python 2.7

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, Callable, List, Optional

    from nst_plugin.shared.engine_log import EngineLog
    from nst_plugin.shared.messages import Message

CLOSE_SECONDS = 5
"""How long the process may take to leave after its pipe is closed."""

END_SECONDS = 2
"""How long a thread may take to end after the process."""

HEADER_LIMIT = 1024**2
"""Longest header line that is taken, in bytes."""


class Pipe(object):
    """Starts the command at once; EngineError, with ``missing`` for a sentence, where there is no such program."""

    def __init__(self, command, log, missing, payload_limit, asks_nobody):
        # type: (List[str], EngineLog, str, Callable[[], int], bool) -> None
        """``payload_limit`` is asked how many bytes may come with a message, as for :func:`frames.read_frame`."""
        self.process = engine_process.start(command, log, missing, asks_nobody)
        self._payload_limit = payload_limit
        self._arrivals = Mailbox()
        self._departures = queue.Queue()  # type: queue.Queue[Any]
        self._threads = [threading.Thread(target=body) for body in (self._read, self._write)]
        try:
            for thread in self._threads:
                thread.daemon = True
                thread.start()
        except (RuntimeError, MemoryError) as error:
            self.close()
            raise EngineError(_(engine_process.NO_START) % error)

    def send(self, message):
        # type: (Message) -> None
        """Send header and arrays when there is time."""
        self._departures.put(message)

    def take(self, seconds):
        # type: (float) -> Any
        """The next frame, or the ending, that comes within that time; or None."""
        return self._arrivals.take(seconds)

    def exit_status(self, seconds=0.0):
        # type: (float) -> Optional[int]
        """How the process ended, if it does within that time."""
        deadline = now() + seconds
        while self.process.poll() is None and now() < deadline:
            time.sleep(0.02)
        return self.process.poll()

    def close(self):
        # type: () -> None
        """End the process: closing its pipe is the request, and killing what then stays is the last word."""
        self._departures.put(None)
        self._arrivals.close()
        if self.exit_status(CLOSE_SECONDS) is None:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(END_SECONDS)

    def _read(self):
        # type: () -> None
        """Body of the reader's thread: pass on all frames, and at last what was wrong, or that it was all."""
        from_process = self.process.stdout  # type: Any
        ending = frames.TruncatedFrame("The stream ended.")  # type: BaseException
        try:
            with io.open(from_process.fileno(), "rb", closefd=False) as stream:
                for frame in iter(lambda: frames.read_frame(stream, HEADER_LIMIT, self._payload_limit), None):
                    self._arrivals.put(frame)
        except BaseException as error:  # whatever it is: the other thread waits for an ending
            ending = error
            if hasattr(error, "__traceback__"):  # Python 3's would keep half a picture, whose memory is needed
                error.__traceback__ = None
        self._arrivals.put(Ending(ending, False))
        from_process.close()

    def _write(self):
        # type: () -> None
        """Body of the writer's thread: send what there is to send, until None, and then close the pipe."""
        to_process = self.process.stdin  # type: Any
        try:
            for header, arrays in iter(self._departures.get, None):
                frames.write_frame(to_process, header, arrays)
        except (IOError, OSError):
            pass  # the process is gone; what it said before, or its silence, is the next thing to be read
        except BaseException as error:  # as above
            self._arrivals.put(Ending(error, True))
        try:
            to_process.close()
        except (IOError, OSError):
            pass


def now():
    # type: () -> float
    """Seconds that only go forward, where Python knows such a clock."""
    return getattr(time, "monotonic", time.time)()
