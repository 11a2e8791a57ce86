"""What can go wrong for the person who installs."""

from __future__ import annotations

import errno

AGAIN = "and run this installer again; it goes on from here."
NO_ROOM = f"Make room on that disk, {AGAIN}"
NO_RIGHT = (
    f"Give yourself the right to change that, or name other folders with --data-folder and --gimp-folder, {AGAIN}"
)
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
    where = "A file" if error.filename is None else str(error.filename)
    tip = TIPS.get(error.errno or 0, f"Put that right, {AGAIN}")
    return InstallError(f"{where} cannot be read or written ({error.strerror or error}).", tip)
