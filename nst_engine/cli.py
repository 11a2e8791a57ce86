"""The command ``nst-engine``. Torch is imported only by the commands that work, so that help comes at once."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import nst_engine
from nst_engine import memory
from nst_engine.commands import (
    batch,
    doctor,
    interrupts,
    mishaps,
    networks,
    nst,
    paintings,
    score,
    streams,
    stylize,
    worker,
)
from nst_engine.errors import StyleTransferError

COMMANDS = (stylize, batch, nst, score, paintings, networks, worker, doctor)
SELF_CHECKING = (networks, paintings, worker)
"""Commands that work without PyTorch, or see by themselves whether it can be loaded."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 for success, 1 for a user's mistake or a mishap, 2 for wrong arguments.

    Whatever ends a session or a service ends a command as Ctrl-C does: 130, and nothing half done stays behind.
    """
    with streams.taking_everything(), interrupts.Cancelling() as cancelling:
        status = _status(arguments, cancelling)
        if lost := streams.lost_answer():
            mishaps.tell(StyleTransferError(f"What was to be printed could not be written ({lost}).", "Make room."))
            status = status or 1
    if status:
        sys.exit(status)


def _status(arguments: Sequence[str] | None, cancelling: interrupts.Cancelling) -> int:
    """Run one command; returns its exit status."""
    try:
        parsed = _parser().parse_args(arguments)
        if parsed.command.__module__ not in (command.__name__ for command in SELF_CHECKING):
            memory.check_start()
            _check_working_folder()
        parsed.command(parsed)
    except SystemExit as end:
        return int(end.code or 0)
    except KeyboardInterrupt:
        return _cancelled()
    except Exception as error:
        if cancelling.was_lost:  # it was no fault of the picture that a library complains of
            return _cancelled()
        mishaps.tell(mishaps.explained(error))
        return 1
    return 0


def _check_working_folder() -> None:
    """See that there is one: MKL, which computes for PyTorch, ends the process without a word of ours if it is gone."""
    try:
        os.getcwd()
    except OSError:
        raise StyleTransferError("The folder of this shell is gone.", "Change to another one.") from None


def _cancelled() -> int:
    streams.say("Cancelled.")
    return interrupts.CANCELLED


class _Parser(argparse.ArgumentParser):
    """Complains about arguments in letters that print."""

    def error(self, message: str) -> NoReturn:
        hint = "; a name that begins with - goes as ./-name" if "expected" in message and "argument" in message else ""
        super().error(streams.shown(message + hint))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="nst-engine", description="Neural style transfer by optimization.")
    parser.add_argument("--version", action="version", version=nst_engine.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
