"""Which Python the engine's venv can be made from."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from commands import ask
from errors import InstallError
from machine import Machine, in_gimp_bundle

OLDEST = (3, 10)
NEWEST = (3, 14)
"""torch has builds for the versions between these two."""

EXAMINE = """
import importlib.util, json, sys, sysconfig
try:
    import ensurepip
    has_ensurepip = bool(ensurepip.version())
except Exception:
    has_ensurepip = False
print(json.dumps({
    "executable": sys.executable,
    "version": sys.version_info[:2],
    "base": sys.base_prefix,
    "has_64_bits": sys.maxsize > 2**32,
    "is_mingw": sysconfig.get_platform().startswith("mingw"),
    "has_ensurepip": has_ensurepip,
    "has_pip": importlib.util.find_spec("pip") is not None,
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python and what decides whether an engine can be built on it.

    ``base`` is the folder of the installation; ``is_mingw`` marks the builds that no package on Windows fits.
    """

    executable: Path
    version: tuple[int, int]
    base: str
    has_64_bits: bool
    is_mingw: bool
    has_ensurepip: bool
    has_pip: bool

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))

    @property
    def is_gimps_own(self) -> bool:
        return in_gimp_bundle(self.base)

    @property
    def is_from_microsoft_store(self) -> bool:
        """The Store's Python writes to the user's data folders into a place of its own, where GIMP cannot look."""
        return "WindowsApps" in self.base

    @property
    def obstacle(self) -> str | None:
        """Say why the engine cannot be built on this Python; None where it can."""
        if not OLDEST <= self.version <= NEWEST:
            return "torch needs Python {}.{} to {}.{}".format(*OLDEST, *NEWEST)
        if not self.has_64_bits:
            return "torch needs a Python of 64 bits"
        if self.is_mingw or self.is_gimps_own:
            return "it is part of a GIMP and goes when that GIMP is updated"
        if self.is_from_microsoft_store:
            return "it comes from the Microsoft Store, which hides from GIMP what it writes"
        return None


def examine(executable: str | Path, machine: Machine) -> Interpreter | None:
    """Return what a Python says of itself, or None where there is no Python that runs."""
    answer = ask([executable, "-I", "-c", EXAMINE], machine.environ)
    if answer is None:
        return None
    facts = json.loads(answer)
    return Interpreter(**{**facts, "executable": Path(facts["executable"]), "version": tuple(facts["version"])})


def choose_python(machine: Machine, named: Path | None, for_flatpak: bool = False) -> Interpreter | None:
    """Return the Python to build the engine on: the named one, or the best found. None: one has to be fetched.

    A Python that brings its own pip comes before one that does not; else the first found is taken, the
    running one before those on PATH. A Flatpak sees only a Python below the user's home.
    """
    if named:
        return insist_on(named, machine)
    found = [python for python in candidates(machine) if python.obstacle is None]
    if for_flatpak:
        found = [python for python in found if suits_flatpak(python, machine)]
    return min(found, key=lambda python: not python.has_ensurepip, default=None)


def suits_flatpak(python: Interpreter, machine: Machine) -> bool:
    return machine.home in Path(python.base).parents


def insist_on(named: Path, machine: Machine) -> Interpreter:
    python = examine(named, machine)
    if python is None:
        raise InstallError(f"{named} is not a Python that runs.", "Give --python the path of a Python executable.")
    if python.obstacle:
        raise InstallError(
            f"The engine cannot be built on {named}: {python.obstacle}.",
            "Name another one with --python, or leave the option out to have one found.",
        )
    return python


def candidates(machine: Machine) -> Iterator[Interpreter]:
    """Yield each Python of the machine once, the running one first."""
    seen = set()
    for executable in executables(machine):
        python = examine(executable, machine)
        if python and python.executable not in seen:
            seen.add(python.executable)
            yield python


def executables(machine: Machine) -> Iterator[str]:
    yield sys.executable
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    yield from filter(None, map(machine.program, [*names, "python3", "python"]))
    launcher = machine.program("py")
    if launcher:
        yield from launcher_paths(ask([launcher, "-0p"], machine.environ) or "")


def launcher_paths(listing: str) -> list[str]:
    """Return the executables that Windows' launcher lists, as in `` -V:3.12 *        C:\\Python312\\python.exe``."""
    return re.findall(r"[A-Za-z]:\\.*\.exe", listing)
