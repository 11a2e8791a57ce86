"""The engine as the plug-in sees it: a process at the other end of a pipe. Understood by Python 2.7 and 3.

A thread reads what the engine sends and queues it; everything else happens in the thread that owns the
:class:`Engine`. A job is judged by the message that ends it, never by the engine's exit code.
"""

import collections
import fnmatch
import io
import os
import subprocess
import sys
import threading
import time

from nst_plugin import frames, settings
from nst_plugin.errors import EngineError

try:
    import queue
except ImportError:
    import Queue as queue  # type: ignore[import-not-found,no-redef]  # Python 2.7

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, Callable, Dict, List, Mapping, Optional, Union

    Report = Callable[[float, Optional[float], str], None]
    Arrival = Union[frames.Frame, frames.FrameError, None]

FOREVER = float("inf")
HELLO_SECONDS = 120
"""Longest wait for the greeting. A first start from a slow disk takes the better part of a minute."""

CLOSE_SECONDS = 5
"""How long the engine may take to leave after its pipe is closed."""

IDLE_SECONDS = 0.1
"""Pause between two looks at the rest of the world."""

CREATE_NO_WINDOW = 0x08000000
"""Windows: no console window for the engine."""

KEPT_FROM_ENGINE = (
    ("PYTHONHOME", "is where GIMP's own Python has its library"),
    ("PYTHONPATH", "holds modules for GIMP's Python"),
    ("__PYVENV_LAUNCHER__", "makes a Mac's Python take GIMP's for its own"),
    ("LD_LIBRARY_PATH", "holds libraries of GIMP's bundle"),
    ("LD_PRELOAD", "names libraries of GIMP's bundle"),
    ("DYLD_*", "name libraries of GIMP's bundle on a Mac"),
    ("GI_*", "are for GIMP's libraries"),
    ("GIMP*", "are GIMP's own settings"),
)
"""Variables, as patterns, that GIMP sets for its plug-ins and that would mislead the engine; and why."""

Picture = collections.namedtuple("Picture", "width height rgba")
"""Pixels as they travel: ``rgba`` is bytes-like, sRGB-encoded float32 RGBA, row-major, top row first."""

Style = collections.namedtuple("Style", "name picture")


def engine_environment(environ):
    # type: (Mapping[str, str]) -> Dict[str, str]
    """GIMP's environment without what would mislead the engine."""
    patterns = [pattern for pattern, _ in KEPT_FROM_ENGINE]
    return {
        name: value
        for name, value in environ.items()
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }


