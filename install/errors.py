"""What can go wrong for the person who installs."""

from __future__ import annotations

import errno

from words import Words

NO_ROOM = Words("Make room on that disk, and run this installer again; it goes on from here.")
NO_RIGHT = Words(
    "Give yourself the right to change that, or name other folders with --data-folder and --gimp-folder, and run this "
    "installer again; it goes on from here."
)
OTHER = Words("Put that right, and run this installer again; it goes on from here.")
TIPS = {
    errno.ENOSPC: NO_ROOM,
    errno.EFBIG: NO_ROOM,
    getattr(errno, "EDQUOT", errno.ENOSPC): NO_ROOM,
    errno.EACCES: NO_RIGHT,
    errno.EPERM: NO_RIGHT,
    errno.EROFS: NO_RIGHT,
}


class InstallError(Exception):
    """``message`` says in one sentence what is wrong, ``tip`` what to do about it."""

    def __init__(self, message: str, tip: str) -> None:
        super().__init__(message)
        self.message = message
        self.tip = tip


def from_system(error: OSError) -> InstallError:
    """Return what the operating system refuses as an error with a tip."""
    where = Words("A file") if error.filename is None else str(error.filename)
    told = Words("{path} cannot be read or written ({reason}).", path=where, reason=error.strerror or str(error))
    return InstallError(told, tip_for(error.errno))


def tip_for(number: int | None) -> Words:
    return TIPS.get(number or 0, OTHER)
