"""The engine as the plug-in sees it: a process at the other end of a pipe. Understood by Python 2.7 and 3.

One thread reads what the engine sends, another writes what it is told, so that the thread that owns the
:class:`Engine` never waits for the pipe: it looks with :meth:`Engine.poll` at what has come. A job is judged by the
message that ends it, never by the engine's exit code.
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
from nst_plugin.translation import N_, _

try:
    import queue
except ImportError:
    import Queue as queue  # type: ignore[import-not-found,no-redef]  # Python 2.7

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, Callable, Dict, List, Mapping, NoReturn, Optional, Tuple, Union

    Report = Callable[[float, Optional[float], str], None]
    Arrival = Union[frames.Frame, frames.FrameError]

HELLO_SECONDS = 120
"""Longest wait for the greeting. A first start from a slow disk takes the better part of a minute."""

CLOSE_SECONDS = 5
"""How long the engine may take to leave after its pipe is closed."""

IDLE_SECONDS = 0.1
"""Pause between two looks at the rest of the world."""

CREATE_NO_WINDOW = 0x08000000
"""Windows: no console window for the engine."""

NEWEST_ONLY = ("preview", "progress")
"""Messages that are worth nothing any more once the next of their kind is there."""

OTHER_VERSION = N_(
    "The engine speaks version %s of the protocol and the plug-in version %d. "
    'Run "python3 install/install.py" to install both anew, then restart GIMP.'
)

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

Mask = collections.namedtuple("Mask", "width height values")
"""How much each pixel counts: ``values`` is bytes-like, one uint8 a pixel, row-major, top row first."""

Style = collections.namedtuple("Style", "name picture weight")
"""A style by name, its pixels, and how much it counts among several (above 0)."""

Style.__new__.__defaults__ = (1.0,)

Progress = collections.namedtuple("Progress", "fraction seconds_left text")
"""How far a job is: 0 to 1, seconds (None while unknown), and a text for people."""

Preview = collections.namedtuple("Preview", "width height rgba")
"""What a job has made so far, in the content's proportions but smaller: uint8 sRGB RGBA."""

Planned = collections.namedtuple("Planned", "width height seconds")
"""At which size the engine would work, and about how long."""

Refusal = collections.namedtuple("Refusal", "sentence")
"""Why the engine could not do what :meth:`Engine.plan` asked about, and what helps."""

Result = collections.namedtuple("Result", "picture used")
"""The Picture, of the content's size, and a dict of what it was made with."""


