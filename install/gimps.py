"""Which GIMPs this machine has, and in which folder each looks for the user's plug-ins."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from commands import ask
from machine import Machine, matching
from words import Words

FLATPAK_NAME = "org.gimp.GIMP"
VERSION = re.compile(r"\b(\d+)\.(\d+)\.\d+")
VERSION_SECONDS = 20

CONSOLES = {
    "win32": ("GIMP 3*/bin/gimp-console-3*.exe",),
    "darwin": ("GIMP*.app/Contents/MacOS/gimp-console*", "GIMP*.app/Contents/MacOS/gimp"),
    "linux": ("gimp-console-3*", "gimp-console", "gimp-3*", "gimp"),
}
"""Names of the program that can be asked for its version; the ones that never open a window come first."""


GIMPFU = {
    "win32": "GIMP 2*/lib/gimp/2.0/python/gimpfu.py",
    "darwin": "GIMP*.app/Contents/Resources/lib/gimp/2.0/python/gimpfu.py",
}
GIMPFU_ON_LINUX = (
    "usr/lib*/gimp/2.0/python/gimpfu.py",
    "usr/lib/*/gimp/2.0/python/gimpfu.py",
    "usr/local/lib*/gimp/2.0/python/gimpfu.py",
    f"var/lib/flatpak/app/{FLATPAK_NAME}/current/active/files/lib/gimp/2.0/python/gimpfu.py",
)
"""Where GIMP 2.10 has Python-Fu, which it can be built without, and mostly is since Python 2 is gone."""


class GimpSearch(NamedTuple):
    """``folders`` get the plug-in; ``notes`` are sentences about the GIMPs that do not."""

    folders: list[Path]
    notes: list[Words]
    has_flatpak: bool = False


def find_gimps(machine: Machine) -> GimpSearch:
    """Find the user folder of every GIMP, and name the one that a GIMP 3 not yet started is going to use."""
    named = machine.environ.get("GIMP3_DIRECTORY")
    folders = [*([machine.home / named] if named else []), *existing_folders(machine, "3.*")]
    notes = []
    for version in sorted(installed_versions(machine)):
        if any(folder.name == version for folder in folders):
            continue
        fresh = settings_roots(machine)[0] / version
        if has_older_settings(fresh):
            notes.append(
                Words(
                    "GIMP {version} has not been started yet. Start it once, so that it takes over the settings "
                    "of the older GIMP, and try again.",
                    version=version,
                )
            )
        else:
            folders.append(fresh)
    for folder in existing_folders(machine, "2.10"):
        if has_gimpfu(machine):
            folders.append(folder)
        else:
            notes.append(
                Words(
                    "GIMP 2.10 gets no plug-in, because its Python-Fu (gimpfu, with Python 2) was not found. "
                    "If it is there all the same, add --gimp-folder {path}",
                    path=folder,
                )
            )
    if has_snap(machine):
        notes.append(
            Words(
                "The GIMP from Snap cannot be used: Snap's confinement forbids it to start the engine. "
                "GIMP as a Flatpak or from your distribution can."
            )
        )
    return GimpSearch(folders, notes, has_flatpak(machine))


def settings_roots(machine: Machine) -> list[Path]:
    """Return the folders in which GIMP keeps one folder of settings per version."""
    if machine.is_windows:
        return [machine.folder("APPDATA", "AppData/Roaming") / "GIMP"]
    if machine.is_macos:
        return [machine.home / "Library/Application Support/GIMP"]
    return [
        machine.folder("XDG_CONFIG_HOME", ".config") / "GIMP",
        machine.home / ".var/app" / FLATPAK_NAME / "config/GIMP",
    ]


def existing_folders(machine: Machine, version: str) -> list[Path]:
    """Return every GIMP user folder of a version, such as "3.*", that is there."""
    return [folder for root in settings_roots(machine) for folder in matching(root, version) if os.path.isdir(folder)]


def has_gimpfu(machine: Machine) -> bool:
    """Say whether some GIMP 2.10 on the machine can run plug-ins written in Python."""
    if machine.platform in GIMPFU:
        return any(matching(folder, GIMPFU[machine.platform]) for folder in program_folders(machine))
    users_own = f".local/share/flatpak/app/{FLATPAK_NAME}/current/active/files/lib/gimp/2.0/python/gimpfu.py"
    return any(matching(machine.root, place) for place in GIMPFU_ON_LINUX) or os.path.isfile(machine.home / users_own)


def has_older_settings(folder: Path) -> bool:
    """Say whether GIMP would miss its chance to take over older settings if its new folder were made for it."""
    return any(re.fullmatch(r"\d+\.\d+", other.name) for other in matching(folder.parent, "*"))


def installed_versions(machine: Machine) -> set[str]:
    """Ask every GIMP on the machine for its version; return those of GIMP 3, such as "3.0"."""
    answers = [ask([console, "--version"], machine.environ, VERSION_SECONDS) for console in consoles(machine)]
    answers.append(flatpak_answer(machine))
    found = [VERSION.search(answer) for answer in answers if answer]
    return {f"{match[1]}.{match[2]}" for match in found if match and match[1] == "3"}


def consoles(machine: Machine) -> Iterator[Path]:
    """Yield one program of each GIMP that is installed natively."""
    patterns = CONSOLES.get(machine.platform, CONSOLES["linux"])
    for folder in program_folders(machine):
        programs = [program for pattern in patterns for program in matching(folder, pattern)]
        yield from programs[:1]


def program_folders(machine: Machine) -> list[Path]:
    if machine.is_windows:
        system = Path(machine.environ.get("PROGRAMFILES", "C:/Program Files"))
        return [system, machine.folder("LOCALAPPDATA", "AppData/Local") / "Programs"]
    if machine.is_macos:
        return [machine.root / "Applications", machine.home / "Applications"]
    folders = [Path(folder) for folder in machine.environ.get("PATH", "").split(":") if folder]
    return [folder for folder in folders if "snap" not in folder.parts]


def flatpak_answer(machine: Machine) -> str | None:
    """Return what Flatpak knows of its GIMP, or None where there is no such GIMP."""
    flatpak = machine.program("flatpak")
    return ask([flatpak, "info", FLATPAK_NAME], machine.environ, VERSION_SECONDS) if flatpak else None


def has_flatpak(machine: Machine) -> bool:
    return flatpak_answer(machine) is not None


def has_snap(machine: Machine) -> bool:
    return any(os.path.isdir(folder / "snap/gimp") for folder in (machine.home, machine.root))
