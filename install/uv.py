"""uv: the tool that knows torch's special package indexes, and can fetch a Python. It is welcome, not needed."""

from __future__ import annotations

import sys
from pathlib import Path

from commands import CommandFailed
from errors import InstallError
from installation import Installation
from pythons import Interpreter, examine
from venvs import make_venv

PYTHON_TO_FETCH = "3.12"


def find_uv(installation: Installation) -> Path | None:
    """Return the uv on the user's PATH, or the one that an earlier run brought."""
    on_path = installation.machine.program("uv")
    if on_path:
        return Path(on_path)
    brought = installation.home.program(installation.home.tools, "uv")
    return brought if brought.is_file() else None


def get_uv(installation: Installation, python: Interpreter) -> Path:
    """Return uv, installing it into a small venv of its own where it is missing."""
    found = find_uv(installation)
    if found:
        return found
    home = installation.home
    installation.record.claim(home.tools)
    make_venv(installation, python, home.tools)
    tools_python = home.program(home.tools, "python")
    installation.run("Installing uv", tools_python, "-I", "-m", "pip", "install", "--quiet", "uv")
    return home.program(home.tools, "uv")


def run_uv(installation: Installation, uv: Path, purpose: str, *arguments: str | Path) -> None:
    """Run uv so that an unreachable server is noticed in seconds, and everything it keeps is in the engine's home."""
    home = installation.home
    installation.record.claim(home.cache)
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


def running_python(installation: Installation) -> Interpreter:
    running = examine(sys.executable, installation.machine)
    if running is None:
        raise CommandFailed(f"{sys.executable} does not run.", "Name another Python with --python.")
    return running


def fetch_python(installation: Installation) -> Interpreter:
    """Bring a Python of its own into the engine's home."""
    home = installation.home
    try:
        uv = get_uv(installation, running_python(installation))
        installation.record.claim(home.pythons)
        run_uv(installation, uv, "Fetching Python", "python", "install", PYTHON_TO_FETCH)
    except CommandFailed as error:
        raise InstallError(
            f"No Python from 3.10 to 3.14 was found for the engine, and none could be fetched. {error.message}",
            "Install one (python.org has it for Windows and macOS) or name one with --python.",
        ) from error
    pattern = "*/python.exe" if home.is_windows else "*/bin/python3"
    for executable in sorted(home.pythons.glob(pattern)):
        python = examine(executable, installation.machine)
        if python and python.obstacle is None:
            return python
    raise InstallError(f"The Python fetched into {home.pythons} does not run.", "Name another one with --python.")
