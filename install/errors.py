"""What can go wrong for the person who installs."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from words import Words

NO_ROOM = Words("Make room on that disk, and try again; it goes on from here.")
NO_RIGHT = Words("Give yourself the right to change that, and try again; it goes on from here.")
OTHER_FOLDERS = "Or name other folders with --data-folder and --gimp-folder."
OTHER = Words("Put that right, and try again; it goes on from here.")
TIPS = {
    errno.ENOSPC: NO_ROOM,
    errno.EFBIG: NO_ROOM,
    getattr(errno, "EDQUOT", errno.ENOSPC): NO_ROOM,
    errno.EACCES: NO_RIGHT,
    errno.EPERM: NO_RIGHT,
    errno.EROFS: NO_RIGHT,
}


class InstallError(Exception):
    """``message`` says in one sentence what is wrong, ``tip`` what to do about it.

    ``options`` says what else the command line offers: only who has one before him can use it.
    """

    def __init__(self, message: str, tip: str, options: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.tip = tip
        self.options = options


def from_system(error: OSError) -> InstallError:
    """Return what the operating system refuses as an error with a tip."""
    where = Words("A file") if error.filename is None else str(error.filename)
    told = Words("{path} cannot be read or written ({reason}).", path=where, reason=error.strerror or str(error))
    tip, options = advice(error)
    return InstallError(told, tip, options)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Within the block, let what the operating system refuses name this file where it names none, as of a full disk."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def advice(error: OSError) -> tuple[Words, str]:
    """Return tip and options for what the operating system refuses."""
    tip = TIPS.get(error.errno or 0, OTHER)
    return tip, OTHER_FOLDERS if tip == NO_RIGHT else ""
