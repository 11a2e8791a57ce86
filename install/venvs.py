"""Making a venv with pip in it, also where Python comes without the module that does it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from commands import ask
from errors import InstallError
from installation import Installation
from machine import Machine
from placing import remove_tree
from pythons import Interpreter

Way = Literal["venv", "uv", "pip", "apt"]

PURE_LIBRARY = "import sysconfig; print(sysconfig.get_path('purelib'))"


def choose_way(python: Interpreter, machine: Machine) -> Way:
    """Return how this Python gets a venv. Debian splits ``ensurepip`` off, and then somebody else must bring pip."""
    if python.has_ensurepip:
        return "venv"
    if machine.program("uv"):
        return "uv"
    if python.has_pip:
        return "pip"
    package = f"python{python.version_text}-venv"
    if not machine.program("apt-get"):
        raise InstallError(
            f"{python.executable} cannot make a venv, because its module ensurepip is missing.",
            "Install that module with your system's package manager, or install uv, and run this installer again.",
        )
    if not machine.is_superuser:
        raise InstallError(
            f"{python.executable} cannot make a venv, because the package {package} is missing.",
            f"Run: sudo apt install {package}",
        )
    return "apt"


def make_venv(installation: Installation, python: Interpreter, folder: Path) -> None:
    """Make a venv with pip, in place of whatever an earlier run left in the folder."""
    way = choose_way(python, installation.machine)
    remove_tree(folder)
    if way == "apt":
        install_venv_package(installation, python)
    if way == "uv":
        uv = installation.machine.program("uv") or "uv"
        installation.run("Making the venv", uv, "venv", "--seed", "--python", python.executable, folder)
    elif way == "pip":
        make_venv_with_foreign_pip(installation, python, folder)
    else:
        installation.run("Making the venv", python.executable, "-I", "-m", "venv", folder)


def make_venv_with_foreign_pip(installation: Installation, python: Interpreter, folder: Path) -> None:
    """Let the base Python's pip put a pip into the venv. ``--target`` is understood by every age of pip."""
    base = python.executable
    installation.run("Making the venv", base, "-I", "-m", "venv", "--without-pip", folder)
    venv_python = installation.home.program(folder, "python")
    library = ask([venv_python, "-I", "-c", PURE_LIBRARY], installation.machine.environ)
    if library is None:
        raise InstallError(f"The venv in {folder} does not run.", f"Delete {folder} and run this installer again.")
    installation.run("Fetching pip", base, "-I", "-m", "pip", "install", "--target", library.strip(), "pip")


def install_venv_package(installation: Installation, python: Interpreter) -> None:
    package = f"python{python.version_text}-venv"
    purpose = f"Installing the package {package}"
    installation.run(purpose, "apt-get", "-q", "update")
    installation.run(purpose, "apt-get", "-q", "-y", "install", package, DEBIAN_FRONTEND="noninteractive")
