"""The steps that an installation consists of. Each says what it is going to do, and does it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from commands import CommandFailed
from errors import OTHER_FOLDERS, InstallError, advice
from installation import Installation
from output import say
from placing import listed, remove_tree
from plugin_folder import (
    Entry,
    connect,
    install_plugin,
    local_engine,
    other_copies,
    plugin_name,
    refuse_foreign_plugin,
    worker_command,
)
from pythons import Interpreter
from record import real_path, refuse_foreign
from source import copy_engine, is_archive, read_options, wheel_of
from torch_backend import GIGABYTE
from torch_install import has_good_torch, install_torch
from venvs import forget_begun, has_good_venv, make_venv
from words import Words

INSTALLING = Words("Installing the engine")

DEEPEST = 150
"""More characters than the paths of torch's files have below the engine's folder."""


class Step(Protocol):
    def describe(self) -> Words:
        """Say in one line what is going to be done."""

    def apply(self, installation: Installation) -> None:
        """Do it. Doing it again is harmless."""


@dataclass(frozen=True)
class PrepareFolders:
    """Everything that is written to later is tried first, before the long downloads."""

    home: Path
    plug_ins: Sequence[Path]
    needed: int = 0
    """Bytes that there must be room for."""

    def describe(self) -> Words:
        names = ", ".join(map(str, [self.home, *self.plug_ins]))
        return Words("Make sure that these folders can be written to: {names}", names=names)

    def apply(self, installation: Installation) -> None:
        for tree in installation.home.trees:
            refuse_foreign(tree, installation.record)
        for folder in [self.home, *self.plug_ins]:
            make_writable(folder, installation)
        if not may_be_deep(self.home):
            raise InstallError(
                Words("The folder {path} is so deep that what is below it would have too long paths.", path=self.home),
                "The engine needs a folder nearer to the root of the disk.",
                "Name one with --data-folder.",
            )
        for folder in self.plug_ins:
            plugin = real_path(folder) / plugin_name(folder.parent)
            refuse_foreign_plugin(plugin, installation.record)
            if plugin.is_dir():
                make_writable(plugin, installation)
        installation.need(self.needed)


def make_writable(folder: Path, installation: Installation) -> None:
    """Make a folder where it is missing, and raise where nothing can be written to it or run from it."""
    try:
        installation.record.make_folder(folder)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        tip, options = advice(error)
        told = Words("The folder {path} cannot be written to ({reason}).", path=folder, reason=error.strerror)
        raise InstallError(told, tip, options) from error
    if not may_run_programs(folder):
        raise InstallError(
            Words("What is in {path} may not be run, since its disk is mounted so (noexec).", path=folder),
            "The engine needs a disk that programs may be run from: have this one mounted so.",
            OTHER_FOLDERS,
        )


def may_be_deep(folder: Path) -> bool:
    """Say whether paths may be as much longer than a folder's as torch's are; Windows has a limit at 260 characters."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        try:
            Path(scratch, *["x" * (DEEPEST // 3)] * 3).mkdir(parents=True)
        except OSError:
            return False
    return True


def may_run_programs(folder: Path) -> bool:
    """Say whether the disk that a folder is on is one from which programs may be run; Linux alone tells."""
    return not (sys.platform == "linux" and os.statvfs(folder).f_flag & os.ST_NOEXEC)


@dataclass(frozen=True)
class MakeVenv:
    """``named`` is the Python that the user insists on."""

    venv: Path
    named: Interpreter | None = None
    for_flatpak: bool = False

    def describe(self) -> Words:
        if self.named is None:
            return Words("Make the engine's venv {path}", path=self.venv)
        version, python = self.named.version_text, self.named.executable
        return Words(
            "Make the engine's venv {path} from Python {version} ({python})",
            path=self.venv,
            version=version,
            python=python,
        )

    def apply(self, installation: Installation) -> None:
        installation.record.claim(self.venv)
        if has_good_venv(installation, self.for_flatpak):
            forget_begun(installation.home.venv)
            say("      It is there and works.")
        else:
            make_venv(installation, self.named, self.for_flatpak)


@dataclass(frozen=True)
class InstallTorch:
    backend: str
    reason: Words
    size: int
    """About how many bytes the engine takes with it."""

    def describe(self) -> Words:
        return Words(
            "Install torch, build {build}, {reason} (about {size:.0f} GB; takes some minutes)",
            build=self.backend,
            reason=self.reason,
            size=self.size / GIGABYTE,
        )

    def apply(self, installation: Installation) -> None:
        if has_good_torch(installation, self.backend):
            say("      It is there and computes.")
            return
        trial = install_torch(installation, self.backend)
        record, cache = installation.record, installation.home.cache
        record.torch_backend = self.backend
        record.device = f"{trial.name}, torch {trial.version}"
        record.save()
        if record.owns(cache):
            remove_tree(cache)
            record.disown(cache)


@dataclass(frozen=True)
class InstallEngine:
    checkout: Path

    def describe(self) -> Words:
        return Words("Install the engine from {path}", path=self.checkout)

    def apply(self, installation: Installation) -> None:
        """Build in a copy, so that the checkout stays as it is. pip installs a folder anew every time, but no wheel."""
        if is_archive(self.checkout):
            wheel = wheel_of(self.checkout)
            installation.pip(INSTALLING, "install", wheel)
            installation.pip(INSTALLING, "install", "--force-reinstall", "--no-deps", wheel)
            return
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / "source"
            copy_engine(self.checkout, source)
            installation.pip(INSTALLING, "install", source)


@dataclass(frozen=True)
class InstallPlugin:
    """``engine`` is another one than that in the engine's home."""

    gimp_folder: Path
    engine: Entry | None = None

    def describe(self) -> Words:
        return Words("Install the plug-in into {path}", path=self.gimp_folder / "plug-ins")

    def apply(self, installation: Installation) -> None:
        options = read_options(installation.checkout)
        engine = self.engine or local_engine(worker_command(installation.home.python))
        plug_ins = self.gimp_folder / "plug-ins"
        name = plugin_name(self.gimp_folder)
        kept = install_plugin(plug_ins, installation.checkout, options, engine, installation.record, name)
        if kept:
            told = Words("Kept under a new name, since the installer did not write it: {names}.", names=listed(kept))
            installation.notes.append(told)
        for copy in other_copies(self.gimp_folder, installation.machine.root):
            installation.notes.append(
                Words("Another neural style plug-in is in {path}: remove it, or GIMP may use that one.", path=copy)
            )


@dataclass(frozen=True)
class ConnectPlugin:
    """The plug-in that this installer came with is where it belongs, and only has to be told of its engine."""

    folder: Path
    engine: Entry | None = None

    def describe(self) -> Words:
        return Words("Tell the plug-in in {path} where its engine is", path=self.folder)

    def apply(self, installation: Installation) -> None:
        engine = self.engine or local_engine(worker_command(installation.home.python))
        connect(self.folder, engine, installation.record)


@dataclass(frozen=True)
class SelfTest:
    def describe(self) -> Words:
        return Words("Test the engine with a tiny picture")

    def apply(self, installation: Installation) -> None:
        words = ["-I", "-m", "nst_engine", "doctor", "--self-test"]
        try:
            installation.run(Words("The self-test"), installation.home.python, *words)
        except CommandFailed as error:
            raise CommandFailed(
                error.message,
                Words("{tip} If it fails again, remove the engine first: then everything is made anew.", tip=error.tip),
                "That is what --uninstall does.",
            ) from error
