"""The engine as the plug-in sees it: a process at the other end of a pipe. Understood by Python 2.7 and 3.

Whoever owns the :class:`Engine` never waits for the pipe, but looks with :meth:`Engine.poll` at what has come. A job is
judged by the message that ends it, never by the engine's exit code.
"""

import collections
import re
import signal
import threading

from nst_plugin.shared import frames, messages, settings, ssh
from nst_plugin.shared.engine_log import EngineLog
from nst_plugin.shared.errors import EngineError, EngineMissing, too_little_memory
from nst_plugin.shared.mailbox import NEWEST_ONLY, Ending
from nst_plugin.shared.messages import Planned, Progress, Refusal, Result, Sketched
from nst_plugin.shared.pipe import Pipe, now
from nst_plugin.shared.translation import N_, _

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, Callable, List, Mapping, NoReturn, Optional

    from nst_plugin.shared.messages import Message, Request

    Report = Callable[[float, Optional[float], str], None]

HELLO_SECONDS = 120
"""Longest wait for the greeting. A first start from a slow disk takes the better part of a minute."""

END_SECONDS = 2
"""How long after its pipe an engine may end, and its pipe after the engine."""

IDLE_SECONDS = 0.1
"""Pause between two looks at the rest of the world."""

OTHER_VERSION = N_(
    "The engine speaks version %s of the protocol and the plug-in version %d. "
    'Run "python3 install/install.py" to install both anew, then restart GIMP.'
)
KILLED = N_("The engine was killed, as happens when memory runs out: close other programs, or choose a smaller size.")
OTHER_VERSION_HERE = N_(
    "The engine speaks version %s of the protocol and the plug-in version %d. "
    "Choose Filters > Neural Style Engine to bring the engine up to date."
)
MEND_HERE = N_("choose Filters > Neural Style Engine to mend its installation")
MEND = N_('run "python3 install/install.py" to mend its installation')
TRY_AGAIN = N_("try again")
MORE_MEMORY = N_("close other programs, or raise the limit on memory")

SHORTAGE = re.compile("(?i)memory|bad_alloc|failed to map segment")
"""What the last words of a program have in them that finds too little memory to start or to go on."""

WORDS_LENGTH = 200
"""Most characters of an engine's last words that are shown."""

KILLED_STATUSES = (-9, 128 + 9)
"""How a process ends that is killed: told directly, and by a shell around it."""

PREVIEW_LIMIT = 4 * 1024**2
"""Most bytes of a preview: a megapixel."""

LOG_LIMIT = 64 * 1024**2
"""Most bytes that an engine may print."""


