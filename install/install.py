#!/usr/bin/env python3
"""Install Neural Style for GIMP: the engine into the user's data folder, the plug-in into every GIMP it can serve.

Needs nothing but Python 3.9 or later. Running it again repairs or upgrades; --dry-run only shows the plan.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine_home import EngineHome, data_folder
from errors import InstallError, from_system
from events import counting, stop_with_stdin
from installation import Installation
from keeping import old_engine_kept
from machine import Machine
from output import AS_EVENTS, close_streams, complain, event, facts, open_streams, say
from placing import size_of
from plan import AUTO, Wishes, install_plan, uninstall_plan
from record import Record
from remote import MissingThere
from steps import InstallTorch, Step
from torch_backend import FOR_THE_PROCESSOR, PLAIN_INDEX, bytes_of
from uninstall import plugin_folders, sweep
from words import Words

CHECKOUT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan, print, act, report. Return the exit code."""
    options = parsed(arguments)
    try:
        if options.events:
            os.environ[AS_EVENTS] = "1"
            stop_with_stdin()
        installation = open_installation(this_machine(options.wheels), options.data_folder)
        if options.uninstall:
            return uninstall(installation, options.dry_run)
        return install(installation, wishes_of(options), options.dry_run)
    except InstallError as error:
        return fail(error)
    except OSError as error:
        return fail(from_system(error))
    except KeyboardInterrupt:
        return fail(InstallError("Stopped before the end.", "Try again; it goes on from here."))


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line; what of it has no meaning ends the program before anything is installed."""
    line = parser()
    options = line.parse_args(arguments)
    if (options.ssh or options.install_there) and not options.remote:
        line.error("--ssh and --install-there go with --remote HOST")
    return options


def wishes_of(options: argparse.Namespace) -> Wishes:
    backend = PLAIN_INDEX if options.wheels and options.torch_backend == AUTO else options.torch_backend
    return Wishes(
        options.gimp_folder,
        backend,
        options.python,
        options.engine_command,
        options.remote or "",
        options.ssh,
        options.install_there,
        options.engine_only,
        options.in_place,
    )


def parser() -> argparse.ArgumentParser:
    """Return the command line; its help is the reference of the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and change nothing")
    parser.add_argument("--uninstall", action="store_true", help="remove what this installer has written")
    parser.add_argument("--data-folder", type=absolute, metavar="DIR", help="where the engine goes")
    parser.add_argument(
        "--gimp-folder",
        type=absolute,
        metavar="DIR",
        action="append",
        default=[],
        help="a GIMP user folder, the one that holds plug-ins, instead of all that are found; may be repeated; "
        "one that is named 2.10 gets the plug-in for GIMP 2.10",
    )
    parser.add_argument(
        "--torch-backend",
        default=AUTO,
        metavar="NAME",
        help="build of torch: auto, cpu, cu126, cu128, cu130, xpu, any other that uv knows, or index for the "
        "one of the ordinary package index (default: auto)",
    )
    parser.add_argument(
        "--wheels", type=absolute, metavar="DIR", help="a folder of wheels to take all packages from, without a network"
    )
    parser.add_argument(
        "--remote",
        type=computer,
        metavar="HOST",
        help="use the engine on another computer, named as for ssh (user@host), and install none here",
    )
    parser.add_argument(
        "--install-there",
        action="store_true",
        help="with --remote: install the engine there, or bring it up to date, where that is needed",
    )
    parser.add_argument(
        "--ssh",
        type=command_list,
        default=[],
        metavar="JSON",
        help="""list of words that start ssh, if "ssh" does not, such as '["ssh", "-F", "/home/me/other-config"]'""",
    )
    parser.add_argument(
        "--engine-only",
        action="store_true",
        help="install no plug-in: the engine is for GIMPs on other computers, which come by ssh",
    )
    parser.add_argument(
        "--in-place",
        action="store_true",
        help="from an archive that was unzipped into GIMP's plug-ins folder: make the engine for that plug-in only",
    )
    parser.add_argument(
        "--events",
        action="store_true",
        help="for a program that listens: one JSON object a line; closing stdin is the cancel",
    )
    parser.add_argument("--python", type=absolute, metavar="FILE", help="the Python to build the engine on")
    parser.add_argument(
        "--engine-command",
        type=command_list,
        metavar="JSON",
        help="list of words that start an engine elsewhere, such as "
        """'["ssh", "gpu-box", "nst-engine", "worker"]'; the plug-in uses it instead of the local engine""",
    )
    return parser


def absolute(text: str) -> Path:
    """Return an absolute path without following links: the Python of a venv is a link."""
    path = os.path.expanduser(text)
    if not text or path.startswith("~"):
        raise ValueError(text)
    return Path(path if os.path.isabs(path) else os.path.join(os.getcwd(), path))


