"""Making the engine's venv: by uv, which can bring a Python for it, or by the running Python where uv cannot be had."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from commands import CommandFailed
from installation import Installation
from output import say
from placing import remove_tree
from pythons import RANGE, Interpreter, examine, running_python, suits_flatpak
from uv import run_uv
from words import Words

MAKING = Words("Making the venv")

PACKAGES = ("lib/python3*/site-packages/*.dist-info", "Lib/site-packages/*.dist-info")
"""Where a venv says which packages are there, as Linux and macOS or as Windows has it."""


def make_venv(installation: Installation, named: Interpreter | None, for_flatpak: bool) -> None:
    """Make a venv with pip, in place of whatever an earlier run left there.

    It is made from the named Python, else from the running one if that will do, else from one that uv finds or fetches.
    A Flatpak sees only what is below the user's home.
    """
    running = running_python(installation.machine)
    base = named or (running if running.obstacle is None else None)
    if for_flatpak and base and not suits_flatpak(base, installation.machine):
        try:
            return make_with_uv(installation, "--managed-python", "--python", RANGE)
        except CommandFailed:
            installation.notes.append(
                Words(
                    "The Flatpak GIMP cannot run the engine, because no Python for it could be fetched; "
                    "other GIMPs can."
                )
            )
    try:
        make_with_uv(installation, "--python", str(base.executable) if base else RANGE)
    except CommandFailed as error:
        if base is None or not base.has_ensurepip:
            raise
        say(f"      {error.message}\n      So Python makes the venv itself.")
        make_with_python(installation, base)


def make_with_uv(installation: Installation, *python: str) -> None:
    remove_tree(installation.home.venv)
    run_uv(installation, MAKING, "venv", "--seed", "--no-project", *python, installation.home.venv)
    made = examine(installation.home.python, installation.machine)
    if made is None or made.obstacle:
        reason = made.obstacle if made else Words("it does not run")
        told = Words("uv chose a Python that cannot carry the engine: {obstacle}.", obstacle=reason)
        raise CommandFailed(told, "Install another Python, and try again.", "Or name one with --python.")


def make_with_python(installation: Installation, base: Interpreter) -> None:
    remove_tree(installation.home.venv)
    installation.run(MAKING, base.executable, "-I", "-m", "venv", installation.home.venv)


def has_good_venv(installation: Installation, for_flatpak: bool) -> bool:
    """Say whether the venv of an earlier run still works and suits every GIMP that is there now."""
    python = examine(installation.home.python, installation.machine)
    if python is None or python.obstacle or not python.has_pip:
        return False
    return not for_flatpak or suits_flatpak(python, installation.machine)


def forget_begun(venv: Path) -> None:
    """Have those packages installed anew that a stop or a full disk left half there: pip takes them for whole."""
    for pattern in PACKAGES:
        for package in venv.glob(pattern):
            if not is_whole(package):
                remove_tree(package)


def is_whole(package: Path) -> bool:
    """Say whether all files of a package are there, and as large as its list says, which pip writes last."""
    try:
        listed = (package / "RECORD").read_text(encoding="utf-8").splitlines()
        whole = ((package.parent / name).stat().st_size == size for name, size in sizes_of(listed))
        return bool(listed) and all(whole)
    except (OSError, ValueError, csv.Error):
        return False


def sizes_of(record: list[str]) -> Iterator[tuple[str, int]]:
    """Yield the files of a package's list whose size it tells: what Python compiles may come and go."""
    for name, _digest, size in csv.reader(record):
        if size:
            yield name, int(size)
