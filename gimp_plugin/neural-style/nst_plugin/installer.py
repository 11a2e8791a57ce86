"""The installer that came with the plug-in in an archive, as a process beside GIMP: what it tells, and its cancel."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from typing import Any

from nst_plugin.shared import settings
from nst_plugin.shared.engine_process import CREATE_NO_WINDOW
from nst_plugin.shared.translation import _

LEAVE_SECONDS = 20
"""How long it may take to end what it has begun; pip needs a moment for that."""

Event = dict[str, Any]


def is_there() -> bool:
    """Whether the plug-in came with its installer, and not from a clone by another one."""
    return os.path.isfile(settings.INSTALLER)


class Installer:
    """One run of the installer for this plug-in, with these words on its command line; it begins at once."""

    def __init__(self, *words: str) -> None:
        self._events: queue.Queue[Event] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, settings.INSTALLER, "--in-place", "--events", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            creationflags=CREATE_NO_WINDOW if sys.platform == "win32" else 0,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def poll(self) -> Event | None:
        """The next thing that it tells, as ``install/events.py`` says; ``end`` is the last."""
        try:
            return self._events.get_nowait()
        except queue.Empty:
            return None

    def cancel(self) -> None:
        """End it in good order, and what it has started with it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(LEAVE_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        """Body of the thread that listens. Whatever is no event is something to be read by people."""
        is_explained = False
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = understood(line)
            is_explained = is_explained or event["event"] in ("done", "error")
            self._events.put(event)
        if not is_explained:
            self._events.put(
                {
                    "event": "error",
                    "message": _("The installer stopped before it was done."),
                    "tip": _("Its details may tell why; try again."),
                }
            )
        self._events.put({"event": "end"})


def understood(line: str) -> Event:
    try:
        event = json.loads(line)
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            return event
    except ValueError:
        pass
    return {"event": "line", "text": line.rstrip()}