class Engine(object):
    """One engine process. It starts at once and greets seconds later; leaving the ``with`` block ends it."""

    def __init__(self, command, log_path, idle=lambda: None):
        # type: (List[str], str, Callable[[], None]) -> None
        """Start ``command``, whose messages for people go to the file ``log_path``.

        ``idle`` is called several times a second while there is nothing to do but wait.
        """
        self._idle = idle
        self._log_path = log_path
        self._log = _open_log(log_path)
        try:
            self._process = _start(command, self._log)
        except EngineError:
            self._log.close()
            raise
        self._to_engine, self._from_engine = self._process.stdin, self._process.stdout  # type: Any, Any
        self._arrivals = queue.Queue()  # type: queue.Queue[Arrival]
        self._reader = threading.Thread(target=self._read)
        self._reader.daemon = True
        self._reader.start()
        self._greeted = False

    def __enter__(self):
        # type: () -> Engine
        return self

    def __exit__(self, *_):
        # type: (object) -> None
        self.close()

    def wait_for_greeting(self, seconds=HELLO_SECONDS):
        # type: (float) -> None
        """Wait until the engine is ready for jobs; EngineError when it is none, or one of another version."""
        if self._greeted:
            return
        frame = self._receive(seconds)
        if frame.header["kind"] != "hello":
            raise self._failure("The engine sent '%s' in place of a greeting" % frame.header["kind"])
        theirs = frame.header.get("protocol")
        if theirs != frames.PROTOCOL:
            raise EngineError(
                "The engine speaks version %s of the protocol and the plug-in version %d. "
                'Run "python3 install/install.py" to install both anew, then restart GIMP.' % (theirs, frames.PROTOCOL)
            )
        self._greeted = True

    def stylize(self, content, styles, options, report):
        # type: (Picture, List[Style], Mapping[str, Any], Report) -> Picture
        """Let the engine paint ``content`` in the given styles and return the picture, of the content's size.

        ``report`` is called with fraction, seconds left (None while unknown) and a text for people.
        """
        self.wait_for_greeting()
        self._send_job(content, styles, options)
        while True:
            header, arrays = self._receive()
            kind = header["kind"]
            try:
                if kind == "result":
                    return _picture(arrays["picture"], content)
                if kind == "error":
                    raise EngineError(("%(message)s %(remedy)s" % header).strip())
                if kind == "progress":
                    report(float(header["fraction"]), header["seconds_left"], header["text"])
                elif kind == "log":
                    self._log.write(("%(level)s: %(text)s\n" % header).encode("utf-8"))
                elif kind != "preview":
                    raise ValueError(kind)
            except (LookupError, TypeError, ValueError):
                raise self._failure("The engine sent a message '%s' that this plug-in does not understand" % kind)

    def close(self):
        # type: () -> None
        """End the engine: closing its pipe is the request, and killing what then stays is the last word."""
        try:
            self._to_engine.close()
        except (IOError, OSError):
            pass  # bytes that nobody read
        deadline = time.time() + CLOSE_SECONDS
        while self._process.poll() is None and time.time() < deadline:
            time.sleep(0.02)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join(CLOSE_SECONDS)
        self._log.close()

    def _send_job(self, content, styles, options):
        # type: (Picture, List[Style], Mapping[str, Any]) -> None
        arrays = {"content": _array(content)}
        announced = []
        for index, style in enumerate(styles):
            key = "style-%d" % index
            arrays[key] = _array(style.picture)
            announced.append({"name": style.name, "weight": 1.0, "pixels": key})
        header = {"kind": "stylize", "protocol": frames.PROTOCOL, "options": dict(options), "styles": announced}
        try:
            frames.write_frame(self._to_engine, header, arrays)
        except (IOError, OSError):
            pass  # the engine is gone; what it said before, or its silence, is the next thing to be received

    def _receive(self, seconds=FOREVER):
        # type: (float) -> frames.Frame
        """The engine's next message."""
        arrival = self._next_arrival(seconds)
        if arrival is None or isinstance(arrival, frames.TruncatedFrame):
            raise self._failure(
                "The engine stopped before it was done" if self._greeted else "The engine did not start"
            )
        if isinstance(arrival, frames.FrameError):
            raise self._failure("The engine sent something that is no message")
        return arrival

    def _next_arrival(self, seconds):
        # type: (float) -> Arrival
        deadline = time.time() + seconds
        while time.time() < deadline:
            try:
                return self._arrivals.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                self._idle()
        raise self._failure("The engine did not greet within %d seconds" % seconds)

    def _failure(self, what):
        # type: (str) -> EngineError
        return EngineError("%s; its log may tell why: %s" % (what, self._log_path))

    def _read(self):
        # type: () -> None
        """Body of the reader's thread: queue all frames, and at last None or what was wrong."""
        try:
            with io.open(self._from_engine.fileno(), "rb", closefd=False) as stream:
                for frame in iter(lambda: frames.read_frame(stream), None):
                    self._arrivals.put(frame)
            self._arrivals.put(None)
        except frames.FrameError as error:
            self._log.write(("%s\n" % error).encode("utf-8"))
            self._arrivals.put(error)
        finally:
            self._from_engine.close()


def _open_log(path):
    # type: (str) -> io.FileIO
    """The log, empty, so that what it holds is of this run. Unbuffered, since the engine writes to it as well."""
    folder = os.path.dirname(path)
    try:
        if not os.path.isdir(folder):
            os.makedirs(folder)
        return io.open(path, "wb", buffering=0)
    except (IOError, OSError) as error:
        raise EngineError("The log %s cannot be written (%s): make its folder writable." % (path, error.strerror))


def _start(command, log):
    # type: (List[str], io.FileIO) -> subprocess.Popen[bytes]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=engine_environment(os.environ),
            close_fds=os.name != "nt" or sys.version_info[0] > 2,  # Python 2.7 cannot do it on Windows
            creationflags=CREATE_NO_WINDOW if os.name == "nt" else 0,
        )
    except (IOError, OSError):
        raise EngineError(settings.NOT_INSTALLED)


def _array(picture):
    # type: (Picture) -> frames.Array
    return frames.Array("float32", (picture.height, picture.width, 4), picture.rgba)


def _picture(array, content):
    # type: (frames.Array, Picture) -> Picture
    """The result's pixels, which must be as many as the content's."""
    if (array.dtype, array.shape) != ("float32", (content.height, content.width, 4)):
        raise ValueError(array.shape)
    return Picture(content.width, content.height, array.data)
