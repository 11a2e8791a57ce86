"""Between the thread that reads what the engine sends and the one that looks at it. Understood by Python 2.7 and 3."""

import collections
import threading

from nst_plugin.shared import frames

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import List, Optional, Union

    Arrival = Union[frames.Frame, "Ending"]

NEWEST_ONLY = ("preview", "progress")
"""Messages that are worth nothing any more once the next of their kind is there."""

MOST_WAITING = 16
"""Messages of other kinds that may wait to be taken; more are not read, and whoever sends them waits."""

Ending = collections.namedtuple("Ending", "error is_sending")
"""Why one of the two threads has nothing more to pass on."""


class Mailbox(object):
    """Holds little, however much is sent: one of each kind that only the newest counts of, and a few of the others."""

    def __init__(self):
        # type: () -> None
        self._waiting = []  # type: List[Arrival]
        self._is_closed = False
        self._change = threading.Condition()

    def put(self, arrival):
        # type: (Arrival) -> None
        """Add an arrival once there is room for it, which an ending always has. After the close there is none."""
        kind = kind_of(arrival)
        with self._change:
            while kind is not None and kind not in NEWEST_ONLY and self._is_full() and not self._is_closed:
                self._change.wait()
            if self._is_closed and kind is not None:
                return
            if kind in NEWEST_ONLY:
                self._waiting = [other for other in self._waiting if kind_of(other) != kind]
            self._waiting.append(arrival)
            self._change.notify_all()

    def take(self, seconds):
        # type: (float) -> Optional[Arrival]
        """The oldest arrival, after waiting for one that long at most."""
        with self._change:
            if not self._waiting:
                self._change.wait(seconds)
            self._change.notify_all()
            return self._waiting.pop(0) if self._waiting else None

    def close(self):
        # type: () -> None
        """Nobody looks any more, and nobody has to wait for it."""
        with self._change:
            self._is_closed = True
            self._change.notify_all()

    def _is_full(self):
        # type: () -> bool
        others = [arrival for arrival in self._waiting if kind_of(arrival) not in NEWEST_ONLY]
        return len(others) >= MOST_WAITING or any(getattr(arrival, "arrays", None) for arrival in others)


def kind_of(arrival):
    # type: (Arrival) -> Optional[str]
    """The kind of a message; None for an ending."""
    return arrival.header["kind"] if isinstance(arrival, frames.Frame) else None
