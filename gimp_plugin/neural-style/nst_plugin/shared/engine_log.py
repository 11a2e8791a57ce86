"""The log of a run: what the engine printed, to look into when something went wrong. Understood by Python 2.7 and 3.

Each run has a file of its own, and the newest few are kept. A log is only a help: whatever becomes of it, a full disk
or a folder that may not be written, the run goes on.
"""

import glob
import io
import os
import re
import tempfile
import time

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import BinaryIO, List, Optional, Tuple

KEPT = 10
LAST_BYTES = 4096
COMPLAINT = re.compile("(?i)error|fatal|cannot|can't|could not|denied|refused|failed|no such|no space")
PREFIX, SUFFIX = "engine-", ".log"


class EngineLog(object):
    """A file for this run in the first of the folders that can be written. Without any, what is noted is lost."""

    def __init__(self, folders):
        # type: (List[str]) -> None
        self.stream, self._path = _first_writable(folders)
        self._noted = ""

    @property
    def path(self):
        # type: () -> Optional[str]
        """The file to look into; None when there is nothing in it."""
        return self._path if self.size else None

    @property
    def size(self):
        # type: () -> int
        """How many bytes are in it."""
        try:
            return os.path.getsize(self._path or os.devnull)
        except (IOError, OSError):  # removed meanwhile
            return 0

    @property
    def tail(self):
        # type: () -> str
        """Its last lines, a few thousand characters of them."""
        try:
            with io.open(self._path or os.devnull, "rb") as log:
                log.seek(max(0, self.size - LAST_BYTES))
                return log.read(LAST_BYTES).decode("utf-8", "replace")
        except (IOError, OSError):
            return ""

    @property
    def last_words(self):
        # type: () -> str
        """The last line that complains, or the last, if the engine itself has printed it; empty when there is none."""
        printed = [line.strip() for line in self.tail.split("\n") if line.strip()]
        if not printed or printed[-1] == self._noted:
            return ""
        return ([printed[-1]] + [line for line in printed if COMPLAINT.search(line)])[-1]

    def note(self, line):
        # type: (str) -> None
        """Add a line of the plug-in's own."""
        self._noted = line.strip().split("\n")[-1].strip()
        try:
            self.stream.write((line + "\n").encode("utf-8", "replace"))
        except (IOError, OSError, ValueError):  # ValueError: closed already
            pass

    def close(self):
        # type: () -> None
        self.stream.close()


def _first_writable(folders):
    # type: (List[str]) -> Tuple[BinaryIO, Optional[str]]
    """Unbuffered, since the engine writes to the same file."""
    for folder in folders:
        try:
            return _new_file(folder)
        except (IOError, OSError):
            continue
    return io.open(os.devnull, "wb", buffering=0), None


def _new_file(folder):
    # type: (str) -> Tuple[BinaryIO, str]
    if not os.path.isdir(folder):
        os.makedirs(folder)
    prefix = PREFIX + time.strftime("%Y%m%d-%H%M%S-")
    descriptor, path = tempfile.mkstemp(SUFFIX, prefix, folder)
    _remove_old(folder, path)
    return io.open(descriptor, "wb", buffering=0), path


def _remove_old(folder, newest):
    # type: (str, str) -> None
    """Keep the newest logs only. Their names begin with the time, and so sort by age."""
    others = set(glob.glob(os.path.join(folder, PREFIX + "*" + SUFFIX))) - {newest}
    for path in sorted(others)[: -(KEPT - 1)]:
        try:
            os.remove(path)
        except (IOError, OSError):  # another run was quicker, or Windows keeps a file that is in use
            continue
