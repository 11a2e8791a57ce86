"""Deciding what is to be done, before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from errors import InstallError
from gimps import GimpSearch, find_gimps
from installation import Installation
from plugin_folder import local_engine, remote_engine
from pythons import insist_on
from record import unfinished
from remote import ReachEngine
from steps import ConnectPlugin, InstallEngine, InstallPlugin, InstallTorch, MakeVenv, PrepareFolders, SelfTest, Step
from torch_backend import PLAIN_INDEX, Wanted, bytes_of, wanted_backend
from uninstall import RemoveEngine, RemovePlugins, plugin_folders
from words import Words

AUTO = "auto"
NO_GIMP = "No GIMP 3 that can use the plug-in was found."


@dataclass(frozen=True)
class Wishes:
    """What the user asked for on the command line; the defaults leave everything to the installer."""

    gimp_folders: Sequence[Path] = ()
    torch_backend: str = AUTO
    python: Path | None = None
    engine_command: Sequence[str] | None = None
    remote: str = ""
    """Another computer to use the engine of."""
    ssh: Sequence[str] = ()
    """What starts ssh, if that is not its name."""
    may_install_there: bool = False
    engine_only: bool = False
    """No plug-in: the engine is for GIMPs on other computers."""
    in_place: bool = False
    """Only the plug-in that this installer lies in gets an engine."""


def install_plan(installation: Installation, wishes: Wishes) -> list[Step]:
    """Return the steps from nothing to a plug-in that works. Looks at the machine, changes nothing."""
    is_for_gimps = not (wishes.in_place or wishes.engine_only)
    gimps = gimps_for(installation, wishes) if is_for_gimps else GimpSearch([], [])
    installation.notes += gimps.notes
    if wishes.remote:
        return remote_plan(installation, wishes, gimps.folders)
    named = insist_on(wishes.python, installation.machine) if wishes.python else None
    torch = torch_step(installation, wishes)
    plug_ins = [folder / "plug-ins" for folder in gimps.folders]
    if wishes.in_place:
        plug_ins = [installation.checkout.parent]
    engine = local_engine(wishes.engine_command) if wishes.engine_command else None
    needed = 0 if installation.record.torch_backend else torch.size
    return [
        PrepareFolders(installation.home.folder, plug_ins, needed),
        MakeVenv(installation.home.venv, named, gimps.has_flatpak),
        torch,
        InstallEngine(installation.checkout),
        SelfTest(),
        *(InstallPlugin(folder, engine) for folder in gimps.folders),
        *([ConnectPlugin(installation.checkout)] if wishes.in_place else []),
    ]


def remote_plan(installation: Installation, wishes: Wishes, gimps: Sequence[Path]) -> list[Step]:
    """Return the steps to a plug-in that works with an engine elsewhere; here nothing of the engine is installed."""
    engine = remote_engine(wishes.remote, wishes.ssh)
    plug_ins = [installation.checkout.parent] if wishes.in_place else [folder / "plug-ins" for folder in gimps]
    return [
        PrepareFolders(installation.home.folder, plug_ins),
        ReachEngine(engine, wishes.torch_backend, wishes.may_install_there),
        *(InstallPlugin(folder, engine) for folder in gimps),
        *([ConnectPlugin(installation.checkout, engine)] if wishes.in_place else []),
    ]


def uninstall_plan(installation: Installation) -> list[Step]:
    """Return the steps that undo every earlier installation recorded in this home; none where there is none."""
    record = installation.home.record
    if not (record.exists() or unfinished(record).exists()):
        return []
    folders = plugin_folders(installation.record)
    return [*([RemovePlugins(folders)] if folders else []), RemoveEngine(installation.home.folder)]


def gimps_for(installation: Installation, wishes: Wishes) -> GimpSearch:
    if wishes.gimp_folders:
        return GimpSearch(list(wishes.gimp_folders), [])
    machine = installation.machine
    if machine.is_superuser and "SUDO_USER" in machine.environ:
        raise InstallError("With sudo the plug-in would be installed for root's GIMP only.", "Run it without sudo.")
    gimps = find_gimps(machine)
    if not gimps.folders:
        notes = " ".join(gimps.notes)
        raise InstallError(
            Words("No GIMP 3 that can use the plug-in was found. {notes}", notes=notes) if notes else NO_GIMP,
            "Install GIMP 3 and start it once, or name the folder that holds its plug-ins folder with --gimp-folder.",
        )
    return gimps


def torch_step(installation: Installation, wishes: Wishes) -> InstallTorch:
    wanted = Wanted(wishes.torch_backend, Words("as asked for"))
    if wishes.torch_backend == AUTO:
        wanted = wanted_backend(installation.machine)
    elif wishes.torch_backend == PLAIN_INDEX:
        wanted = Wanted(PLAIN_INDEX, Words("from the ordinary package index, as asked for"))
    return InstallTorch(*wanted, bytes_of(wanted.backend, installation.machine))
