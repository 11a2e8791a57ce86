"""The plug-in's folder inside a GIMP user folder: put together from the checkout and the installed engine."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from commands import ask
from errors import InstallError

NAME = "neural-style"
PACKAGE = "nst_plugin"
ENGINE_FORMAT = 1
SYSTEM_FOLDERS = ("usr/lib/gimp/*/plug-ins", "usr/lib/*/gimp/*/plug-ins", "usr/local/lib/gimp/*/plug-ins")


def worker_command(python: Path) -> list[str]:
    """Return the command that starts the engine. ``-I`` keeps out what GIMP tells its own Python."""
    return [str(python), "-I", "-m", "nst_engine", "worker"]


def protocol_of(checkout: Path) -> int:
    """Return the version of the pipe's messages, from the one place that states it."""
    return int(runpy.run_path(str(checkout / "nst_engine/frames.py"))["PROTOCOL"])


def install_plugin(plug_ins: Path, checkout: Path, options_json: str, engine_command: Sequence[str]) -> Path:
    """Put the plug-in's folder into a ``plug-ins`` folder, replacing an older copy whole, and return it.

    A new modification time makes GIMP ask the plug-in again. Names with a dot in front are ignored by GIMP.
    """
    target = plug_ins / NAME
    refuse_foreign(target)
    fresh, old = plug_ins / f".{NAME}.new", plug_ins / f".{NAME}.old"
    remove(fresh)
    assemble(fresh, checkout, options_json, engine_command)
    remove(old)
    if target.is_symlink() or target.exists():
        target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        old.rename(target)
        raise
    remove(old)
    return target


def assemble(folder: Path, checkout: Path, options_json: str, engine_command: Sequence[str]) -> None:
    source = checkout / "gimp_plugin" / NAME
    shutil.copytree(source, folder, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(checkout / "nst_engine/frames.py", folder / PACKAGE / "frames.py")
    engine = {"name": "This computer", "command": list(engine_command), "protocol": protocol_of(checkout)}
    engines = {"format": ENGINE_FORMAT, "engines": [engine]}
    (folder / "engine.json").write_text(json.dumps(engines, indent=1) + "\n", encoding="ascii")
    (folder / "options.json").write_text(options_json, encoding="utf-8")
    (folder / f"{NAME}.py").chmod(0o755)


def read_options(python: Path, environ: Mapping[str, str]) -> str:
    """Return the engine's table of options, as the engine itself prints it."""
    options = ask([python, "-I", "-m", "nst_engine.options"], environ)
    if options is None:
        raise InstallError(
            f"The engine in {python.parent.parent} does not run.", f"Try: {python} -I -m nst_engine.options"
        )
    return options


def refuse_foreign(target: Path) -> None:
    if target.exists() and not target.is_symlink() and not (target / PACKAGE).is_dir():
        raise InstallError(
            f"{target} already exists and is not this plug-in.",
            "Move it away, out of GIMP's plug-ins folder, and run this installer again.",
        )


def remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def other_copies(gimp_folder: Path, root: Path = Path("/")) -> list[Path]:
    """Return plug-ins of this name that the same GIMP finds elsewhere: of two it silently uses the first."""
    ours = gimp_folder / "plug-ins" / NAME
    places = [gimp_folder / "plug-ins", *gimprc_folders(gimp_folder)]
    places += [folder for pattern in SYSTEM_FOLDERS for folder in root.glob(pattern)]
    found = {path.parent for place in places for path in place.glob("*/neural[-_]style*.py")}
    return sorted(found - {ours})


def gimprc_folders(gimp_folder: Path) -> Iterator[Path]:
    """Yield the plug-in folders that the user added in GIMP's preferences."""
    gimprc = gimp_folder / "gimprc"
    text = gimprc.read_text(encoding="utf-8", errors="replace") if gimprc.is_file() else ""
    for path_list in re.findall(r'\(plug-in-path\s+"([^"]*)"', text):
        for entry in path_list.replace("${gimp_dir}", str(gimp_folder)).split(os.pathsep):
            if entry and "${" not in entry:
                yield Path(entry)
