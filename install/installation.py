"""One installation: the machine, the checkout that is installed, and the engine's home with its record."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from commands import run
from engine_home import EngineHome
from install_state import InstallState
from machine import Machine


@dataclass
class Installation:
    machine: Machine
    checkout: Path
    home: EngineHome
    state: InstallState = field(default_factory=InstallState)
    notes: list[str] = field(default_factory=list)
    """Sentences for the end of the report, about what is not as one might expect."""

    def run(self, purpose: str, *command: str | Path, **variables: str) -> None:
        """Run a program with its output shown and logged; ``variables`` are added to its environment."""
        environ = {**self.machine.environ, **variables}
        run(purpose, command, environ, self.home.log)

    def pip(self, purpose: str, *arguments: str | Path) -> None:
        """Run the pip of the engine's venv, which honors the user's own pip configuration."""
        self.run(purpose, self.home.python, "-I", "-m", "pip", *arguments)

    def save_state(self) -> None:
        self.state.save(self.home.state)

    def claim(self, tree: Path) -> None:
        """Record that a folder in the engine's home belongs to the installer whole, before it is made."""
        if tree.name not in self.state.trees:
            self.state.trees.append(tree.name)
            self.save_state()
