"""One installer at a time in one engine's home."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from errors import InstallError
from words import Words

NAME = ".installing"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Keep other installers out of a folder until the end; yield the descriptor that does so.

    A program that inherits the descriptor keeps them out as long as it runs, should this one be killed.
    """
    descriptor = only_holder(folder / NAME)
    try:
        yield descriptor
    finally:
        try:
            if os.name == "posix":
                os.unlink(folder / NAME)
        finally:
            os.close(descriptor)
        if os.name != "posix":
            with contextlib.suppress(OSError):  # another one has opened it meanwhile
                os.unlink(folder / NAME)


def only_holder(path: Path) -> int:
    """Open and lock a file; again, where the file was removed by its last holder between the two."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if not lock(descriptor):
            os.close(descriptor)
            told = Words("Another installer is at work in {folder}.", folder=path.parent)
            raise InstallError(told, "Wait until it has ended, and try again.")
        if os.path.exists(path) and os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
        os.close(descriptor)


def lock(descriptor: int) -> bool:
    """Say whether the lock of a file could be had; it goes with the descriptor."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True  # a file system without locks
    return True