def engine_environment(environ):
    # type: (Mapping[str, str]) -> Dict[str, str]
    """GIMP's environment without what would mislead the engine."""
    patterns = [pattern for pattern, _why in KEPT_FROM_ENGINE]
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

        ``idle`` is called several times a second while a method has nothing to do but wait.
        """
        self._idle = idle
        self._log_path = log_path
        self._log = _open_log(log_path)
        try:
            self._process = _start(command, self._log)
        except EngineError:
            self._log.close()
            raise
        self._give_up = time.time() + HELLO_SECONDS
        self._plans = 0
        self._size = (0, 0)
        self._broken = None  # type: Optional[EngineError]
        self._arrivals = _Mailbox()
        self._departures = queue.Queue()  # type: queue.Queue[Any]
        self._threads = [threading.Thread(target=body) for body in (self._read, self._write)]
        for thread in self._threads:
            thread.daemon = True
            thread.start()
        self.is_ready = False

    def __enter__(self):
        # type: () -> Engine
        return self

    def __exit__(self, *_exception):
        # type: (object) -> None
        self.close()

    def wait_for_greeting(self):
        # type: () -> None
        """Wait until the engine is ready for jobs; EngineError when it is none, or one of another version."""
        while not self.is_ready:
            if self._next_event(IDLE_SECONDS) is None:
                self._idle()

    def plan(self, options, width, height):
        # type: (Mapping[str, Any], int, int) -> None
        """Ask at which size a content of this size would be painted; Planned or Refusal answers."""
        self._plans += 1
        self._send({"kind": "plan", "options": dict(options), "width": width, "height": height})

    def paint(self, content, styles, options, protection=None, selection=None):
        # type: (Picture, List[Style], Mapping[str, Any], Optional[Mask], Optional[Mask]) -> None
        """Ask for ``content`` in the given styles; Progress, Preview and at last Result answer.

        Masks are of the content's size: ``protection`` is where the content stays, ``selection`` where to paint.
        """
        arrays = {"content": _array(content)}
        announced = []
        for index, style in enumerate(styles):
            key = "style-%d" % index
            arrays[key] = _array(style.picture)
            announced.append({"name": style.name, "weight": style.weight, "pixels": key})
        for name, mask in (("protection", protection), ("selection", selection)):
            if mask is not None:
                arrays[name] = frames.Array("uint8", (mask.height, mask.width, 1), mask.values)
        self._size = (content.width, content.height)
        header = {"kind": "stylize", "protocol": frames.PROTOCOL, "options": dict(options), "styles": announced}
        self._send(header, arrays)

    def stop(self):
        # type: () -> None
        """Ask for the result now, as good as it is."""
        self._send({"kind": "stop"})

    def poll(self):
        # type: () -> Any
        """The next event, None while there is none; never waits. EngineError when the job or the engine failed."""
        return self._next_event(0)

    def stylize(self, content, styles, options, report, protection=None, selection=None):
        # type: (Picture, List[Style], Mapping[str, Any], Report, Optional[Mask], Optional[Mask]) -> Result
        """As :meth:`paint`, but wait for the result; ``report`` is called with the fields of Progress."""
        self.wait_for_greeting()
        self.paint(content, styles, options, protection, selection)
        while True:
            event = self._next_event(IDLE_SECONDS)
            if isinstance(event, Result):
                return event
            if isinstance(event, Progress):
                report(*event)
            elif event is None:
                self._idle()

    def close(self):
        # type: () -> None
        """End the engine: closing its pipe is the request, and killing what then stays is the last word."""
        self._departures.put(None)
        deadline = time.time() + CLOSE_SECONDS
        while self._process.poll() is None and time.time() < deadline:
            time.sleep(0.02)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(CLOSE_SECONDS)
        self._log.close()

    def _send(self, header, arrays=None):
        # type: (Mapping[str, Any], Optional[Mapping[str, frames.Array]]) -> None
        self._departures.put((header, arrays))

    def _next_event(self, seconds):
        # type: (float) -> Any
        """The next event that comes within that time, or None."""
        if self._broken is not None:
            raise self._broken
        while True:
            arrival = self._arrivals.take(seconds)
            if arrival is None:
                if not self.is_ready and time.time() > self._give_up:
                    self._fail(_("The engine did not greet within %d seconds") % HELLO_SECONDS)
                return None
            event = self._event(arrival)
            if event is not None:
                return event

    def _event(self, arrival):
        # type: (Arrival) -> Any
        """What a message means to the plug-in; None when it concerns only the client itself."""
        if isinstance(arrival, frames.TruncatedFrame):
            self._fail(_("The engine stopped before it was done") if self.is_ready else _("The engine did not start"))
        if isinstance(arrival, frames.FrameError):
            self._fail(_("The engine sent something that is no message"))
        kind = arrival.header["kind"]
        if not self.is_ready:
            self._greet(kind, arrival.header.get("protocol"))
            return None
        try:
            return self._understood(kind, *arrival)
        except (LookupError, TypeError, ValueError):
            self._fail(_("The engine sent a message '%s' that this plug-in does not understand") % kind)

    def _greet(self, kind, protocol):
        # type: (str, object) -> None
        if kind != "hello":
            self._fail(_("The engine sent '%s' in place of a greeting") % kind)
        if protocol != frames.PROTOCOL:
            self._broken = EngineError(_(OTHER_VERSION) % (protocol, frames.PROTOCOL))
            raise self._broken
        self.is_ready = True

    def _understood(self, kind, header, arrays):
        # type: (str, Dict[str, Any], Dict[str, frames.Array]) -> Any
        """The event that a message after the greeting is; LookupError, TypeError or ValueError when it is none."""
        if kind == "progress":
            return Progress(float(header["fraction"]), header["seconds_left"], header["text"])
        if kind == "preview":
            return _preview(arrays["picture"])
        if kind == "result":
            return Result(_picture(arrays["picture"], self._size), header["used"])
        if kind == "planned":
            self._plans -= 1
            return Planned(int(header["width"]), int(header["height"]), float(header["seconds"]))
        if kind == "error":
            sentence = ("%(message)s %(remedy)s" % header).strip()
            if self._plans:  # answers come in the order of the questions, and plans come before the job
                self._plans -= 1
                return Refusal(sentence)
            raise EngineError(sentence)
        if kind != "log":
            raise ValueError(kind)
        self._log.write(("%(level)s: %(text)s\n" % header).encode("utf-8"))
        return None

    def _fail(self, what):
        # type: (str) -> NoReturn
        """Nothing more is to be expected of this engine; whoever asks again hears the same."""
        self._broken = EngineError(_("%s; its log may tell why: %s") % (what, self._log_path))
        raise self._broken

    def _read(self):
        # type: () -> None
        """Body of the reader's thread: pass on all frames, and at last what was wrong, or that it was all."""
        from_engine = self._process.stdout  # type: Any
        try:
            with io.open(from_engine.fileno(), "rb", closefd=False) as stream:
                for frame in iter(lambda: frames.read_frame(stream), None):
                    self._arrivals.put(frame)
            self._arrivals.put(frames.TruncatedFrame("The stream ended."))
        except frames.FrameError as error:
            self._log.write(("%s\n" % error).encode("utf-8"))
            self._arrivals.put(error)
        finally:
            from_engine.close()

    def _write(self):
        # type: () -> None
        """Body of the writer's thread: send what there is to send, until None, and then close the pipe."""
        to_engine = self._process.stdin  # type: Any
        try:
            try:
                for header, arrays in iter(self._departures.get, None):
                    frames.write_frame(to_engine, header, arrays)
            finally:
                to_engine.close()
        except (IOError, OSError):
            pass  # the engine is gone; what it said before, or its silence, is the next thing to be read


