"""Bringing a real GIMP 3.

Where this machine's own apt offers GIMP 3, its packages are installed and GIMP's root folder is "/".
Elsewhere a root folder of a newer Debian is made in the user's cache folder, and GIMP runs in it by chroot.
Nothing is mounted and no namespace is made, so a container that may do neither is served like a bare machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .gimp import Gimp, replace_text

DEFAULT_SUITE = "trixie"

# Raise the number when the packages or apt's settings change: existing root folders are then completed.
READY = ".ready-1"
BASE = ".base"

# GIMP, Python for its plug-ins, and what a window needs: display, keys, bus, accessibility, fonts.
PACKAGES = (
    "gimp", "python3-gi", "gir1.2-gimp-3.0",
    "xvfb", "xauth", "x11-utils", "xdotool", "openbox", "imagemagick",
    "dbus", "dbus-x11", "libglib2.0-bin", "at-spi2-core", "gir1.2-atspi-2.0",
    "fonts-dejavu-core", "adwaita-icon-theme",
)  # fmt: skip
HOST_PACKAGES = ("debootstrap", "xz-utils", "ca-certificates")

APT_SETTINGS = """\
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
// A mirror's copy of a testing suite may be past its date.
Acquire::Check-Valid-Until "false";
DPkg::Options {"--force-unsafe-io";};
"""

# GIMP 3.2's toolkit wants a sandbox for its picture loaders, and bwrap cannot make one without /proc.
UNBOXED = """\
#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in /usr/libexec/glycin-loaders/*) exec "$@" ;; esac
    shift
done
exit 1
"""


class GimpUnavailable(Exception):
    """No GIMP 3 could be brought; the message says in one sentence why, then where to read more."""


def prepare(suite: str = DEFAULT_SUITE) -> Gimp:
    """Return a GIMP 3 that is ready to run, after bringing it when needed.

    Safe to interrupt, to repeat and to call from several processes at once. `suite` is the Debian release of
    the root folder; one other than the default comes from this machine's apt only when it runs that release.
    """
    root = cache_folder() / f"gimp-{suite}"
    if not (root / READY).exists():
        with preparing(suite) as preparation:
            if preparation.own_apt_offers_gimp():
                preparation.install_here(PACKAGES)
                return Gimp(Path("/"))
            if not (root / READY).exists():
                preparation.make_root(root)
    require_root()
    return Gimp(root)


@contextlib.contextmanager
def preparing(suite: str) -> Iterator[Preparation]:
    """One attempt to bring GIMP; others wait for the lock until it and all its child processes have ended."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f"gimp-{suite}.lock", "w") as lock, open(cache / f"gimp-{suite}.log", "a") as log:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process is preparing GIMP; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield Preparation(suite, lock, log)


