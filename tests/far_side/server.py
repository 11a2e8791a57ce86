"""The server: its own keys, account, home folder and configuration, and a client configuration for each way to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from .line import Line
from .openssh import OpenSsh

CHECKOUT = Path(__file__).resolve().parents[2]
ENGINES = CHECKOUT / "tests/gimp/engines"
ACCOUNT = "painter"
ENGINE = ".local/share/neural-style/venv/bin/python"
"""Where the installer would put the engine's Python below the home folder."""

SERVER = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
StrictModes no
UsePAM no
PidFile none
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
"""
CLIENT = """\
Host {name}
    HostName 127.0.0.1
    Port {port}
    User painter
    IdentityFile {key}
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {known}
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking ask
"""


class FarSide:
    """A computer of the name gpu-box, as ssh sees it."""

    def __init__(self, openssh: OpenSsh, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """``environment`` is what its programs find there beside what a login gives them."""
        self.openssh, self.folder, self.home = openssh, folder, folder / "home"
        self.environment = dict(environment or {})
        self.port = free_port()
        self.home.mkdir(parents=True)
        for name in ("host_key", "user_key", "other_key"):
            self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
        command = [openssh.program("sshd"), "-D", "-E", str(folder / "sshd.log"), "-f", str(self.server_config())]
        self.process = subprocess.Popen(command, env=self.server_environment())
        self.wait()

    def run(self, program: str, *words: str) -> None:
        environment = {**os.environ, "LD_LIBRARY_PATH": self.openssh.libraries}
        subprocess.run([self.openssh.program(program), *words], check=True, env=environment)

    def server_config(self) -> Path:
        path = self.folder / "sshd_config"
        text = SERVER.format(port=self.port, folder=self.folder)
        for option, program in (("SshdSessionPath", "sshd-session"), ("SshdAuthPath", "sshd-auth")):
            if self.openssh.has(f"usr/lib/openssh/{program}"):  # OpenSSH 9.8 and 10.0 split these off
                text += f"{option} {self.openssh.program(program)}\n"
        settings = "".join(f' "{name}={value}"' for name, value in self.environment.items())
        path.write_text(text + (f"SetEnv{settings}\n" if settings else ""))
        return path

    def server_environment(self) -> dict[str, str]:
        """Where the server finds its libraries and the account; root's needs one for itself, and an empty folder."""
        me, group = os.geteuid(), os.getegid()
        accounts = f"{ACCOUNT}:x:{me}:{group}::{self.home}:/bin/sh\n"
        if me == 0:
            accounts += "sshd:x:61235:61235::/run/sshd:/usr/sbin/nologin\n"
            Path("/run/sshd").mkdir(exist_ok=True)
        (self.folder / "passwd").write_text(accounts)
        (self.folder / "group").write_text(f"{ACCOUNT}:x:{group}:\nsshd:x:61235:\n")
        return {
            **os.environ,
            "LD_LIBRARY_PATH": self.openssh.libraries,
            "LD_PRELOAD": "libnss_wrapper.so",
            "NSS_WRAPPER_PASSWD": str(self.folder / "passwd"),
            "NSS_WRAPPER_GROUP": str(self.folder / "group"),
        }

    def wait(self) -> None:
        """Until somebody is let in."""
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                assert self.process.poll() is None, (self.folder / "sshd.log").read_text()
                time.sleep(0.05)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()

    def ssh(
        self,
        name: str = "gpu-box",
        line: Line | None = None,
        key: str = "user_key",
        known: str | None = "host_key",
        port: int | None = None,
    ) -> list[str]:
        """What starts an ssh that knows this computer by a name: with that key, by that line, as one of a known key."""
        known_hosts = self.folder / f"known-{name}"
        known_hosts.unlink(missing_ok=True)
        if known is not None:
            public = (self.folder / f"{known}.pub").read_text()
            known_hosts.write_text(f"[127.0.0.1]:{port or self.port} {public}")
        config = self.folder / f"client-{name}"
        text = CLIENT.format(name=name, port=port or self.port, key=self.folder / key, known=known_hosts)
        config.write_text(text + (f"    ProxyCommand {line.command(self.port)}\n" if line else ""))
        libraries = f"LD_LIBRARY_PATH={self.openssh.libraries}"
        return ["/usr/bin/env", libraries, self.openssh.program("ssh"), "-F", str(config)]

    def install(self, code: str) -> None:
        """Have a line of shell in the place of the engine."""
        python = self.home / ENGINE
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(f"#!/bin/sh\n{code}\n")
        python.chmod(0o755)

    def use(self, stand_in: str, *arguments: str, version: str = "99") -> None:
        """Put one of the stand-ins for the engine there."""
        words = " ".join(f"'{word}'" for word in (sys.executable, ENGINES / f"{stand_in}.py", *arguments))
        self.install(f"exec env STAND_IN_VERSION='{version}' {words}")

    def use_real_engine(self) -> None:
        self.install(f"PYTHONPATH='{CHECKOUT}' exec '{sys.executable}' -m nst_engine worker")

    def remove_engine(self) -> None:
        (self.home / ENGINE).unlink(missing_ok=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
