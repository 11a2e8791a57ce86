"""Made-up machines for the installer: real folders, and small real programs on a PATH of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "install"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "gimp_plugin/neural-style"))

from killing import Killer
from machine import Machine


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder as people have it: with a space and letters beyond ASCII."""
    folder = tmp_path / "Zoë Müller" / "日本 home"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture
def linux(home: Path, programs: Path, tmp_path: Path) -> Machine:
    """A Linux machine with nothing on it."""
    if sys.platform == "win32":
        pytest.skip("its paths and programs are those of a Unix")
    root = tmp_path / "root"
    root.mkdir()
    return Machine("linux", {"PATH": str(programs), "HOME": str(home)}, home, root)


@pytest.fixture
def add_program(programs: Path) -> Callable[[str, str], Path]:
    """Put a shell script on the made-up PATH."""

    def add(name: str, script: str) -> Path:
        program = programs / name
        program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        return program

    return add


@pytest.fixture(scope="session")
def killer() -> Killer:
    return Killer()
