"""An engine on another computer: whether it is there and understands this plug-in, and how it gets there.

What goes there goes by the user's own ssh, started as the plug-in starts it.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from commands import NO_WINDOW, ending
from errors import InstallError
from installation import Installation
from machine import child_environment
from output import UNSEEN, event, is_heard, say
from plugin_folder import Entry
from source import BUILT_FROM, RELEASE, WHEELS, is_archive, plugin_code, version_of
from words import Words

INSTALLING = (
    "import subprocess, sys, tarfile, tempfile; folder = tempfile.TemporaryDirectory(); "
    "tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall(folder.name); "
    "sys.exit(subprocess.call([sys.executable, folder.name + '/install/install.py', *sys.argv[1:]]))"
)
"""What Python does there with an archive that comes through its stdin, whose end is then the installer's cancel."""

AGAIN = Words("When that is done, try again.")
NO_PYTHON = 127

TOLD: dict[str, dict[str, type]] = {
    "error": {"message": str, "tip": str},
    "line": {"text": str},
    "bytes": {"bytes": int, "about": int},
}
"""What belongs to each event that is passed on."""

LINE_LIMIT = 64 * 1024
"""Most bytes of a line that are taken at once."""

MOST_BYTES = 2**63


class MissingThere(InstallError):
    """The engine has to be installed on the other computer, or brought up to date."""


@dataclass(frozen=True)
class ReachEngine:
    """``engine`` is installed where it is missing or too old, if that is allowed, with this build of torch."""

    engine: Entry
    torch_backend: str
    may_install: bool

    def describe(self) -> Words:
        return Words("Ask the engine on {host} how it is", host=self.engine["host"])

    def apply(self, installation: Installation) -> None:
        host, here = self.engine["host"], version_of(installation.checkout)
        version = greeted(installation.checkout, self.engine)
        if version != here and (self.may_install or is_agreed(state(host, version, here))):
            install_there(installation, self.engine, self.torch_backend)
            version = greeted(installation.checkout, self.engine, is_installed=True)
        if version is None:
            raise MissingThere(
                state(host, version, here),
                "It can be installed there from here.",
                "That is what --install-there does.",
            )
        say(f"      It is of version {version or 'unknown'} and ready.")
        if version != here:
            installation.notes.append(state(host, version, here))


def state(host: object, version: str | None, here: str) -> Words:
    """Say of an engine that is not of the plug-in's version what it is."""
    if version is None:
        return Words("The engine on {host} is missing, or too old for this plug-in.", host=host)
    return Words(
        "The engine on {host} is of version {version}, the plug-in of version {here}.",
        host=host,
        version=version,
        here=here,
    )


