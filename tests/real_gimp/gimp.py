"""A real GIMP 3 under a root folder, and the programs that run in it."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

# chroot() into a subfolder leaves the working folder above the new root, where nothing stops ".." any more.
RELAY = "/opt/neural-style/host.py"
RELAY_SOURCE = '''\
"""Step out of this root folder, then become the host's program: same process, same pipes, same signals."""
import os
import sys

os.chdir("/")
os.chroot("/opt")
while os.stat(".").st_ino != os.stat("..").st_ino or os.stat(".").st_dev != os.stat("..").st_dev:
    os.chdir("..")
os.chroot(".")
os.execv(sys.argv[1], sys.argv[1:])
'''

PYTHON_FU = "python-fu-eval"
SCRIPT_FU = "plug-in-script-fu-eval"

StrPath = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Gimp:
    """A GIMP 3 installed under a root folder. Paths are the host's unless they were made by `inside`."""

    root: Path

    @functools.cached_property
    def version(self) -> str:
        """GIMP's version, such as "3.0.4"."""
        answer = self.run(["gimp-console", "--version"], timeout=60).stdout
        return answer.split()[-1]

    def outside(self, path: StrPath) -> Path:
        """Where a file of the root folder, named by its absolute path in there, lies on the host."""
        return self.root / os.fspath(path).lstrip("/")

    def inside(self, path: StrPath) -> str:
        """How programs in the root folder name a file of the host; ValueError when they cannot see it."""
        return f"/{Path(path).relative_to(self.root)}" if self._chrooted else os.fspath(path)

    def command(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> list[str]:
        """The host's command line that runs a program in the root folder, with `env` and little else."""
        clean = {
            "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root" if self._chrooted else str(Path.home()),
            "LANG": "C.UTF-8",
            **(env or {}),
        }
        in_clean_environment = ["env", "-i", *(f"{name}={value}" for name, value in clean.items()), *argv]
        if not self._chrooted:
            return in_clean_environment
        return ["/usr/sbin/chroot", str(self.root), *in_clean_environment]

    def popen(self, argv: Sequence[str], env: Mapping[str, str] | None = None, **popen: Any) -> subprocess.Popen[Any]:
        """Start a program in the root folder as the leader of a session, to be ended by `kill_session`."""
        return subprocess.Popen(self.command(argv, env), start_new_session=True, **popen)

    def run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end and return exit code and output.

        At a timeout (`subprocess.TimeoutExpired`) or another exception all that it started is ended. What a
        program leaves running when it ends by itself is left alone, for tests to find.
        """
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with self.popen(argv, env, text=True, errors="replace", **pipes) as process:
            try:
                stdout, stderr = process.communicate(input or "", timeout)
            except BaseException:
                kill_session(process.pid)
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def console(
        self, profile: Path, *batch: str, interpreter: str = PYTHON_FU, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run batch code in gimp-console, with a folder below the root as GIMP's profile.

        Only the exit code tells success: 0, or 64 after a Python exception, or 70 after a Script-Fu error.
        """
        argv = ["gimp-console", "-idf", "--quit", f"--batch-interpreter={interpreter}"]
        for code in batch:
            argv += ["-b", code]
        return self.run(argv, {"GIMP3_DIRECTORY": self.inside(profile)}, timeout)

    def engine_command(self, host_command: Sequence[str]) -> list[str]:
        """How a plug-in in the root folder starts a program of the host, such as the engine's Python.

        The relay steps out of the root folder and executes the program in its own place, so pipes, process
        id, process group and signals are those of the program itself.
        """
        if not self._chrooted:
            return list(host_command)
        relay = self.outside(RELAY)
        relay.parent.mkdir(parents=True, exist_ok=True)
        replace_text(relay, RELAY_SOURCE)
        kept = [name for name in os.environ if name in ("PATH", "HOME", "LANG") or name.startswith("XDG_")]
        environment = [f"{name}={os.environ[name]}" for name in kept]
        return ["/usr/bin/python3", "-I", RELAY, "/usr/bin/env", "-i", *environment, *host_command]

    @property
    def _chrooted(self) -> bool:
        return self.root != Path("/")


def replace_text(path: Path, text: str) -> None:
    """Write a file so that nobody reads half of it; a symbolic link is replaced, not followed."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(path)


def session_processes(session: int) -> list[int]:
    """The living processes of a session, also those that left its process group as GIMP's plug-ins may."""
    living = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = stat.read_text(errors="replace").rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(its_session) == session and state != "Z":
            living.append(int(stat.parent.name))
    return living


def kill_session(session: int) -> None:
    """End every process of a session at once, whatever it is doing."""
    while living := session_processes(session):
        for process in living:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
