"""uv: the tool that makes venvs, finds or fetches a Python for them, and knows torch's special package indexes."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from commands import CommandFailed, ask
from installation import Installation
from placing import remove_tree
from pythons import Interpreter, running_python
from source import bundled_pip
from words import Words

INSTALLING = Words("Installing uv")

OLDEST = (0, 7)
"""Earlier ones lack options that are used here."""


def find_uv(installation: Installation) -> Path | None:
    """Return the uv on the user's PATH, or the one that an earlier run brought."""
    on_path = installation.machine.program("uv")
    if on_path and version_of(Path(on_path), installation) >= OLDEST:
        return Path(on_path)
    return brought_uv(installation)


def version_of(uv: Path, installation: Installation) -> tuple[int, ...]:
    found = re.match(r"uv (\d+)\.(\d+)", ask([uv, "--version"], installation.machine.environ) or "")
    return tuple(map(int, found.groups())) if found else ()


def brought_uv(installation: Installation) -> Path | None:
    """Return the uv in the engine's home, where a venv or pip alone put it."""
    tools = installation.home.tools
    name = "uv.exe" if installation.home.is_windows else "uv"
    places = [tools / folder / name for folder in ("bin", "Scripts")]
    return next((place for place in places if os.path.isfile(place)), None)


def get_uv(installation: Installation) -> Path:
    """Return uv, which is brought into the engine's home by the running Python's venv or pip where it is missing.

    Raises :class:`CommandFailed` where it cannot be had.
    """
    found = find_uv(installation)
    if found:
        return found
    home, python = installation.home, running_python(installation.machine)
    pip = None if python.has_ensurepip or python.has_pip else bundled_pip(installation.checkout)
    if not (python.has_ensurepip or python.has_pip or pip):
        raise CommandFailed(
            Words(
                "uv cannot be fetched, because {path} has neither its module ensurepip nor pip.", path=python.executable
            ),
            "Install uv, or those modules: on Debian and Ubuntu by sudo apt install python3-venv.",
        )
    installation.record.claim(home.tools)
    remove_tree(home.tools)
    if python.has_ensurepip:
        installation.run(Words("Making a venv for uv"), python.executable, "-I", "-m", "venv", home.tools)
        tools_python = home.program(home.tools, "python")
        installation.run(INSTALLING, tools_python, "-I", "-m", "pip", "install", "--quiet", "uv")
    else:
        into = ["--quiet", "--target", str(home.tools), *platform_words(python)]
        program = [str(pip)] if pip else ["-m", "pip"]
        installation.run(INSTALLING, python.executable, "-I", *program, "install", *into, "uv")
    brought = brought_uv(installation)
    if brought is None:
        told = Words("The package uv put no program into {path}.", path=home.tools)
        raise CommandFailed(told, "Install uv yourself.")
    return brought


def platform_words(python: Interpreter) -> list[str]:
    """Return what tells pip to take the package for Windows: to itself, GIMP's own Python there is of another kind."""
    machine = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "amd64"
    return ["--platform", f"win_{machine}", "--only-binary", ":all:"] if python.is_mingw else []


def run_uv(installation: Installation, purpose: Words, *arguments: str | Path) -> None:
    """Run uv so that an unreachable server is noticed in seconds, and everything it keeps is in the engine's home."""
    home, record = installation.home, installation.record
    uv = get_uv(installation)
    for tree in (home.cache, home.pythons):
        record.claim(tree)
    try:
        installation.run(
            purpose,
            uv,
            *arguments,
            UV_CACHE_DIR=str(home.cache),
            UV_HTTP_RETRIES="1",
            UV_HTTP_TIMEOUT="30",
            UV_NO_PROGRESS="1",
            UV_PYTHON_INSTALL_BIN="0",
            UV_PYTHON_INSTALL_DIR=str(home.pythons),
            UV_PYTHON_INSTALL_REGISTRY="0",
        )
    finally:
        for tree in (home.cache, home.pythons):
            if not os.path.lexists(tree):
                record.disown(tree)
