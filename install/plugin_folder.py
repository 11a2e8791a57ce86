"""The plug-in's folder inside a GIMP user folder: put together from the checkout and the installed engine."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from errors import InstallError
from machine import matching, text_of
from placing import free_name, place, write_into
from record import Record, real_path
from source import ENGINE, NAME, NAME_210, PACKAGE, plugin_files, version_of
from words import Words

ENGINE_FORMAT = 1
HERE = "This computer"

Entry = Mapping[str, object]
"""An engine as engine.json lists it, and ``nst_plugin/shared/engines.py`` reads it."""

SYSTEM_FOLDERS = ("usr/lib/gimp/*/plug-ins", "usr/lib/*/gimp/*/plug-ins", "usr/local/lib/gimp/*/plug-ins")


def worker_command(python: Path) -> list[str]:
    """Return the command that starts the engine. ``-I`` keeps out what GIMP tells its own Python."""
    return [str(python), "-I", "-m", "nst_engine", "worker"]


def local_engine(command: Sequence[str]) -> Entry:
    """Return how the plug-in is told of an engine that this command starts."""
    return {"name": HERE, "command": list(command)}


def remote_engine(host: str, ssh: Sequence[str] = ()) -> Entry:
    """Return how the plug-in is told of an engine on another computer; ``ssh`` starts ssh, if that is not its name."""
    return {"name": host, "host": host, **({"ssh": list(ssh)} if ssh else {})}


def plugin_name(gimp_folder: Path) -> str:
    """Return which plug-in a GIMP user folder needs; GIMP names these folders by its version."""
    return NAME_210 if gimp_folder.name.startswith("2.") else NAME


def install_plugin(
    plug_ins: Path,
    checkout: Path,
    options_json: str,
    engine: Entry,
    record: Record,
    name: str = NAME,
) -> list[Path]:
    """Put the plug-in into its folder in a ``plug-ins`` folder; return the new names of what was not the installer's.

    A new modification time makes GIMP ask the plug-in again. An archive that was unzipped there is the plug-in already,
    and is only told of the engine.
    """
    target = real_path(plug_ins) / name
    if target == real_path(checkout):
        return connect(checkout, engine, record)
    refuse_foreign_plugin(target, record)
    aside = None
    if target.is_symlink() or is_older_copy(target, record):
        aside = free_name(target.with_name(f".{name}"))
        target.rename(aside)
    files = plugin_files(checkout, options_json, name)
    files[ENGINE] = described(checkout, engine, target)
    files[f"{name}.py"] = files.pop(f"{name}.py")  # the file that makes it a plug-in comes last
    return [*([aside] if aside else []), *place(files, target, record)]


def connect(archive: Path, engine: Entry, record: Record) -> list[Path]:
    """Tell the plug-in of an archive that was unzipped where it belongs how its engine is started."""
    return write_into(real_path(archive) / ENGINE, described(archive, engine, archive), record)


def described(source: Path, engine: Entry, plugin: Path) -> bytes:
    """Return what tells the plug-in of its engine, and of the others that it has been told of before."""
    others = [other for other in listed_engines(plugin) if other["name"] != engine["name"] and is_there(other)]
    engines = {"format": ENGINE_FORMAT, "version": version_of(source), "engines": [engine, *others]}
    return (json.dumps(engines, indent=1) + "\n").encode("ascii")


def listed_engines(plugin: Path) -> list[Entry]:
    """Return the engines that a plug-in's folder tells of; none where that is not to be understood."""
    try:
        found = json.loads(text_of(plugin / ENGINE))["engines"]
        return [engine for engine in found if isinstance(engine.get("name"), str)]
    except (ValueError, LookupError, TypeError, AttributeError):
        return []


def is_there(engine: Entry) -> bool:
    """Say whether an engine has not been removed since, as far as that is seen from here."""
    command = engine.get("command")
    program = command[0] if isinstance(command, list) and command and not engine.get("host") else ""
    return os.path.exists(str(program)) or not os.path.isabs(str(program))


def refuse_foreign_plugin(target: Path, record: Record) -> None:
    """Raise where GIMP's folder for this plug-in holds another one of that name."""
    entry = target / f"{target.name}.py"
    is_another = os.path.lexists(entry) and str(entry) not in record.files and not is_older_copy(target, record)
    if not target.is_symlink() and (is_another or (os.path.lexists(target) and not target.is_dir())):
        raise InstallError(
            Words("{path} already exists and is not this plug-in.", path=target),
            "Move it away, out of GIMP's plug-ins folder, and try again.",
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