class Engine(object):
    """One engine process. It starts at once and greets seconds later; leaving the ``with`` block ends it."""

    def __init__(self, command, log_folders, idle=lambda: None, host="", may_fail=False):
        # type: (List[str], List[str], Callable[[], None], str, bool) -> None
        """Start ``command``, whose messages for people go to a log in the first of ``log_folders`` that can be written.

        ``idle`` is called several times a second while a method has nothing to do but wait. ``host`` is the other
        computer that the command starts the engine on. Of one that ``may_fail`` to start, who polls hears why.
        """
        self._log_folders, self._idle = log_folders, idle
        self._broken = None  # type: Optional[EngineError]
        try:
            self._begin(command, host)
        except EngineError as problem:
            if not may_fail:
                raise
            self._broken = problem

    def _begin(self, command, host):
        # type: (List[str], str) -> None
        """Start an engine, of which nothing has been asked yet."""
        self._host = host
        self.is_elsewhere = ssh.leads_away(host, command)
        self.dtype = "uint16" if host else "float32"
        self.is_ready, self.version = False, ""
        self.networks = []  # type: List[str]
        self._greeting_due = now() + HELLO_SECONDS
        self._ended_at = None  # type: Optional[float]
        self._asked = collections.deque()  # type: collections.deque[type]
        self._size = (0, 0)
        self._broken = None
        self._log = EngineLog(self._log_folders)
        self._pipe = None  # type: Any
        missing = _(ssh.NO_SSH) if host else settings.not_installed()
        try:
            self._pipe = Pipe(command, self._log, missing, self._most_bytes, asks_nobody=bool(host))
        except EngineError:
            self._log.close()
            raise

    def __enter__(self):
        # type: () -> Engine
        return self

    def __exit__(self, *_exception):
        # type: (object) -> None
        self.close()

    @property
    def has_failed(self):
        # type: () -> bool
        """Whether nothing more is to be expected of it."""
        return self._broken is not None

    @property
    def makes_sketches(self):
        # type: () -> bool
        """Whether it may be asked for sketches. Another computer sees a picture only when the user wants a painting,
        and engines that do not tell of their networks do not know that message."""
        return bool(self.networks) and not self.is_elsewhere

    def wait_for_greeting(self):
        # type: () -> None
        """Wait until the engine is ready for jobs; EngineError when it is none, or one of another version."""
        while not self.is_ready:
            if self._next_event(IDLE_SECONDS) is None:
                self._idle()

    def plan(self, options, width, height):
        # type: (Mapping[str, Any], int, int) -> None
        """Ask at which size a content of this size would be painted; Planned or Refusal answers."""
        self._asked.append(Planned)
        self._send(messages.plan(options, width, height))

    def sketch(self, request):
        # type: (Request) -> None
        """Ask how a job would look, in small; Sketched or Refusal answers."""
        self._asked.append(Sketched)
        self._send(messages.sketch(request))

    def paint(self, request):
        # type: (Request) -> None
        """Ask for a picture; Progress, Preview and at last Result answer."""
        self._asked.append(Result)
        self._size = (request.content.width, request.content.height)
        self._send(messages.stylize(request, bool(self._host)))

    def stop(self):
        # type: () -> None
        """Ask for result and sketch now, as good as they are; without either there is nothing to stop."""
        if Result in self._asked or Sketched in self._asked:
            self._send(({"kind": "stop"}, {}))

    def poll(self):
        # type: () -> Any
        """The next event; never waits. None when nothing came, or what came is no event: more may wait behind it.

        EngineError when the job or the engine failed.
        """
        return self._next_event(0)

    def stylize(self, request, report):
        # type: (Request, Report) -> Result
        """As :meth:`paint`, but wait for the result; ``report`` is called with the fields of Progress."""
        self.wait_for_greeting()
        self.paint(request)
        while True:
            event = self._next_event(IDLE_SECONDS)
            if isinstance(event, Result):
                return event
            if isinstance(event, Progress):
                report(*event)
            elif event is None:
                self._idle()

    def change(self, command, host=""):
        # type: (List[str], str) -> None
        """Let another engine take this one's place. What was asked of this one is forgotten, and it leaves in peace."""
        leaving = threading.Thread(target=self._leaving())
        leaving.daemon = True
        leaving.start()
        try:
            self._begin(command, host)
        except EngineError as problem:
            self._broken = problem

    def close(self):
        # type: () -> None
        """End the engine."""
        self._leaving()()

    def _leaving(self):
        # type: () -> Callable[[], None]
        """What ends the present engine, in its own time."""
        pipe, log = self._pipe, self._log

        def leave():
            # type: () -> None
            if pipe is not None:
                pipe.close()
            log.close()

        return leave

    def _send(self, message):
        # type: (Message) -> None
        if self._pipe is not None:
            self._pipe.send(message)

    def _next_event(self, seconds):
        # type: (float) -> Any
        """The next event that comes within that time, or None as from :meth:`poll`."""
        if self._broken is not None:
            raise self._broken
        self._check_log()
        arrival = self._pipe.take(seconds)
        if arrival is None:
            self._check_for_life()
            return None
        if isinstance(arrival, Ending):
            self._explain(*arrival)
        return self._event(arrival)

    def _check_for_life(self):
        # type: () -> None
        """Nothing comes: perhaps nothing ever will. A pipe may outlive the engine in one of its children."""
        if not self.is_ready and now() > self._greeting_due:
            self._fail(_("The engine did not greet within %d seconds") % HELLO_SECONDS, _(TRY_AGAIN))
        if self._pipe.exit_status() is not None:
            self._ended_at = self._ended_at or now()
            if now() > self._ended_at + END_SECONDS:
                self._explain_end()

    def _check_log(self):
        # type: () -> None
        """End an engine that fills the disk."""
        if self._log.size > LOG_LIMIT:
            self._pipe.process.kill()
            self._fail(_("The engine printed more than %d MB") % (LOG_LIMIT // 1024**2), _(TRY_AGAIN))

    def _explain(self, error, is_sending):
        # type: (BaseException, bool) -> NoReturn
        """Why a thread ended, in words."""
        if isinstance(error, MemoryError):
            self._give_up(too_little_memory())
        if isinstance(error, frames.TruncatedFrame):
            self._explain_end()
        self._log.note("%s: %s" % (type(error).__name__, error.args[0] if error.args else ""))
        if self._host and not self.is_ready:
            self._explain_talk(error)
        if is_sending:
            self._fail(_("The picture could not be sent to the engine"), _(TRY_AGAIN))
        self._fail(_("The engine sent something that is no message"), self._mend())

    def _explain_talk(self, error):
        # type: (BaseException) -> NoReturn
        """What came is no greeting, and the other computer may have nothing else to say."""
        status = self._pipe.exit_status(END_SECONDS)
        missing = ssh.explained(self._host, status, self._log.tail, False) if status == ssh.NOT_FOUND else None
        self._give_up(missing or ssh.talkative(self._host, status, str(error)))

    def _explain_end(self):
        # type: () -> NoReturn
        """Why there is no engine any more, in words."""
        status = self._pipe.exit_status(END_SECONDS)
        if self._host:
            problem = ssh.explained(self._host, status, self._log.tail, self.is_ready)
            if problem:
                self._give_up(problem)
        if status in KILLED_STATUSES:
            self._give_up(EngineError(_(KILLED)))
        if status is not None and status < 0:
            self._quote(_("The engine was ended by the signal %s") % _signal_name(-status), _(TRY_AGAIN))
        if not self.is_ready:
            self._quote(_("The engine did not start"), self._mend(), EngineMissing if self._host else EngineError)
        self._quote(_("The engine stopped before it was done"), _(TRY_AGAIN))

    def _event(self, frame):
        # type: (frames.Frame) -> Any
        """What a message means to the plug-in; None when it concerns only the client itself."""
        kind = frame.header["kind"]
        if not self.is_ready and kind != "error":
            self._greet(kind, frame.header.get("protocol"))
            self.version = messages.plain(str(frame.header.get("version", "")))
            self.networks = messages.names(frame.header.get("networks"))
            return None
        try:
            return self._accepted(messages.understood(frame, self._size, self.dtype))
        except (LookupError, TypeError, ValueError, OverflowError):
            if kind in NEWEST_ONLY:  # there is less to watch, but the picture is not lost
                self._log.note("A message '%s' made no sense." % kind)
                return None
            what = _("The engine sent a message '%s' that this plug-in does not understand") % messages.plain(kind)
            self._fail(what, self._mend())

    def _accepted(self, event):
        # type: (Any) -> Any
        """The event, if it is due: answers come in the order of the questions. ValueError for one nobody asked for."""
        if isinstance(event, (Planned, Sketched, Result)) and self._next_answer() is not type(event):
            raise ValueError(event)
        if isinstance(event, Refusal) and not self.is_ready:
            self._give_up(EngineError(event.sentence))
        if isinstance(event, Refusal):
            event = event._replace(asked=self._next_answer())
            if event.asked not in (Planned, Sketched):
                raise EngineError(event.sentence)
        return event

    def _next_answer(self):
        # type: () -> Any
        """The kind of event that answers the oldest open question."""
        return self._asked.popleft() if self._asked else None

    def _greet(self, kind, protocol):
        # type: (str, object) -> None
        if kind != "hello":
            self._fail(_("The engine sent '%s' in place of a greeting") % messages.plain(kind), self._mend())
        if protocol != frames.PROTOCOL and self._host:
            self._give_up(ssh.other_version(self._host, protocol))
        if protocol != frames.PROTOCOL:
            self._give_up(EngineError(settings.remedy(OTHER_VERSION, OTHER_VERSION_HERE) % (protocol, frames.PROTOCOL)))
        self.is_ready = True

    def _fail(self, what, remedy, kind=EngineError):
        # type: (str, str, type[EngineError]) -> NoReturn
        """Nothing more is to be expected of this engine. Its log is named when there is something in it."""
        if self._log.path:
            log = messages.plain(self._log.path)
            self._give_up(kind(_("%s: %s; its log may tell why: %s") % (what, remedy, log)))
        self._give_up(kind(_("%s: %s.") % (what, remedy)))

    def _quote(self, what, remedy, kind=EngineError):
        # type: (str, str, type[EngineError]) -> NoReturn
        """As :meth:`_fail`, for an engine that is gone: what it printed last is the best that is known of why."""
        words, log = (messages.plain(text or "") for text in (self._log.last_words, self._log.path))
        if not words:
            self._fail(what, remedy, kind)
        if SHORTAGE.search(words):
            remedy, kind = _(MORE_MEMORY), EngineError
        parts = (what, words[:WORDS_LENGTH], remedy, log)
        self._give_up(kind(_("%s (it said: %s): %s; its log may tell more: %s") % parts))

    def _mend(self):
        # type: () -> str
        there = _(ssh.MEND) % self._host if self._host else MEND
        return settings.remedy(there, MEND_HERE)

    def _give_up(self, problem):
        # type: (EngineError) -> NoReturn
        """Whoever asks again hears the same."""
        self._broken = problem
        raise problem

    def _most_bytes(self):
        # type: () -> int
        """How many bytes may come with a message now: those of a preview, or of a picture of the job's own size."""
        width, height = self._size
        return max(PREVIEW_LIMIT, frames.byte_count(self.dtype, (height, width, 4)))


def _signal_name(number):
    # type: (int) -> str
    names = [name for name, value in vars(signal).items() if value == number and re.match("SIG[A-Z]", name)]
    return min(names) if names else str(number)
