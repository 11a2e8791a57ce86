"""What a program that runs the installer hears of it, in place of text: one JSON object a line.

``plan``: ``steps``, ``folder``, ``builds`` (name, reason, bytes on disk), ``free`` and ``used`` bytes, ``device``,
``log``, and ``is_installed``, whether an installer was at work in the folder before.
``step``: ``number``, ``of`` and ``text`` of the step that begins. ``bytes``: how many lie in the engine's folder by
now, and how many it will be about. ``line``: what is printed, for whoever wants details. ``note``: for the end.
``error``: ``message`` and ``tip``, and ``may_install_there``, whether --install-there is what helps. ``done``: all went
well. Closing the installer's stdin is the cancel.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import commands
from installation import Installation
from output import event
from placing import size_of

LOOK_SECONDS = 1.0


@contextlib.contextmanager
def counting(installation: Installation) -> Iterator[None]:
    """Within the block, tell how much of what is to come has come."""
    is_done = threading.Event()

    def count() -> None:
        while not is_done.wait(LOOK_SECONDS):
            event("bytes", bytes=size_of(installation.home.folder), about=installation.expected)

    counter = threading.Thread(target=count, daemon=True)
    counter.start()
    try:
        yield
    finally:
        is_done.set()
        counter.join()


def stop_with_stdin() -> None:
    """Stop the installer, as Ctrl-C does, as soon as its stdin ends: whoever started it has closed it, or is gone."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1):  # sys.stdin would be locked when the program ends
                pass
        if os.name == "posix":
            os.kill(os.getpid(), signal.SIGTERM)  # which ends what the main thread waits for, too
        else:
            _thread.interrupt_main()
        commands.end_running()

    threading.Thread(target=wait, daemon=True).start()
