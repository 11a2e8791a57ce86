"""The machine that is installed on, as plain values, and the environment that child processes get."""

from __future__ import annotations

import glob
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from errors import InstallError

BUNDLE_FOLDER = re.compile(r"(GIMP\b.*\.app|\.mount_GIMP.*|GIMP \d.*)", re.IGNORECASE)
"""A folder of this name holds a GIMP together with its own Python and libraries: macOS, AppImage, Windows."""

REMOVED = {
    "PYTHONHOME": "points Python at GIMP's own standard library",
    "PYTHONPATH": "puts GIMP's modules before the engine's",
    "PYTHONSTARTUP": "runs a file of the user's in interactive children",
    "PYTHONUSERBASE": "adds packages from outside the engine's venv",
    "PYTHONEXECUTABLE": "makes Python on macOS believe it is another one",
    "__PYVENV_LAUNCHER__": "makes a venv made on macOS belong to the Python that runs this installer",
    "VIRTUAL_ENV": "makes uv and pip install into the venv that happens to be active",
    "CONDA_PREFIX": "makes uv install into the conda environment that happens to be active",
    "PIP_TARGET": "sends pip's packages somewhere other than the engine's venv",
    "PIP_PREFIX": "sends pip's packages somewhere other than the engine's venv",
    "GI_TYPELIB_PATH": "is GIMP's, and of no use outside it",
}
"""Variables that do not reach a child process, each with what it would do there."""

ADDED = {
    "PIP_USER": "0",  # a user's "user = true" cannot work in a venv
    "PIP_REQUIRE_VIRTUALENV": "0",  # the base Python's pip may have to fetch the venv's
    "PIP_NO_INPUT": "1",  # nobody is there to answer a question
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}

LIBRARY_PATHS = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""Search paths that keep the user's entries and lose those inside a GIMP bundle, whose libraries are not torch's."""


@dataclass(frozen=True)
class Machine:
    """Where things are looked for. Tests make one up; ``root`` is ``/`` on a real one.

    Windows tells one letter's case of a variable's name from the other no more than Python does, which has them large.
    """

    platform: str
    environ: Mapping[str, str]
    home: Path
    root: Path = Path("/")
    is_superuser: bool = False

    @classmethod
    def this_one(cls) -> Machine:
        is_superuser = hasattr(os, "geteuid") and os.geteuid() == 0
        return cls(sys.platform, dict(os.environ), home_folder(), is_superuser=is_superuser)

    @property
    def is_windows(self) -> bool:
        return self.platform == "win32"

    @property
    def is_macos(self) -> bool:
        return self.platform == "darwin"

    def program(self, name: str) -> str | None:
        """Return the path of a program on the user's PATH."""
        return shutil.which(name, path=self.environ.get("PATH", ""))

    def folder(self, variable: str, otherwise: str) -> Path:
        """Return the folder that an environment variable names, or one below home.

        A relative path in the variable is ignored, as the XDG specification asks.
        """
        named = Path(self.environ.get(variable, ""))
        return named if named.is_absolute() else self.home / otherwise


def home_folder() -> Path:
    """Return the user's home folder; where the environment names none that is of use, the one the system knows."""
    home = os.path.expanduser("~")
    if os.name == "posix" and not os.path.isabs(os.environ.get("HOME", "")):
        home = system_home()
    if not os.path.isabs(home):
        raise InstallError("Your home folder is not known.", "Set HOME to it, and try again.")
    return Path(home)


def system_home() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def matching(folder: Path, pattern: str) -> list[Path]:
    """Return what fits a pattern below a folder, sorted: nothing where the folder is not there or may not be read."""
    return sorted(map(Path, glob.glob(os.path.join(glob.escape(str(folder)), pattern))))


def text_of(path: Path) -> str:
    """Return what stands in a small file of somebody else's: nothing where it is not there or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def in_gimp_bundle(path: str) -> bool:
    """Say whether a path lies inside a GIMP that brings its own Python and libraries."""
    return any(BUNDLE_FOLDER.fullmatch(part) for part in re.split(r"[/\\]", path))


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for pip, uv and the engine: the user's, without what leads Python astray."""
    child = {name: value for name, value in environ.items() if name not in REMOVED}
    for name in LIBRARY_PATHS:
        if name in child:
            child[name] = os.pathsep.join(p for p in child[name].split(os.pathsep) if not in_gimp_bundle(p))
    return {**child, **ADDED}
