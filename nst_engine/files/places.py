"""Files in their places: whole or not at all, unasked never over another file, and elsewhere rather than lost."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from nst_engine import limits
from nst_engine.errors import PictureError

NOT_ON_DISK = (errno.EIO, errno.ENOSPC, errno.EDQUOT)
"""What ``fsync`` says when bytes are lost; the rest is network drives that know no ``fsync``."""

READER_SECONDS = 10
"""How long the other end of a pipe may take to come."""

LONGEST_NAME, FOR_A_NUMBER = 255, 15
"""Bytes of a name that fit into the usual file systems, and those of them for a number that tells it from another."""

LONGEST_STEM = 50
"""Letters of a name that fit into any file system, with a number and an ending, and if each takes three bytes."""


def check(path: Path, force: bool, may_be_stream: bool = False) -> None:
    """Raise :class:`PictureError` now rather than after minutes of work if no file can be put at ``path``.

    A stream is a pipe or a device such as ``/dev/stdout``: what is written there passes through and replaces nothing.
    """
    try:
        target = _target(path)
        if not target.parent.is_dir():
            raise PictureError(f"There is no folder {target.parent}.", "Make it first, or choose another place.")
        mode = _mode(path)
        if stat.S_ISDIR(mode):
            raise PictureError(f"{path} is a folder.", "Choose another name.")
        if may_be_stream and _is_stream(mode):
            return
        if os.path.lexists(path) and not force:
            raise PictureError(f"{path} exists already.", "Choose another name, or add --force to replace it.")
        if mode and not stat.S_ISREG(mode):
            raise PictureError(f"{path} is no file that can be replaced.", "Choose another name.")
    except (OSError, ValueError) as error:
        raise PictureError(f"{path} cannot be written ({reason(error)}).", "Choose another name.") from None
    check_folder(target.parent)


def check_folder(folder: Path) -> None:
    """Raise :class:`PictureError` if nothing can be written to a folder, which is tried."""
    try:
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        with tempfile.NamedTemporaryFile(prefix=".nst-", dir=folder) as file:
            file.write(b"\0")
            file.flush()
    except OSError as error:
        raise PictureError(
            f"Nothing can be written to the folder {folder} ({reason(error)}).", "Choose another place."
        ) from None


def check_room(path: Path, size: int) -> None:
    """Raise :class:`PictureError` if the disk of ``path`` has no room for so many bytes, or a limit allows them not."""
    with contextlib.suppress(OSError):
        folder = _target(path).parent
        disk = shutil.disk_usage(folder)
        if disk.free < size and disk.total:  # some network drives say that they are of no size
            raise PictureError(
                f"{path.name} takes about {size / 1e3:,.0f} kB; the disk of {folder} has {disk.free / 1e3:,.0f} left.",
                "Make room there, or choose another place.",
            )
    if size > (limit := limits.file_room()):
        raise PictureError(
            f"{path.name} cannot be written: it takes about {size / 1e3:,.0f} kB, a file may have {limit / 1e3:,.0f}.",
            "Raise the limit (ulimit -f).",
        )


def check_apart(path: Path, others: Iterable[Path]) -> None:
    """Raise :class:`PictureError` if ``path`` is one of the other files, whatever they are called."""
    for other in others:
        same = _identity(path) == _identity(other)
        with contextlib.suppress(OSError):
            same = same or os.path.samefile(path, other)
        if same:
            raise PictureError(f"{path} and {other} are the same file.", "Give each a name of its own.")


def shortened(name: str, most: int) -> str:
    """As much of the beginning of a name as has so many bytes."""
    return os.fsencode(name)[:most].decode(errors="ignore") if len(os.fsencode(name)) > most else name


def apart(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """The names, with a number those that some file system takes for one before or taken: ``a.png``, ``A 2.png``."""
    given: list[str] = []
    known = {_folded(name) for name in taken}
    for name in names:
        stem, ending = os.path.splitext(name)
        number = 1
        while _folded(name) in known:
            number += 1
            name = f"{stem} {number}{ending}"
        known.add(_folded(name))
        given.append(name)
    return given


def deliver(path: Path, data: bytes, force: bool) -> None:
    """Put a file at ``path``; if that cannot be, keep it elsewhere and raise :class:`PictureError` that says where."""
    try:
        put(path, data, force)
    except FileExistsError:
        raise kept(path, data, f"{path} exists already") from None
    except (OSError, ValueError) as error:
        raise kept(path, data, f"{path} cannot be written ({reason(error)})") from None


def deliver_file(path: Path, finished: Path, force: bool) -> None:
    """Like :func:`deliver` for a whole file beside or below ``path``, which is not there afterwards."""
    with contextlib.suppress(OSError, ValueError):  # which is to be told, or leads to another disk
        if not _is_stream(_mode(path)):
            _place(path, finished, force)
            return
    deliver(path, finished.read_bytes(), force)
    finished.unlink()


def put(path: Path, data: bytes, force: bool) -> None:
    """Put a whole file at ``path``, through a link; or raise ``OSError``, and then all is as before.

    Where a file is already, that is ``FileExistsError`` unless ``force`` is set, even if it came this very moment.
    """
    if _is_stream(_mode(path)):
        _stream(path, data)
        return
    with _unfinished(_target(path).parent, data) as unfinished:
        _place(path, unfinished, force)


def set_aside(path: Path) -> Path | None:
    """Give what is at ``path``, a link even, another name beside it, and return that; what is empty just goes."""
    if not path.is_symlink() and path.stat().st_size == 0:
        path.unlink()
        return None
    (name,) = apart([f"{path.stem} (half){path.suffix}"], os.listdir(path.parent))
    return path.rename(path.with_name(name))


def kept(path: Path, data: bytes, trouble: str) -> PictureError:
    """Keep the bytes that have no place at ``path``; returns the error that tells of both, which begins as given."""
    for place in _other_places(path):
        with contextlib.suppress(OSError):
            _write_new(place, data)
            return PictureError(f"{trouble}; what was made is kept as {place}.", "Move it from there.")
    return PictureError(f"{trouble}, and what was made can be kept nowhere else.", "Make room on a disk.")


def reason(error: Exception) -> str:
    """What an error of the system says, without the number and the name of the file."""
    return getattr(error, "strerror", None) or str(error)


def _target(path: Path) -> Path:
    """Where the bytes go: to where a link leads."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path.absolute()


