"""Bring a real GIMP 2.10 with gimpfu for the tests, into a root folder beside those of real_gimp.py.

No Debian release has both GIMP 2.10 and PyGTK any more. This one has GIMP 2.10 and Python 2.7, and the source of the
next one's GIMP still holds pygimp. Of PyGObject 2, pygimp needs a dozen calls without a window: pygobject.h has them.
What is missing so is gimpfu's own dialog.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import real_gimp
from real_gimp import PYTHON_FU, SCRIPT_FU

SUITE, SOURCE_SUITE = "bullseye", "bookworm"

# Raise the number when the packages, build.sh or pygobject.h change: existing root folders are then completed.
READY = ".ready-gimpfu-1"

PACKAGES = (
    "gimp", "python2", "python3-minimal",
    "python2.7-dev", "gcc", "libc6-dev", "pkg-config", "libgimp2.0-dev", "libglib2.0-dev", "bzip2", "xz-utils",
    "xvfb", "xdotool", "openbox", "dbus", "imagemagick",
)  # fmt: skip

QUIT = {PYTHON_FU: "pdb.gimp_quit(1)", SCRIPT_FU: "(gimp-quit 1)"}

HERE = Path(__file__).parent


class Gimp210(real_gimp.Gimp):
    """A GIMP 2.10 with gimpfu installed under a root folder."""

    def console(
        self,
        profile: Path,
        *batch: str,
        interpreter: str = PYTHON_FU,
        timeout: float = 400,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run batch code in gimp-console, with a folder below the root as GIMP's profile.

        The exit code is 0 whatever happens: let the last batch leave a sign that all went well.
        """
        argv = ["gimp-console", "-idf", f"--batch-interpreter={interpreter}"]
        for code in (*batch, QUIT[interpreter]):
            argv += ["-b", code]
        return self.run(argv, {"GIMP2_DIRECTORY": self.inside(profile), **(env or {})}, timeout)


def prepare() -> Gimp210:
    """Return a GIMP 2.10 that is ready to run, after bringing it when needed. As safe as `real_gimp.prepare`."""
    root = real_gimp.cache_folder() / f"gimp-{SUITE}"
    real_gimp.require_root()
    if not (root / READY).exists():
        with real_gimp.preparing(SUITE) as preparation:
            if not (root / READY).exists():
                make_root(preparation, root)
    return Gimp210(root)


def make_root(preparation: real_gimp.Preparation, root: Path) -> None:
    """Make the root folder, or finish one whose making was interrupted."""
    real_gimp.say(f"Making a root folder for GIMP 2.10, {root}: 1 to 3 minutes, 1.3 GB, once.")
    real_gimp.say(f"Log: {preparation.log.name}")
    preparation.install_here(real_gimp.HOST_PACKAGES)
    if not (root / real_gimp.BASE).exists():
        preparation.bootstrap(root)
    real_gimp.configure_apt(root, SUITE)
    sources = root / "etc/apt/sources.list.d/gimp-source.list"
    sources.write_text(f"deb-src {real_gimp.mirror()} {SOURCE_SUITE} main\n")
    real_gimp.say("Installing GIMP 2.10 in it and building gimpfu.")
    preparation.run_inside(root, ["dpkg", "--configure", "-a"])
    preparation.run_inside(root, ["apt-get", "-q", "update"])
    preparation.run_inside(root, ["apt-get", "-q", "-y", "install", *PACKAGES])
    preparation.run_inside(root, ["apt-get", "clean"])
    build_gimpfu(preparation, root)
    (root / READY).touch()


def build_gimpfu(preparation: real_gimp.Preparation, root: Path) -> None:
    workshop = root / "opt/gimpfu"
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir(parents=True)
    for file in ("build.sh", "pygobject.h"):
        shutil.copy(HERE / file, workshop)
    preparation.run_inside(root, ["sh", "/opt/gimpfu/build.sh"])
    shutil.rmtree(workshop)
