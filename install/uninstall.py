"""The steps that take away what the installer wrote, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from installation import Installation
from placing import files_below, listed, remove_if_empty, remove_tree, staging_of, take_out
from record import Record, unfinished
from source import ENGINE, NAMES
from words import Words


@dataclass(frozen=True)
class RemovePlugins:
    folders: Sequence[Path]

    def describe(self) -> Words:
        names = ", ".join(str(folder.parent) for folder in self.folders)
        return Words("Remove the plug-in from {names}", names=names)

    def apply(self, installation: Installation) -> None:
        record = installation.record
        take_out(map(Path, record.files), record)
        for staging in map(staging_of, self.folders):
            if record.owns(staging):
                remove_tree(staging)


@dataclass(frozen=True)
class RemoveEngine:
    folder: Path

    def describe(self) -> Words:
        return Words("Remove the engine from {path}", path=self.folder)

    def apply(self, installation: Installation) -> None:
        """The record goes last, so that a removal that was stopped can go on. A link was not made by the installer."""
        home = installation.home
        for tree in home.trees:
            if installation.record.owns(tree) and not tree.is_symlink():
                remove_tree(tree)
        for path in (unfinished(home.record), home.record):
            path.unlink(missing_ok=True)


def plugin_folders(record: Record) -> list[Path]:
    """Return the plug-in's folders that the record knows of, finished or not."""
    finished = {path.parent for path in map(Path, record.files) if path.name == ENGINE and path.parent.name in NAMES}
    begun = {tree.with_name(name) for tree in map(Path, record.trees) for name in NAMES}
    return sorted(finished | {folder for folder in begun if record.owns(staging_of(folder))})


def sweep(installation: Installation, plugins: Sequence[Path]) -> None:
    """Remove the folders that the installer made and that are empty now, and note what is left in the others."""
    for folder in sorted(map(Path, installation.record.folders), reverse=True):
        remove_if_empty(folder)
    left = [path for folder in (*plugins, installation.home.folder) for path in files_below(folder)]
    if left:
        told = Words("Left in place, since the installer did not write it: {names}.", names=listed(left))
        installation.notes.append(told)
