"""Where a picture's bytes come from: a file or a pipe, and what of it a decoder gets to see."""

from __future__ import annotations

import bisect
import io
import itertools
import os
import select
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PATIENCE = 30.0
"""Seconds without a byte after which a pipe is given up."""

SLOWEST = 1000
"""Bytes a second, on the whole, below which a pipe is given up as well."""

LARGEST_STREAM = 1 << 30
"""Bytes that are taken from a pipe, which unlike a file has to be held in memory."""


ONE_BY_ONE = threading.Lock()
"""A file has one position, and decoders read channels that lie apart in it in threads of their own."""


class NoFile(OSError):
    """What a name stands for has no bytes to read: a device, a socket, a pipe that stays silent."""


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """The bytes of a file, or of a pipe such as ``<(curl …)``; never waits for ever.

    Raises :class:`OSError`, and ``ValueError`` for a name that no file can have.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise NoFile("it is a device and no file")
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        yield io.BytesIO(_received(descriptor)) if stat.S_ISFIFO(mode) else file


def size(file: BinaryIO) -> int:
    """Bytes of a file; its position is at the end then."""
    return file.seek(0, os.SEEK_END)


class Pieces:
    """A file made of parts of another one and of bytes of our own, one behind the other; nothing is copied.

    Decoders get these rather than the file: what they do not need for the pixels they cannot stumble over.
    """

    def __init__(self, file: BinaryIO, parts: Sequence[bytes | range]) -> None:
        self.file = file
        self.parts = [part for part in parts if len(part)]
        self.ends = list(itertools.accumulate(map(len, self.parts)))
        self.position = 0

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def read(self, count: int) -> bytes:
        """At most so many bytes, perhaps fewer; none at the end, or where the file cannot be read any further."""
        index = bisect.bisect_right(self.ends, self.position)
        if index == len(self.parts):
            return b""
        part = self.parts[index]
        start = self.position - (self.ends[index] - len(part))
        found = self._bytes(part[start : start + count])
        self.position += len(found)
        return found

    def seek(self, offset: int, whence: int) -> int:
        """Move as files do; returns the new position."""
        self.position = max(0, offset + (0, self.position, len(self))[whence])
        return self.position

    def _bytes(self, part: bytes | range) -> bytes:
        if isinstance(part, bytes):
            return part
        try:
            with ONE_BY_ONE:
                self.file.seek(part.start)
                return self.file.read(len(part))
        except OSError:  # a drive that went away: the decoder finds the file cut off
            return b""


def _received(descriptor: int) -> bytes:
    """All that comes out of a pipe. Opened without waiting, it looks ended as long as nobody has begun to write."""
    received = bytearray()
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    started = time.monotonic()
    while waiting.poll(1000 * PATIENCE):
        data = os.read(descriptor, 1 << 20)
        if not data:
            return bytes(received)
        received += data
        if len(received) > LARGEST_STREAM:
            raise NoFile("it is a pipe that does not end")
        if time.monotonic() - started > PATIENCE + len(received) / SLOWEST:
            break
    raise NoFile("it is a pipe from which next to nothing comes")