def computer(text: str) -> str:
    """Return a computer's name: nothing, as of a variable that is not set, would mean this one."""
    if not text.strip():
        raise ValueError(text)
    return text


def command_list(text: str) -> list[str]:
    words = json.loads(text)
    if not (isinstance(words, list) and words and all(isinstance(word, str) for word in words)):
        raise ValueError(text)
    return words


def this_machine(wheels: Path | None) -> Machine:
    """Return this machine; with a folder of wheels, one that asks nobody else for packages."""
    machine = Machine.this_one()
    if wheels is None:
        return machine
    if not wheels.is_dir():
        raise InstallError(Words("There is no folder {path}.", path=wheels), "Name the folder that the wheels are in.")
    here = wheels.as_uri()  # pip would take spaces, and uv commas, for the end of a folder's name
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": here, "UV_NO_INDEX": "1", "UV_FIND_LINKS": here}
    return dataclasses.replace(machine, environ={**machine.environ, **offline, "UV_OFFLINE": "1"})


def open_installation(machine: Machine, folder: Path | None) -> Installation:
    home = EngineHome(folder or data_folder(machine), machine.is_windows)
    return Installation(machine, CHECKOUT, home, Record.load(home.record))


def install(installation: Installation, wishes: Wishes, dry_run: bool) -> int:
    plan = install_plan(installation, wishes)
    announce("Neural Style for GIMP is going to be installed:", plan)
    tell_plan(installation, plan)
    if not dry_run:
        with installation.alone(), changing(plan, installation):
            carry_out(plan, installation)
        where = "on " + wishes.remote if wishes.remote else f"in {installation.home.folder}"
        device = "" if wishes.remote else f" and computes on {installation.record.device}"
        say(f"\nThe engine is {where}{device}.")
        if not wishes.engine_only:
            say("Next: restart GIMP, open a picture, and choose Filters > Neural Style…")
    tell_notes(installation)
    return 0


@contextlib.contextmanager
def changing(plan: Sequence[Step], installation: Installation) -> Iterator[None]:
    """Within the block, tell how the engine here gets on, and keep that of before, if there is to be one here."""
    torch = next((step for step in plan if isinstance(step, InstallTorch)), None)
    if torch is None:
        yield
        return
    installation.expected = torch.size
    with counting(installation), old_engine_kept(installation):
        yield


def uninstall(installation: Installation, dry_run: bool) -> int:
    plan = uninstall_plan(installation)
    if not plan:
        say(f"Nothing is installed in {installation.home.folder}.")
        return 0
    announce("Neural Style for GIMP is going to be removed:", plan)
    if not dry_run:
        plugins = plugin_folders(installation.record)
        with installation.alone():
            carry_out(plan, installation)
        sweep(installation, plugins)
    tell_notes(installation)
    return 0


def announce(title: str, plan: Sequence[Step]) -> None:
    say(title)
    for number, step in enumerate(plan, 1):
        say(f"  {number}. {step.describe()}")


def tell_plan(installation: Installation, plan: Sequence[Step]) -> None:
    """Tell a program that listens what there is to choose and to expect."""
    builds: dict[str, str] = {}
    for torch in (step for step in plan if isinstance(step, InstallTorch)):
        builds = {torch.backend: torch.reason, **({} if torch.backend == PLAIN_INDEX else {"cpu": FOR_THE_PROCESSOR})}
    folder = installation.home.folder
    event(
        "plan",
        steps=[step.describe() for step in plan],
        folder=str(folder),
        builds=[
            facts(name=name, reason=reason, bytes=bytes_of(name, installation.machine))
            for name, reason in builds.items()
        ],
        free=shutil.disk_usage(next(p for p in (folder, *folder.parents) if p.is_dir())).free,
        used=size_of(folder),
        is_installed=installation.home.record.exists(),
        device=installation.record.device,
        log=str(installation.home.log),
    )


def carry_out(plan: Sequence[Step], installation: Installation) -> None:
    for number, step in enumerate(plan, 1):
        say(f"\n[{number}/{len(plan)}] {step.describe()}")
        event("step", number=number, of=len(plan), text=step.describe())
        step.apply(installation)


def tell_notes(installation: Installation) -> None:
    """Say what is worth knowing at the end, each in one line."""
    for note in installation.notes:
        say(f"\nNOTE {note}")
        event("note", text=note)
    event("done")


def fail(error: InstallError) -> int:
    complain(f"\nERROR {error.message}\nTIP {' '.join([error.tip, error.options]).strip()}")
    event("error", message=error.message, tip=error.tip, may_install_there=isinstance(error, MissingThere))
    return 1


def run() -> int:
    """Be the program: streams that may be closed, and signals that end it in good order."""
    open_streams()
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        return main()
    finally:
        close_streams()


if __name__ == "__main__":
    sys.exit(run())
