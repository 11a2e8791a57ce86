"""The plug-in's folder inside a GIMP user folder: put together from the checkout and the installed engine."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from catalogs import compile_catalogs
from commands import ask
from errors import InstallError
from help_page import write_help

NAME = "neural-style"
NAME_210 = "neural_style_210"
"""Folder and entry file of the plug-in for GIMP 3, and of the one for GIMP 2.10: GIMP wants both to have one name."""

PACKAGE = "nst_plugin"
SHARED_WITH_210 = ("__init__", "areas", "durations", "engine_client", "errors", "settings", "translation")
"""Modules of the package that Python 2.7 understands; frames.py is another."""

LOCALE, HELP = "locale", "help"
ENGINE_FORMAT = 1
SYSTEM_FOLDERS = ("usr/lib/gimp/*/plug-ins", "usr/lib/*/gimp/*/plug-ins", "usr/local/lib/gimp/*/plug-ins")


def worker_command(python: Path) -> list[str]:
    """Return the command that starts the engine. ``-I`` keeps out what GIMP tells its own Python."""
    return [str(python), "-I", "-m", "nst_engine", "worker"]


def protocol_of(checkout: Path) -> int:
    """Return the version of the pipe's messages, from the one place that states it."""
    return int(runpy.run_path(str(checkout / "nst_engine/frames.py"))["PROTOCOL"])


def plugin_name(gimp_folder: Path) -> str:
    """Return which plug-in a GIMP user folder needs; GIMP names these folders by its version."""
    return NAME_210 if gimp_folder.name.startswith("2.") else NAME


def install_plugin(
    plug_ins: Path, checkout: Path, options_json: str, engine_command: Sequence[str], name: str = NAME
) -> Path:
    """Put the plug-in's folder into a ``plug-ins`` folder, replacing an older copy whole, and return it.

    A new modification time makes GIMP ask the plug-in again. Names with a dot in front are ignored by GIMP.
    """
    target = plug_ins / name
    refuse_foreign(target)
    fresh, old = plug_ins / f".{name}.new", plug_ins / f".{name}.old"
    remove(fresh)
    if name == NAME:
        copy_code(fresh, checkout)
    else:
        copy_code_210(fresh, checkout)
    complete(fresh, checkout, options_json, engine_command)
    (fresh / f"{name}.py").chmod(0o755)
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


def copy_code(folder: Path, checkout: Path) -> None:
    source = checkout / "gimp_plugin" / NAME
    shutil.copytree(source, folder, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("__pycache__"))
    write_help(folder / HELP, (checkout / "README.md").read_text(encoding="utf-8"))


def copy_code_210(folder: Path, checkout: Path) -> None:
    """GIMP 2.10 gets what its Python 2.7 understands, and the same translations."""
    source = checkout / "gimp_plugin" / NAME
    (folder / PACKAGE).mkdir(parents=True)
    shutil.copyfile(checkout / f"gimp_plugin/gimp210/{NAME_210}.py", folder / f"{NAME_210}.py")
    for module in SHARED_WITH_210:
        shutil.copyfile(source / PACKAGE / f"{module}.py", folder / PACKAGE / f"{module}.py")
    if (source / LOCALE).is_dir():
        shutil.copytree(source / LOCALE, folder / LOCALE, copy_function=shutil.copyfile)


def complete(folder: Path, checkout: Path, options_json: str, engine_command: Sequence[str]) -> None:
    """Add what the checkout's plug-in lacks: the engine's half of the pipe, where the engine is, and its options."""
    compile_catalogs(folder / LOCALE)
    shutil.copyfile(checkout / "nst_engine/frames.py", folder / PACKAGE / "frames.py")
    engine = {"name": "This computer", "command": list(engine_command), "protocol": protocol_of(checkout)}
    engines = {"format": ENGINE_FORMAT, "engines": [engine]}
    (folder / "engine.json").write_text(json.dumps(engines, indent=1) + "\n", encoding="ascii")
    (folder / "options.json").write_text(options_json, encoding="utf-8")


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
    ours = gimp_folder / "plug-ins" / plugin_name(gimp_folder)
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