@dataclass(frozen=True)
class Preparation:
    """The steps that bring GIMP, with the lock that they hold and the log that they write."""

    suite: str
    lock: IO[str]
    log: IO[str]

    def own_apt_offers_gimp(self) -> bool:
        """Whether this machine's own packages serve; refreshes apt's lists when they know no GIMP at all."""
        if self.suite not in (DEFAULT_SUITE, codename()):
            return False
        candidate = apt_candidate("gimp")
        if candidate is None:
            self.refresh_package_lists()
            candidate = apt_candidate("gimp")
        return candidate is not None and candidate >= 3

    def refresh_package_lists(self) -> None:
        require_root()
        say("Refreshing apt's package lists.")
        self.run(["apt-get", "-q", "update"])

    def install_here(self, packages: Iterable[str]) -> None:
        """Install the packages that this machine lacks; stale package lists are refreshed once."""
        missing = [package for package in packages if not is_installed(package)]
        if not missing:
            return
        require_root()
        say(f"Installing {' '.join(missing)}.")
        options = ["-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600"]
        install = ["apt-get", "install", *options, *missing]
        try:
            self.run(install)
        except GimpUnavailable:
            self.refresh_package_lists()
            self.run(install)

    def make_root(self, root: Path) -> None:
        """Make the root folder, or finish one whose making was interrupted."""
        require_root()
        say(f"Making a root folder for GIMP, {root}: 1 to 3 minutes, 1 GB, once. Log: {self.log.name}")
        self.install_here(HOST_PACKAGES)
        if not (root / BASE).exists():
            self.bootstrap(root)
        configure_apt(root, self.suite)
        say("Installing GIMP in it.")
        self.run_inside(root, ["dpkg", "--configure", "-a"])
        self.run_inside(root, ["apt-get", "-q", "update"])
        self.run_inside(root, ["apt-get", "-q", "-y", "install", *PACKAGES])
        self.run_inside(root, ["apt-get", "clean"])
        write_executable(root / "usr/local/bin/bwrap", UNBOXED)
        (root / READY).touch()

    def bootstrap(self, root: Path) -> None:
        """Unpack Debian's base system.

        debootstrap goes on where it may not mount /proc. It is never allowed to, so that an interrupted one
        leaves nothing mounted. Older ones do not know newer suites by name; sid's script makes them all.
        """
        self.run(["rm", "-rf", "--one-file-system", str(root)])
        say(f"Unpacking Debian {self.suite}.")
        without_mounting = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]
        options = ["--variant=minbase", "--include=ca-certificates"]
        self.run([*without_mounting, "debootstrap", *options, self.suite, str(root), mirror(), "sid"])
        (root / BASE).touch()

    def run_inside(self, root: Path, argv: Sequence[str]) -> None:
        proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        self.run(Gimp(root).command(argv, {"DEBIAN_FRONTEND": "noninteractive", **proxies}))

    def run(self, argv: Sequence[str]) -> None:
        """Run one step into the log. It inherits the lock, so that it keeps others out even when orphaned."""
        print("+", *argv, file=self.log, flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        status = subprocess.call(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=[self.lock.fileno()],
        )
        if status:
            tail = "\n".join(Path(self.log.name).read_text(errors="replace").splitlines()[-15:])
            raise GimpUnavailable(f"A step of bringing GIMP failed; {self.log.name} ends so:\n{tail}")


def configure_apt(root: Path, suite: str) -> None:
    """Let the root's apt reach the mirror as the host's does, and keep packages from starting services."""
    (root / "etc/apt/sources.list").write_text(f"deb {mirror()} {suite} main\n")
    (root / "etc/apt/apt.conf.d/90neural-style").write_text(APT_SETTINGS)
    proxies = re.findall(r"(?im)^Acquire::https?::Proxy\b(?!-).*", output("apt-config", "dump"))
    (root / "etc/apt/apt.conf.d/98proxy").write_text("\n".join([*proxies, ""]))
    for shared in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
        if Path("/", shared).exists():
            replace_text(root / shared, Path("/", shared).read_text())
    write_executable(root / "usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")


def mirror() -> str:
    """The package mirror that this machine's own apt uses."""
    targets = ("Created-By: Packages", "Component: main", f"Codename: {codename()}")
    uris = output("apt-get", "indextargets", "--format", "$(REPO_URI)", *targets).split()
    for uri in uris:
        if uri.startswith("mirror+file:"):
            listed = Path("/" + uri[len("mirror+file:") :].strip("/")).read_text()
            uris += re.findall(r"^https?:\S+", listed, re.MULTILINE)
        elif uri.startswith(("http:", "https:")):
            return uri
    raise GimpUnavailable("No mirror for a newer Debian was found in this machine's apt configuration, /etc/apt.")


def apt_candidate(package: str) -> int | None:
    """The major version that apt would install or has installed; None when it knows none."""
    if not shutil.which("apt-cache"):
        raise GimpUnavailable("GIMP 3 is brought by apt, which this machine lacks: use Debian 12 or later.")
    found = re.search(r"Candidate: (?:\d+:)?(\d+)", output("apt-cache", "policy", package))
    return int(found.group(1)) if found else None


def is_installed(package: str) -> bool:
    return output("dpkg-query", "--show", "--showformat=${db:Status-Status}", package) == "installed"


def output(*argv: str) -> str:
    """What a quick question to the package system answers; nothing when it fails."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    answer = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)
    return answer.stdout


def codename() -> str:
    """The code name of the Debian release that this machine runs."""
    found = re.search(r'^VERSION_CODENAME="?([\w-]+)', Path("/etc/os-release").read_text(), re.MULTILINE)
    return found.group(1) if found else ""


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neural-style-for-gimp"


def require_root() -> None:
    if os.geteuid() != 0:
        raise GimpUnavailable("Installing GIMP 3, and running it in a root folder by chroot, needs root: run as root.")


def write_executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
