"""Whether a Python can carry the engine."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from commands import ask
from errors import InstallError
from machine import Machine, in_gimp_bundle
from words import Words

OLDEST = (3, 10)
NEWEST = (3, 14)
"""torch has builds for the versions between these two."""

RANGE = ">={}.{},<{}.{}".format(*OLDEST, NEWEST[0], NEWEST[1] + 1)
"""The same as uv wants to hear it."""

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
    def obstacle(self) -> Words | None:
        """Say why the engine cannot be built on this Python; None where it can."""
        if not OLDEST <= self.version <= NEWEST:
            oldest, newest = (".".join(map(str, version)) for version in (OLDEST, NEWEST))
            return Words("torch needs Python {oldest} to {newest}", oldest=oldest, newest=newest)
        if not self.has_64_bits:
            return Words("torch needs a Python of 64 bits")
        if self.is_mingw or self.is_gimps_own:
            return Words("it is part of a GIMP and goes when that GIMP is updated")
        if self.is_from_microsoft_store:
            return Words("it comes from the Microsoft Store, which hides from GIMP what it writes")
        return None


def examine(executable: str | Path, machine: Machine) -> Interpreter | None:
    """Return what a Python says of itself, or None where there is no Python that runs."""
    answer = ask([executable, "-I", "-c", EXAMINE], machine.environ)
    if answer is None:
        return None
    facts = json.loads(answer)
    return Interpreter(**{**facts, "executable": Path(facts["executable"]), "version": tuple(facts["version"])})


def running_python(machine: Machine) -> Interpreter:
    """Return the Python that runs this installer."""
    python = examine(sys.executable, machine)
    if python is None:
        told = Words("{path} does not run.", path=sys.executable)
        raise InstallError(told, "Run this installer with another Python.")
    return python


def insist_on(named: Path, machine: Machine) -> Interpreter:
    """Return the Python that the user named, or say why it will not do."""
    python = examine(named, machine)
    if python is None:
        told = Words("{path} is not a Python that runs.", path=named)
        raise InstallError(told, "Give --python the path of a Python executable.")
    if python.obstacle:
        raise InstallError(
            Words("The engine cannot be built on {path}: {obstacle}.", path=named, obstacle=python.obstacle),
            "Name another one with --python, or leave the option out to have one found.",
        )
    return python


def suits_flatpak(python: Interpreter, machine: Machine) -> bool:
    """Say whether a Flatpak GIMP can run it: it sees only what is below the user's home."""
    return machine.home in Path(python.base).parents
