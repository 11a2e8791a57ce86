"""Where the engine goes on each system."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_home import EngineHome, data_folder
from machine import Machine

HOME = Path("/home/zoë")


@pytest.mark.parametrize(
    "platform, environ, folder",
    [
        ("linux", {}, "/home/zoë/.local/share/neural-style"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/neural-style"),
        ("linux", {"XDG_DATA_HOME": "relative"}, "/home/zoë/.local/share/neural-style"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "/home/zoë/Library/Application Support/NeuralStyle"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/NeuralStyle"),
        ("win32", {}, "/home/zoë/AppData/Local/NeuralStyle"),
    ],
)
def test_the_engine_goes_into_the_users_data_folder(platform: str, environ: dict[str, str], folder: str) -> None:
    assert data_folder(Machine(platform, environ, HOME)) == Path(folder)


def test_the_venvs_python_has_its_place_on_each_system() -> None:
    assert EngineHome(HOME).python == HOME / "venv/bin/python"
    assert EngineHome(HOME, is_windows=True).python == HOME / "venv/Scripts/python.exe"