class _Mailbox(object):
    """Between the reader's thread and the one that polls. A preview replaces one that nobody has taken yet."""

    def __init__(self):
        # type: () -> None
        self._waiting = []  # type: List[Arrival]
        self._change = threading.Condition()

    def put(self, arrival):
        # type: (Arrival) -> None
        kind = _kind(arrival)
        with self._change:
            if kind in NEWEST_ONLY:
                self._waiting = [other for other in self._waiting if _kind(other) != kind]
            self._waiting.append(arrival)
            self._change.notify()

    def take(self, seconds):
        # type: (float) -> Optional[Arrival]
        """The oldest arrival, after waiting for one that long at most."""
        with self._change:
            if not self._waiting:
                self._change.wait(seconds)
            return self._waiting.pop(0) if self._waiting else None


def _kind(arrival):
    # type: (Arrival) -> Optional[str]
    return arrival.header["kind"] if isinstance(arrival, frames.Frame) else None


def _open_log(path):
    # type: (str) -> io.FileIO
    """The log, empty, so that what it holds is of this run. Unbuffered, since the engine writes to it as well."""
    folder = os.path.dirname(path)
    try:
        if not os.path.isdir(folder):
            os.makedirs(folder)
        return io.open(path, "wb", buffering=0)
    except (IOError, OSError) as error:
        raise EngineError(_("The log %s cannot be written (%s): make its folder writable.") % (path, error.strerror))


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
        raise EngineError(_(settings.NOT_INSTALLED))


def _array(picture):
    # type: (Picture) -> frames.Array
    return frames.Array("float32", (picture.height, picture.width, 4), picture.rgba)


def _preview(array):
    # type: (frames.Array) -> Preview
    height, width, channels = array.shape
    if (array.dtype, channels) != ("uint8", 4):
        raise ValueError(array.shape)
    return Preview(width, height, array.data)


def _picture(array, size):
    # type: (frames.Array, Tuple[int, int]) -> Picture
    """The result's pixels, which must be as many as the content's."""
    width, height = size
    if (array.dtype, array.shape) != ("float32", (height, width, 4)):
        raise ValueError(array.shape)
    return Picture(width, height, array.data)
