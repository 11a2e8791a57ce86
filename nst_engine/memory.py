"""Memory: what this process may still take, what it holds without using, and which errors mean that it is short."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import psutil

from nst_engine import limits
from nst_engine.errors import OutOfMemory, StyleTransferError
from nst_engine.words import Words

SIGNS = (
    "can't allocate", "cannot allocate", "failed to allocate", "unable to allocate", "out of memory", "alloc_failed",
    "bad_alloc", "not enough memory", "could not create a primitive", "could not create a memory",
    "failed to map segment", "paging file is too small", "error return without exception set",
)  # fmt: skip
"""What PyTorch, its libraries and loaders of libraries say where memory is short and Python knows no MemoryError."""

START = "import nst_engine.painting, nst_engine.files.reading; bytearray(300_000_000)"
"""What takes as much memory as the smallest job: all libraries, a network, and something to begin with."""

THREADS_STORAGE = "static tls"
"""A loader's complaint that has the words of SIGNS and another cause."""

TOO_LITTLE = "The limit on this program's memory leaves {left:.1f} GB, too little to load PyTorch."

SPARE = 100_000_000
"""Bytes of a limit on addresses that are left alone: where libraries get none, some crash instead of telling."""


def free() -> int:
    """Bytes that this process may still take: the least of what the machine has and what limits leave.

    Counted are the limits of containers and services (control groups) and those of a shell (``ulimit``). What the
    process holds without using is given back first.
    """
    give_back()
    addresses = limits.address_room() + _held_idle() - SPARE
    return max(0, min(machine()[1], limits.room(), addresses))


def machine() -> tuple[int, int]:
    """Bytes that the machine has, and those that one more program may take; without ``/proc``, those that are idle."""
    try:
        found = psutil.virtual_memory()
        return found.total, found.available
    except OSError:
        pages = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_AVPHYS_PAGES")
        return pages[0] * os.sysconf("SC_PAGE_SIZE"), pages[1] * os.sysconf("SC_PAGE_SIZE")


def held() -> int:
    """Bytes of memory that this process has now."""
    try:
        return int(psutil.Process().memory_info().rss)
    except (psutil.Error, OSError):
        return peak()


def peak() -> int:
    """Most bytes of memory that this process has had so far."""
    if platform.system() == "Windows":
        return int(getattr(psutil.Process().memory_info(), "peak_wset"))  # noqa: B009 (only there)
    import resource  # not on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if platform.system() == "Darwin" else most * 1024


def keep_what_is_freed() -> None:
    """Let this process reuse the memory of large tensors instead of asking Linux for blank pages again and again.

    Without it, a quarter of a step's time went into page faults. See mallopt(3); elsewhere nothing happens.
    """
    if (library := _glibc()) is not None:
        m_trim_threshold, m_mmap_max = -1, -4
        library.mallopt(m_mmap_max, 0)
        library.mallopt(m_trim_threshold, 2**31 - 1)


def check_start() -> None:
    """Raise :class:`OutOfMemory` where a limit (``ulimit``) leaves too little memory to load PyTorch.

    Its libraries take gigabytes of addresses, and some end the process where they do not get them. So where there is
    a limit, a process of its own tries first.
    """
    room = limits.address_room()
    if room == limits.UNLIMITED:
        return
    places = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    if subprocess.run([sys.executable, "-c", START], env=places, capture_output=True).returncode:
        raise OutOfMemory(Words(TOO_LITTLE, left=room / 1e9), "Raise it (ulimit -v and -d), or start without it.")


def too_small() -> OutOfMemory:
    """What to say of a shortage that nobody can say more of."""
    return OutOfMemory("The memory is too small for this.", "Close other programs, or scale the pictures down.")


def give_back() -> None:
    """Give the system what this process holds without using: the other side of :func:`keep_what_is_freed`."""
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


def is_shortage(error: BaseException) -> bool:
    """Whether an error, whoever raised it, says that memory is short, the device's or the machine's."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    if isinstance(error, StyleTransferError) or not isinstance(error, Exception):
        return False
    text = str(error).lower()
    return THREADS_STORAGE not in text and any(sign in text for sign in SIGNS)


@contextmanager
def explained(explanation: Callable[[], OutOfMemory]) -> Iterator[None]:
    """Whatever is short of memory inside ends in this explanation, with the error itself as its cause."""
    try:
        yield
    except Exception as error:
        if not is_shortage(error):
            raise
        traceback.clear_frames(error.__traceback__)  # what was half done may be what takes the memory
        raise explanation() from error


class _HeapUse(ctypes.Structure):
    """What mallinfo2(3) tells; ``fordblks`` are the bytes of freed blocks."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def _held_idle() -> int:
    """Bytes of address space that freed blocks occupy, whose pages may have been given back."""
    library = _glibc()
    if library is None or not hasattr(library, "mallinfo2"):  # which is younger than Debian 11
        return 0
    library.mallinfo2.restype = _HeapUse
    return int(library.mallinfo2().fordblks)


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
