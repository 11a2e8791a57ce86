"""stdout and stderr as they are met: missing, left by their reader, on a full disk, unable to show a letter.

What a command says never costs its work: the streams take everything, and what cannot be told is dropped. Only that
a disk had no room for what was printed is a failure, which the command tells in the end.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def say(line: str) -> None:
    """A line for the person who runs the command, on stderr."""
    print(shown(line), file=sys.stderr, flush=True)


def answer(line: str) -> None:
    """A line of what the command was asked for, on stdout."""
    print(shown(line), flush=True)


def shown(text: str) -> str:
    """The text as one line in which a file's name cannot command the terminal: what does not print is escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


@contextmanager
def taking_everything() -> Iterator[None]:
    """Within the block ``sys.stdout`` and ``sys.stderr`` are there, and no writing to them raises."""
    _fill_descriptors()
    former = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_tolerant, former)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = former


def lost_answer() -> str:
    """Why what was printed is not where stdout leads; empty if it is, and if its reader left, as ``head`` does."""
    failure = getattr(getattr(sys.stdout, "buffer", None), "failure", None)
    return failure.strerror if failure and failure.errno in NO_ROOM else ""


class _Tolerant(io.RawIOBase):
    """Writes to another stream, all of it at once, until that fails; from then on nothing."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self.target.isatty())

    def fileno(self) -> int:
        return int(self.target.fileno())

    def write(self, data: Any) -> int:
        left = memoryview(data)
        try:
            while left and not self.failure:
                written = self.target.write(left)
                if written is None:  # a pipe that somebody told not to wait
                    select.select([], [self.target], [])
                left = left[written or 0 :]
        except OSError as error:
            self.failure = error
        return len(data)


def _tolerant(stream: TextIO | None) -> TextIO:
    """A text stream into the same file that never raises: each writing goes through, so a signal may come between."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    if not hasattr(stream, "buffer"):  # a notebook's, which has no file below
        return stream
    tolerant: Any = _Tolerant(getattr(stream.buffer, "raw", stream.buffer))
    return io.TextIOWrapper(tolerant, stream.encoding, "backslashreplace", write_through=True)


def _fill_descriptors() -> None:
    """Open what was closed of stdin, stdout and stderr: else a picture's file would get its number, and stray words."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