def _mode(path: Path) -> int:
    """Kind and permissions of a file, 0 if there is none."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return 0


def _is_stream(mode: int) -> bool:
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _stream(path: Path, data: bytes) -> None:
    """Write into a pipe or device; ``OSError`` for a pipe that nobody comes to read, rather than waiting for ever."""
    descriptor = _opened_to_write(path)
    with open(descriptor, "wb") as stream:
        if sys.platform != "win32":
            os.set_blocking(descriptor, True)
        stream.write(data)


def _opened_to_write(path: Path) -> int:
    latest = time.monotonic() + READER_SECONDS
    while True:
        try:
            return os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > latest:
                raise
        time.sleep(0.1)


@contextlib.contextmanager
def _unfinished(folder: Path, data: bytes) -> Iterator[Path]:
    """A file with these bytes under a name of no meaning, which goes unless it is renamed."""
    path = folder / f".nst-{secrets.token_hex(8)}"
    try:
        with open(path, "xb") as file:
            file.write(data)
            file.flush()
            _sync(file.fileno())
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in NOT_ON_DISK:
            raise


def _place(path: Path, finished: Path, force: bool) -> None:
    """Rename a finished file to ``path``, through a link if that may be replaced."""
    if force:
        target = _target(path)
        with contextlib.suppress(OSError):
            shutil.copymode(target, finished)
        os.replace(finished, target)
    else:
        _claim(path, finished)


def _claim(path: Path, unfinished: Path) -> None:
    """Rename to ``path`` if nothing is there: of two that try, one gets it. Not all file systems have hard links."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        os.replace(unfinished, path)
    except BaseException:
        if unfinished.exists():  # or else the finished file is there
            path.unlink()
        raise


def _other_places(path: Path) -> Iterator[Path]:
    """Names that nothing has, beside ``path``, then where this user can surely write."""
    number = secrets.token_hex(3)
    folders = [] if _is_stream(_mode(path)) else [_target(path).parent]  # a device's folder is no place for files
    with contextlib.suppress(RuntimeError):
        folders.append(Path.home())
    with contextlib.suppress(OSError):
        folders.append(Path(tempfile.gettempdir()))
    for folder in (*folders, Path("/dev/shm")):  # nosec B108
        for stem in (path.stem[:LONGEST_STEM], "stylized"):
            yield folder / f"{stem}-{number}{path.suffix}"


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, where there was none."""
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        try:
            file.write(data)
            file.flush()
        except BaseException:
            path.unlink()
            raise


def _identity(path: Path) -> str:
    return _folded(os.path.realpath(path))


def _folded(name: str) -> str:
    """The same for all names that one of the usual file systems may take for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