def is_agreed(question: str) -> bool:
    """Ask whoever sits at the terminal, if somebody does, whether to install the engine there."""
    if is_heard() or not sys.stdin.isatty():
        return False
    try:
        return input(f"{question} Install it there? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def greeted(source: Path, engine: Entry, is_installed: bool = False) -> str | None:
    """Return the version of the engine that greets there, None where it is missing, broken or of another protocol.

    InstallError where it cannot be reached, and instead of None where it ``is_installed`` just now: why it is broken.
    """
    with plugin_code(source):
        from nst_plugin.shared import engines, translation
        from nst_plugin.shared.errors import EngineError, EngineMissing
    if is_heard():
        translation.use()  # by GIMP, which has no words for the plug-in's own sentences when they come from here
    try:
        with engines.start(engines.understood(dict(engine))) as started:
            started.wait_for_greeting()
            return str(started.version)
    except EngineError as problem:
        if isinstance(problem, EngineMissing) and not is_installed:
            return None
        raise unreachable(engine, problem) from None


def unreachable(engine: Entry, problem: Exception) -> InstallError:
    """What the plug-in would say, as an installer says it."""
    told = Words("The engine on {host} cannot be used.", host=engine["host"])
    return InstallError(told, Words("{problem} Then try again.", problem=str(problem)))


def install_there(installation: Installation, engine: Entry, torch_backend: str) -> None:
    """Send what is installed from to the other computer, and run its installer there; what that tells is told here."""
    words = ["--engine-only", "--events", "--torch-backend", torch_backend]
    command = shlex.join(["python3", "-c", INSTALLING, *words])
    say(f"      Sending the engine to {engine['host']} and installing it there…")
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            ssh_command(installation.checkout, engine, command),
            env=child_environment(installation.machine.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            creationflags=NO_WINDOW,
        )
        with ending(process):
            send(installation.checkout, process.stdin)
            has_begun, is_done = hear(process.stdout, str(engine["host"]))
        if not is_done:
            complaints.seek(0)
            printed = complaints.read().decode("utf-8", "replace")
            raise explained(installation.checkout, engine, process.returncode, printed, has_begun)


def ssh_command(source: Path, engine: Entry, command: str) -> list[str]:
    """Return the command that has the other computer's shell run another one."""
    with plugin_code(source):
        from nst_plugin.shared import engines, ssh
    known = engines.understood(dict(engine))
    return [str(word) for word in ssh.run(known.host, command, known.ssh)]


def send(source: Path, pipe: IO[bytes] | None) -> None:
    """Send an archive of what the engine is installed from. Where nobody takes it, what he said is yet to be read."""
    assert pipe is not None
    names = ("install", WHEELS, RELEASE) if is_archive(source) else ("install", "nst_engine", *BUILT_FROM)
    try:
        with tarfile.open(fileobj=pipe, mode="w|", dereference=True) as archive:
            for name in names:
                archive.add(source / name, name, filter=without_rubbish)
        pipe.flush()
    except OSError:
        with contextlib.suppress(OSError):  # of what nobody took, which would be tried again at the end
            pipe.close()


def without_rubbish(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what Python keeps of modules, and whose the files are."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return None if "__pycache__" in entry.name else entry


def hear(pipe: IO[bytes] | None, host: str) -> tuple[bool, bool]:
    """Pass on what the installer there tells; returns whether it did at all, and whether it came to its good end.

    InstallError as it says.
    """
    assert pipe is not None
    has_begun = is_done = False
    for line in iter(lambda: pipe.readline(LINE_LIMIT), b""):
        told = understood(line)
        if told["event"] == "error":
            problem = f"{told['message']} {told['tip']}"
            raise InstallError(Words("The installer on {host} says: {problem}", host=host, problem=problem), AGAIN)
        if told["event"] == "line":
            say(f"      {told['text']}")
        elif told["event"] == "bytes":
            event("bytes", bytes=told["bytes"], about=told["about"])
        has_begun, is_done = True, is_done or told["event"] == "done"
    return has_begun, is_done


def understood(line: bytes) -> dict[str, Any]:
    """Return what a line of the installer there tells; what is no event is something to read."""
    text = line.decode("utf-8", "replace").rstrip()
    try:
        told = json.loads(text)
        kinds = TOLD.get(told["event"], {})
        if all(type(told[name]) is kind for name, kind in kinds.items()):
            facts: dict[str, Any] = {
                name: shown(told[name]) if kind is str else told[name] for name, kind in kinds.items()
            }
            if told["event"] != "bytes" or 0 <= facts["bytes"] < MOST_BYTES > facts["about"] > 0:
                return {"event": told["event"], **facts}
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    return {"event": "line", "text": shown(text)}


def shown(text: str) -> str:
    """Return what somebody else says as a window can show it: everything in it prints."""
    return text.translate(dict.fromkeys(UNSEEN, " ")).encode("utf-8", "replace").decode("utf-8")


def explained(source: Path, engine: Entry, status: int | None, printed: str, has_begun: bool) -> InstallError:
    """Why nothing was installed there, or not all."""
    with plugin_code(source):
        from nst_plugin.shared import ssh
    host = str(engine["host"])
    if status == NO_PYTHON:
        return InstallError(Words("{host} has no python3.", host=host), Words("Install Python 3.10 or later there."))
    problem = ssh.explained(host, status, printed, has_begun)
    if problem is not None and not has_begun:
        return unreachable(engine, problem)
    last = (printed.strip().splitlines() or [""])[-1]
    told = Words("The installer on {host} stopped before it was done. It said: {last}", host=host, last=last)
    tip = AGAIN if problem is None else str(problem)
    return InstallError(told, tip)
