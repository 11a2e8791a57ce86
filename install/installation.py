"""One installation: the machine, the checkout that is installed, and the engine's home with its record."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from commands import run
from engine_home import EngineHome
from errors import InstallError
from lock import locked
from machine import Machine
from record import Record, missing_folders
from words import Words


@dataclass
class Installation:
    machine: Machine
    checkout: Path
    home: EngineHome
    record: Record = field(default_factory=Record)
    notes: list[Words] = field(default_factory=list)
    """Sentences for the end of the report, about what is not as one might expect."""
    expected: int = 0
    """About how many bytes the engine takes, as far as that is known by now."""
    lock: int | None = None
    """The descriptor that keeps other installers out, which child processes inherit."""

    def need(self, size: int) -> None:
        """Raise where there is no room for an engine of about so many bytes."""
        free = shutil.disk_usage(self.home.folder).free
        if free < size:
            raise InstallError(
                Words(
                    "There is too little room for the engine in {path}: it needs about {needed:.1f} GB, "
                    "and {free:.1f} are free.",
                    path=self.home.folder,
                    needed=size / 1e9,
                    free=free / 1e9,
                ),
                "Make room on that disk, and try again.",
                "Or name a folder on another one with --data-folder.",
            )

    def run(self, purpose: Words, *command: str | Path, **variables: str) -> None:
        """Run a program with its output shown and logged; ``variables`` are added to its environment."""
        environ = {**self.machine.environ, **variables}
        self.record.make_folder(self.home.log.parent)
        self.record.claim(self.home.log)
        run(purpose, command, environ, self.home.log, self.lock)

    def pip(self, purpose: Words, *arguments: str | Path) -> None:
        """Run the pip of the engine's venv, which honors the user's own pip configuration."""
        self.run(purpose, self.home.python, "-I", "-m", "pip", *arguments)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other installers out of the engine's home, which is made where it is missing."""
        made = missing_folders(self.home.folder)
        self.home.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.home.folder) as self.lock:
            self.refuse_changes()
            self.record.expect_folders(made)
            yield

    def refuse_changes(self) -> None:
        """Raise where another installer has been at work since the record was read."""
        if self.record != Record.load(self.home.record):
            told = Words("Another installer has changed {folder} meanwhile.", folder=self.home.folder)
            raise InstallError(told, "Try again.")
