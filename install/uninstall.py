"""The steps that take away what the installer wrote, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from install_state import sha256
from installation import Installation
from plugin_folder import NAME, NAME_210


@dataclass(frozen=True)
class RemovePlugins:
    folders: Sequence[Path]

    def describe(self) -> str:
        return f"Remove the plug-in from {', '.join(str(folder.parent) for folder in self.folders)}"

    def apply(self, installation: Installation) -> None:
        state = installation.state
        for name, digest in state.files.items():
            path = Path(name)
            if path.is_file() and sha256(path) == digest:
                path.unlink()
                path.with_suffix(".pyc").unlink(missing_ok=True)  # Python 2.7 keeps it beside the file
        for folder in sorted(map(Path, state.folders), reverse=True):
            if folder.is_dir():
                shutil.rmtree(folder / "__pycache__", ignore_errors=True)
                remove_if_empty(folder)
        left = [str(path) for folder in self.folders for path in files_below(folder)]
        if left:
            installation.notes.append(f"Left in place, because the installer did not write it so: {', '.join(left)}")


@dataclass(frozen=True)
class RemoveEngine:
    folder: Path

    def describe(self) -> str:
        return f"Remove the engine from {self.folder}"

    def apply(self, installation: Installation) -> None:
        home = installation.home
        for tree in home.trees:
            if tree.name in installation.state.trees and tree.exists():
                shutil.rmtree(tree)
        for path in (home.log, home.state):
            if path.exists():
                path.unlink()
        remove_if_empty(home.log.parent)
        remove_if_empty(home.folder)
        left = [str(path) for path in files_below(home.folder)]
        if left:
            installation.notes.append(f"Left in place, because the installer did not write it: {', '.join(left)}")


def plugin_folders(installation: Installation) -> list[Path]:
    """Return the plug-in's folders that the record knows of."""
    return [folder for folder in map(Path, installation.state.folders) if folder.name in (NAME, NAME_210)]


def remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
