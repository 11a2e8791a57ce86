"""The plug-in's folder inside a GIMP user folder: put together from the checkout and the installed engine."""

from __future__ import annotations

import json
import os
import re
import runpy
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from catalogs import compiled, read_po
from errors import InstallError
from machine import matching, text_of
from placing import free_name, place
from record import Record, real_path

NAME = "neural-style"
NAME_210 = "neural_style_210"
NAMES = (NAME, NAME_210)
"""Folder and entry file of the plug-in for GIMP 3, and of the one for GIMP 2.10: GIMP wants both to have one name."""

PACKAGE = "nst_plugin"
SHARED = f"{PACKAGE}/shared"
"""The part of the package that Python 2.7 understands."""

LOCALE = "locale"
ENGINE_FORMAT = 1
SYSTEM_FOLDERS = ("usr/lib/gimp/*/plug-ins", "usr/lib/*/gimp/*/plug-ins", "usr/local/lib/gimp/*/plug-ins")


def worker_command(python: Path) -> list[str]:
    """Return the command that starts the engine. ``-I`` keeps out what GIMP tells its own Python."""
    return [str(python), "-I", "-m", "nst_engine", "worker"]


def protocol_of(checkout: Path) -> int:
    """Return the version of the pipe's messages, from the one place that states it."""
    return int(runpy.run_path(str(checkout / "nst_engine/frames.py"))["PROTOCOL"])


def version_of(checkout: Path) -> str:
    """Return the version of engine and plug-in, from the one place that states it."""
    found = re.search(r'^__version__ = "(.+)"$', text_of(checkout / "nst_engine/__init__.py"), re.MULTILINE)
    return found[1] if found else ""


def plugin_name(gimp_folder: Path) -> str:
    """Return which plug-in a GIMP user folder needs; GIMP names these folders by its version."""
    return NAME_210 if gimp_folder.name.startswith("2.") else NAME


def install_plugin(
    plug_ins: Path,
    checkout: Path,
    options_json: str,
    engine_command: Sequence[str],
    record: Record,
    name: str = NAME,
) -> list[Path]:
    """Put the plug-in into its folder in a ``plug-ins`` folder; return the new names of what was not the installer's.

    A new modification time makes GIMP ask the plug-in again.
    """
    target = real_path(plug_ins) / name
    refuse_foreign_plugin(target, record)
    aside = None
    if target.is_symlink() or is_older_copy(target, record):
        aside = free_name(target.with_name(f".{name}"))
        target.rename(aside)
    files = plugin_files(checkout, options_json, engine_command, name)
    return [*([aside] if aside else []), *place(files, target, record)]


def plugin_files(
    checkout: Path, options_json: str, engine_command: Sequence[str], name: str = NAME
) -> dict[str, bytes]:
    """Return what the plug-in's folder holds, the file that makes it a plug-in last.

    That is the checkout's half of it, with its translations as programs read them, and what the engine has of it: the
    pipe's frames, where the engine is, and its options.
    """
    engine = {"name": "This computer", "command": list(engine_command), "protocol": protocol_of(checkout)}
    engines = {"format": ENGINE_FORMAT, "version": version_of(checkout), "engines": [engine]}
    files = code_210(checkout) if name == NAME_210 else contents(checkout / "gimp_plugin" / NAME)
    files |= {path[:-2] + "mo": compiled(read_po(files[path].decode())) for path in files if path.endswith(".po")}
    files[f"{SHARED}/frames.py"] = (checkout / "nst_engine/frames.py").read_bytes()
    files["engine.json"] = (json.dumps(engines, indent=1) + "\n").encode("ascii")
    files["options.json"] = options_json.encode()
    files[f"{name}.py"] = files.pop(f"{name}.py")
    return files


def code_210(checkout: Path) -> dict[str, bytes]:
    """Return what GIMP 2.10 gets: what its Python 2.7 understands, and the same translations."""
    files = contents(checkout / "gimp_plugin" / NAME)
    shared = {path: data for path, data in files.items() if path.startswith((f"{SHARED}/", f"{LOCALE}/"))}
    init = f"{PACKAGE}/__init__.py"
    return {init: files[init], **shared, **contents(checkout / "gimp_plugin/gimp210")}


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its name in there, but for what Python keeps of modules."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def read_options(checkout: Path) -> str:
    """Return the engine's table of options, for which no engine has to run: that room needs nothing but Python."""
    if str(checkout) not in sys.path:
        sys.path.append(str(checkout))
    from nst_engine import options

    return json.dumps(options.table(), indent=2)


def refuse_foreign_plugin(target: Path, record: Record) -> None:
    """Raise where GIMP's folder for this plug-in holds another one of that name."""
    entry = target / f"{target.name}.py"
    is_another = os.path.lexists(entry) and str(entry) not in record.files and not is_older_copy(target, record)
    if not target.is_symlink() and (is_another or (os.path.lexists(target) and not target.is_dir())):
        raise InstallError(
            f"{target} already exists and is not this plug-in.",
            "Move it away, out of GIMP's plug-ins folder, and run this installer again.",
        )


def is_older_copy(target: Path, record: Record) -> bool:
    """Say whether a folder holds this plug-in, but not as this installer put it there."""
    entry = target / f"{target.name}.py"
    return entry.is_file() and (target / PACKAGE).is_dir() and str(entry) not in record.files


def other_copies(gimp_folder: Path, root: Path = Path("/")) -> list[Path]:
    """Return plug-ins of this name that the same GIMP finds elsewhere: of two it silently uses the first."""
    ours = gimp_folder / "plug-ins" / plugin_name(gimp_folder)
    places = [gimp_folder / "plug-ins", *gimprc_folders(gimp_folder)]
    places += [folder for pattern in SYSTEM_FOLDERS for folder in matching(root, pattern)]
    found = {path.parent for place in places for path in matching(place, "*/neural[-_]style*.py")}
    return sorted(found - {ours})


def gimprc_folders(gimp_folder: Path) -> Iterator[Path]:
    """Yield the plug-in folders that the user added in GIMP's preferences."""
    for path_list in re.findall(r'\(plug-in-path\s+"([^"]*)"', text_of(gimp_folder / "gimprc")):
        for entry in path_list.replace("${gimp_dir}", str(gimp_folder)).split(os.pathsep):
            if entry and "${" not in entry:
                yield Path(entry)
