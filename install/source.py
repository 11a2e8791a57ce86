"""What is installed from: a clone of the repository, or the folder of an archive that ``release.py`` put together.

An archive is the plug-in's folder as GIMP wants it, with the engine's wheel, this installer and GIMP 2.10's plug-in in
folders below it, so that it can be copied into every GIMP whole.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from catalogs import compiled, read_po
from machine import text_of

NAME = "neural-style"
NAME_210 = "neural_style_210"
NAMES = (NAME, NAME_210)
"""Folder and entry file of the plug-in for GIMP 3, and of the one for GIMP 2.10: GIMP wants both to have one name."""

PACKAGE = "nst_plugin"
SHARED = f"{PACKAGE}/shared"
"""The part of the package that Python 2.7 understands."""

LOCALE, PAINTINGS = "locale", "paintings"
WHEELS = "engine"
"""The folder of an archive that has the engine's wheel."""

ENGINE = "engine.json"
"""The file that tells the plug-in where its engine is: the one thing that an archive lacks."""

RELEASE = "release.json"
"""The file that tells an archive from a clone, and its version."""

BUILT_FROM = ("pyproject.toml", "setup.cfg", "README.md", "LICENSE")
"""What the engine's package is made of, beside its modules."""


def is_archive(source: Path) -> bool:
    return (source / RELEASE).is_file()


def version_of(source: Path) -> str:
    """Return the version of engine and plug-in, from the one place that states it."""
    if is_archive(source):
        return str(json.loads(text_of(source / RELEASE))["version"])
    found = re.search(r'^__version__ = "(.+)"$', text_of(source / "nst_engine/__init__.py"), re.MULTILINE)
    return found[1] if found else ""


def read_options(source: Path) -> str:
    """Return the engine's table of options, for which no engine has to run: that room needs nothing but Python."""
    if is_archive(source):
        return text_of(source / "options.json")
    sys.path.insert(0, str(source))  # before an engine that is installed for the Python that runs this
    try:
        from nst_engine import options
    finally:
        sys.path.remove(str(source))
    return json.dumps(options.table(), indent=2)


@contextlib.contextmanager
def plugin_code(source: Path) -> Iterator[None]:
    """Within the block, the plug-in's package can be imported; the part of it that all share needs nothing of GIMP."""
    folder = source if is_archive(source) else source / "gimp_plugin" / NAME
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def plugin_files(source: Path, options_json: str, name: str = NAME) -> dict[str, bytes]:
    """Return what the plug-in's folder holds, but for where the engine is, by names below it.

    That is the source's half of it, with its translations as programs read them, and what the engine has of it: the
    pipe's frames, its options, and its paintings.
    """
    if is_archive(source):
        files = {path: data for path, data in contents(source).items() if path != ENGINE}
    else:
        files = contents(source / "gimp_plugin" / NAME)
        files |= {path[:-2] + "mo": compiled(read_po(files[path].decode())) for path in files if path.endswith(".po")}
        files[f"{SHARED}/frames.py"] = (source / "nst_engine/frames.py").read_bytes()
        paintings = contents(source / "nst_engine/data/paintings")
        files |= {f"{PAINTINGS}/{path}": data for path, data in paintings.items()}
    files["options.json"] = options_json.encode()
    return only_210(source, files) if name == NAME_210 else files


def only_210(source: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    """Return what GIMP 2.10 gets: what its Python 2.7 understands, and the same translations and paintings."""
    folders = (f"{SHARED}/", f"{LOCALE}/", f"{PAINTINGS}/")
    kept = {path: data for path, data in files.items() if path.startswith(folders)}
    single = {path: files[path] for path in (f"{PACKAGE}/__init__.py", "options.json")}
    plug_in = source / "gimp210" if is_archive(source) else source / "gimp_plugin/gimp210"
    return {**single, **kept, **contents(plug_in)}


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its name in there, but for what Python keeps of modules."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def wheel_of(source: Path) -> Path:
    """Return the engine's wheel in an archive."""
    return next((source / WHEELS).glob("neural_style*.whl"))


def bundled_pip(source: Path) -> Path | None:
    """Return the program in the wheel of pip that an archive brings, for a Python that has none, as in a GIMP's own."""
    wheels = sorted((source / WHEELS).glob("pip-*.whl"))
    return wheels[-1] / "pip" if wheels else None


def copy_engine(source: Path, folder: Path) -> None:
    """Copy what a clone's engine is built from, so that nothing is built in the clone itself."""
    shutil.copytree(source / "nst_engine", folder / "nst_engine", ignore=shutil.ignore_patterns("__pycache__"))
    for name in BUILT_FROM:
        shutil.copyfile(source / name, folder / name)
