"""Other programs: quick questions to them, and long runs whose output the user sees and the log keeps."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from errors import NO_ROOM, InstallError, naming
from machine import child_environment
from output import say
from words import Words

ANSWER_SECONDS = 60
END_SECONDS = 10
"""How long a program may take to end when it is told to."""

NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""Windows opens a console for each program that a program without one starts, as GIMP's plug-ins are."""

running: set[subprocess.Popen[Any]] = set()
"""The programs that are run to their end at the moment."""

INVALID = r"Wheel '\S+' located at .* is invalid"
"""What pip says of a package that broke off on its way, or in the user's own folder."""

NO_NETWORK = re.compile(
    r"NewConnectionError|Name or service not known|name resolution|getaddrinfo|dns error|Network is unreachable"
    r"|error sending request|Connection (refused|reset|broken|aborted)|timed out|client error \(Connect\)"
    r"|incomplete-download|not enough bytes were received|network timeout|error decoding response body"
    rf"|{INVALID}",
    re.IGNORECASE,
)
"""How pip and uv say that they cannot reach anybody, or that what they got broke off."""

MISMATCH = re.compile(r"hash mismatch|do not match the hashes", re.IGNORECASE)
"""How they say that a package is not what was put up there."""

UNREADABLE = re.compile(rf"failed to (extract|unzip)|BadZipFile|{INVALID}", re.IGNORECASE)
"""How they say that a package cannot be read: it is damaged, or its coming broke off."""

DISK_FULL = re.compile(r"No space left|not enough space on the disk|quota exceeded|File too large", re.IGNORECASE)

FRAME = re.compile(r"^(×|x|[├╰]─▶|[|`]->|│) +")
"""What uv draws before a chain of causes, with or without Unicode."""

LITTLE_ROOM = 10_000_000
"""With fewer bytes left on the disk, that is why a program failed, whatever it says."""

ONLINE = Words("See that this machine is online, and try again; it goes on from here.")
FETCH_ANEW = Words("Try again; what was damaged is fetched anew.")
REPLACE = Words("Put a whole copy of it into the folder of wheels, and try again.")
OFFLINE = "Without a network, --wheels FOLDER takes all packages from a folder."

TEDIOUS = "Requirement already satisfied"
"""How pip begins dozens of lines that only the log needs."""


class CommandFailed(InstallError):
    """A program that ought to have worked did not."""


class NoRoom(InstallError):
    """A program failed because a disk is full: another one would fare no better."""


def ask(command: Sequence[str | Path], environ: Mapping[str, str], seconds: float = ANSWER_SECONDS) -> str | None:
    """Return what a program prints, or None where it is missing, fails or does not answer in time."""
    try:
        process = subprocess.Popen(
            [str(word) for word in command],
            env=child_environment(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            creationflags=NO_WINDOW,
        )
        with ending(process):
            answer, _ = process.communicate(timeout=seconds)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer if process.returncode == 0 else None


def run(
    purpose: Words, command: Sequence[str | Path], environ: Mapping[str, str], log: Path, lock: int | None = None
) -> None:
    """Run a program to its end, showing its output indented and keeping it in the log.

    ``purpose`` completes the sentence "... failed": "Installing torch". The program holds the lock too, so that it
    keeps other installers out should it live longer than this one.
    """
    words = [str(word) for word in command]
    last_lines: deque[str] = deque(maxlen=12)
    said: dict[re.Pattern[str], str] = {}
    with naming(log), log.open("a", encoding="utf-8", buffering=1) as diary:
        diary.write(f"\n{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(words)}\n")
        with started(purpose, words, environ, log, lock) as process:
            assert process.stdout is not None
            for line in process.stdout:
                diary.write(line)
                last_lines.append(FRAME.sub("", line.strip()))
                for cause in (NO_NETWORK, MISMATCH, UNREADABLE, DISK_FULL):
                    if cause.search(line):
                        said.setdefault(cause, last_lines[-1])
                if not line.startswith(TEDIOUS):
                    say(f"      {line.rstrip()}")
    if process.returncode != 0:
        raise failed(purpose, said, last_lines, log, has_wheels="PIP_NO_INDEX" in environ)


@contextlib.contextmanager
def started(
    purpose: Words, words: Sequence[str], environ: Mapping[str, str], log: Path, lock: int | None
) -> Iterator[subprocess.Popen[str]]:
    """Start a program that tells all in one stream, and see it end."""
    try:
        process = subprocess.Popen(
            words,
            env=child_environment(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            pass_fds=[lock] if lock is not None and os.name == "posix" else [],
            creationflags=NO_WINDOW,
        )
    except OSError as error:
        told = Words(
            "{purpose} failed: {program} cannot be run ({reason}).",
            purpose=purpose,
            program=words[0],
            reason=error.strerror,
        )
        raise CommandFailed(told, see(log)) from error
    with ending(process):
        yield process


def failed(
    purpose: Words, said: Mapping[re.Pattern[str], str], last_lines: Sequence[str], log: Path, has_wheels: bool
) -> InstallError:
    """Return why a program failed, by the lines that tell of a cause and by what room there is."""
    full = full_folder(log)
    if full:
        told = Words("{purpose} failed, because the disk of {folder} is full.", purpose=purpose, folder=full)
        return NoRoom(told, NO_ROOM)
    if DISK_FULL in said:
        told = Words("{purpose} failed, because a disk is full: {gist}", purpose=purpose, gist=said[DISK_FULL])
        return NoRoom(told, NO_ROOM)
    has_broken_off = NO_NETWORK in said and not has_wheels
    damage = said.get(MISMATCH) or (None if has_broken_off else said.get(UNREADABLE))
    if damage:
        told = Words("{purpose} failed, because a package is damaged: {gist}", purpose=purpose, gist=damage)
        return CommandFailed(told, REPLACE if has_wheels else FETCH_ANEW)
    if NO_NETWORK in said:
        told = Words("{purpose} failed, because packages cannot be reached.", purpose=purpose)
        return CommandFailed(told, ONLINE, OFFLINE)
    return CommandFailed(Words("{purpose} failed: {gist}", purpose=purpose, gist=gist(last_lines)), see(log))


def full_folder(log: Path) -> Path | None:
    """Return the folder of the log or that of temporary files, if its disk is full; the latter may be none then."""
    folders = [log.parent]
    with contextlib.suppress(OSError):
        folders.append(Path(tempfile.gettempdir()))
    return next((folder for folder in folders if shutil.disk_usage(folder).free < LITTLE_ROOM), None)


@contextlib.contextmanager
def ending(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Wait for a program, or end it where something went wrong here."""
    running.add(process)
    with process:
        try:
            yield
        except BaseException:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise
        finally:
            running.discard(process)


def end_running() -> None:
    """End what is run at the moment, so that whoever waits for it waits no longer."""
    for process in list(running):
        with contextlib.suppress(OSError):
            process.terminate()


def gist(lines: Sequence[str]) -> str:
    """Return the line that says what went wrong: the first that calls itself an error, else the last one."""
    spoken = [line for line in lines if line]
    complaints = [line for line in spoken if line.lower().startswith(("error", "e: ", "fatal"))]
    return (complaints or spoken[-1:] or [Words("it printed nothing.")])[0]


def see(log: Path) -> Words:
    return Words(
        "Everything it printed is in {log}. When the cause is gone, try again; it goes on from here.",
        log=log,
    )
