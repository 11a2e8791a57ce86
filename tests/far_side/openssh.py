"""A real OpenSSH, unpacked from Debian's packages into the user's cache folder: nothing is installed, no service runs.

With it comes nss_wrapper, by which the server knows an account that the system does not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from real_gimp import cache_folder
from real_gimp.preparation import codename

PACKAGES = ("openssh-server", "openssh-client", "libnss-wrapper")
READY = ".ready-1"
LIBRARIES = ("usr/lib", "lib")


@dataclass(frozen=True)
class OpenSsh:
    """The programs, and the folder that those and their libraries were unpacked in which the system lacks."""

    root: Path

    def program(self, name: str) -> str:
        """Its path: unpacked, or the system's own."""
        places = [str(self.root / place) for place in ("usr/sbin", "usr/bin", "usr/lib/openssh")]
        found = shutil.which(name, path=os.pathsep.join([*places, "/usr/sbin", "/usr/bin", "/usr/lib/openssh"]))
        assert found, f"OpenSSH has no {name}"
        return found

    def has(self, name: str) -> bool:
        return (self.root / name).exists() or Path("/", name).exists()

    @property
    def libraries(self) -> str:
        """Where the system's loader finds the unpacked libraries."""
        folders = {path.parent for top in LIBRARIES for path in (self.root / top).rglob("*.so*")}
        return os.pathsep.join(sorted(map(str, folders)))


def prepare() -> OpenSsh:
    """Bring OpenSSH where that is needed. Safe to repeat, and to call from several processes at once."""
    import fcntl  # which Windows has not

    root = cache_folder() / f"openssh-{codename()}"
    root.mkdir(parents=True, exist_ok=True)
    with open(root.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / READY).exists():
            unpack(missing_packages(), root)
            (root / READY).touch()
    return OpenSsh(root)


def missing_packages() -> list[str]:
    """The packages that this machine would have to install, with what they need."""
    plan = ["apt-get", "--simulate", "--no-install-recommends", "install", *PACKAGES]
    if subprocess.run(plan, capture_output=True).returncode and os.geteuid() == 0:
        subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True)
    told = subprocess.run(plan, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    return re.findall(r"^Inst (\S+)", told, re.MULTILINE)


def unpack(packages: list[str], root: Path) -> None:
    if packages:
        subprocess.run(["apt-get", "-q", "download", *packages], cwd=root, check=True, capture_output=True)
    for package in root.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
        package.unlink()
