"""What Ctrl-C means while a picture is made, and the signals that end a session, a service or a terminal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
"""What ends a program where nobody presses Ctrl-C; each system has its own."""

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
