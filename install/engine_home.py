"""The folder that the engine lives in: its venv, its logs, and the record of what was installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from machine import Machine


def data_folder(machine: Machine) -> Path:
    """Return the folder for the engine in the user's data folder. It is below home, where a Flatpak GIMP can see it."""
    if machine.is_windows:
        return machine.folder("LOCALAPPDATA", "AppData/Local") / "NeuralStyle"
    if machine.is_macos:
        return machine.home / "Library/Application Support/NeuralStyle"
    return machine.folder("XDG_DATA_HOME", ".local/share") / "neural-style"


@dataclass(frozen=True)
class EngineHome:
    """Names of what is in the engine's folder. Nothing is made by asking."""

    folder: Path
    is_windows: bool = False

    @property
    def venv(self) -> Path:
        return self.folder / "venv"

    @property
    def python(self) -> Path:
        """The engine's own Python."""
        return self.program(self.venv, "python")

    @property
    def before(self) -> Path:
        """The venv as it was, while it is worked on."""
        return self.folder / "venv.before"

    @property
    def spoiled(self) -> Path:
        """A venv whose making was stopped, on its way out."""
        return self.folder / "venv.spoiled"

    @property
    def tools(self) -> Path:
        """Where uv is put where the machine has none."""
        return self.folder / "tools"

    @property
    def pythons(self) -> Path:
        """Where uv puts a Python where the machine has none that will do."""
        return self.folder / "pythons"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "install.log"

    @property
    def trees(self) -> list[Path]:
        """Everything in here that the installer may own whole."""
        return [self.venv, self.before, self.spoiled, self.tools, self.pythons, self.cache, self.log]

    @property
    def record(self) -> Path:
        return self.folder / "install-state.json"

    def program(self, venv: Path, name: str) -> Path:
        """Return the path of a program in a venv."""
        return venv / "Scripts" / f"{name}.exe" if self.is_windows else venv / "bin" / name
