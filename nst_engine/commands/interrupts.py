"""What Ctrl-C means while a picture is made, and the signals that end a session, a service or a terminal."""

from __future__ import annotations

import _thread
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGXCPU", "SIGBREAK") if hasattr(signal, name))
"""What ends a program where nobody presses Ctrl-C, for want of time on the processor too; each system has its own."""

AGAIN_SECONDS, SAME_SECONDS = 0.05, 1.0
"""How soon a signal that was lost comes again, and for how long others are taken for the same wish."""

CANCELLED = 130
"""Exit status of a command that did not do all because it was told to end."""


Handler = Callable[[int, FrameType | None], Any] | signal.Handlers


@contextmanager
def handled(handler: Handler, *signals: int) -> Iterator[None]:
    """Within the block these signals call the handler, but for endings that are ignored, as under ``nohup``.

    Python lets the main thread alone decide on signals; a command that another one runs leaves them as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        signals = ()
    heard = [each for each in signals if each not in ENDINGS or signal.getsignal(each) is not signal.SIG_IGN]
    former = {each: signal.signal(each, handler) for each in heard}
    try:
        yield
    finally:
        for each, before in former.items():
            signal.signal(each, signal.SIG_DFL if before is None else before)


@contextmanager
def held_back() -> Iterator[None]:
    """Within the block signals that end a program wait for its end; who begins in it, a process, never hears of them.

    Windows has nothing of the kind: there they come at once.
    """
    if sys.platform == "win32":
        yield
        return
    from multiprocessing import resource_tracker

    held = {signal.SIGINT, *ENDINGS}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        resource_tracker.ensure_running()  # a process of Python's own, whose start lets some of them through again
        signal.pthread_sigmask(signal.SIG_BLOCK, held)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Cancelling(ExitStack):
    """Within the ``with`` block whatever ends a session or a service raises ``KeyboardInterrupt``, as Ctrl-C does.

    What comes right after it is the same wish and does not disturb the tidying up. Where Python cannot raise it, in a
    library's callback or in a destructor, the signal comes again a little later.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last = signal.SIGINT
        self.raised = -math.inf
        self.is_lost = self.was_lost = False
        self.timer: threading.Timer | None = None
        self.hook = sys.unraisablehook
        self.callback(setattr, sys, "unraisablehook", self.hook)
        sys.unraisablehook = self._notice
        is_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        self.enter_context(handled(self._cancel, *([] if is_ignored else [signal.SIGINT]), *ENDINGS))
        self.callback(self._forget)

    def _cancel(self, number: int, frame: FrameType | None) -> None:
        self.last = signal.Signals(number)
        if self.is_lost or time.monotonic() - self.raised > SAME_SECONDS:
            self.is_lost, self.raised = False, time.monotonic()
            raise KeyboardInterrupt

    def _notice(self, lost: sys.UnraisableHookArgs) -> None:
        if not isinstance(lost.exc_value, KeyboardInterrupt):
            self.hook(lost)
            return
        self.is_lost = self.was_lost = True
        self._forget()
        self.timer = threading.Timer(AGAIN_SECONDS, self._again)
        self.timer.start()

    def _again(self) -> None:
        if sys.platform == "win32":
            _thread.interrupt_main(self.last)
        else:
            signal.pthread_kill(threading.main_thread().ident or 0, self.last)  # which wakes it if it waits

    def _forget(self) -> None:
        if self.timer:
            self.timer.cancel()


class Interrupts(ExitStack):
    """Within the ``with`` block the first Ctrl-C, or an ending, asks for the picture as it stands, and says so.

    One more Ctrl-C cancels. Endings never do: a session that ends sends several.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self.say = say
        self.stopped = False
        self.enter_context(handled(self._stop, signal.SIGINT, *ENDINGS))

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if not self.stopped:
            self.stopped = True
            self.say("Finishing with the picture as it stands; press Ctrl-C again to cancel.")
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
